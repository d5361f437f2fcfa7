//! The five views of the original, as scripts that were made for it read them.

use crate::support::{Ask, Origin, Recorder, Reply, Window, ts};

/// `YYYY-MM-DD HH:MM:SS.ffffff`.
const DATE: &str = "____-__-__ __:__:__.______";

fn protected(ask: &Ask) -> Reply {
    match (ask.path(), ask.nth) {
        ("/ch 1/main.m3u8" | "/ch%201/main.m3u8", _) => {
            Reply::playlist("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlow/v.m3u8?token=7\n")
        }
        (path, _) if path.ends_with("v.m3u8") => {
            let key = "#EXT-X-KEY:METHOD=AES-128,URI=\"/keys/k.bin?kid=1\"";
            Reply::playlist(Window::new(0, 2).headed(key).ended().text())
        }
        ("/keys/k.bin", _) => Reply::key([7; 16]),
        (path, 0) if path.ends_with("seg1.ts") => Reply::html(503),
        (path, _) => Reply::segment(ts(path)),
    }
}

#[test]
fn the_views_of_the_original_have_names_dates_and_errors_as_it_had_them() {
    let origin = Origin::new(protected);
    let url = origin.url("/ch%201/main.m3u8");
    let session = Recorder::new(&url).run().session();

    let names = |sql: &str| session.list::<String>(sql);
    assert_eq!(names("SELECT url FROM meta"), [url]);
    assert_eq!(names("SELECT body FROM main_playlist").len(), 1);
    assert_eq!(
        names("SELECT name FROM simple_playlist"),
        ["ch 1/low/v.m3u8"]
    );
    let mut segments = names(
        "SELECT name || ' ' || ifnull(path, '-') || ' ' || ifnull(error_code, 0) FROM segments",
    );
    segments.sort();
    assert_eq!(
        segments,
        [
            "ch 1/low/seg0.ts chunks/ch 1/low/seg0.ts 0",
            "ch 1/low/seg1.ts - 503",
            "ch 1/low/seg1.ts chunks/ch 1/low/seg1.ts 0",
        ]
    );
    assert_eq!(
        names("SELECT path FROM keys WHERE hex(data) = '07070707070707070707070707070707'"),
        ["keys/k.bin"]
    );
    for (view, date) in [
        ("meta", "start"),
        ("meta", "stop"),
        ("main_playlist", "date"),
        ("simple_playlist", "date"),
        ("segments", "date"),
        ("keys", "date"),
    ] {
        let rows = session.number(&format!("SELECT count(*) FROM {view}"));
        let dated = session.number(&format!(
            "SELECT count(*) FROM {view} WHERE {date} LIKE '{DATE}' AND julianday({date}) > 2460000"
        ));
        assert!(
            rows > 0 && rows == dated,
            "{view}.{date}: {dated} of {rows}"
        );
    }
    // A recording's dates are within it.
    assert_eq!(
        session.number("SELECT count(*) FROM segments, meta WHERE date BETWEEN start AND stop"),
        3
    );
}
