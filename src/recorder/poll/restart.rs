//! The loop of a playlist begins: for the first time, after an earlier run of the session, after a panic.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::poller::{Beside, Poller};
use crate::hls::Windows;
use crate::recorder::beside::steering;
use crate::recorder::context::Context;
use crate::recorder::earlier_run;
use crate::recorder::playlists::names::Name;
use crate::recorder::playlists::playlist::Playlist;
use crate::recorder::poll::state::advances::Advances;
use crate::recorder::poll::state::blocking::Blocking;
use crate::recorder::poll::state::corrections::Corrections;
use crate::recorder::poll::state::last_body::LastBody;
use crate::recorder::poll::state::poll_times::PollTimes;
use crate::recorder::poll::state::reader::RevisionReader;
use crate::recorder::poll::state::trust::Trust;
use crate::session::{NewListing, Reader};

impl Poller {
    pub(super) fn new(context: Arc<Context>, playlist: Arc<Playlist>) -> Self {
        let name = Name {
            url: playlist.url.clone(),
            revision: playlist.referrer,
        };
        let now_us = context.fetcher.writer.clock().now_us();
        Self {
            context,
            from_us: playlist.from_us.unwrap_or(i64::MIN),
            playlist,
            is_restarted: false,
            hold: None,
            stood: None,
            trust: Trust::default(),
            last: LastBody::default(),
            reader: RevisionReader::default(),
            seen_at_us: None,
            polled: false,
            not_asked: false,
            chain: Vec::new(),
            windows: Windows::default(),
            corrections: Corrections::default(),
            numbers: None,
            renewals: 0,
            said_too_many: false,
            too_many: 0,
            said_no_such_variant: false,
            left_out: HashSet::new(),
            imports: false,
            variables: Arc::default(),
            listing: NewListing::default(),
            found: Vec::new(),
            to_start: Vec::new(),
            beside: Beside::default(),
            listed: None,
            is_direct: false,
            name,
            read_at: None,
            revised: (0, 0),
            noted: HashSet::new(),
            searches: 0,
            has_looked: false,
            taken: Duration::ZERO,
            plain: None,
            poll_times: PollTimes::new(now_us),
            blocking: Blocking::default(),
            overdue: None,
            age: None,
            advances: Advances::default(),
            hanging: None,
            stated: None,
        }
    }

    /// After a panic: nothing is believed of what the loop compared with, and its hold on the downloads is given back. What
    /// it owes others stays.
    pub(super) fn restarted(self) -> Self {
        if let Some(stood) = &self.stood {
            self.playlist.update(|s| s.take_back(stood));
        }
        if self.beside.starts_steering {
            steering::forget(&self.context);
        }
        let begun = Self::new(Arc::clone(&self.context), Arc::clone(&self.playlist));
        Self {
            is_restarted: true,
            // Answers never become older.
            from_us: self.from_us,
            polled: self.polled,
            chain: self.chain,
            advances: self.advances,
            numbers: self.numbers,
            hanging: None,
            // Said once.
            said_too_many: self.said_too_many,
            said_no_such_variant: self.said_no_such_variant,
            left_out: self.left_out,
            renewals: self.renewals,
            // To be asked for with the next revision.
            beside: Beside {
                assets: self.beside.assets,
                ..Beside::default()
            },
            ..begun
        }
    }

    /// Goes on from what the run before, or the loop before a panic, knew of the playlist.
    pub(crate) async fn take_up(&mut self) {
        let writer = &self.context.fetcher.writer;
        if !(writer.goes_on() || self.is_restarted) {
            return;
        }
        if self.is_restarted {
            // Of the last revisions rows may still be under way.
            writer.written().await;
        }
        let (folder, stream_id) = (writer.folder().clone(), self.context.stream_id);
        let (url, now_us) = (self.playlist.url.to_string(), writer.clock().now_us());
        let read = move || {
            let reader = Reader::open(&folder)?;
            earlier_run::read(&reader, (stream_id, &url), now_us)
        };
        let taken = match tokio::task::spawn_blocking(read).await {
            Ok(Ok(Some(taken))) => taken,
            Ok(Err(error)) => {
                let label = &self.playlist.label;
                return tracing::warn!("{label:?} is placed anew: {error}");
            }
            _ => return,
        };
        let end = taken.end;
        self.windows = Windows::resumed(taken.windows.iter().cloned(), end);
        self.corrections = Corrections::resumed(Windows::resumed(taken.windows, end));
        let queue = &self.context.queue;
        queue.take_up(self.playlist.id, taken.before).await;
    }
}
