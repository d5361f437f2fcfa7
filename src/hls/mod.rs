//! The text of playlists: bytes in, facts out (draft-ietf-hls-rfc8216bis).
//!
//! What always holds:
//! - Nothing here fails or panics, whatever the bytes are. A playlist that nobody could
//!   read gives fewer facts, never an error: that it could not be read is a fact too.
//! - Nothing is parsed and written back. A playlist is changed by replacing the bytes of a
//!   URI inside the line it stands in ([`rewrite`]); every other byte stays what it was.
//! - Work and memory grow with the size of the playlist; what variables may expand to is
//!   bounded ([`Variables`]).
//! - A URL is `http` or `https` where it leaves this module; everything else is [`Refused`].
//!
//! What does not belong here: files, sockets, time, the decision what to fetch, and the
//! question what was recorded.
//!
//! | file | is |
//! | --- | --- |
//! | `scan` | lines and the byte span of every URI |
//! | `attributes` | attribute lists, by byte span |
//! | `variables` | `EXT-X-DEFINE` and `{$name}` |
//! | `rewrite` | URIs that would lead away from a replay, replaced |
//! | `dates` | dates, moved by a constant |
//! | `delta` | what a player has, left out |
//! | `tag_urls` | URLs in tags, wherever they stand, for `rewrite` |
//! | `relative` | relative references from path to path |
//! | `replay_path` | the URL space of a replay, both directions |
//! | `kind` | media playlist, multivariant playlist, or none |
//! | `asked_as` | header fields that players' lists and URLs ask for |
//! | `list` | lists of streams, which are no playlists of HLS |
//! | `blocking` | requests that an origin holds |
//! | `media` | facts and resources of a media playlist |
//! | `segments` | segments of a media playlist with their lines |
//! | `byte_range` | sub-ranges of resources |
//! | `multivariant` | children of a multivariant playlist, with labels |
//! | `interstitials` | date ranges that name assets, and lists of assets |
//! | `steering` | content steering: its tag and its manifest |
//! | `manifest` | steering manifests and lists of assets, as a replay serves them |
//! | `names` | names for people and for a file system, made of URLs |
//! | `resolve`, `numbers`, `json`, `steps`, `testing` | helpers of these |

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub(crate) mod playlist;
pub(crate) mod rewrite;
pub(crate) mod text;

mod names;

pub(crate) mod steps;

#[cfg(test)]
pub(crate) mod testing;
mod windows;

pub use self::playlist::asked_as::AskedAs;
pub use self::playlist::blocking::{Announced, Awaited, announced, carry_directives};
pub use self::playlist::delta::{ListedDates, delta, skips_dates};
pub use self::playlist::interstitials::{
    AssetList, Interstitial, Interstitials, read_asset_list, read_interstitials,
};
pub use self::playlist::kind::{PlaylistKind, playlist_kind};
pub use self::playlist::list::streams::{ListedStream, StreamList};
pub use self::playlist::list::{MOST_OF_ONE, read_list};
pub use self::playlist::media::entries::{
    Entry, EntryRole, Hint, MediaFacts, MediaPlaylist, MediaReader, ServerControl, read_media,
};
pub use self::playlist::media::in_force::{Applied, InForce, MOST_KEYS};
pub(crate) use self::playlist::media::items;
pub use self::playlist::media::segments::{
    DATERANGE, Following, HeadFacts, ReadSegments, Segment, Segments, head_facts,
};
pub use self::playlist::multivariant::{Child, ChildRole, MultivariantPlaylist, read_multivariant};
pub use self::playlist::steering::{
    SteeringManifest, SteeringTag, directives, read_steering, read_steering_tag, with_directives,
    without_directives,
};
pub use self::rewrite::dates::shift_dates;
pub(crate) use self::rewrite::dates::unix_us;
pub use self::rewrite::manifest::rewrite_json;
pub use self::rewrite::playlist::{Place, Replacement, replacements, rewrite};
pub use self::rewrite::relative::relative;
pub use self::rewrite::replay_path::{origin_url, replay_path};
pub use self::rewrite::tag_urls::references;
pub use self::text::attributes::{Attribute, attributes};
pub use self::text::byte_range::ByteRange;
pub(crate) use self::text::numbers::{seconds, target_duration};
pub(crate) use self::text::resolve::Resolver;
pub use self::text::resolve::{
    LONGEST_URL, MOST_RESOLVED, Refused, most_references, most_url_bytes,
};
pub use self::text::scan::{Line, LineKind, Tag, UriRef, UriRole, lines, uris};
pub use self::text::variables::{Variables, imports_variables, lacks_parameters};
pub use self::windows::Windows;
pub use self::windows::hindsight::{Correction, Hindsight};
pub use self::windows::window::{Lie, Step, Window, segment_name};
pub use names::{
    chunk_path, encoded_chunk_path, is_stream_name, ranged_chunk_path, resource_name, stream_name,
    with_suffix,
};
