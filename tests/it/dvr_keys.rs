//! DVR playlists of origins that list more keys than any player knows what to do with.

use crate::dvr::playlist;
use crate::replay::Replayer;
use crate::support::{Origin, Recorder, Reply, ts};

const GOOD: &str =
    "SELECT count(DISTINCT r.url) FROM exchange e JOIN resource r ON r.id = e.resource_id
    WHERE r.kind IN ('segment', 'key') AND e.status = 200";

/// Boxes of the house, each with a protection system of its own that one key opens.
const BOXES: usize = 400;
const ACTS: std::ops::Range<usize> = 0..60;

/// Twenty acts for the boxes, twenty for everybody with a key, five under a key whose line is very long, and the rest
/// in the clear.
fn programme() -> String {
    let mut text = "#EXTM3U\n#EXT-X-VERSION:5\n#EXT-X-TARGETDURATION:1\n".to_owned();
    for n in 0..BOXES {
        text += &format!(
            "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"house.key\",KEYFORMAT=\"box-{n:03}\",KEYFORMATVERSIONS=\"1\"\n"
        );
    }
    for act in ACTS {
        text += &match act {
            20 => {
                "#EXT-X-KEY:METHOD=NONE\n#EXT-X-KEY:METHOD=AES-128,URI=\"house.key\"\n".to_owned()
            }
            40 => format!(
                "#EXT-X-KEY:METHOD=AES-128,URI=\"house.key\",KEYFORMATVERSIONS=\"1{}\"\n",
                "/1".repeat(2_000)
            ),
            45 => "#EXT-X-KEY:METHOD=NONE\n".to_owned(),
            _ => String::new(),
        };
        text += &format!("#EXTINF:1,\nact-{act}.ts\n");
    }
    text + "#EXT-X-ENDLIST\n"
}

#[test]
fn keys_beyond_what_may_be_in_force_are_left_out_and_segments_without_any_are_gaps() {
    let origin = Origin::new(|ask| match ask.path() {
        "/opera.m3u8" => Reply::playlist(programme()),
        "/house.key" => Reply::key(b"one key for all.".to_vec()),
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/opera.m3u8")).start();
    recording.until_at_least(ACTS.len() as i64 + 1, GOOD);
    let session = recording.interrupt().session();
    let replayer = Replayer::start(session.path().parent().unwrap(), &["-p", "0", "session1"]);
    let vod = playlist(&replayer, "/dvr.m3u8");

    let count = |part: &str| vod.matches(part).count();
    assert_eq!(count("#EXTINF"), ACTS.len(), "{vod}");
    // Once for all acts between two changes.
    assert_eq!(count("KEYFORMAT=\"box-"), 32, "{vod}");
    assert_eq!(count("KEYFORMAT=\"box-000\""), 1, "{vod}");
    // The IV is counted, so that each act has a line.
    assert_eq!(count(",IV=0x"), 20, "{vod}");
    assert_eq!(count("#EXT-X-KEY:METHOD=NONE"), 2, "{vod}");
    assert_eq!(count("#EXT-X-KEY"), 32 + 20 + 2, "{vod}");
    assert_eq!(count("#EXT-X-GAP"), 5, "{vod}");
    for act in ACTS {
        let is_there = !(40..45).contains(&act);
        let gap = format!("#EXT-X-GAP\nexchange/0/act-{act}.ts\n");
        assert_eq!(!vod.contains(&gap), is_there, "act {act}: {vod}");
    }
}
