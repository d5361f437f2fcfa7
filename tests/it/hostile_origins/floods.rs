//! Playlists that list too much, too often, or at URLs that are too long: their stream may be slow, no other is.

use crate::support::{Ask, Origin, Recorder, Reply, Session, ts};

use super::{MEMORY, check, good};

/// What is listed is known as often as it is listed, and takes some of it, too.
const MEMORY_OF_MANY: usize = 256 << 20;

/// Records a hostile stream beside a good one until the hostile playlist was asked for so often, and holds that the
/// good one was polled no less and lost nothing.
fn beside_a_good_one(evil: &Origin, playlist: &str, times: usize) -> Session {
    beside_a_good_one_until(evil, playlist, times, None)
}

/// And until the session says something, if it is to.
fn beside_a_good_one_until(
    evil: &Origin,
    playlist: &str,
    times: usize,
    said: Option<&str>,
) -> Session {
    let good = Origin::new(good);
    let urls = [
        format!("evil={}", evil.url("/evil.m3u8")),
        format!("good={}", good.url("/good.m3u8")),
    ];
    let mut recording = Recorder::bare()
        .args(["--poll", "0.2"])
        .args(urls.iter().map(String::as_str))
        .start();
    recording.until("polls of the hostile one", || evil.count(playlist) >= times);
    if let Some(said) = said {
        recording.until_at_least(1, said);
    }
    let polls = good.count("/good.m3u8");
    assert!(polls + 2 >= times, "the good one was polled {polls} times");
    recording.until("polls of the good one go on", || {
        good.count("/good.m3u8") >= polls + 3
    });
    let memory = recording.most_memory();
    let most = if said.is_some() {
        MEMORY_OF_MANY
    } else {
        MEMORY
    };
    assert!(memory < most, "{memory} bytes");
    check(recording.interrupt(), &good)
}

#[test]
fn twenty_thousand_keys_before_one_segment_with_other_tokens_at_each_poll() {
    const KEYS: usize = 20_000;
    let evil = Origin::new(|ask: &Ask| match ask.path() {
        "/evil.m3u8" => {
            let key = |n: usize| {
                let token = ask.nth;
                format!("#EXT-X-KEY:METHOD=AES-128,URI=\"k{n}?{token}\"\n")
            };
            let keys: String = (0..KEYS).map(key).collect();
            Reply::playlist(format!(
                "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:5\n{keys}#EXTINF:1,\na.ts\n"
            ))
        }
        path if path.starts_with("/k") => Reply::key(*b"0123456789abcdef"),
        path => Reply::segment(ts(path)),
    });
    let session = beside_a_good_one(&evil, "/evil.m3u8", 4);
    let keys = "SELECT count(*) FROM resource WHERE kind = 'key'";
    assert_eq!(session.number(keys), KEYS as i64, "tokens make no new ones");
}

#[test]
fn short_names_at_a_url_of_eight_thousand_bytes_take_little_memory() {
    let long = format!("/{}/v.m3u8", "x".repeat(8000));
    let target = long.clone();
    let evil = Origin::new(move |ask: &Ask| match ask.path() {
        "/evil.m3u8" => Reply::redirect(302, &target),
        path if path.ends_with("/v.m3u8") => {
            let first = ask.nth * 300;
            let segments = (first..first + 300).map(|n| format!("#EXTINF:1,\n{n:x}\n"));
            let head = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE";
            Reply::playlist(format!("{head}:{first}\n{}", segments.collect::<String>()))
        }
        _ => Reply::not_found(),
    });
    beside_a_good_one(&evil, &long, 8);
}

/// Short names take more as they are taken in than their texts do.
#[test]
fn sixty_variants_of_twenty_thousand_segments_each_are_taken_in_a_few_at_once() {
    const VARIANTS: usize = 60;
    const SEGMENTS: usize = 20_000;
    let evil = Origin::new(|ask: &Ask| match ask.path() {
        "/evil.m3u8" => {
            let variant = |n| format!("#EXT-X-STREAM-INF:BANDWIDTH={}\n/v{n}.m3u8\n", n + 1);
            let variants: String = (0..VARIANTS).map(variant).collect();
            Reply::playlist(format!("#EXTM3U\n{variants}"))
        }
        path if path.ends_with(".m3u8") => {
            let first = ask.nth * SEGMENTS;
            let segment = |n| format!("#EXTINF:1,\n{n:x}\n");
            let segments: String = (first..first + SEGMENTS).map(segment).collect();
            let head = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE";
            Reply::playlist(format!("{head}:{first}\n{segments}"))
        }
        _ => Reply::not_found(),
    });
    let left_out = "SELECT count(*) FROM event WHERE kind = 'too many segments'";
    beside_a_good_one_until(&evil, "/v59.m3u8", 1, Some(left_out));
}

#[test]
fn a_url_that_no_replay_could_answer_is_refused_wherever_it_stands() {
    let names = [
        "variant",
        "session-key",
        "key",
        "map",
        "segment",
        "moved",
        "asset",
    ];
    let long = |name: &str| format!("/{name}/{}", "x".repeat(8192));
    let text_of = move |path: &str| match path {
        "/main.m3u8" => format!(
            "#EXTM3U\n#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"{}\"\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{}\n\
             #EXT-X-STREAM-INF:BANDWIDTH=2\nv.m3u8\n",
            long("session-key"),
            long("variant")
        ),
        _ => format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD=AES-128,URI=\"{}\"\n#EXT-X-MAP:URI=\"{}\"\n\
             #EXT-X-DATERANGE:ID=\"a\",X-ASSET-URI=\"{}\"\n\
             #EXTINF:1,\n{}\n#EXTINF:1,\nmoved.ts\n#EXTINF:1,\nlast.ts\n",
            long("key"),
            long("map"),
            long("asset"),
            long("segment")
        ),
    };
    let origin = Origin::new(move |ask: &Ask| match ask.path() {
        path if path.ends_with(".m3u8") => Reply::playlist(text_of(path)),
        "/moved.ts" => Reply::redirect(302, &long("moved")),
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/main.m3u8")).start();
    let told = "SELECT count(*) FROM event WHERE kind = 'refused uri'";
    recording.until_at_least(names.len() as i64, told);
    recording.until("the others are asked for", || {
        origin.count("/last.ts") > 0 && origin.count("/moved.ts") > 0
    });
    let session = recording.interrupt().session();
    for name in names {
        let told = format!(
            "SELECT count(*) FROM event WHERE kind = 'refused uri' AND detail LIKE '\"/{name}/%8 KiB'"
        );
        assert_eq!(session.number(&told), 1, "{name}");
        let asked = origin
            .asks()
            .into_iter()
            .filter(|ask| ask.target.contains(name));
        assert_eq!(
            asked.filter(|ask| ask.target.len() > 100).count(),
            0,
            "{name}"
        );
    }
    let outcome: String = session.one(
        "SELECT e.outcome || ' ' || e.error FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE r.name = 'moved.ts' LIMIT 1",
    );
    assert_eq!(
        outcome,
        "scheme redirect not followed: it is longer than 8 KiB"
    );
}

#[test]
fn playlists_of_playlists_that_a_multivariant_playlist_names_are_kept_and_not_read() {
    let evil = Origin::new(|ask: &Ask| {
        let names = |scheme: &str, count: usize| -> String {
            let name = |n| format!("#EXT-X-STREAM-INF:BANDWIDTH=1\n{scheme}v{n}.m3u8\n");
            (0..count).map(name).collect()
        };
        let (above, below) = (names("ftp://above/", 1), names("ftp://below/", 1));
        Reply::playlist(match ask.path() {
            "/evil.m3u8" => format!("#EXTM3U\n{above}{}", names("", 40)),
            _ => format!("#EXTM3U\n{below}{}", names("", 1000)),
        })
    });
    let session = beside_a_good_one(&evil, "/v39.m3u8", 2);
    let refused = session.rows(
        "SELECT detail FROM event WHERE kind = 'refused uri'",
        |row| row.get::<_, String>(0),
    );
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].contains("above"), "{refused:?}");
    let kept = "SELECT count(*) FROM revision v JOIN resource r ON r.id = v.playlist_id
                 WHERE r.name LIKE 'v%.m3u8'";
    assert_eq!(session.number(kept), 40);
}
