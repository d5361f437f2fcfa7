//! A recording in volumes that are elsewhere, replayed: each request is answered by the volume that its moment is in
//! (`docs/design/archive.md`, "Reading an archive").
//!
//! | file | is |
//! | --- | --- |
//! | `open` | volumes that are open |
//! | `path` | which stream a path is of (pure) |
//! | `respond` | from a request to the volume that answers it |

mod open;
mod path;
mod respond;

use std::collections::HashMap;
use std::sync::Arc;

use self::open::Open;
use crate::clock::{self, Clock};
use crate::replayer::replay::Options;
use crate::replayer::request::Policy;
use crate::replayer::request::server_clock::ServerClock;
use crate::replayer::request::timeline::Span;
use crate::session::source::{Extent, SourceError, Volumes};

/// A recording in volumes that is being replayed.
#[derive(Debug)]
pub struct Archive {
    volumes: Arc<dyn Volumes>,
    /// Names of its streams, in order.
    names: Vec<String>,
    streams: HashMap<String, tokio::sync::Mutex<()>>,
    open: Open,
    clock: ServerClock,
    policy: Policy,
    options: Options,
    /// As it was when this began: session zero stays, the end may move on.
    extent: Extent,
}

impl Archive {
    /// Opens it, on a thread that may wait. The server's own clock starts now, at `from_us` (microseconds of Unix time), or where the
    /// options say; session time 0 is the beginning of the first volume.
    ///
    /// # Errors
    /// It cannot be asked, or has nothing.
    pub fn open(
        volumes: Arc<dyn Volumes>,
        clock: Clock,
        from_us: Option<i64>,
        options: Options,
    ) -> Result<Self, SourceError> {
        let names = volumes.streams();
        let mut extent: Option<Extent> = None;
        for name in &names {
            let own = match volumes.extent(name) {
                Ok(own) => own,
                // The others are there.
                Err(SourceError::Nothing(_)) if names.len() > 1 => continue,
                Err(error) => return Err(error),
            };
            extent = Some(match extent {
                None => own,
                Some(all) => Extent {
                    from_us: all.from_us.min(own.from_us),
                    to_us: all.to_us.max(own.to_us),
                    grows: all.grows || own.grows,
                },
            });
        }
        let Some(extent) = extent else {
            let why = format!("there is no volume in {}", volumes.shown());
            return Err(SourceError::Nothing(why));
        };
        let offset_us = match from_us {
            Some(from_us) => from_us.saturating_sub(extent.from_us),
            None => clock::micros(options.offset),
        };
        Ok(Self {
            clock: ServerClock::start(clock, options.zero_us, offset_us.max(0)),
            policy: Policy::new(&options),
            streams: names
                .iter()
                .map(|name| (name.clone(), tokio::sync::Mutex::default()))
                .collect(),
            names,
            volumes,
            open: Open::default(),
            options,
            extent,
        })
    }

    /// Where it lay in time when it was opened.
    pub fn extent(&self) -> Extent {
        self.extent
    }

    /// Names of its streams, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Session time now on the server's own clock, in microseconds.
    pub fn session_us(&self) -> i64 {
        self.clock.session_us()
    }

    /// Where a stream lies in time, as volumes of it see it.
    fn span(&self, extent: Extent) -> Span {
        Span {
            zero_us: self.extent.from_us,
            // What grows has no end yet.
            end_us: if extent.grows { FAR_US } else { extent.to_us },
            recording: false,
        }
    }
}

/// The end of the year 9999.
const FAR_US: i64 = 253_402_300_800_000_000;
