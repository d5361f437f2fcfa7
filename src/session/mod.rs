//! What is on disk: `session.db`, `chunks/`, and the one way to write and to read them.
//!
//! `docs/design/session.md` has the schema's reasons, the numbered procedure by which a
//! chunk and its row come to be, and the invariants. This module knows no HTTP and asks
//! nobody for anything; whoever records hands it what came, whoever replays asks it what
//! was there.

mod adopt;
mod answer;
mod begin;
mod beneath;
mod check;
mod chunk_dir;
mod chunks;
mod codings;
mod date_ranges;
mod decode;
mod disk;
mod faults;
mod find;
mod folder;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod growing;
mod guarded;
mod headers;
mod heal;
mod history;
mod holders;
mod keep;
mod lines;
mod listed;
mod model;
mod notices;
mod overview;
mod parts;
mod placement;
mod pulse;
mod read;
mod redact;
mod repair;
mod room;
mod schema;
mod spelling;
mod store;
mod sum;
mod trouble;
mod versions;
mod wal;
mod write;

pub use answer::{Answer, Found, Query, RangePart};
pub use check::{Finding, Report, State, Totals, check};
pub use chunk_dir::{BodyFile, ChunkFile};
pub use chunks::DownloadFile;
pub use codings::true_codings;
pub use decode::{DecodeError, decode, decoded_size, decoder, unknown_codings};
pub use faults::{ENDED, Fault, FaultCount};
pub use folder::{FolderError, SessionFolder, Sessions};
pub use growing::{Growing, GrowingFacts, GrowingFile};
pub use guarded::LARGEST_IN_DATABASE;
pub use headers::Headers;
pub use heal::Faults;
pub use history::{
    CodedText, KeptText, LandedBody, Landing, Landings, ListedPlaces, ListedRevision, ListedUrl,
    SharedText,
};
pub use keep::Keep;
pub use listed::Listing;
pub use model::{
    Availability, ByteRange, Coded, Digest, ExchangeId, Kind, NewBody, NewExchange, NewListing,
    NewRevision, Notice, Outcome, OwnReason, ResourceKey, RunningDigest, digest, is_success,
};
pub use notices::{Heartbeat, NoticeEvent, Tallies, Tally};
pub use overview::{Counts, Keys, Overview, Sizes};
pub use parts::StreamPart;
pub use placement::{KnownBody, PlacedWindow};
pub use pulse::{Pulse, WriterWatch};
pub use read::{
    Advance, Body, Exchange, Hole, PlaylistInfo, ReadError, Reader, ResourceInfo, Run, StreamInfo,
    holes,
};
pub use redact::{RedactError, Redacted, Rules as RedactRules, What as RedactedWhat, redact};
pub use repair::{RepairError, repair};
pub use trouble::{PollFailure, PollTrouble};
pub use write::{Writer, WriterError};

/// Marks a database as one of ours: "isrc".
pub(crate) const APPLICATION_ID: i32 = 0x6973_7263;

/// The schema's version, kept in `PRAGMA user_version`.
pub const FORMAT_VERSION: i32 = 2;

/// The schema, as executed; it reads as documentation.
pub const SCHEMA: &str = include_str!("schema.sql");
