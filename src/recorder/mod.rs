//! Asks an origin as players do, and hands everything that came to a session.
//!
//! One loop per playlist, which learns when that advances ([`rhythm`], [`schedule`]), downloads
//! beside it ([`downloads`]), a pure plan between them that says what to fetch next ([`plan`]).
//! Every attempt is an exchange; a failed one is data, not an error. What ends a
//! recording is its user, its `--duration`, the end of the stream, or a session that
//! cannot be written any more: nothing that an origin does.
//!
//! An endless body that is no playlist is recorded as it comes ([`plain`]).
//!
//! How things are printed, and what an exit code is, does not belong here.

mod admission;
mod beside;
mod clocks;
mod context;
mod formats;
mod http;
mod playlists;
mod raw;
pub mod select;
mod stats;

mod downloads;

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;

mod limits;

mod memory;

mod options;

#[cfg(test)]
mod panicking;
mod panics;

mod plan;
mod poll;

mod run;
mod schedule;

mod stream;
mod take_up;

pub use self::http::client::ClientError;
pub use self::select::{AssetLists, Renditions, Selection, Variants};
pub use self::stats::board::{Board, PlaylistStats, Stage, Stats, StreamStats, Totals};
pub use self::stats::load::{Lags, Load};
pub use limits::Limits;
pub use options::{Input, Options, Pin, RawOptions, TlsOptions, TrustedHosts};
pub use run::{Control, Ended, RecordError, Summary, record};
pub use schedule::{MAX_POLL, MIN_POLL};
