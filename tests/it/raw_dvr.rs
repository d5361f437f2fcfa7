//! Raw streams as playlists: their parts, cut where players can begin.

use crate::raw::*;
use crate::raw_replay::get;
use crate::replay::Replayer;
use crate::support::{Ask, Origin, Recorder, Reply, Session, Then};

/// Frames of AAC, of 200 bytes and 1024 samples at 48 kHz each.
fn sound(count: usize) -> Vec<u8> {
    let mut frame = vec![0xFF, 0xF1, 0x4C, 0x80, 0x19, 0x1F, 0xFC];
    frame.resize(200, 0x22);
    frame.repeat(count)
}

fn replayed(session: &Session) -> Replayer {
    Replayer::start(session.path().parent().unwrap(), &["-p", "0", "session1"])
}

fn text(replayer: &Replayer, path: &str) -> String {
    String::from_utf8(get(&replayer.address, path, "", usize::MAX).body).unwrap()
}

/// The bytes of all segments of a playlist at `/hall/dvr.m3u8`, as a player asks for them.
fn segments(replayer: &Replayer, playlist: &str) -> Vec<Vec<u8>> {
    let mut range = None;
    let mut segments = Vec::new();
    for line in playlist.lines() {
        if let Some(spelled) = line.strip_prefix("#EXT-X-BYTERANGE:") {
            let (length, first) = spelled.split_once('@').unwrap();
            range = Some((
                first.parse::<u64>().unwrap(),
                length.parse::<u64>().unwrap(),
            ));
        } else if let Some(path) = line.strip_prefix("../") {
            let (first, length) = range.take().unwrap();
            let field = format!("Range: bytes={first}-{}\r\n", first + length - 1);
            let sent = get(&replayer.address, &format!("/{path}"), &field, usize::MAX);
            assert!(sent.head.starts_with("HTTP/1.1 206 "), "{}", sent.head);
            assert!(
                sent.head.contains("content-type: video/mp2t\r\n")
                    || sent.head.contains("content-type: audio/aac\r\n"),
                "{}",
                sent.head
            );
            segments.push(sent.body);
        }
    }
    segments
}

#[test]
fn the_parts_of_a_broken_stream_are_one_playlist_with_a_discontinuity() {
    let origin = Origin::new(|ask: &Ask| match ask.nth {
        0 => live(groups(0..20), Then::Closed),
        1 => live(groups(20..40), Then::End),
        _ => Reply::html(503),
    });
    let mut recording = recorder(&origin).start();
    recording.until_at_least(2, PARTS);
    let sessions = recording.sessions();
    let while_it_goes_on = text(
        &Replayer::start(&sessions, &["-p", "0", "session1"]),
        "/hall/dvr.m3u8",
    );
    assert!(
        while_it_goes_on.contains("#EXT-X-PLAYLIST-TYPE:EVENT\n")
            && !while_it_goes_on.contains("ENDLIST"),
        "{while_it_goes_on}"
    );
    let session = recording.interrupt().session();
    let replayer = replayed(&session);
    let playlist = text(&replayer, "/hall/dvr.m3u8");
    assert!(
        playlist.ends_with("#EXT-X-ENDLIST\n") && playlist.contains("#EXT-X-PLAYLIST-TYPE:VOD\n"),
        "{playlist}"
    );
    let breaks: Vec<&str> = playlist.split("#EXT-X-DISCONTINUITY\n").collect();
    assert_eq!(breaks.len(), 2, "{playlist}");
    assert!(
        breaks
            .iter()
            .all(|part| part.contains("#EXT-X-PROGRAM-DATE-TIME:") && part.contains(".ts\n")),
        "{playlist}"
    );
    assert_eq!(
        segments(&replayer, &playlist),
        [groups(0..20), groups(20..40)]
    );
    assert_eq!(
        text(&replayer, "/dvr.m3u8").replace("exchange/", "../exchange/"),
        playlist,
        "of the first stream"
    );
}

#[test]
fn a_long_part_is_cut_each_ten_seconds_between_frames() {
    let origin = Origin::new(|ask: &Ask| match ask.nth {
        0 => Reply {
            end: crate::support::End::Live(20_000, PAUSE, Then::End),
            ..live(sound(1200), Then::End)
        },
        _ => Reply::html(503),
    });
    let mut recording = recorder(&origin).start();
    recording.until_at_least(1, PARTS);
    let session = recording.interrupt().session();
    let replayer = replayed(&session);
    let playlist = text(&replayer, "/hall/dvr.m3u8");
    let durations: Vec<&str> = playlist
        .lines()
        .filter_map(|line| line.strip_prefix("#EXTINF:"))
        .collect();
    assert_eq!(durations, ["10.005,", "10.005,", "5.589,"], "{playlist}");
    let bytes = segments(&replayer, &playlist);
    assert!(
        bytes
            .iter()
            .all(|segment| segment.starts_with(&sound(1)[..7]))
    );
    assert_eq!(bytes.concat(), sound(1200));
}

#[test]
fn what_players_take_in_no_segments_is_at_its_dump() {
    let flash = [b"FLV\x01\x05\0\0\0\x09\0\0\0\0".to_vec(), vec![9; 20_000]].concat();
    let origin = Origin::new(move |ask: &Ask| match ask.nth {
        0 => live(flash.clone(), Then::End),
        _ => Reply::html(503),
    });
    let mut recording = Recorder::bare()
        .args(["--min-part", "4k", &format!("hall={}", origin.url("/live"))])
        .start();
    recording.until_at_least(1, PARTS);
    let session = recording.interrupt().session();
    let replayer = replayed(&session);
    let sent = get(&replayer.address, "/hall/dvr.m3u8", "", usize::MAX);
    assert!(sent.head.starts_with("HTTP/1.1 404 "), "{}", sent.head);
    let said = String::from_utf8(sent.body).unwrap();
    assert!(said.contains("/hall/dump.flv"), "{said}");
}

/// The number of the first segment of a playlist.
fn media_sequence(playlist: &str) -> u64 {
    let mut lines = playlist.lines();
    let number = lines.find_map(|line| line.strip_prefix("#EXT-X-MEDIA-SEQUENCE:"));
    number.unwrap().parse().unwrap()
}

#[test]
fn with_keep_the_oldest_parts_go_and_the_list_goes_on() {
    let origin = Origin::new(|ask: &Ask| {
        let first = ask.nth as u32 * 40;
        live(groups(first..first + 40), Then::End)
    });
    let mut recording = recorder(&origin).args(["--keep", "3s"]).start();
    let kept = "SELECT count(*) FROM event WHERE id = 0";
    recording.until_at_least(1, kept);
    recording.until_at_least(2, PARTS);
    let sessions = recording.sessions();
    let replayer = Replayer::start(&sessions, &["-p", "0", "session1"]);
    let before = text(&replayer, "/hall/dvr.m3u8");
    let mut later = String::new();
    recording.until("the first part has gone", || {
        later = text(&replayer, "/hall/dvr.m3u8");
        media_sequence(&later) > media_sequence(&before)
    });
    for playlist in [&before, &later] {
        assert!(
            !playlist.contains("ENDLIST") && !playlist.contains("PLAYLIST-TYPE"),
            "it is live: {playlist}"
        );
    }
    let uris = |playlist: &str| -> Vec<String> {
        let lines = playlist.lines().filter(|line| !line.starts_with('#'));
        lines.map(str::to_owned).collect()
    };
    let went = (media_sequence(&later) - media_sequence(&before)) as usize;
    let (before, after) = (uris(&before), uris(&later));
    let left = before.get(went..).unwrap_or_default();
    assert!(after.starts_with(left), "{before:?} {later}");
    // One that begins now does not go back.
    let other = Replayer::start(&sessions, &["-p", "0", "session1"]);
    let anew = text(&other, "/hall/dvr.m3u8");
    assert!(media_sequence(&anew) >= media_sequence(&later), "{anew}");
    drop(recording.interrupt());
}
