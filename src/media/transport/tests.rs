use super::super::facts::{Beginning, Content, TrackKind};
use super::super::read::{Init, read};
use super::sections::tests::section;
use super::*;
use crate::media::cipher::Protection;
use proptest::prelude::*;

const MAP: u16 = 0x1000;
const VIDEO: u16 = 0x100;
const AUDIO: u16 = 0x101;
const CUES: u16 = 0x102;

/// Writes packets, with a counter for each PID.
#[derive(Default)]
struct Maker {
    bytes: Vec<u8>,
    counters: std::collections::BTreeMap<u16, u8>,
}

impl Maker {
    /// A payload in as many packets as it takes; the first may have a clock.
    fn put(&mut self, pid: u16, payload: &[u8], clock: Option<u64>) {
        let mut rest = payload;
        let mut is_first = true;
        while is_first || !rest.is_empty() {
            let counter = self.counters.entry(pid).or_default();
            let mut fields = Vec::new();
            if let Some(clock) = clock.filter(|_| is_first) {
                fields = vec![0x10];
                fields.extend(((clock >> 1) as u32).to_be_bytes());
                fields.extend([((clock & 1) as u8) << 7 | 0x7E, 0]);
            }
            let room = 184
                - if fields.is_empty() {
                    0
                } else {
                    fields.len() + 1
                };
            let taken = rest.len().min(room);
            // What is left is stuffed: one byte is a length alone.
            let stuffing = room - taken;
            let has_fields = !fields.is_empty() || stuffing > 0;
            if fields.is_empty() && stuffing > 1 {
                fields.push(0);
                fields.resize(stuffing - 1, 0xFF);
            } else if !fields.is_empty() {
                fields.resize(fields.len() + stuffing, 0xFF);
            }
            let start = if is_first { 0x40 } else { 0 };
            let [high, low] = pid.to_be_bytes();
            let control = if has_fields { 0x30 } else { 0x10 };
            self.bytes
                .extend([SYNC, start | high, low, control | *counter]);
            if has_fields {
                self.bytes.push(fields.len() as u8);
                self.bytes.extend(fields);
            }
            self.bytes.extend(&rest[..taken]);
            *counter = (*counter + 1) & 15;
            rest = &rest[taken..];
            is_first = false;
        }
        assert_eq!(self.bytes.len() % PACKET, 0);
    }

    fn tables(&mut self) {
        let pat = section(0, 1, &[0, 1, 0xF0, 0]);
        self.put(0, &[&[0], &pat[..]].concat(), None);
        let streams = [
            0xE1, 0, 0xF0, 0, 0x1B, 0xE1, 0, 0xF0, 0, 0x0F, 0xE1, 1, 0xF0, 0, 0x86, 0xE1, 2, 0xF0,
            0,
        ];
        let pmt = section(2, 1, &streams);
        self.put(MAP, &[&[0], &pmt[..]].concat(), None);
    }

    fn unit(&mut self, pid: u16, id: u8, shown: u64, decoded: u64, media: &[u8]) {
        let time = |mark: u8, time: u64| {
            [
                mark << 4 | (time >> 29) as u8 & 0x0E | 1,
                (time >> 22) as u8,
                (time >> 14) as u8 | 1,
                (time >> 7) as u8,
                (time << 1) as u8 | 1,
            ]
        };
        let head = [0, 0, 1, id, 0, 0, 0x80, 0xC0, 10];
        let all = [&head[..], &time(3, shown), &time(1, decoded), media].concat();
        self.put(pid, &all, Some(decoded));
    }
}

/// A second of pictures at 25 a second, sound, and a cue; time goes round in it.
fn second(first: u64) -> Vec<u8> {
    const ROUND: u64 = 1 << 33;
    let mut maker = Maker::default();
    maker.tables();
    let cue = section(0xFC, 0, &[1, 2, 3]);
    maker.put(CUES, &[&[0], &cue[..]].concat(), None);
    for n in 0..25_u64 {
        let decoded = (first + n * 3600) % ROUND;
        let shown = (decoded + [7200, 14_400, 3600][n as usize % 3]) % ROUND;
        let slice = if n == 0 { 0x65 } else { 0x41 };
        let set = [0, 0, 0, 1, 0x67, 0x64, 0, 0x28, 0, 0, 1, slice, 1, 2];
        maker.unit(
            VIDEO,
            0xE0,
            shown,
            decoded,
            &[&set[..], &[0x55; 900]].concat(),
        );
        if n % 5 == 0 {
            let frame = [&[0xFF, 0xF1, 0x4C, 0x80, 0x02, 0x9F, 0xFC][..], &[0x55; 13]].concat();
            // Four frames of 1024 samples at 48 kHz.
            let time = (first + n / 5 * 4 * 1920) % ROUND;
            maker.unit(AUDIO, 0xC0, time, time, &frame.repeat(4));
        }
    }
    maker.bytes
}

#[test]
fn every_picture_that_decoding_can_begin_with_is_known() {
    let mut maker = Maker::default();
    maker.tables();
    // A recovery point stands behind captions, a slice of the others far behind a long message.
    let captions = [&[0, 0, 1, 6, 4, 200][..], &[0x11; 200], &[0x80]].concat();
    let idr = [
        &captions[..],
        &[0, 0, 1, 0x67, 0x64, 0, 0x28, 0, 0, 1, 0x65, 1, 2],
    ]
    .concat();
    let point = [
        &captions[..],
        &[0, 0, 1, 6, 6, 1, 0xC4, 0x80, 0, 0, 1, 0x41, 1, 2],
    ]
    .concat();
    let other = [&captions[..], &[0, 0, 1, 0x41, 1, 2]].concat();
    for (n, picture) in [&idr, &other, &point, &other, &idr, &other]
        .into_iter()
        .enumerate()
    {
        let time = 90_000 + n as u64 * 3600;
        maker.unit(
            VIDEO,
            0xE0,
            time,
            time,
            &[&picture[..], &[0x55; 9000]].concat(),
        );
    }
    let facts = super::read(&maker.bytes, None);
    assert_eq!(*facts.tracks[0].keys, [90_000, 97_200, 104_400]);
    assert_eq!(facts.tracks[0].codec.as_deref(), Some("avc1.640028"));
}

#[test]
fn who_joins_in_the_middle_learns_the_coding_from_the_first_parameter_sets() {
    let mut maker = Maker::default();
    maker.tables();
    let other = [0, 0, 1, 0x41, 1, 2];
    let idr = [0, 0, 1, 0x67, 0x64, 0, 0x28, 0, 0, 1, 0x65, 1, 2];
    for (n, picture) in [&other[..], &other, &idr, &other].into_iter().enumerate() {
        let time = 90_000 + n as u64 * 3600;
        let unit = [picture, &[0x55; 9000]].concat();
        maker.unit(VIDEO, 0xE0, time, time, &unit);
    }
    let facts = super::read(&maker.bytes, None);
    assert_eq!(facts.tracks[0].codec.as_deref(), Some("avc1.640028"));
    assert_eq!(facts.tracks[0].begins, Some(Beginning::Dependent));
}

#[test]
fn a_chunk_says_what_is_in_it_and_when() {
    let facts = super::read(&second(900_000), None);
    assert_eq!(
        (facts.sync_lost, facts.cut_bytes, facts.stray_bytes),
        (0, 0, 0)
    );
    let tables = Tables {
        pat_at: Some(0),
        pmt_at: Some(1),
        programs: 1,
        damaged: 0,
        media_before: 0,
    };
    assert_eq!(facts.tables, tables);
    assert!(
        facts
            .counters
            .iter()
            .all(|one| one.jumps == 0 && one.first == Some(0))
    );
    let [video, audio, cues] = &facts.tracks[..] else {
        panic!("{:?}", facts.tracks);
    };
    assert_eq!((video.kind, video.format), (TrackKind::Video, 0x1B));
    assert_eq!(video.begins, Some(Beginning::RandomAccess));
    assert_eq!(*video.keys, [900_000 + 7200]);
    assert_eq!(video.codec.as_deref(), Some("avc1.640028"));
    let times = video.times.unwrap();
    assert_eq!(
        (times.first_decode, times.last_decode),
        (900_000, 900_000 + 24 * 3600)
    );
    assert_eq!(
        (times.first_shown, times.units, times.unit),
        (907_200, 25, 3600)
    );
    let sound = audio.times.unwrap();
    assert_eq!(audio.codec.as_deref(), Some("mp4a.40.2"));
    assert_eq!((sound.units, sound.unit), (20, 1920));
    assert_eq!(sound.end_latest, 900_000 + 20 * 1920);
    assert_eq!(cues.kind, TrackKind::Other);
    assert_eq!((facts.cues.len(), facts.cues[0].is_sound), (1, true));
    assert_eq!(facts.clock.longest, 3600);
}

#[test]
fn times_that_go_round_go_on() {
    let facts = super::read(&second((1 << 33) - 20_000), None);
    let times = facts.tracks[0].times.unwrap();
    assert_eq!(times.last_decode - times.first_decode, 24 * 3600);
    assert_eq!((times.longest, times.breaks), (3600, 0));
    assert_eq!(facts.clock.longest, 3600);
}

#[test]
fn counters_may_begin_anew_where_a_packet_says_so() {
    let packet = |counter: u8, has_payload: bool, is_marked: bool| {
        let control = if has_payload { 0x30 } else { 0x20 };
        let mark = if is_marked { 0x80 } else { 0 };
        let length = if has_payload { 1 } else { 183 };
        let mut packet = vec![SYNC, 1, 0, control | counter, length, mark];
        packet.resize(PACKET, 0xFF);
        packet
    };
    let jumps = |packets: &[Vec<u8>]| {
        let facts = super::read(&packets.concat(), None);
        (facts.counters[0].jumps, facts.counters[0].is_marked)
    };
    let one = packet(3, true, false);
    assert_eq!(jumps(&[one.clone(), packet(4, true, false)]), (0, false));
    assert_eq!(jumps(&[one.clone(), one.clone()]), (0, false), "a copy");
    let thrice = [one.clone(), one.clone(), one.clone()];
    assert_eq!(jumps(&thrice), (1, false), "more than a copy");
    assert_eq!(jumps(&[one.clone(), packet(9, true, false)]), (1, false));
    assert_eq!(jumps(&[one.clone(), packet(9, true, true)]), (0, false));
    let begun = [one.clone(), packet(8, false, true), packet(9, true, false)];
    assert_eq!(
        jumps(&begun),
        (0, false),
        "a packet without a payload says so"
    );
    let idle = [one, packet(3, false, false), packet(4, true, false)];
    assert_eq!(jumps(&idle), (0, false));
    let first = [packet(7, false, true), packet(8, true, false)];
    assert_eq!(jumps(&first), (0, true));
}

#[test]
fn tables_of_an_initialization_section_hold() {
    let whole = second(0);
    let (tables, media) = whole.split_at(2 * PACKET);
    let init = Init::read(&mut tables.to_vec(), Protection::None);
    let facts = read(&mut media.to_vec(), Protection::None, Some(&init));
    let Content::Transport(transport) = &facts.content else {
        panic!("{facts:?}");
    };
    assert_eq!(transport.tables.pat_at, None);
    assert_eq!(facts.tracks()[0].codec.as_deref(), Some("avc1.640028"));
    let alone = read(&mut media.to_vec(), Protection::None, None);
    assert_eq!(alone.tracks()[0].kind, TrackKind::Video, "by its stream_id");
}

#[test]
fn what_is_not_in_step_is_left_out_and_counted() {
    let whole = second(0);
    let mut holed = whole.clone();
    holed.drain(PACKET * 7 + 3..PACKET * 7 + 13);
    let facts = super::read(&holed, None);
    assert_eq!((facts.sync_lost, facts.sync_lost_at), (1, Some(8 * 188)));
    assert_eq!(facts.stray_bytes, 178);
    let before = [&b"junk"[..], &whole].concat();
    let facts = super::read(&before, None);
    assert_eq!((facts.sync_lost_at, facts.stray_bytes), (Some(0), 4));
    let facts = super::read(&whole[..whole.len() - 100], None);
    assert_eq!((facts.sync_lost, facts.cut_bytes), (0, 88));
    assert!(is_transport(&whole) && is_transport(&before) && !is_transport(b"GGGGG"));
}

#[test]
fn more_pids_than_anybody_has_are_counted_and_no_more() {
    let mut maker = Maker::default();
    for pid in 0x20..0x1F00 {
        maker.put(pid, &[0, 0, 1, 0xE0, 0, 0, 0x80, 0, 0], None);
    }
    let facts = super::read(&maker.bytes, None);
    assert!(facts.more_pids);
    assert_eq!(facts.counters.len(), MOST_PIDS);
}

#[test]
fn a_chunk_may_end_anywhere() {
    let whole = second(0);
    for end in 0..whole.len() {
        let facts = super::read(&whole[..end], None);
        assert_eq!(facts.packets as usize, end / PACKET);
        assert_eq!(usize::from(facts.cut_bytes), end % PACKET);
    }
}

proptest! {
    #[test]
    fn damaged_bits_break_nothing(flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 1..40)) {
        let mut bytes = second(0);
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        let facts = super::read(&bytes, None);
        prop_assert!(facts.packets * 188 <= bytes.len() as u64);
        prop_assert!(facts.tracks.len() <= MOST_PIDS && facts.cues.len() <= MOST_CUES);
    }
}
