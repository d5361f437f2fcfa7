//! Streams that are no playlists: recorded as they come, in parts, again and again.

use std::time::Duration;

use crate::support::{Ask, End, Origin, Recorder, Reply, Session, Then};

const PAUSE: Duration = Duration::from_millis(20);

/// A packet of a transport stream; `label` makes it another one.
fn packet(pid: u16, key: bool, payload: &[u8], label: u32) -> Vec<u8> {
    let [high, low] = pid.to_be_bytes();
    let starts = !payload.is_empty();
    let mut packet = vec![0x47, high | u8::from(starts) << 6, low, 0x10];
    if key {
        packet[3] = 0x30;
        packet.extend_from_slice(&[1, 0x40]);
    }
    packet.extend_from_slice(payload);
    packet.extend_from_slice(&label.to_be_bytes());
    packet.resize(188, 0xAA);
    packet
}

/// A table, a key picture, and its rest: a group of packets that is playable alone.
fn group(label: u32) -> Vec<u8> {
    let mut group = packet(0, false, &[0, 0, 0xB0, 0x0D], label);
    group.extend(packet(0x100, true, &[0, 0, 1, 0xE0], label));
    group.extend(packet(0x100, false, &[], label).repeat(8));
    group
}

/// Groups of 1880 bytes each.
fn groups(labels: std::ops::Range<u32>) -> Vec<u8> {
    labels.flat_map(group).collect()
}

/// A stream that goes on as `then` says after its body.
fn live(body: Vec<u8>, then: Then) -> Reply {
    Reply {
        status: 200,
        fields: vec![("Content-Type".to_owned(), "video/mp2t".to_owned())],
        body,
        end: End::Live(1880, PAUSE, then),
    }
}

fn recorder(origin: &Origin) -> Recorder {
    Recorder::bare().args(["--min-part", "4k", &format!("hall={}", origin.url("/live"))])
}

const PARTS: &str = "SELECT count(*) FROM body WHERE path LIKE 'hall/%'";

/// The files of the parts, in order of their names.
fn files(session: &Session) -> Vec<(String, Vec<u8>)> {
    session.chunk_files()
}

#[test]
fn a_stream_that_breaks_comes_back_and_each_piece_is_a_part() {
    let origin = Origin::new(|ask: &Ask| match ask.nth {
        0 => Reply::html(503),
        1 => live(groups(0..20), Then::Reset),
        2 => live(groups(20..40), Then::Closed),
        3 => live(groups(40..60), Then::End),
        nth => live(groups(nth as u32 * 100..nth as u32 * 100 + 50), Then::Again),
    });
    let mut recording = recorder(&origin).start();
    recording.until_at_least(3, PARTS);
    recording.until("the fourth", || origin.count("/live") == 5);
    recording.until_it_says("it is a stream of ts");
    let session = recording.interrupt().session();
    let files = files(&session);
    assert!(files.len() >= 3, "{files:?}");
    for (n, (name, content)) in files.iter().enumerate().take(3) {
        let from = n as u32 * 20;
        assert_eq!(*content, groups(from..from + 20), "{name}");
        assert!(name.ends_with(&format!("Z.{:03}.ts", n + 1)), "{name}");
    }
    let outcomes = session.outcomes("live");
    let expected = [
        (503, "complete"),
        (200, "reset"),
        (200, "short"),
        (200, "complete"),
    ];
    for (got, expected) in outcomes.iter().zip(expected) {
        assert_eq!((got.0, got.1.as_str()), expected, "{outcomes:?}");
    }
    let kinds: Vec<String> = session.list("SELECT DISTINCT kind FROM resource");
    assert_eq!(kinds, ["main"]);
}
