//! Names of objects in an archive: written and read in one place (`docs/design/archive.md`, "Volumes"). Pure.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::session::Digest;

/// Where manifests and databases are.
pub(crate) const STREAMS: &str = "streams";
/// Where chunks are.
pub(crate) const CHUNKS: &str = "chunks";
/// What is behind the name of a volume: its manifest.
const MANIFEST: &str = ".json";
/// The name of a stream in names of objects is no longer, in bytes.
const LONGEST: usize = 255;

/// What names of streams have as it is.
const AS_IT_IS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

const SECOND_US: i64 = 1_000_000;

/// Who wrote volumes: one session that is archived. 16 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Writer(String);

impl Writer {
    pub(crate) fn new(drawn: [u8; 8]) -> Self {
        Self(hex(&drawn))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Writer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match is_hex(text, 16) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!("{text:?} is no writer: it has 16 hex digits")),
        }
    }
}

/// The name of a volume: whose, of which stream, from when on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct VolumeName {
    /// As people gave it.
    pub(crate) stream: String,
    /// Where it begins, in microseconds of Unix time.
    pub(crate) from_us: i64,
    pub(crate) writer: Writer,
}

impl VolumeName {
    /// The folder of its stream and its day.
    fn folder(&self) -> String {
        format!("{}/{}", stream_folder(&self.stream), day(self.from_us))
    }

    fn stem(&self) -> String {
        format!("{}/{}.{}", self.folder(), time(self.from_us), self.writer)
    }

    /// Of its manifest.
    pub(crate) fn manifest(&self) -> String {
        format!("{}{MANIFEST}", self.stem())
    }

    /// Of its database. `packed`: the digest of that, as it is stored.
    pub(crate) fn database(&self, packed: &Digest) -> String {
        format!("{}.{}.db.zst", self.stem(), hex(&packed[..8]))
    }

    /// Whose manifest an object is; `None`: it is none.
    pub(crate) fn of_manifest(key: &str) -> Option<Self> {
        let mut parts = key.strip_prefix(STREAMS)?.strip_prefix('/')?.split('/');
        let (folder, day, name) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let (time, writer) = name.strip_suffix(MANIFEST)?.split_once('.')?;
        let volume = Self {
            stream: stream_of(folder)?,
            from_us: moment(day, time)?,
            writer: writer.parse().ok()?,
        };
        // What is spelled in another way is not ours.
        (volume.manifest() == key).then_some(volume)
    }
}

/// The folder of a stream.
pub(crate) fn stream_folder(stream: &str) -> String {
    format!("{STREAMS}/{}", encoded(stream))
}

/// The folder of a stream's volumes of a day that a moment is in.
pub(crate) fn day_folder(stream: &str, at_us: i64) -> String {
    format!("{}/{}", stream_folder(stream), day(at_us))
}

/// The stream whose folder has this name.
pub(crate) fn stream_of(folder: &str) -> Option<String> {
    let stream = percent_decode_str(folder).decode_utf8().ok()?.into_owned();
    (is_stream(&stream) && encoded(&stream) == folder).then_some(stream)
}

/// Whether a stream can have volumes: its name is one of a folder.
pub(crate) fn is_stream(name: &str) -> bool {
    !name.is_empty()
        && encoded(name).len() <= LONGEST
        && !name.chars().any(|c| c.is_control() || c == '/')
}

fn encoded(stream: &str) -> String {
    let encoded = utf8_percent_encode(stream, AS_IT_IS).to_string();
    // Neither hidden nor on the way up.
    match encoded.strip_prefix('.') {
        Some(rest) => format!("%2E{rest}"),
        None => encoded,
    }
}

/// The object that a chunk is. `day`: of the volume that names it.
pub(crate) fn chunk(day: &str, sha256: &Digest) -> String {
    let name = hex(sha256);
    format!("{}/{}/{name}", chunk_folder(day), &name[..2])
}

/// Where the chunks of a day are.
pub(crate) fn chunk_folder(day: &str) -> String {
    format!("{CHUNKS}/{day}")
}

/// The digest of a chunk by the name of its object.
pub(crate) fn chunk_of(key: &str) -> Option<Digest> {
    let name = key.rsplit('/').next()?;
    if !is_hex(name, 64) {
        return None;
    }
    let mut digest = [0; 32];
    for (byte, at) in digest.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(name.get(at..at + 2)?, 16).ok()?;
    }
    Some(digest)
}

/// The day that a moment is in, UTC: `2026-11-29`.
pub(crate) fn day(at_us: i64) -> String {
    let time = DateTime::from_timestamp_micros(at_us).unwrap_or_default();
    time.format("%Y-%m-%d").to_string()
}

/// The time of a day: `10-00-00Z`; with microseconds behind it where there are some, so that names sort by time.
fn time(at_us: i64) -> String {
    let time = DateTime::from_timestamp_micros(at_us).unwrap_or_default();
    let text = time.format("%H-%M-%SZ").to_string();
    match at_us.rem_euclid(SECOND_US) {
        0 => text,
        us => format!("{text}_{us:06}"),
    }
}

fn moment(day: &str, time: &str) -> Option<i64> {
    let (time, us) = match time.split_once('_') {
        Some((time, us)) => (time, us.parse::<u32>().ok()?),
        None => (time, 0),
    };
    let text = format!("{day}T{time}");
    let whole = NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H-%M-%SZ").ok()?;
    Some(whole.and_utc().timestamp_micros().saturating_add(us.into()))
}

/// Bytes as small hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEN_US: i64 = 1_796_040_000_000_000;

    fn volume(stream: &str, from_us: i64) -> VolumeName {
        VolumeName {
            stream: stream.to_owned(),
            from_us,
            writer: Writer::new(*b"\x01#Eg\x89\xab\xcd\xef"),
        }
    }

    #[test]
    fn names_are_those_of_the_design() {
        let own = volume("hall1", TEN_US);
        assert_eq!(
            own.manifest(),
            "streams/hall1/2026-11-30/12-00-00Z.0123456789abcdef.json"
        );
        assert_eq!(
            own.database(&[7; 32]),
            "streams/hall1/2026-11-30/12-00-00Z.0123456789abcdef.0707070707070707.db.zst"
        );
        let digest = [0xab; 32];
        assert_eq!(
            chunk("2026-11-30", &digest),
            format!("chunks/2026-11-30/ab/{}", "ab".repeat(32))
        );
        assert_eq!(chunk_of(&chunk("2026-11-30", &digest)), Some(digest));
    }

    #[test]
    fn names_of_strangers_are_none() {
        for key in [
            "streams/a/2026-11-30/12-00-00Z.0123456789abcdef.db.zst",
            "streams/a/2026-11-30/12-00-00Z.0123456789ABCDEF.json",
            "streams/a/2026-11-31/12-00-00Z.0123456789abcdef.json",
            "streams/../2026-11-30/12-00-00Z.0123456789abcdef.json",
            "streams/a%2Fb/2026-11-30/12-00-00Z.0123456789abcdef.json",
            "streams/%61/2026-11-30/12-00-00Z.0123456789abcdef.json",
            "streams/a/2026-11-30/12-00-00Z_000000.0123456789abcdef.json",
            "streams/a/2026-11-30/12-00-00Z_4294967295.0123456789abcdef.json",
            "streams/a/b/2026-11-30/12-00-00Z.0123456789abcdef.json",
        ] {
            assert_eq!(VolumeName::of_manifest(key), None, "{key}");
        }
        assert_eq!(chunk_of("chunks/2026-11-30/ab/xy"), None);
    }

    proptest! {
        #[test]
        fn a_name_is_read_as_it_was_written_and_sorts_by_time(
            stream in "[^/\\p{Cc}]{1,20}",
            from_us in 0..4_000_000_000_000_000_i64,
            later_us in 1..100_000_000_000_i64,
        ) {
            let own = volume(&stream, from_us);
            let key = own.manifest();
            prop_assert!(key.is_ascii());
            let later = volume(&stream, from_us + later_us).manifest();
            prop_assert!(key < later, "{key} {later}");
            prop_assert_eq!(VolumeName::of_manifest(&key), Some(own));
            prop_assert!(key.split('/').all(|part| !part.starts_with('.')));
        }
    }
}
