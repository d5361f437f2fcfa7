//! What is on disk: `session.db`, `chunks/`, and the one way to write and to read them.
//!
//! `docs/design/session.md` has the schema's reasons, the numbered procedure by which a
//! chunk and its row come to be, and the invariants. This module knows no HTTP and asks
//! nobody for anything; whoever records hands it what came, whoever replays asks it what
//! was there.

pub(crate) mod availability;
pub(crate) mod body;
pub(crate) mod clip_of;
pub(crate) mod database;
pub mod digest;
pub(crate) mod error;
pub(crate) mod files;
pub mod format;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub(crate) mod id;
pub(crate) mod keep;
pub(crate) mod read;
pub mod source;
pub(crate) mod spelling;
pub(crate) mod write;

pub(crate) mod headers;

pub(crate) mod model;
pub(crate) mod moment;
pub(crate) mod notices;

pub use self::availability::Availability;
pub use self::body::codings::true_codings;
pub(crate) use self::body::decode::gzip;
pub use self::body::decode::{DecodeError, decode, decoded_size, decoder, unknown_codings};
pub use self::clip_of::ClipOf;
pub use self::database::guarded::LARGEST_IN_DATABASE;
pub use self::digest::{Digest, RunningDigest, digest};
pub use self::error::ReadError;
pub use self::error::WriterError;
pub use self::files::chunk_dir::{BodyFile, ChunkFile};
pub use self::files::chunks::DownloadFile;
pub use self::files::folder::{FolderError, SessionFolder, Sessions};
pub use self::files::growing::{Growing, GrowingFacts, GrowingFile};
pub use self::files::new_body::{Coded, NewBody};
pub use self::format::SCHEMA;
pub use self::id::ExchangeId;
pub use self::model::{
    ByteRange, EventKind, Kind, NewExchange, NewListing, NewRevision, Notice, Outcome, OwnReason,
    Remark, ResourceKey, is_success,
};
pub use self::read::answers::announced::ToCome;
pub use self::read::answers::answer::{Answer, Found, Query, RangePart};
pub use self::read::answers::blocked::{Blocked, Directives};
pub use self::read::answers::heal::Faults;
pub use self::read::answers::listed::Listing;
pub use self::read::answers::versions::Version;
pub use self::read::exchanges::SeenExchange;
pub use self::read::facts::{
    Advance, Body, Exchange, Hole, PlaylistInfo, ResourceInfo, Run, StreamInfo, holes,
};
pub use self::read::history::landings::{LandedBody, Landing, Landings, ListedUrl};
pub use self::read::history::listings::{
    CodedText, KeptText, ListedPlaces, ListedRevision, SharedText,
};
pub use self::read::history::placement::{KnownBody, PlacedWindow};
pub use self::read::history::playlists::RevisionTime;
pub use self::read::history::revisions::{RevisedPlaylist, SeenRevision};
pub use self::read::parts::{RawStreams, StreamPart};
pub use self::read::picture::index::IndexedExchange;
pub use self::read::picture::rows::{BodyRow, ExchangeDetail, ExchangeRow};
pub use self::read::picture::windows::{RevisionPlace, RevisionRow, RevisionSpan};
pub use self::read::reader::{Reader, is_as_closed};
pub use self::read::sound::damage::Damage;
pub use self::read::trouble::attempts::{Attempt, AttemptEnd, Failed, KnownPlaylists, Next};
pub use self::read::trouble::breaks::{ENDED, STOPPED, break_words, silence};
pub(crate) use self::read::trouble::faults::host_as_named;
pub use self::read::trouble::faults::{Fault, FaultCount, LastFault};
pub use self::read::trouble::notices::LatePoll;
pub use self::read::trouble::polls::{PollFailure, PollTrouble, PollWait};
pub use self::read::trouble::raw_attempts::RawAttempt;
pub use self::read::trouble::times::Times;
pub use self::read::trouble::words::{
    BY_PROXY, EMPTY, ENDED_EARLY, NO_STREAM, SLOW, UNANSWERED, UNANSWERED_US, failed_proxy,
    fault_words,
};
pub use self::write::keep::{Held, Keep};
pub use self::write::thread::pulse::{Pulse, WriterWatch};
pub use self::write::writer::Writer;
pub use headers::{HeaderSet, Headers};
pub use moment::{Moment, both_clocks, rfc3339, seconds};
pub(crate) use moment::{moment, session_ms};
pub use notices::{Heartbeat, NoticeEvent, Tallies, Tally};
