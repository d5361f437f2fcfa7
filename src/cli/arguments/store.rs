//! Arguments that name an archive.

use std::time::Duration;

use clap::Args;

use super::durations::parse_positive;
use crate::archive::{ArchiveError, CursorError};
use crate::cli::exit::{self, Failure};
use crate::store::{self, Purpose, Store, StoreUrl, Tries};
use crate::upkeep::ClipError;

/// A request that may succeed a moment later is made so often by programs that are waited for.
pub const TRIES: Tries = Tries {
    count: 6,
    patience: Duration::from_secs(60),
};

/// How long volumes are.
#[derive(Debug, Clone, Args)]
pub struct VolumeArgument {
    /// Length of the volumes of an archive; a day is a whole number of them
    #[arg(long, value_name = "TIME", value_parser = parse_positive, default_value = DEFAULT_VOLUME)]
    pub volume: Duration,
}

/// How long they are where nothing is said.
pub const DEFAULT_VOLUME: &str = "10m";

impl VolumeArgument {
    /// In microseconds.
    pub fn us(&self) -> i64 {
        volume_us(self.volume)
    }
}

/// The length of volumes in microseconds.
pub fn volume_us(volume: Duration) -> i64 {
    i64::try_from(volume.as_micros()).unwrap_or(i64::MAX)
}

/// A text of the command line as a store.
///
/// # Errors
/// It is none, as wrong usage; or the store cannot be opened.
pub fn open(url: &str, purpose: Purpose, tries: Tries) -> Result<Store, Failure> {
    let url = StoreUrl::parse(url).map_err(|why| Failure::usage(format!("{url}: {why}")))?;
    let store = Store::open(&url, purpose, tries).map_err(Failure::failed)?;
    Ok(store.telling(|error, pause| {
        exit::warn(format!("{error}; asked again in {} s", pause.as_secs()));
    }))
}

impl From<ArchiveError> for Failure {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Usage(what) | ArchiveError::Clip(ClipError::Wanted(what)) => {
                Self::usage(what)
            }
            ArchiveError::Clip(ClipError::Folder(error)) => error.into(),
            ArchiveError::Cursor(error @ CursorError::Volume(_)) => Self::usage(error),
            error => Self::failed(error),
        }
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Self::failed(error)
    }
}
