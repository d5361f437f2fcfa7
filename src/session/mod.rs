//! What is on disk: `session.db`, `chunks/`, and the one way to write and to read them.
//!
//! `docs/design/session.md` has the schema's reasons, the numbered procedure by which a
//! chunk and its row come to be, and the invariants. This module knows no HTTP and asks
//! nobody for anything; whoever records hands it what came, whoever replays asks it what
//! was there.

pub(crate) mod body;
pub(crate) mod database;
pub(crate) mod files;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub(crate) mod read;
pub(crate) mod write;

pub(crate) mod headers;

pub(crate) mod model;
pub(crate) mod notices;

pub use self::body::codings::true_codings;
pub use self::body::decode::{DecodeError, decode, decoded_size, decoder, unknown_codings};
pub use self::database::guarded::LARGEST_IN_DATABASE;
pub use self::files::chunk_dir::{BodyFile, ChunkFile};
pub use self::files::chunks::DownloadFile;
pub use self::files::folder::{FolderError, SessionFolder, Sessions};
pub use self::files::growing::{Growing, GrowingFacts, GrowingFile};
pub use self::read::answer::{Answer, Found, Query, RangePart};
pub use self::read::faults::{ENDED, Fault};
pub use self::read::heal::Faults;
pub use self::read::history::{
    CodedText, KeptText, LandedBody, Landing, Landings, ListedPlaces, ListedRevision, ListedUrl,
    SharedText,
};
pub use self::read::listed::Listing;
pub use self::read::parts::StreamPart;
pub use self::read::placement::{KnownBody, PlacedWindow};
pub use self::read::reader::{
    Advance, Body, Exchange, Hole, PlaylistInfo, ReadError, Reader, ResourceInfo, Run, StreamInfo,
    holes,
};
pub use self::read::trouble::{PollFailure, PollTrouble};
pub use self::write::keep::Keep;
pub use self::write::pulse::{Pulse, WriterWatch};
pub use self::write::writer::{Writer, WriterError};
pub use headers::Headers;
pub use model::{
    Availability, ByteRange, Coded, Digest, ExchangeId, Kind, NewBody, NewExchange, NewListing,
    NewRevision, Notice, Outcome, OwnReason, ResourceKey, RunningDigest, digest, is_success,
};
pub use notices::{Heartbeat, NoticeEvent, Tallies, Tally};

/// Marks a database as one of ours: "isrc".
pub(crate) const APPLICATION_ID: i32 = 0x6973_7263;

/// The schema's version, kept in `PRAGMA user_version`.
pub const FORMAT_VERSION: i32 = 2;

/// The schema, as executed; it reads as documentation.
pub const SCHEMA: &str = include_str!("schema.sql");
