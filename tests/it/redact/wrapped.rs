//! What was told as a secret in one place, written in another way elsewhere: escaped, in hexadecimal digits, in a
//! text of UTF-16 or gzip.

use super::compressed::gzip;
use super::pen::write;
use super::{copy, has};
use crate::support::session::Session;

/// Told by a cookie.
const SECRET: &str = "kudu-5x5-Grazing";

fn escaped(of: impl Fn(u8) -> String) -> String {
    SECRET.bytes().map(of).collect()
}

fn utf16(text: &str) -> Vec<u8> {
    let units = text.encode_utf16();
    units.flat_map(u16::to_le_bytes).collect()
}

fn unwrapped(bytes: &[u8]) -> String {
    let units = bytes.as_chunks::<2>().0.iter();
    let units: Vec<u16> = units.map(|pair| u16::from_le_bytes(*pair)).collect();
    String::from_utf16(&units).unwrap()
}

fn unzipped(bytes: &[u8]) -> String {
    std::io::read_to_string(flate2::read::GzDecoder::new(bytes)).unwrap()
}

/// What the copy has in place of the secret.
fn pseudonym(copy: &Session) -> String {
    let cookie: String = copy.one("SELECT fields FROM header_set WHERE fields LIKE '%set-cookie%'");
    let value = cookie.split("sid=").nth(1).unwrap();
    value.split(';').next().unwrap().to_owned()
}

/// Body of the last exchange of a URL.
fn body(copy: &Session, url: &str) -> Vec<u8> {
    let sql = format!(
        "SELECT e.id FROM exchange e JOIN resource r ON r.id = e.resource_id WHERE r.url LIKE '%/{url}'"
    );
    copy.body(copy.number(&sql))
}

#[test]
fn a_secret_that_is_written_in_another_way_is_replaced_there_in_the_same_way() {
    let folder = tempfile::tempdir().unwrap();
    let hex = escaped(|b| format!("{b:02x}"));
    let spelled = [
        escaped(|b| format!("\\x{b:02x}")),
        escaped(|b| format!("\\{b:03o}")),
        escaped(|b| format!("{b:02X}:")),
        hex.clone(),
    ];
    let url = |path: &str| format!("http://origin.example/{path}");
    let cue = format!("#EXT-X-DATERANGE:ID=\"1\",SCTE35-OUT=0xFC3025{hex}00\n");
    write(folder.path(), |pen| {
        let cookie = format!("sid={SECRET}; Path=/").into_bytes();
        pen.fields.push(("set-cookie".to_owned(), cookie));
        pen.text(&url("live.m3u8"), format!("#EXTM3U\n{cue}").as_bytes());
        pen.text(
            &url("page"),
            format!("<p>{}</p>", spelled.join(" ")).as_bytes(),
        );
        pen.text(&url("wide"), &utf16(&format!("\u{feff}wide {SECRET}")));
        pen.chunk(&url("wide.vtt"), &utf16(&format!("WEBVTT\n\n{SECRET}\n")));
        pen.text(
            &url("zipped"),
            &gzip(format!("{{\"a\": \"{SECRET}\"}}").as_bytes()),
        );
        pen.chunk(
            &url("zipped.bin"),
            &gzip(format!("see {SECRET}").as_bytes()),
        );
        pen.chunk(&url("none.bin"), &gzip(b"nothing is here"));
        pen.chunk(&url("media.bin"), &gzip(&[0, 1, 2]));
    });
    let (copy, said) = copy(folder.path(), &[]);
    let new = pseudonym(&copy);
    assert_ne!(new, SECRET);
    let hex_of = |text: &str| -> String { text.bytes().map(|b| format!("{b:02x}")).collect() };
    let page = String::from_utf8(body(&copy, "page")).unwrap();
    for old in &spelled {
        assert!(!page.contains(old.trim_end_matches(':')), "{page}");
    }
    let with_colons: String = new.bytes().map(|b| format!("{b:02X}:")).collect();
    assert!(page.contains(&with_colons), "{page}");
    let live = String::from_utf8(body(&copy, "live.m3u8")).unwrap();
    let (in_hex, live) = (hex_of(&new), live.to_lowercase());
    assert!(live.contains(&format!("=0xfc3025{in_hex}00")), "{live}");
    assert_eq!(
        unwrapped(&body(&copy, "wide")),
        format!("\u{feff}wide {new}")
    );
    assert_eq!(
        unwrapped(&body(&copy, "wide.vtt")),
        format!("WEBVTT\n\n{new}\n")
    );
    assert_eq!(
        unzipped(&body(&copy, "zipped")),
        format!("{{\"a\": \"{new}\"}}")
    );
    assert_eq!(unzipped(&body(&copy, "zipped.bin")), format!("see {new}"));
    assert_eq!(unzipped(&body(&copy, "none.bin")), "nothing is here");
    // What is compressed and no text cannot be searched.
    assert!(body(&copy, "media.bin").iter().all(|b| *b == 0), "{said}");
    assert!(!has(said.as_bytes(), SECRET.as_bytes()));
}

#[test]
fn gzip_behind_other_bytes_becomes_zeros_in_the_database_and_is_told_in_media() {
    let folder = tempfile::tempdir().unwrap();
    let hidden = gzip(format!("see {SECRET}").as_bytes());
    let behind = |first: &[u8]| [first, hidden.as_slice()].concat();
    let url = |path: &str| format!("http://origin.example/{path}");
    write(folder.path(), |pen| {
        let cookie = format!("sid={SECRET}; Path=/").into_bytes();
        pen.fields.push(("set-cookie".to_owned(), cookie));
        pen.text(&url("live.m3u8"), b"#EXTM3U\n");
        pen.text(&url("own"), &behind(b"\x01own "));
        pen.chunk(&url("a.ts"), &behind(b"\x02 media "));
    });
    let (copy, said) = copy(folder.path(), &[]);
    assert!(body(&copy, "own").iter().all(|b| *b == 0), "{said}");
    assert!(said.contains("Careful: 1 media chunks"), "{said}");
}

#[test]
fn utf_16_behind_other_bytes_is_replaced_in_the_database_and_told_in_media() {
    let folder = tempfile::tempdir().unwrap();
    let behind = |first: &[u8], text: &str| [first, utf16(text).as_slice()].concat();
    let url = |path: &str| format!("http://origin.example/{path}");
    write(folder.path(), |pen| {
        let cookie = format!("sid={SECRET}; Path=/").into_bytes();
        pen.fields.push(("set-cookie".to_owned(), cookie));
        pen.text(&url("live.m3u8"), b"#EXTM3U\n");
        pen.text(&url("own"), &behind(b"o", SECRET));
        // All of it can be read as UTF-16.
        pen.chunk(&url("a.ts"), &behind(b"plain ", SECRET));
        // It looks like UTF-16 of the other order, and is none.
        pen.chunk(&url("b.ts"), &behind(b"x", SECRET));
    });
    let (copy, said) = copy(folder.path(), &[]);
    let new = pseudonym(&copy);
    assert_eq!(body(&copy, "own"), behind(b"o", &new), "{said}");
    assert_eq!(body(&copy, "a.ts"), behind(b"plain ", &new), "{said}");
    assert!(said.contains("Careful: 1 media chunks"), "{said}");
}
