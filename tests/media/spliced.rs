//! What is read of messages of SCTE-35 is what threefive reads of them, wherever they stand.

use std::io::Write as _;
use std::process::{Command, Stdio};

use isrecorder::media::cipher::Protection;
use isrecorder::media::facts::{ChunkFacts, Content};
use isrecorder::media::read::read;
use isrecorder::media::splices::{Splice, from_hex, is_whole};
use serde_json::{Value, json};

/// Four examples of ANSI/SCTE 35 (section 14), and a `splice_null` of an encoder.
const PUBLISHED: [&str; 5] = [
    "0xFC3034000000000000FFFFF00506FE72BD0050001E021C435545494800008E7FCF0001A599B00808000000002CA0A18A3402009AC9D17E",
    "0xFC302F000000000000FFFFF014054800008F7FEFFE7369C02EFE0052CCF500000000000A0008435545490000013562DBA30A",
    "0xFC302F000000000000FFFFF00506FE746290A000190217435545494800008E7F9F0808000000002CA0A18A350200A9CC6758",
    "0xFC3048000000000000FFFFF00506FE7A4D88B60032021743554549480000187F9F0808000000002CCBC344110000021743554549480000197F9F0808000000002CA4DBA01000009972E343",
    "0xFC301100000000000000FFF0000000007A4FBFFF",
];
const LAST: u64 = (1 << 33) - 1;

/// CRC_32 of ISO 13818-1, bit by bit.
fn sum(bytes: &[u8]) -> [u8; 4] {
    let step = |sum: u32| sum << 1 ^ if sum >> 31 == 1 { 0x04C1_1DB7 } else { 0 };
    let fold = |sum: u32, byte: &u8| (0..8).fold(sum ^ u32::from(*byte) << 24, |sum, _| step(sum));
    bytes.iter().fold(u32::MAX, fold).to_be_bytes()
}

/// The last five bytes of a number, of which 33 bits are a time; the others are set to ones but for the flag.
fn ticks(flag: u64, time: u64) -> [u8; 5] {
    let bytes = (flag << 39 | 0x3F << 33 | time).to_be_bytes();
    bytes[3..].try_into().unwrap()
}

fn message(adjustment: u64, command: u8, body: &[u8], descriptors: &[u8]) -> Vec<u8> {
    let mut section = vec![0xFC];
    let length = 11 + body.len() + 2 + descriptors.len() + 4;
    section.extend((0x3000 | length as u16).to_be_bytes());
    section.extend([0]);
    section.extend(&adjustment.to_be_bytes()[3..]);
    section.extend([
        0,
        0xFF,
        0xF0 | (body.len() >> 8) as u8,
        body.len() as u8,
        command,
    ]);
    section.extend(body);
    section.extend((descriptors.len() as u16).to_be_bytes());
    section.extend(descriptors);
    section.extend(sum(&section));
    section
}

/// Messages of all kinds, with times at both ends.
fn made() -> Vec<Vec<u8>> {
    let mut all: Vec<_> = PUBLISHED.iter().map(|one| from_hex(one).unwrap()).collect();
    for (adjustment, time) in [
        (0, 0),
        (0, LAST),
        (LAST, LAST),
        (90_000, LAST - 5),
        (1 << 32, 1 << 32),
    ] {
        for (flags, parts) in [
            (0xCF_u8, &[&ticks(1, time)[..]][..]),
            (0xEF, &[&ticks(1, time), &ticks(1, 5_400_000)]),
            (0x6F, &[&ticks(0, 1 << 32), &[]]),
            (0xDF, &[]),
            (0xFF, &[&ticks(0, LAST)]),
            (0x4F, &[&[0x7F]]),
        ] {
            // What follows: which program, and which avail.
            let rest = [&[0x12, 0x34, 1, 2][..]];
            let body = [
                &[[0xFF, 0xFF, 0xFF, 0xF0].as_slice(), &[0x7F], &[flags]],
                parts,
                &rest,
            ]
            .concat()
            .concat();
            all.push(message(adjustment, 5, &body, &[]));
        }
        all.push(message(adjustment, 6, &ticks(1, time), &[]));
        all.push(message(adjustment, 6, &[0x7F], &[]));
        let other = [&[1, 8][..], b"CUEI", &[0x31, 0x32, 0x33, 0x34]].concat();
        let cancelled = [&[2, 9][..], b"CUEI", &[0, 0, 0, 9, 0xFF]].concat();
        let timed = [
            &[2, 20][..],
            b"CUEI",
            &[0, 0, 0, 7, 0x7F, 0xFF],
            &[0, 0, 1, 0, 0],
            &[0, 0, 0x30, 1, 1],
        ]
        .concat();
        for descriptors in [cancelled, [other, timed].concat()] {
            all.push(message(adjustment, 6, &ticks(1, time), &descriptors));
        }
    }
    let cancelled = [0, 0, 0, 1, 0xFF];
    all.push(message(0, 5, &cancelled, &[]));
    all.push(message(0, 0, &[], &[]));
    all.push(message(0, 7, &[], &[]));
    all
}

fn threefive(arguments: &[&str], input: &str) -> Vec<Value> {
    let python = std::env::var("THREEFIVE").unwrap_or_else(|_| "python3".to_owned());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/media/messages.py");
    let mut program = Command::new(python)
        .arg(script)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // What it complains of in damaged messages.
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut pipe = program.stdin.take().unwrap();
    let input = input.to_owned();
    let written = std::thread::spawn(move || pipe.write_all(input.as_bytes()));
    let output = program.wait_with_output().unwrap();
    let is_asked = written.join().unwrap().is_ok() && output.status.success();
    assert!(
        is_asked,
        "threefive is not there: tests/media/run installs it"
    );
    let said = String::from_utf8(output.stdout).unwrap();
    said.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn all_of(messages: &[Vec<u8>]) -> Vec<Value> {
    let digits = messages.iter().map(|message| {
        let digits = message.iter().map(|byte| format!("{byte:02X}"));
        digits.collect::<String>() + "\n"
    });
    threefive(&[], &digits.collect::<String>())
}

fn as_value(splice: Splice) -> Value {
    json!({
        "command": splice.command,
        "event": splice.event,
        "is_cancelled": splice.is_cancelled,
        "time": splice.time,
        "duration": splice.duration,
    })
}

#[test]
fn messages_say_what_threefive_says() {
    let messages = made();
    let theirs = all_of(&messages);
    assert_eq!(theirs.len(), messages.len());
    for (message, theirs) in messages.iter().zip(theirs) {
        let digits: String = message.iter().map(|byte| format!("{byte:02X}")).collect();
        assert!(is_whole(message), "{digits}");
        let ours = json!({"is_whole": true, "said": as_value(Splice::read(message).unwrap())});
        assert_eq!(ours, theirs, "{digits}");
    }
}

#[test]
fn damaged_messages_are_damaged_to_both() {
    let mut damaged = Vec::new();
    for message in PUBLISHED.iter().map(|one| from_hex(one).unwrap()) {
        for at in (0..message.len() * 8).step_by(3) {
            let mut one = message.clone();
            one[at / 8] ^= 1 << (at % 8);
            damaged.push(one);
        }
        damaged.extend(
            (1..message.len())
                .step_by(3)
                .map(|length| message[..length].to_vec()),
        );
    }
    for (message, theirs) in damaged.iter().zip(all_of(&damaged)) {
        // It does not look at the table.
        assert!(!is_whole(message), "{message:02X?}");
        assert!(
            theirs["is_whole"] == false || message[0] != 0xFC,
            "{message:02X?}: {theirs}"
        );
    }
}

/// Packets of a PID, with sections.
fn packets(pid: u16, sections: &[Vec<u8>]) -> Vec<u8> {
    let mut all = Vec::new();
    let mut counter = 0;
    for section in sections {
        let payload = [&[0][..], section].concat();
        for (n, piece) in payload.chunks(184).enumerate() {
            let start = if n == 0 { 0x40 } else { 0 };
            all.extend([0x47, start | (pid >> 8) as u8, pid as u8, 0x10 | counter]);
            all.extend(piece);
            all.resize(all.len().next_multiple_of(188), 0xFF);
            counter = (counter + 1) % 16;
        }
    }
    all
}

/// A table of ISO 13818-1.
fn table(id: u8, body: &[u8]) -> Vec<u8> {
    let mut section = vec![id];
    section.extend((0xB000 | (body.len() + 9) as u16).to_be_bytes());
    section.extend([0, 1, 0xC1, 0, 0]);
    section.extend(body);
    section.extend(sum(&section));
    section
}

fn messages_of(facts: &ChunkFacts) -> Vec<&[u8]> {
    match &facts.content {
        Content::Transport(facts) => facts.cues.iter().map(|cue| &*cue.section).collect(),
        Content::Fragments(facts) => facts.events.iter().map(|event| &*event.message).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn those_of_a_transport_stream_and_of_event_messages_are_found() {
    // A chunk keeps the first 16.
    let messages = &made()[..16];
    let pat = table(0, &[0, 1, 0xE1, 0]);
    let registration = [&[5, 4][..], b"CUEI"].concat();
    let map = [
        &[0xFF, 0xFF, 0xF0, 6][..],
        &registration,
        &[0x86, 0xE1, 2, 0xF0, 0],
    ]
    .concat();
    let body = [
        packets(0, &[pat]),
        packets(0x100, &[table(2, &map)]),
        packets(0x102, messages),
    ]
    .concat();
    let file = tempfile::NamedTempFile::with_suffix(".ts").unwrap();
    std::fs::write(file.path(), &body).unwrap();
    let facts = read(&mut body.clone(), Protection::None, None);
    let theirs = threefive(&[file.path().to_str().unwrap()], "");
    let ours = messages_of(&facts).into_iter().map(|message| {
        assert!(is_whole(message));
        as_value(Splice::read(message).unwrap())
    });
    let ours: Vec<_> = ours.collect();
    assert_eq!(ours.len(), messages.len());
    assert_eq!(ours, theirs);

    let boxed = |message: &Vec<u8>| {
        let head = [0; 4].into_iter().chain(*b"urn:scte:scte35:2013:bin\0\0");
        let times = [90_000_u32, 0, 0, 1].into_iter().flat_map(u32::to_be_bytes);
        let body: Vec<u8> = head.chain(times).chain(message.iter().copied()).collect();
        let length = (body.len() as u32 + 8).to_be_bytes();
        [&length[..], b"emsg", &body].concat()
    };
    let boxes: Vec<u8> = messages.iter().flat_map(boxed).collect();
    let facts = read(
        &mut [boxes, vec![0, 0, 0, 8, b'm', b'o', b'o', b'f']].concat(),
        Protection::None,
        None,
    );
    assert_eq!(messages_of(&facts), messages);
}
