//! What an honest session has stays as it is; what changes when URLs are renewed goes.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::pen::write;
use super::{found, issession, said};
use crate::support::session::Session;

const TOKEN: &str = "kJ8sd7Hh2s9dKq0PzLx3Vb";

const MAIN: &str = "#EXTM3U
#EXT-X-VERSION:9
#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI=\"skd://key65\",KEYFORMAT=\"com.apple.streamingkeydelivery\",KEYFORMATVERSIONS=\"1\"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"aac-128k\",LANGUAGE=\"en-GB\",NAME=\"English (2.0)\",CHANNELS=\"2\",URI=\"audio_eng/index.m3u8\"
#EXT-X-STREAM-INF:BANDWIDTH=6000000,RESOLUTION=1920x1080,CODECS=\"avc1.640028,mp4a.40.2\",FRAME-RATE=50.000,AUDIO=\"aac-128k\"
video_1080p/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=800000,RESOLUTION=640x360,CODECS=\"hvc1.2.4.L93.B0,ec-3\",STABLE-VARIANT-ID=\"sd-360\"
video_360p/index.m3u8
";

const MEDIA: &str = "#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:6
#EXT-X-MEDIA-SEQUENCE:7089252
#EXT-X-KEY:METHOD=AES-128,URI=\"key.bin\",IV=0x9c7db8778570d05c3177c349fd9236aa
#EXT-X-KEY:METHOD=SAMPLE-AES-CTR,URI=\"data:text/plain;base64,AAAAOHBzc2gAAAAA7e+LqXnWSs6jyCfc1R0h7QAAABgSEE8b\",KEYFORMAT=\"urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed\"
#EXT-X-KEY:METHOD=SAMPLE-AES-CTR,URI=\"data:,x\",KEYFORMAT=\"urn:uuid:4a1c0d7e-02b5-4c55-9f31-7d2c5b8e6a90\"
#EXT-X-DATERANGE:ID=\"break-12\",CLASS=\"com.example.ad\",START-DATE=\"2026-11-21T18:00:00.000Z\",SCTE35-OUT=0xFC302500000000000000FFF01405000000017FEFFE72BD74007E0029363C0000000000008B2A2C99
#EXT-OATCLS-SCTE35:/DAlAAAAAAAAAP/wFAUAAAABf+/+c2nALv4AUs1gAAAAAAA8bQ==
#EXT-X-PROGRAM-DATE-TIME:2026-11-21T18:00:00.123Z
#EXTINF:6.006,The Evening News
seg-00012.ts
#EXTINF:6.006,
chunk_b1280000_7089253.m4s
#EXTINF:6,
20261121T180012Z.ts
";

#[test]
fn ordinary_names_numbers_dates_and_identifiers_stay() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), |pen| {
        let url = |path: &str| format!("https://cdn.example.com/live/channel1/{path}");
        // Words and numbers that are values of a query, too, are ordinary all the same.
        let query = format!(
            "?name=video_1080p&res=1920x1080&codec=avc1.640028&file=seg-00012.ts&t={TOKEN}"
        );
        pen.text(&url(&format!("main.m3u8{query}")), MAIN.as_bytes());
        pen.text(&url("video_1080p/index.m3u8"), MEDIA.as_bytes());
        let etag = (
            "etag".to_owned(),
            b"\"5d41402abc4b2a76b9719d911017c592\"".to_vec(),
        );
        pen.fields.push(etag);
        pen.chunk(&url("video_1080p/seg-00012.ts"), &[0x47, 0]);
        pen.chunk(&url("video_1080p/chunk_b1280000_7089253.m4s"), &[0, 1]);
    });
    let output = issession(folder.path(), &["redact", "session1", "new"]);
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    let new = Session::open(folder, "new");
    let texts: Vec<String> =
        new.list("SELECT text FROM body WHERE text LIKE '#EXTM3U%' ORDER BY id");
    for (text, wanted) in texts.iter().zip([MAIN, MEDIA]) {
        for (line, wanted) in text.lines().zip(wanted.lines()) {
            assert_eq!(line, wanted);
        }
    }
    assert_eq!(found(new.path(), &[TOKEN]), BTreeSet::new());
    let etag: i64 = new.number(
        "SELECT count(*) FROM exchange e JOIN header_set h ON h.id = e.header_set_id
          WHERE h.fields || ifnull(e.header_values, '') LIKE '%5d41402abc4b2a76b9719d911017c592%'",
    );
    assert_eq!(etag, 1);
    let chunks: Vec<String> = new.list("SELECT path FROM body WHERE path IS NOT NULL ORDER BY id");
    assert_eq!(
        chunks,
        [
            "live/channel1/video_1080p/seg-00012.ts",
            "live/channel1/video_1080p/chunk_b1280000_7089253.m4s"
        ]
    );
    // What stays though nobody can be sure of it is told.
    assert!(
        said.contains("folders of URLs that stay as they are: "),
        "{said}"
    );
    for told in [
        " video_1080p",
        " channel1",
        "too short or too ordinary to be looked for",
    ] {
        assert!(said.contains(told), "{told}: {said}");
    }
}

#[test]
fn folders_that_change_when_a_url_is_renewed_go_whatever_they_look_like() {
    let folder = tempfile::tempdir().unwrap();
    let url = |token: &str| format!("https://cdn.example.com/pt/{token}/summer/seg-1.ts");
    let playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n/pt/autumn/summer/seg-1.ts\n#EXTINF:6,\n/pt/b7/summer/seg-1.ts\n";
    write(folder.path(), |pen| {
        pen.text("https://cdn.example.com/live.m3u8", playlist.as_bytes());
        pen.chunk(&url("autumn"), &[0x47, 0]);
        pen.chunk(
            "https://cdn.example.com/pt/04122a8a/summer/seg-2.ts",
            &[0x47, 1],
        );
        pen.text(
            "https://cdn.example.com/m.json",
            b"{\"RELOAD-URI\":\"/pt/winter1/summer/s.json\"}",
        );
    });
    let session = folder.path().join("sessions/session1");
    let db = Connection::open(session.join("session.db")).unwrap();
    for token in ["winter1", "b7x", "9031"] {
        let sql = "INSERT INTO alias SELECT ?1, id FROM resource WHERE url = ?2";
        assert_eq!(db.execute(sql, [url(token), url("autumn")]).unwrap(), 1);
    }
    db.close().unwrap();
    std::fs::remove_file(session.join("session.sum")).unwrap();
    let output = issession(folder.path(), &["redact", "session1", "new"]);
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    let new = Session::open(folder, "new");
    let tokens = ["/autumn/", "/winter1/", "/b7x/", "/9031/", "04122a8a"];
    assert_eq!(found(new.path(), &tokens), BTreeSet::new());
    let chunk: String = new.one("SELECT path FROM body WHERE path LIKE '%seg-1.ts'");
    assert!(
        chunk.starts_with("pt/") && chunk.ends_with("/summer/seg-1.ts"),
        "{chunk}"
    );
    // What the playlist lists is still what was recorded.
    let listed: String = new.one("SELECT text FROM body WHERE text LIKE '#EXTM3U%'");
    let path = listed
        .lines()
        .find(|line| line.starts_with("/pt/"))
        .unwrap();
    let rows = format!("SELECT count(*) FROM resource WHERE url = 'https://cdn.example.com{path}'");
    assert_eq!(new.number(&rows), 1, "{listed}");
    assert!(said.contains(" summer") && said.contains(" pt"), "{said}");
}

#[test]
fn names_in_the_words_of_the_field_tell_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = [
        "zebra99",
        "quagga4",
        "okapi123",
        "eland7777",
        "bongo-88",
        "kudu-5x5",
        "oryx1oryx",
    ];
    let [tag, pw, title, range, class, keyid, twice] = secrets;
    write(folder.path(), |pen| {
        let playlist = format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-VIEWER-PASSWORD:{tag}\n\
             #EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://asset1\",KEYID=0x{keyid}\n\
             #EXT-X-DATERANGE:ID=\"d\",CLASS=\"{class}\",START-DATE=\"2026-11-21T18:00:00Z\",X-COM-A=\"{{\\\"b\\\":{{\\\"pwd\\\":\\\"{range}\\\"}}}}\"\n\
             #EXTINF:1 user-token=\"{title}\" logo=\"x\",News, token \"{twice}\"\na.ts?session={class}\n"
        );
        pen.text("http://origin.example/live.m3u8", playlist.as_bytes());
        pen.text(
            "http://origin.example/x",
            format!("no pw={pw} for this").as_bytes(),
        );
        pen.text("http://origin.example/y", format!("{secrets:?}").as_bytes());
    });
    let output = issession(folder.path(), &["redact", "session1", "new"]);
    assert!(output.status.success(), "{}", said(&output));
    let new = folder.path().join("sessions/new");
    assert_eq!(found(&new, &secrets), BTreeSet::new());
}
