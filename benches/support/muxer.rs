//! An MPEG transport stream as an encoder of a live channel makes it (ISO 13818-1): pictures in the form of H.264 at 25 a second,
//! sound in the form of AAC at 48 kHz, tables, clocks, counters that go on from segment to segment. What is in pictures and sound
//! is noise, other noise in each segment.

/// Ticks of the clock of time stamps, in a second.
const SECOND: u64 = 90_000;
const PICTURES_A_SECOND: u64 = 25;
/// Of a frame of AAC, in ticks.
const SOUND_FRAME: u64 = 1024 * SECOND / 48_000;
/// Bytes of one: 96 kbit/s.
const SOUND_BYTES: usize = 256;
/// Frames of AAC in a unit.
const FRAMES_TOGETHER: u64 = 4;
/// From the clock to when a picture is decoded.
const AHEAD: u64 = SECOND / 2;
/// Where the clock begins: not at 0, as no encoder that has been on for a while does.
const BEGINNING: u64 = 10 * SECOND;
/// Bytes of a packet behind its head.
const ROOM: usize = 184;
const SYNC: u8 = 0x47;

const PMT: u16 = 0x1000;
const VIDEO: u16 = 0x100;
const AUDIO: u16 = 0x101;

/// Access unit delimiter, sequence parameter set (High, 3.1), picture parameter set.
const HEAD: &[u8] = &[0, 0, 0, 1, 9, 0xF0];
const SETS: &[u8] = &[
    0, 0, 0, 1, 0x67, 0x64, 0x00, 0x1F, 0xAC, 0xD9, 0x40, 0x50, 0x05, 0xBB, 0x01, 0x10, 0, 0, 0, 1,
    0x68, 0xEB, 0xE3, 0xCB, 0x22, 0xC0,
];
const KEY_SLICE: &[u8] = &[0, 0, 0, 1, 0x65, 0x88];
const SLICE: &[u8] = &[0, 0, 0, 1, 0x41, 0x9A];

/// Makes segments of one rendition.
pub struct Muxer {
    /// Of a segment, in bytes, about.
    bytes: usize,
    /// How long a segment is, in seconds.
    length: u64,
    tables: [u8; 2],
    media: [u8; 2],
    noise: u64,
}

impl Muxer {
    /// Segments of so many bytes, about, and so many seconds. No two muxers with other seeds make the same.
    pub fn new(bytes: usize, length: u64, seed: u64) -> Self {
        Self {
            bytes,
            length,
            tables: [0; 2],
            media: [0; 2],
            noise: (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15),
        }
    }

    /// The segment with a number, which follows the one before.
    pub fn segment(&mut self, n: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes + self.bytes / 16);
        self.tables(&mut out);
        let begins = n * self.length * SECOND;
        let ends = begins + self.length * SECOND;
        let pictures = self.length * PICTURES_A_SECOND;
        let sound = begins.div_ceil(SOUND_FRAME)..ends.div_ceil(SOUND_FRAME);
        let of_sound = (sound.end - sound.start) as usize * (SOUND_BYTES + 16);
        // What packets and units have beside their payload is a fiftieth.
        let of_pictures = self.bytes.saturating_sub(of_sound) / 51 * 50;
        let each = of_pictures / (pictures as usize + 4);
        let mut frame = sound.start;
        for picture in 0..pictures {
            let shown = begins + picture * SECOND / PICTURES_A_SECOND;
            let (is_key, bytes) = (picture == 0, if picture == 0 { 5 * each } else { each });
            self.picture(&mut out, shown, is_key, bytes);
            while frame < sound.end && frame * SOUND_FRAME <= shown {
                let count = FRAMES_TOGETHER.min(sound.end - frame);
                self.sound(&mut out, frame, count);
                frame += count;
            }
        }
        while frame < sound.end {
            let count = FRAMES_TOGETHER.min(sound.end - frame);
            self.sound(&mut out, frame, count);
            frame += count;
        }
        out
    }

    fn tables(&mut self, out: &mut Vec<u8>) {
        let [a, b] = PMT.to_be_bytes();
        let programs = section(0, 1, &[0, 1, 0xE0 | a, b]);
        let (video, audio) = (VIDEO.to_be_bytes(), AUDIO.to_be_bytes());
        let streams = [
            &[0xE0 | video[0], video[1], 0xF0, 0][..],
            &[0x1B, 0xE0 | video[0], video[1], 0xF0, 0],
            &[0x0F, 0xE0 | audio[0], audio[1], 0xF0, 0],
        ];
        let streams = section(2, 1, &streams.concat());
        let [first, second] = &mut self.tables;
        packets(out, (0, first), None, &programs);
        packets(out, (PMT, second), None, &streams);
    }

    fn picture(&mut self, out: &mut Vec<u8>, shown: u64, is_key: bool, bytes: usize) {
        let decoded = shown + BEGINNING + AHEAD;
        let mut unit = unit_head(0xE0, decoded, 0);
        unit.extend_from_slice(HEAD);
        if is_key {
            unit.extend_from_slice(SETS);
        }
        unit.extend_from_slice(if is_key { KEY_SLICE } else { SLICE });
        self.noise(&mut unit, bytes);
        let clock = Some((shown + BEGINNING, is_key));
        packets(out, (VIDEO, &mut self.media[0]), clock, &unit);
    }

    /// Frames from one on.
    fn sound(&mut self, out: &mut Vec<u8>, frame: u64, count: u64) {
        let bytes = count as usize * SOUND_BYTES;
        let mut unit = unit_head(0xC0, frame * SOUND_FRAME + BEGINNING + AHEAD, bytes);
        for _ in 0..count {
            // AAC LC, 48 kHz, two channels.
            let length = SOUND_BYTES;
            unit.extend_from_slice(&[
                0xFF,
                0xF1,
                0x4C,
                0x80 | (length >> 11) as u8,
                (length >> 3) as u8,
                (length << 5) as u8 | 0x1F,
                0xFC,
            ]);
            self.noise(&mut unit, SOUND_BYTES - 7);
        }
        packets(out, (AUDIO, &mut self.media[1]), None, &unit);
    }

    /// Bytes of noise in which nothing looks like a start code (xorshift).
    fn noise(&mut self, out: &mut Vec<u8>, bytes: usize) {
        let until = out.len() + bytes;
        out.reserve(bytes + 8);
        while out.len() < until {
            self.noise ^= self.noise << 13;
            self.noise ^= self.noise >> 7;
            self.noise ^= self.noise << 17;
            let word = self.noise | 0x0101_0101_0101_0101;
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.truncate(until);
    }
}

/// A table of one section: its kind, the number of what it is about, its entries.
fn section(kind: u8, number: u16, entries: &[u8]) -> Vec<u8> {
    let length = (5 + entries.len() + 4) as u16;
    let mut section = vec![kind];
    section.extend_from_slice(&(0xB000 | length).to_be_bytes());
    section.extend_from_slice(&number.to_be_bytes());
    section.extend_from_slice(&[0xC1, 0, 0]);
    section.extend_from_slice(entries);
    let sum = section.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte) << 24, |sum, _| {
            sum << 1 ^ if sum >> 31 == 1 { 0x04C1_1DB7 } else { 0 }
        })
    });
    section.extend_from_slice(&sum.to_be_bytes());
    // Its first byte is where it begins.
    section.insert(0, 0);
    section
}

/// The head of a unit (PES) that is shown then; of 0 bytes: it has no length.
fn unit_head(id: u8, shown: u64, bytes: usize) -> Vec<u8> {
    const FIELDS: usize = 8;
    let length = match bytes {
        0 => 0,
        bytes => (bytes + FIELDS) as u16,
    };
    let [a, b] = length.to_be_bytes();
    let time = shown % (1 << 33);
    vec![
        0,
        0,
        1,
        id,
        a,
        b,
        0x80,
        0x80,
        5,
        0x21 | (time >> 29) as u8 & 0x0E,
        (time >> 22) as u8,
        (time >> 14) as u8 | 1,
        (time >> 7) as u8,
        (time << 1) as u8 | 1,
    ]
}

/// A unit or a table in packets of a PID, with its counter. `clock`: the clock, and whether decoding can begin here.
fn packets(
    out: &mut Vec<u8>,
    (pid, counter): (u16, &mut u8),
    mut clock: Option<(u64, bool)>,
    mut rest: &[u8],
) {
    let is_table = pid == 0 || pid == PMT;
    let mut is_start = true;
    while !rest.is_empty() {
        let mut fields = clock.take().map_or(Vec::new(), clock_fields);
        let taken = match fields.len() {
            0 => 0,
            length => 1 + length,
        };
        let count = rest.len().min(ROOM - taken);
        // Tables are followed by stuffing, media are behind it.
        let stuffing = match is_table {
            true => 0,
            false => ROOM - taken - count,
        };
        let has_fields = taken + stuffing > 0;
        if stuffing > 0 {
            let length = taken + stuffing - 1;
            if fields.is_empty() && length > 0 {
                fields.push(0);
            }
            fields.resize(length, 0xFF);
        }
        let [high, low] = pid.to_be_bytes();
        let start = if is_start { 0x40 } else { 0 };
        let control = if has_fields { 0x30 } else { 0x10 };
        out.extend_from_slice(&[SYNC, high | start, low, control | *counter]);
        *counter = (*counter + 1) & 15;
        if has_fields {
            out.push(fields.len() as u8);
            out.extend_from_slice(&fields);
        }
        let (now, later) = rest.split_at(count);
        out.extend_from_slice(now);
        rest = later;
        is_start = false;
        let whole = out.len().next_multiple_of(ROOM + 4);
        out.resize(whole, 0xFF);
    }
}

/// The fields of a packet with a clock.
fn clock_fields((clock, is_key): (u64, bool)) -> Vec<u8> {
    let base = clock % (1 << 33);
    let flags = if is_key { 0x50 } else { 0x10 };
    vec![
        flags,
        (base >> 25) as u8,
        (base >> 17) as u8,
        (base >> 9) as u8,
        (base >> 1) as u8,
        (base << 7) as u8 | 0x7E,
        0,
    ]
}
