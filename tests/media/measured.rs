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

/// When the pictures are shown that ffprobe calls key frames, in microseconds.
fn key_frames(folder: &TempDir, file: &str) -> Vec<i64> {
    let entries = ["-show_entries", "packet=pts_time,flags", "-of", "csv=p=0"];
    let all = [
        &["-v", "error", "-select_streams", "v"][..],
        &entries,
        &[file],
    ]
    .concat();
    let text = run("ffprobe", &all, folder.path());
    let keys = text.lines().filter_map(|line| line.split_once(",K"));
    keys.map(|(time, _)| (time.parse::<f64>().unwrap() * 1e6).round() as i64)
        .collect()
}

#[test]
fn key_frames_are_those_that_ffprobe_sees_also_where_each_picture_has_messages_and_filler() {
    // A constant bit rate as broadcast wants it: timing with each picture, and filler behind it; pictures before a recovery point.
    let rate = [
        "-b:v", "900k", "-minrate", "900k", "-maxrate", "900k", "-bufsize", "900k",
    ];
    let constant = [&rate[..], &["-x264-params", "nal-hrd=cbr"]].concat();
    let open = [&rate[..], &["-x264-params", "nal-hrd=cbr:open-gop=1"]].concat();
    let all = [
        (Pictures::H264, &constant[..]),
        (Pictures::H264, &open[..]),
        (Pictures::H264, &[][..]),
        (Pictures::H265, &[][..]),
        (Pictures::Mpeg2, &[][..]),
    ];
    for (pictures, more) in all {
        let folder = TempDir::new().unwrap();
        // A key frame in the middle of each segment, too.
        let more = [more, &["-g", "30", "-keyint_min", "30"]].concat();
        let channel = Channel::made_in(&folder, pictures, Sound::None, &more);
        for (n, (facts, _)) in channel.facts().iter().enumerate() {
            let file = format!("index{n}.ts");
            let theirs = key_frames(&folder, &file);
            let track = &facts.tracks()[0];
            let ours: Vec<i64> = track.keys.iter().map(|key| track.us(*key)).collect();
            let is_near = ours.iter().zip(&theirs).all(|(a, b)| (a - b).abs() <= 20);
            assert!(
                is_near && ours.len() == theirs.len() && !ours.is_empty(),
                "{pictures:?} {more:?} {file}: {ours:?} and not {theirs:?}"
            );
        }
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
