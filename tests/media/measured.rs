//! What is read of media is what ffprobe reads of it.

use std::fs;

use isrecorder::media::facts::{ChunkFacts, TrackKind};
use tempfile::TempDir;

use super::channel::{Channel, Pictures, Sound, run};

/// Packets of one kind of track, as ffprobe sees them: first and last PTS and DTS in microseconds, and how many.
#[derive(Debug, PartialEq)]
struct Seen {
    first_decode: i64,
    last_decode: i64,
    first_shown: i64,
    earliest_shown: i64,
    latest_shown: i64,
    count: u64,
}

fn probed(folder: &TempDir, file: &str, kind: &str) -> Seen {
    let entries = [
        "-show_entries",
        "packet=pts_time,dts_time",
        "-of",
        "csv=p=0",
    ];
    let all = [
        &["-v", "error", "-select_streams", kind][..],
        &entries,
        &[file],
    ]
    .concat();
    let text = run("ffprobe", &all, folder.path());
    let times = text.lines().filter(|line| !line.is_empty()).map(|line| {
        let mut times = line.split(',').map(|time| time.parse::<f64>().unwrap());
        let mut next = || (times.next().unwrap() * 1e6).round() as i64;
        (next(), next())
    });
    let times: Vec<_> = times.collect();
    Seen {
        first_decode: times[0].1,
        last_decode: times[times.len() - 1].1,
        first_shown: times[0].0,
        earliest_shown: times.iter().map(|time| time.0).min().unwrap(),
        latest_shown: times.iter().map(|time| time.0).max().unwrap(),
        count: times.len() as u64,
    }
}

fn read(facts: &ChunkFacts, kind: TrackKind) -> Seen {
    let track = facts
        .tracks()
        .iter()
        .find(|track| track.kind == kind)
        .unwrap();
    let times = track.times.unwrap();
    // ffprobe takes edits off decoding times as well.
    let later = 0;
    Seen {
        first_decode: track.us(times.first_decode + later),
        last_decode: track.us(times.last_decode + later),
        first_shown: track.us(times.first_shown),
        earliest_shown: track.us(times.earliest_shown),
        latest_shown: track.us(times.latest_shown),
        count: times.units,
    }
}

fn assert_near(what: &str, ours: &Seen, theirs: &Seen, with_decode: bool) {
    let near = |a: i64, b: i64| (a - b).abs() <= 20;
    assert_eq!(ours.count, theirs.count, "{what}");
    let all = [
        (ours.first_shown, theirs.first_shown),
        (ours.earliest_shown, theirs.earliest_shown),
        (ours.latest_shown, theirs.latest_shown),
    ];
    let decode = [
        (ours.first_decode, theirs.first_decode),
        (ours.last_decode, theirs.last_decode),
    ];
    let all = all
        .into_iter()
        .chain(decode.into_iter().filter(|_| with_decode));
    for (a, b) in all {
        assert!(near(a, b), "{what}: {ours:?} and not {theirs:?}");
    }
}

#[test]
fn pictures_of_a_transport_stream_are_when_ffprobe_says() {
    let folder = TempDir::new().unwrap();
    let channel = Channel::made_in(&folder, Pictures::H264, Sound::Aac48, &[]);
    for (n, (facts, _)) in channel.facts().iter().enumerate() {
        let file = format!("index{n}.ts");
        let theirs = probed(&folder, &file, "v");
        assert_near(&file, &read(facts, TrackKind::Video), &theirs, true);
        // Frames of sound are counted; times of sound are those of the units that they stand in.
        let theirs = probed(&folder, &file, "a");
        let ours = read(facts, TrackKind::Audio);
        assert_eq!(ours.count, theirs.count, "{file}");
        assert!(
            (ours.first_shown - theirs.first_shown).abs() <= 20,
            "{file}"
        );
        let track = facts
            .tracks()
            .iter()
            .find(|track| track.kind == TrackKind::Audio);
        let end = track.unwrap().us(track.unwrap().times.unwrap().end_latest);
        let frame = 1024 * 1_000_000 / 48_000;
        assert!(
            (end - theirs.latest_shown - frame).abs() < 100,
            "{file}: {end}"
        );
    }
}

#[test]
fn samples_of_fragments_are_when_ffprobe_says() {
    let folder = TempDir::new().unwrap();
    let more = ["-hls_segment_type", "fmp4"];
    let channel = Channel::made_in(&folder, Pictures::H264, Sound::Aac44, &more);
    for (n, (facts, _)) in channel.facts().iter().enumerate() {
        let file = format!("whole{n}.mp4");
        let whole = [&channel.maps["init.mp4"][..], &channel.segments[n].body].concat();
        fs::write(folder.path().join(&file), whole).unwrap();
        for (kind, name) in [(TrackKind::Video, "v"), (TrackKind::Audio, "a")] {
            let theirs = probed(&folder, &file, name);
            assert_near(&file, &read(facts, kind), &theirs, false);
        }
    }
}
