//! Asks an origin as players do, and hands everything that came to a session.
//!
//! One loop for each playlist ([`poll`]), which learns when that advances ([`schedule`]); downloads
//! beside it ([`downloads`]); a pure plan between them that says what to fetch next ([`plan`]).
//! Every attempt is an exchange; a failed one is data, not an error. What ends a
//! recording is its user, its `--duration`, the end of the stream, or a session that
//! cannot be written any more: nothing that an origin does.
//!
//! An endless body that is no playlist is recorded as it comes ([`raw`]).
//!
//! How things are printed, and what an exit code is, does not belong here.

mod admission;
mod beside;
mod clocks;
mod context;
mod downloads;
mod earlier_run;
mod formats;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod http;
mod memory;
mod panics;
mod plan;
mod playlists;
mod poll;
mod raw;
mod recording;
mod schedule;
mod settings;
mod stats;
mod words;

pub use self::http::client::ClientError;
pub use self::recording::outcome::{Control, Ended, RecordError, Summary};
pub use self::recording::run::record;
pub use self::schedule::{MAX_POLL, MIN_POLL};
pub use self::settings::limits::Limits;
pub use self::settings::options::{Input, Options, Pin, RawOptions, TlsOptions, TrustedHosts};
pub use self::settings::selection::{AssetLists, Renditions, Selection, Variants};
pub use self::stats::board::{Board, PlaylistStats, Stage, Stats, StreamStats, Totals};
pub use self::stats::channel::{Channel, ChannelEnd, Then, WentBack};
pub use self::stats::counters::SlowTally;
pub use self::stats::events::GapTally;
pub use self::stats::gaps::Gaps;
pub use self::stats::left_alone::LeftAlone;
pub use self::stats::load::{LATE_US, Lags, Load};
pub use self::stats::lost::{Lost, LostBy};
pub use self::stats::pace::{SlowNow, SlowSpell};
pub use self::stats::trouble::{LATELY_US, Past, Spell, Trouble};
pub use self::stats::waiting::Waiting;
pub use self::words::{advice, of_status};
