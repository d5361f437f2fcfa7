//! What keys are: nowhere in a copy without them, however they are written; said where they stay.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::Connection;

use super::pen::write;
use super::{copy, files, has};

/// With an end of a line in it.
const RAW: &[u8; 16] = b"\x91\x0aokapi\xfe\x02\xc3\x7f~.\x1b\0\x9d";
const READABLE: &str = "Okapi+Grazing_16";
const INLINE: [u8; 16] = [
    0xb1, 0x4e, 0x07, 0xd2, 0x63, 0x98, 0x2c, 0xf5, 0x80, 0x1d, 0xe6, 0x39, 0xaa, 0x54, 0x0f, 0xc8,
];
const REFUSED: &str = "Gnu404AtNoon+key";
const MOVED: &str = "Gnu302AtDusk+key";

fn percent(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("%{b:02x}")).collect()
}

fn hex(bytes: &[u8], between: &str) -> String {
    let bytes: Vec<String> = bytes.iter().map(|b| format!("{b:02X}")).collect();
    bytes.join(between)
}

/// How a key may be written in a text.
fn spellings(key: &[u8]) -> Vec<String> {
    let mut all = vec![
        hex(key, "").to_lowercase(),
        hex(key, ":"),
        hex(key, "-"),
        hex(key, " "),
        format!("0x{}", hex(key, ",0x")),
        STANDARD.encode(key),
        percent(key),
        key.iter().map(|b| format!("\\x{b:02x}")).collect(),
        key.iter().map(|b| format!("\\u00{b:02x}")).collect(),
        // In base 64 with something before it.
        STANDARD.encode([b"box.".as_slice(), key, b"."].concat()),
    ];
    all.extend(String::from_utf8(key.to_vec()).ok());
    all
}

fn record(folder: &std::path::Path) {
    let url = |path: &str| format!("http://origin.example/{path}");
    let mut live = format!(
        "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"data:,{}\"\n#EXT-X-KEY:METHOD=AES-128,URI=\"raw.key\"\n",
        percent(&INLINE)
    );
    let mut page = "WEBVTT\n\n".to_owned();
    for key in [RAW.as_slice(), READABLE.as_bytes(), &INLINE] {
        for spelled in spellings(key) {
            live += &format!("# {spelled} #\n");
            page += &format!("said: <{spelled}>\n");
        }
    }
    write(folder, |pen| {
        pen.fields.push(("x-raw".to_owned(), RAW.to_vec()));
        pen.fields.push(("x-own".to_owned(), READABLE.into()));
        pen.text(&url("live.m3u8"), live.as_bytes());
        pen.key(&url("raw.key"), RAW);
        pen.key(&url("readable.key"), READABLE.as_bytes());
        pen.chunk(&url("a.vtt"), page.as_bytes());
        pen.text(
            &url("raw.txt"),
            &[b"see ".as_slice(), RAW, b" there"].concat(),
        );
        pen.status = 404;
        pen.key(&url("lost.key"), REFUSED.as_bytes());
        pen.key(
            &url("page.key"),
            &[b"<p>Not found, sorry. ".as_slice(), &[b'-'; 80]].concat(),
        );
        pen.status = 302;
        pen.key(&url("moved.key"), MOVED.as_bytes());
    });
    let database = folder.join("sessions/session1/session.db");
    let db = Connection::open(&database).unwrap();
    let refused = format!(
        "\"data:,{}\" in \"s\": neither http nor https",
        percent(&INLINE)
    );
    let event = "INSERT INTO event (at_us, kind, detail) VALUES (1, 'refused uri', ?1)";
    assert_eq!(db.execute(event, [refused]).unwrap(), 1);
    db.close().unwrap();
    std::fs::remove_file(database.with_file_name("session.sum")).unwrap();
}

/// Which of the keys are in a folder, in which spelling, and in which file.
fn left(folder: &std::path::Path) -> Vec<String> {
    let mut all = Vec::new();
    files(folder, &mut all);
    let mut left = Vec::new();
    let keys = [RAW.as_slice(), READABLE.as_bytes(), &INLINE];
    let keys = keys
        .into_iter()
        .chain([REFUSED.as_bytes(), MOVED.as_bytes()]);
    for key in keys {
        let as_it_is = (format!("{key:?}"), key.to_vec());
        let in_field: String = key.iter().map(|b| char::from(*b)).collect();
        let in_json = serde_json::to_string(&in_field).unwrap();
        let in_json = in_json.trim_matches('"').to_owned();
        let spelled = spellings(key).into_iter().chain([in_field, in_json]);
        let spelled = spelled.map(|text| (text.clone(), text.into_bytes()));
        for (shown, bytes) in spelled.chain([as_it_is]) {
            for (path, content) in &all {
                if has(content, &bytes) {
                    left.push(format!("{shown} in {}", path.display()));
                }
            }
        }
    }
    left
}

#[test]
fn a_key_that_is_dropped_is_nowhere_however_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path());
    assert!(left(&folder.path().join("sessions/session1")).len() > 50);
    let (session, said) = copy(folder.path(), &["--drop-keys"]);
    assert_eq!(left(session.path()), Vec::<String>::new(), "{said}");
    assert!(said.contains("keys that are zeros now: 4"), "{said}");
    assert!(!said.contains("as they were"), "{said}");
    // An error that is none, and too long for one, is there to be seen.
    let page = "SELECT count(*) FROM body WHERE CAST(data AS TEXT) LIKE '<p>Not found, sorry.%'";
    assert_eq!(session.number(page), 1);
}

#[test]
fn keys_that_stay_are_told() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path());
    let (session, said) = copy(folder.path(), &[]);
    assert!(!left(session.path()).is_empty());
    let kept = "3 keys are in the copy as they were; --drop-keys";
    assert!(said.contains(kept), "{said}");
    assert!(!said.contains("nothing"), "{said}");
}
