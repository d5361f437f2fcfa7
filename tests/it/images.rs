//! Image playlists, for previews: `EXT-X-IMAGE-STREAM-INF` and `EXT-X-TILES`, of which the RFC knows nothing.

use crate::replay::Replayer;
use crate::support::proxy::{ask_for, crawl};
use crate::support::{Ask, Origin, Recorder, Reply, Window, ts};

/// Two sheets of tiles beside two segments of video.
fn channel(ask: &Ask) -> Reply {
    let host = ask.header("host").unwrap();
    match ask.path() {
        "/main.m3u8" => Reply::playlist(format!(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9,RESOLUTION=320x180\nv.m3u8\n\
             #EXT-X-IMAGE-STREAM-INF:BANDWIDTH=1,RESOLUTION=32x18,CODECS=\"jpeg\",URI=\"http://{host}/p/tiles.m3u8\"\n"
        )),
        "/p/tiles.m3u8" => {
            let window = Window::new(0, 2).ended().headed("#EXT-X-IMAGES-ONLY");
            let tiles = "#EXT-X-TILES:RESOLUTION=32x18,LAYOUT=2x2,DURATION=1\n#EXTINF";
            let text = window.named(|n| format!("sheet{n}.jpg")).text();
            Reply::playlist(text.replace("#EXTINF", tiles))
        }
        "/v.m3u8" => Reply::playlist(Window::new(0, 2).ended().text()),
        path if path.ends_with(".jpg") => {
            Reply::new(200, "image/jpeg", format!("{path} is a picture"))
        }
        path => Reply::segment(ts(path)),
    }
}

#[test]
fn an_image_playlist_is_recorded_and_replayed_with_its_images() {
    let origin = Origin::new(channel);
    let session = Recorder::new(origin.url("/main.m3u8")).run().session();
    assert_eq!(origin.count("/p/sheet1.jpg"), 1);
    let sessions = session.path().parent().unwrap();
    let replayer = Replayer::start(
        sessions,
        &["-p", "0", "-o", &session.last_offset(), "session1"],
    );
    let site = format!("http://{}/", replayer.address);
    let found = crawl(&site, &["stream.m3u8"]);
    let host = format!("http/127.0.0.1:{}", origin.port());
    let tiles = found[&format!("{host}/p/tiles.m3u8")].text();
    assert_eq!(tiles.matches("#EXT-X-TILES:").count(), 2, "{tiles}");
    let sheet = &found[&format!("{host}/p/sheet1.jpg")];
    assert_eq!(sheet.field("content-type"), "image/jpeg");
    assert_eq!(sheet.text(), "/p/sheet1.jpg is a picture");
    // As everything that was recorded, too.
    let found = crawl(&site, &["dvr.m3u8"]);
    let lists = found.values().map(|got| got.text());
    let tiles = lists
        .into_iter()
        .find(|text| text.contains("#EXT-X-TILES:"))
        .unwrap();
    assert!(tiles.contains("#EXT-X-IMAGES-ONLY\n"), "{tiles}");
    let sheets = found.iter().filter(|(path, _)| path.ends_with(".jpg"));
    let mut sheets: Vec<String> = sheets.map(|(_, got)| got.text()).collect();
    sheets.sort();
    assert_eq!(
        sheets,
        ["/p/sheet0.jpg is a picture", "/p/sheet1.jpg is a picture"]
    );
}

#[test]
fn where_not_all_variants_are_recorded_images_are_left_out_and_lead_nowhere() {
    let origin = Origin::new(channel);
    let recorder = Recorder::new(origin.url("/main.m3u8")).args(["--variants", "highest"]);
    let session = recorder.run().session();
    assert_eq!(origin.count("/p/tiles.m3u8"), 0);
    let sessions = session.path().parent().unwrap();
    let replayer = Replayer::start(
        sessions,
        &["-p", "0", "-o", &session.last_offset(), "session1"],
    );
    for path in ["stream.m3u8", "dvr.m3u8"] {
        let found = crawl(&format!("http://{}/", replayer.address), &[path]);
        let missing: Vec<&String> = found
            .iter()
            .filter(|(_, got)| got.status == 404)
            .map(|(path, _)| path)
            .collect();
        assert_eq!(missing.len(), 1, "{missing:?}");
    }
    let path = format!("/http/127.0.0.1:{}/p/tiles.m3u8", origin.port());
    let left_out = ask_for(&replayer.address, &path, &[]).text();
    assert!(
        left_out.contains("was left out of the recording (--variants, --renditions)"),
        "{left_out}"
    );
}
