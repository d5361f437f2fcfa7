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

mod address;
mod admit;
mod arrival;
mod aside;
mod asked_as;
mod assets;
mod children;
mod classify;
mod client;
mod context;
mod cookies;
mod downloads;
mod fetch;
mod fold;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod heartbeat;
mod hosts;
mod kept;
mod limits;
mod load;
mod memory;
mod notice;
mod options;
mod plain;
mod plan;
mod poll;
mod reach;
mod resolver;
mod rhythm;
mod run;
mod schedule;
mod select;
mod shoutcast;
mod stats;
mod steering;
mod stream;
mod take_up;
mod validators;

pub use client::ClientError;
pub use limits::Limits;
pub use load::{Lags, Load};
pub use options::{Input, Options, Pin, PlainOptions, TlsOptions, TrustedHosts};
pub use run::{Control, Ended, RecordError, Summary, record};
pub use schedule::{MAX_POLL, MIN_POLL};
pub use select::{AssetLists, Renditions, Selection, Variants};
pub use stats::{Board, PlaylistStats, Stage, Stats, StreamStats, Totals};
