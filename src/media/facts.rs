//! What is known of a chunk once its bytes were read: small enough to be kept for a hundred thousand of them. Pure.

/// Ticks of the clock of a transport stream in a second.
pub const TRANSPORT_SECOND: u32 = 90_000;
/// Random access points of a track that are held, the first ones.
pub const MOST_KEYS: usize = 256;

/// What the bytes of a chunk say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkFacts {
    /// Bytes of the body, as it was recorded.
    pub bytes: u64,
    /// What became of its encryption.
    pub cipher: Cipher,
    /// What is in it.
    pub content: Content,
}

/// What became of the encryption of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cipher {
    /// None was said, or one that lies inside the media format.
    None,
    /// AES-128 was said, and the body can be read as it is.
    NotEncrypted,
    /// It was decrypted, and its padding is right.
    Decrypted,
    /// The key has so many bytes, and not 16.
    KeyLength(usize),
    /// The body is no whole number of blocks, or has none.
    BodyLength,
    /// It was decrypted, and does not end with the padding of PKCS#7.
    Padding,
    /// The key is not known, or the method is one that is not looked into.
    NotRead,
}

/// What is in a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Packets of an MPEG transport stream.
    Transport(Box<TransportFacts>),
    /// Fragments of MP4.
    Fragments(Box<FragmentFacts>),
    /// Audio that is packed together.
    Packed(Box<PackedFacts>),
    /// Subtitles of WebVTT.
    Subtitles(Box<SubtitleFacts>),
    /// None of the formats that media segments have.
    NoMedia(NoMedia),
    /// It was not looked into.
    NotRead,
}

/// What a body is that is no media.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoMedia {
    /// No byte.
    Empty,
    /// A page.
    Html,
    /// A playlist.
    Playlist,
    /// Some other text.
    Text,
    /// A picture, by its first bytes.
    Image,
    /// Bytes that look like noise, as encrypted ones do, in blocks of 16.
    Noise,
    /// Something else.
    Unknown,
}

/// What a track carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TrackKind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
    /// Anything else.
    Other,
}

/// A track of fragments, an elementary stream of a transport stream, or packed audio.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Its PID, or its `track_ID`.
    pub id: u32,
    /// What it carries.
    pub kind: TrackKind,
    /// The `stream_type` of a transport stream, or the name of a sample entry.
    pub format: u32,
    /// What `CODECS` would say, where that is known.
    pub codec: Option<Box<str>>,
    /// Ticks in a second; 0: it is not known.
    pub timescale: u32,
    /// When its units are.
    pub times: Option<Times>,
    /// What the first picture is.
    pub begins: Option<Beginning>,
    /// When the pictures are shown that decoding can begin with ([`Beginning::RandomAccess`], [`Beginning::Recovery`]), in its ticks
    /// and in the order of decoding: the first [`MOST_KEYS`].
    pub keys: Box<[i64]>,
    /// Bytes of its media.
    pub bytes: u64,
}

/// When the units of a track are, in its ticks. Those of a transport stream are counted on beyond 2^33.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// When the first one is decoded.
    pub first_decode: i64,
    /// When the last one is decoded.
    pub last_decode: i64,
    /// When the next one would be: not earlier,
    pub end_earliest: i64,
    /// and not later.
    pub end_latest: i64,
    /// When the first one that is decoded is shown.
    pub first_shown: i64,
    /// When the first one that is shown is shown.
    pub earliest_shown: i64,
    /// When the last one that is shown is shown.
    pub latest_shown: i64,
    /// The longest time from one to the next.
    pub longest: i64,
    /// How long one is: what all of them are, or the longest time from one to the next.
    pub unit: i64,
    /// How many there are.
    pub units: u64,
    /// How often time went back from one to the next, or on by more than ten seconds.
    pub breaks: u32,
}

/// What the first picture of a chunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// One that needs no other before it: IDR, IRAP, an I picture, a sync sample.
    RandomAccess,
    /// One that decoding can begin with, though pictures that follow may need others before it.
    Recovery,
    /// One that needs others before it.
    Dependent,
}

impl Beginning {
    /// Whether decoding can begin with it.
    pub fn is_key(self) -> bool {
        matches!(self, Self::RandomAccess | Self::Recovery)
    }
}

/// What packets of a transport stream say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TransportFacts {
    /// Whole packets.
    pub packets: u64,
    /// How often no sync byte was where one had to be.
    pub sync_lost: u32,
    /// Where that was first.
    pub sync_lost_at: Option<u64>,
    /// Bytes that belong to no packet.
    pub stray_bytes: u64,
    /// Bytes of a packet that the end cuts.
    pub cut_bytes: u8,
    /// Packets with a transport_error_indicator.
    pub errors: u32,
    /// Its tables.
    pub tables: Tables,
    /// Elementary streams that have packets here or that the PMT names, by PID.
    pub tracks: Box<[Track]>,
    /// Continuity counters, by PID.
    pub counters: Box<[Counter]>,
    /// There were more PIDs than are known here.
    pub more_pids: bool,
    /// Its clock.
    pub clock: Clock,
    /// Sections of SCTE-35, with their CRC.
    pub cues: Box<[Cue]>,
}

/// Program tables of a transport stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tables {
    /// The packet in which the first whole PAT begins.
    pub pat_at: Option<u64>,
    /// The packet in which the first whole PMT begins.
    pub pmt_at: Option<u64>,
    /// Programs that a PAT names.
    pub programs: u16,
    /// PATs and PMTs whose CRC is wrong.
    pub damaged: u32,
    /// Packets of media before the first PMT was whole.
    pub media_before: u32,
}

/// Continuity counters of a PID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counter {
    /// Whose.
    pub pid: u16,
    /// It carries tables, and no media.
    pub is_table: bool,
    /// Its packets.
    pub packets: u64,
    /// The counter of the first packet with a payload.
    pub first: Option<u8>,
    /// The first packet with a payload, or one before it, has the discontinuity_indicator.
    pub is_marked: bool,
    /// The counter of the last packet with a payload.
    pub last: Option<u8>,
    /// How often it jumped.
    pub jumps: u32,
    /// At which byte it first did.
    pub jumped_at: Option<u64>,
}

/// The program clock of a transport stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Clock {
    /// The first PCR, in ticks of 90 kHz.
    pub first: Option<u64>,
    /// The last PCR.
    pub last: Option<u64>,
    /// The longest time from one PCR to the next, in ticks of 90 kHz.
    pub longest: u64,
    /// How often it went back.
    pub steps_back: u32,
}

/// A section of SCTE-35 as it stands in a transport stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cue {
    /// Its bytes, from `table_id` to `CRC_32`.
    pub section: Box<[u8]>,
    /// Its CRC is right.
    pub is_sound: bool,
}

/// What fragments of MP4 say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FragmentFacts {
    /// `moof` boxes.
    pub fragments: u32,
    /// Tracks that they have, by `track_ID`.
    pub tracks: Box<[Track]>,
    /// Tracks that the initialization section does not have.
    pub unknown_tracks: Box<[u32]>,
    /// `traf` boxes without `tfdt`.
    pub without_time: u32,
    /// `traf` boxes whose addresses are not relative to the fragment.
    pub absolute: u32,
    /// Runs of samples that are too large to be looked into.
    pub not_read: u32,
    /// It has a `moov` of its own.
    pub has_moov: bool,
    /// It ends inside a box, of which so many bytes are missing.
    pub cut_bytes: u64,
    /// What cannot be read as a box begins here.
    pub broken_at: Option<u64>,
    /// Its event messages.
    pub events: Box<[Event]>,
    /// How often the time of a fragment is not where the one before it ends, inside the chunk.
    pub jumps: u32,
}

/// An event message (`emsg`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its scheme.
    pub scheme: Box<str>,
    /// Its id.
    pub id: u32,
    /// When it is, in its ticks; relative to the chunk if not `is_absolute`.
    pub time: u64,
    /// Its time is that of the presentation.
    pub is_absolute: bool,
    /// Ticks in a second.
    pub timescale: u32,
    /// What it carries.
    pub message: Box<[u8]>,
}

/// What packed audio says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackedFacts {
    /// The time of the first sample, as its ID3 tag says it.
    pub time: Option<u64>,
    /// It begins with an ID3 tag.
    pub has_tag: bool,
    /// Its sound.
    pub track: Track,
    /// Bytes that are no frame.
    pub stray_bytes: u64,
}

/// What subtitles of WebVTT say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SubtitleFacts {
    /// They begin with `WEBVTT`.
    pub has_header: bool,
    /// `X-TIMESTAMP-MAP`: a cue time in milliseconds, and the time of media in ticks of 90 kHz that it is.
    pub map: Option<(i64, u64)>,
    /// Cues.
    pub cues: u32,
    /// When the first one begins, in milliseconds.
    pub first_ms: Option<i64>,
    /// When the last one ends.
    pub last_ms: Option<i64>,
}

impl ChunkFacts {
    /// The tracks of whatever it is.
    pub fn tracks(&self) -> &[Track] {
        match &self.content {
            Content::Transport(facts) => &facts.tracks,
            Content::Fragments(facts) => &facts.tracks,
            Content::Packed(facts) => std::slice::from_ref(&facts.track),
            Content::Subtitles(_) | Content::NoMedia(_) | Content::NotRead => &[],
        }
    }

    /// Time stamps go round at 2^33.
    pub fn goes_round(&self) -> bool {
        matches!(self.content, Content::Transport(_) | Content::Packed(_))
    }
}

impl Track {
    /// Ticks as microseconds.
    pub fn us(&self, ticks: i64) -> i64 {
        let us = i128::from(ticks) * 1_000_000 / i128::from(self.timescale.max(1));
        i64::try_from(us).unwrap_or(if us < 0 { i64::MIN } else { i64::MAX })
    }
}
