//! What is written to a session, as types: kinds, outcomes, exchanges.

use super::id::ExchangeId;
use crate::session::files::new_body::{Coded, NewBody};
use tokio::sync::OwnedSemaphorePermit;

use super::availability::{Availability, Timing};
use super::headers::Headers;
pub use crate::hls::ByteRange;
use crate::hls::Lie;

/// Whether players take a status for success: all of 2xx with a body. 202 means that it is not there yet, 204
/// and 205 that there is none (RFC 9110 15.3).
pub fn is_success(status: u16) -> bool {
    matches!(status, 200..=299) && !matches!(status, 202 | 204 | 205)
}

/// An enum that is TEXT in the database.
macro_rules! text_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// As it stands in the database.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// Out of the database; `None`: no such word in this format version.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

mod events;

pub(crate) use self::events::KEPT_FROM;
pub use self::events::{EventKind, Notice, Remark};

text_enum! {
    /// What a resource is (`docs/GLOSSARY.md`).
    Kind {
        /// Multivariant playlist, or whatever else the user typed.
        Main = "main",
        /// Media playlist.
        Media = "media",
        /// Media segment.
        Segment = "segment",
        /// Media initialization section.
        Init = "init",
        /// Partial segment.
        Part = "part",
        /// Decryption key.
        Key = "key",
        /// Session data (EXT-X-SESSION-DATA).
        Data = "data",
        /// Steering manifest (RFC 8216bis 7).
        Steering = "steering",
        /// A list of assets (X-ASSET-LIST, RFC 8216bis D.2).
        Assets = "assets",
    }
}

impl Kind {
    /// Whether its bodies are kept as files under `chunks/`.
    pub fn is_chunk(self) -> bool {
        matches!(self, Self::Segment | Self::Init | Self::Part)
    }

    /// What people call it; of a raw stream, what the user typed is `raw stream`.
    pub fn noun(self, is_raw: bool) -> &'static str {
        match self {
            Self::Main if is_raw => "raw stream",
            Self::Main => "main playlist",
            Self::Media => "media playlist",
            Self::Segment => "segment",
            Self::Init => "initialization section",
            Self::Part => "partial segment",
            Self::Key => "key",
            Self::Data => "session data",
            Self::Steering => "steering manifest",
            Self::Assets => "list of assets",
        }
    }

    /// One of them: `a segment`, `an initialization section`.
    pub fn one(self) -> String {
        match self {
            Self::Init => format!("an {}", self.noun(false)),
            Self::Data => self.noun(false).to_owned(),
            _ => format!("a {}", self.noun(false)),
        }
    }

    /// Whether it is a playlist.
    pub fn is_playlist(self) -> bool {
        matches!(self, Self::Main | Self::Media)
    }
}

text_enum! {
    /// How an exchange ended.
    Outcome {
        /// A response and all of its body, whatever its status.
        Complete = "complete",
        /// It ended in good order, but too early: the body before its announced length, or
        /// the connection before any answer.
        Short = "short",
        /// The body went on after its announced length.
        Long = "long",
        /// The connection was reset, before or in the answer.
        Reset = "reset",
        /// The origin closed a kept connection as the request crossed it: asked again at once, on
        /// a new one. No answer of the origin.
        Crossed = "crossed",
        /// The connection was refused.
        Refused = "refused",
        /// The host name could not be resolved.
        Unresolved = "unresolved",
        /// TLS could not be agreed on.
        Tls = "tls",
        /// No connection, for another reason.
        Unreachable = "unreachable",
        /// No connection within the time limit.
        ConnectTimeout = "connect timeout",
        /// No response within the time limit.
        ResponseTimeout = "response timeout",
        /// The body did not end within the time limit.
        BodyTimeout = "body timeout",
        /// The response was no HTTP.
        Protocol = "protocol",
        /// A redirect to what is not followed.
        Scheme = "scheme",
        /// Too many redirects.
        Redirects = "redirects",
        /// Cut by the recorder's own limit.
        TooLarge = "too large",
        /// The Content-Encoding could not be decoded.
        Encoding = "encoding",
        /// A playlist was expected.
        NotAPlaylist = "not a playlist",
        /// The recorder could not store the body.
        Disk = "disk",
        /// The recorder was stopped.
        Aborted = "aborted",
    }
}

impl Outcome {
    /// Whether it says nothing about the origin: the recorder was stopped, could not store what came, or cut it by a
    /// limit of its own.
    pub fn is_recorders(self) -> bool {
        matches!(self, Self::Aborted | Self::Disk | Self::TooLarge)
    }
}

/// What is said of [`Outcome::Disk`].
pub(crate) fn not_stored(error: impl std::fmt::Display) -> String {
    format!("the recorder could not store it: {error}")
}

text_enum! {
    /// Why an exchange happened only because a recorder asked: no player would have met it.
    OwnReason {
        /// A key that was known was asked for once more.
        KeyAgain = "key again",
        /// Bytes were asked for to compare them with what is known.
        Probe = "probe",
        /// 429 to polls denser than those of a player.
        TooOften = "too often",
        /// Asked for later than the origin has to keep it (RFC 8216bis 6.2.2).
        TooLate = "too late",
        /// A redirect that was not followed yet: where it leads had asked for patience.
        PutOff = "put off",
    }
}

impl OwnReason {
    /// Whether what was asked for counts as not asked for yet.
    pub fn is_to_come(self) -> bool {
        matches!(self, Self::TooOften | Self::PutOff)
    }
}
/// What makes a resource: two that are equal in this are one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ResourceKey {
    /// Row of `stream`.
    pub stream_id: i64,
    /// Which kind; no part of the identity once the resource is known.
    pub kind: Kind,
    /// Absolute URL without fragment, user name and password.
    pub url: String,
    /// The byte range that a playlist named, if it did.
    pub range: Option<ByteRange>,
}

impl ResourceKey {
    /// All of what a URL (without fragment, user name and password) names, for a row of `stream`.
    pub fn whole(stream_id: i64, kind: Kind, url: String) -> Self {
        Self {
            stream_id,
            kind,
            url,
            range: None,
        }
    }
}

/// Facts of a new revision of a playlist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewRevision {
    /// When the last poll that still brought the body before was requested, in microseconds of Unix time.
    pub not_before_us: Option<i64>,
    /// Whether its end is new.
    pub advance: bool,
    /// EXT-X-MEDIA-SEQUENCE.
    pub media_sequence: Option<i64>,
    /// Number of media segments listed.
    pub segment_count: Option<i64>,
    /// Media sequence number of the last segment.
    pub last_sequence: Option<i64>,
    /// EXT-X-TARGETDURATION, in microseconds; where it states none that can be, the longest EXTINF in whole seconds.
    pub target_duration_us: Option<i64>,
    /// PART-TARGET, in microseconds.
    pub part_target_us: Option<i64>,
    /// How many parts are listed of the last segment (RFC 8216bis 4.4.4.9).
    pub last_parts: Option<i64>,
    /// How many are listed behind it.
    pub next_parts: Option<i64>,
    /// CAN-BLOCK-RELOAD of EXT-X-SERVER-CONTROL (RFC 8216bis 4.4.3.8).
    pub can_block: Option<bool>,
    /// CAN-SKIP-UNTIL, in microseconds.
    pub can_skip_us: Option<i64>,
    /// HOLD-BACK, in microseconds.
    pub hold_back_us: Option<i64>,
    /// PART-HOLD-BACK, in microseconds.
    pub part_hold_back_us: Option<i64>,
    /// EXT-X-DISCONTINUITY-SEQUENCE.
    pub discontinuity_sequence: Option<i64>,
    /// Whether there is an EXT-X-ENDLIST.
    pub ended: Option<bool>,
    /// Where its window lies among those before.
    pub lie: Option<Lie>,
}

/// What a revision changed about the resources that it lists.
#[derive(Debug, Default)]
pub struct NewListing {
    /// The exchange of the revision; 0: none, it is known on account of what was asked for.
    pub revision: ExchangeId,
    /// When that is the answer, in microseconds of Unix time.
    pub from_us: i64,
    /// Resources that will be asked for on its account.
    pub pending: Vec<ResourceKey>,
    /// Resources that left before they were asked for.
    pub gone: Vec<ResourceKey>,
    /// Other URLs of resources.
    pub aliases: Vec<(ResourceKey, String)>,
    /// What was sent of the revision, in bytes; its exchange is written later.
    pub sent: u64,
}

impl NewListing {
    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.gone.is_empty() && self.aliases.is_empty()
    }
}

/// One request and its outcome, to be written.
#[derive(Debug)]
pub struct NewExchange {
    /// From [`super::Writer::next_id`], taken when the request began.
    pub id: ExchangeId,
    /// What was asked for.
    pub resource: ResourceKey,
    /// The URL that it was asked for by, where that is another one.
    pub asked_as: Option<String>,
    /// For a hop: the resource that the chain began with; for `revision`.
    pub polled: Option<ResourceKey>,
    /// The playlist exchange that listed it.
    pub referrer_id: Option<ExchangeId>,
    /// For a hop: the exchange that the chain began with.
    pub head_id: Option<ExchangeId>,
    /// From when on it is the answer.
    pub availability: Availability,
    /// When it was requested, in microseconds of Unix time.
    pub requested_us: i64,
    /// How much later than it was due a poll was made, in microseconds.
    pub lag_us: Option<i64>,
    /// A poll that the origin was to hold: what its URL had beside that of the playlist (RFC 8216bis 6.2.5.2).
    pub directives: Option<String>,
    /// Whether the answer had what they asked for; `None`: there was none.
    pub directives_met: Option<bool>,
    /// Requested to first byte of the response, in microseconds.
    pub wait_us: Option<i64>,
    /// First byte to last byte, or to the break, in microseconds.
    pub receive_us: Option<i64>,
    /// Without a response: requested to its end, in microseconds.
    pub failed_us: Option<i64>,
    /// HTTP status.
    pub status: Option<u16>,
    /// For example `HTTP/1.1`.
    pub http_version: Option<String>,
    /// Address and port that answered.
    pub remote_addr: Option<String>,
    /// Response header fields, in order.
    pub headers: Option<Headers>,
    /// Content-Length.
    pub announced_bytes: Option<u64>,
    /// Bytes of the body as transferred.
    pub wire_bytes: Option<u64>,
    /// How the body came, as it is kept; `None`: at once.
    pub arrival: Option<String>,
    /// The body.
    pub body: NewBody,
    /// A text (`body`) as it came, where that is much smaller.
    pub coded: Option<Coded>,
    /// Where under `chunks/` its file is to be, instead of a path made of its URL.
    pub chunk_path: Option<String>,
    /// Content codings that the body is still in.
    pub body_encoding: Option<String>,
    /// A 206: where in the resource the body begins. A 200: it goes on with the response of the
    /// exchange before, from this byte on.
    pub body_first: Option<u64>,
    /// A 206: size of the whole, if known.
    pub resource_bytes: Option<u64>,
    /// A 304: the exchange whose body it confirmed.
    pub confirms_id: Option<ExchangeId>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it happened only because a recorder asked; `None`: a player could have met it.
    pub own_reason: Option<OwnReason>,
    /// What went wrong, for people.
    pub error: Option<String>,
    /// What was odd and did no harm, for people.
    pub note: Option<String>,
    /// A new body of a playlist: its facts.
    pub revision: Option<NewRevision>,
    /// What its body takes of somebody's bounded memory, given back once it is written.
    pub room: Option<OwnedSemaphorePermit>,
}

impl NewExchange {
    /// An exchange of which nothing is known but that it was requested; everything else is
    /// for the caller to add.
    pub fn requested(
        id: ExchangeId,
        resource: ResourceKey,
        availability: Availability,
        requested_us: i64,
    ) -> Self {
        Self {
            id,
            resource,
            asked_as: None,
            polled: None,
            referrer_id: None,
            head_id: None,
            availability,
            requested_us,
            lag_us: None,
            directives: None,
            directives_met: None,
            wait_us: None,
            receive_us: None,
            failed_us: None,
            status: None,
            http_version: None,
            remote_addr: None,
            headers: None,
            announced_bytes: None,
            wire_bytes: None,
            arrival: None,
            body: NewBody::None,
            coded: None,
            chunk_path: None,
            body_encoding: None,
            body_first: None,
            resource_bytes: None,
            confirms_id: None,
            outcome: Outcome::Complete,
            own_reason: None,
            error: None,
            note: None,
            revision: None,
            room: None,
        }
    }

    /// When it was made.
    pub(crate) fn timing(&self) -> Timing {
        Timing {
            requested_us: self.requested_us,
            wait_us: self.wait_us,
        }
    }
}
