//! Recordings of what ffmpeg makes, damaged in one way: all of `isreport` tells that one rule (see `tests/it/damaged_recordings.rs`, of
//! whose recording nothing is in fragments, packed audio, or subtitles).

use std::fs;
use std::path::Path;

use isrecorder::session::{Kind, Outcome};
use tempfile::TempDir;

use super::channel::{Pictures, Sound, arguments, run};
use super::tape::{Taken, Tape};
use super::told::{Damage, assert_told};

const HOST: &str = "http://origin.example/";

/// An answer that is good.
fn good(tape: &Tape, kind: Kind, name: &str, body: Vec<u8>) -> Taken {
    let types = [
        (".m3u8", "application/vnd.apple.mpegurl"),
        (".aac", "audio/aac"),
        (".vtt", "text/vtt"),
        ("", "video/mp4"),
    ];
    let (_, content_type) = types.iter().find(|(end, _)| name.ends_with(end)).unwrap();
    let mut headers = vec![("content-type".to_owned(), (*content_type).to_owned())];
    if !kind.is_playlist() {
        headers.push(("cache-control".to_owned(), "max-age=60".to_owned()));
    }
    let at_us = tape.exchanges.len() as i64 * 10_000;
    Taken {
        kind,
        url: format!("{HOST}{name}"),
        referrer: (!tape.exchanges.is_empty()).then_some(0),
        head: None,
        requested_us: at_us,
        wait_us: 1_000,
        receive_us: 1_000,
        status: 200,
        outcome: Outcome::Complete,
        headers,
        body,
        arrival: None,
        revision: kind.is_playlist().then_some(None),
        directives_met: None,
    }
}

fn push(tape: &mut Tape, kind: Kind, name: &str, body: Vec<u8>, referrer: Option<usize>) -> usize {
    let taken = good(tape, kind, name, body);
    tape.exchanges.push(Taken {
        referrer: referrer.or(taken.referrer),
        ..taken
    });
    tape.exchanges.len() - 1
}

/// A multivariant playlist and a media playlist with everything that this lists.
fn recorded(folder: &Path, main: &str) -> Tape {
    let mut tape = Tape {
        exchanges: Vec::new(),
        end_us: 10_000_000,
    };
    push(&mut tape, Kind::Main, "main.m3u8", main.into(), None);
    let text = fs::read_to_string(folder.join("index.m3u8")).unwrap();
    let list = push(
        &mut tape,
        Kind::Media,
        "index.m3u8",
        text.clone().into(),
        None,
    );
    if folder.join("init.mp4").exists() {
        push(
            &mut tape,
            Kind::Init,
            "init.mp4",
            fs::read(folder.join("init.mp4")).unwrap(),
            Some(list),
        );
    }
    for name in text.lines().filter(|line| !line.starts_with('#')) {
        push(
            &mut tape,
            Kind::Segment,
            name,
            fs::read(folder.join(name)).unwrap(),
            Some(list),
        );
    }
    tape
}

/// Gives these four bytes another name.
fn rename(body: &mut [u8], from: &[u8; 4], to: &[u8; 4]) {
    let places = body.windows(4).enumerate().filter(|(_, four)| four == from);
    let places: Vec<usize> = places.map(|(at, _)| at).collect();
    places
        .into_iter()
        .for_each(|at| body[at..at + 4].copy_from_slice(to));
}

#[test]
fn fragments_that_are_damaged_are_told_by_their_rule() {
    let folder = TempDir::new().unwrap();
    let more = [
        "-hls_segment_type",
        "fmp4",
        "-hls_flags",
        "independent_segments",
        "-master_pl_name",
        "main.m3u8",
    ];
    let all = [
        &arguments(Pictures::H264, Sound::Aac48)[..],
        &more,
        &["index.m3u8"],
    ]
    .concat();
    run("ffmpeg", &all, folder.path());
    let main = fs::read_to_string(folder.path().join("main.m3u8")).unwrap();
    let main = main.replace("BANDWIDTH=", "FRAME-RATE=29.970,BANDWIDTH=90");
    let damages: [Damage; 6] = [
        // Without a map nothing says which tracks there are: what is wrong with the segments alone is not told.
        ("P12", &[], |tape| {
            tape.lists("index", |_, list| list.without("#EXT-X-MAP"))
        }),
        ("M09", &[], |tape| {
            tape.each("init.mp4", |_, one| rename(&mut one.body, b"mvex", b"free"))
        }),
        ("M09", &[], |tape| {
            tape.each("index2", |_, one| rename(&mut one.body, b"tfdt", b"free"))
        }),
        ("M01", &[], |tape| {
            tape.each("index2", |_, one| one.body.truncate(one.body.len() - 100))
        }),
        ("M05", &[], |tape| {
            tape.lists("index", |_, list| {
                let one = &mut list.segments[2];
                one.tags = vec!["#EXTINF:1.5,".to_owned()];
            });
        }),
        ("X10", &[], |tape| {
            tape.each("main", |_, one| {
                one.body = one.text().replace("mp4a.40.2", "ac-3").into()
            });
        }),
    ];
    assert_told(&recorded(folder.path(), &main), &damages);
}

/// An ID3 tag with a time stamp.
fn tag(time: u64) -> Vec<u8> {
    let head = b"ID3\x04\0\0\0\0\0\x3FPRIV\0\0\0\x35\0\0";
    let owner = b"com.apple.streaming.transportStreamTimestamp\0";
    [&head[..], owner, &time.to_be_bytes()].concat()
}

#[test]
fn packed_audio_without_its_time_is_told_by_its_rule() {
    let folder = TempDir::new().unwrap();
    let make = [
        "-nostdin",
        "-loglevel",
        "error",
        "-f",
        "lavfi",
        "-i",
        "sine=frequency=440:sample_rate=48000:duration=2",
    ];
    let make = [&make[..], &["-c:a", "aac", "-f", "adts", "a.aac"]].concat();
    run("ffmpeg", &make, folder.path());
    let sound = fs::read(folder.path().join("a.aac")).unwrap();
    let count = [
        "-v",
        "error",
        "-count_packets",
        "-show_entries",
        "stream=nb_read_packets",
        "-of",
        "csv=p=0",
        "a.aac",
    ];
    let frames: u64 = run("ffprobe", &count, folder.path())
        .trim()
        .parse()
        .unwrap();
    let seconds = frames as f64 * 1024.0 / 48_000.0;
    let mut text =
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:3\n#EXT-X-MEDIA-SEQUENCE:0\n".to_owned();
    for n in 0..5 {
        text += &format!("#EXTINF:{seconds:.3},\n{n}.aac\n");
        let body = [tag(n * frames * 1920), sound.clone()].concat();
        fs::write(folder.path().join(format!("{n}.aac")), body).unwrap();
    }
    fs::write(folder.path().join("index.m3u8"), text + "#EXT-X-ENDLIST\n").unwrap();
    let main = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=900000,CODECS=\"mp4a.40.2\"\nindex.m3u8\n";
    let damages: [Damage; 2] = [
        ("M12", &[], |tape| {
            tape.each("2.aac", |_, one| drop(one.body.drain(..tag(0).len())))
        }),
        ("M06", &[], |tape| {
            tape.each("2.aac", |_, one| {
                drop(one.body.splice(..tag(0).len(), tag(90_000)))
            });
        }),
    ];
    assert_told(&recorded(folder.path(), main), &damages);
}
