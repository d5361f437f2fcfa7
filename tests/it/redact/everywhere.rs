//! Secrets of every look in every place of a session: none is in the copy, or there is no copy.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use rusqlite::Connection;

use super::pen::{Pen, write};
use super::{files, has, issession, said};
use crate::support::{Dice, rounds, seed};

/// Attributes with quoted strings, of each tag of RFC 8216bis that has some, and of tags that nobody knows.
const ATTRIBUTES: [&str; 47] = [
    "#EXT-X-KEY:METHOD=AES-128,URI",
    "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://one\",KEYFORMAT",
    "#EXT-X-KEY:METHOD=SAMPLE-AES,URI=\"skd://one\",KEYFORMATVERSIONS",
    "#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI",
    "#EXT-X-MAP:URI",
    "#EXT-X-MAP:URI=\"i.mp4\",BYTERANGE",
    "#EXT-X-MEDIA:TYPE=AUDIO,URI",
    "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID",
    "#EXT-X-MEDIA:TYPE=AUDIO,LANGUAGE",
    "#EXT-X-MEDIA:TYPE=AUDIO,ASSOC-LANGUAGE",
    "#EXT-X-MEDIA:TYPE=AUDIO,NAME",
    "#EXT-X-MEDIA:TYPE=AUDIO,STABLE-RENDITION-ID",
    "#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,INSTREAM-ID",
    "#EXT-X-MEDIA:TYPE=AUDIO,CHARACTERISTICS",
    "#EXT-X-MEDIA:TYPE=AUDIO,CHANNELS",
    "#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS",
    "#EXT-X-STREAM-INF:BANDWIDTH=1,SUPPLEMENTAL-CODECS",
    "#EXT-X-STREAM-INF:BANDWIDTH=1,ALLOWED-CPC",
    "#EXT-X-STREAM-INF:BANDWIDTH=1,REQ-VIDEO-LAYOUT",
    "#EXT-X-STREAM-INF:BANDWIDTH=1,STABLE-VARIANT-ID",
    "#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO",
    "#EXT-X-STREAM-INF:BANDWIDTH=1,VIDEO",
    "#EXT-X-STREAM-INF:BANDWIDTH=1,SUBTITLES",
    "#EXT-X-STREAM-INF:BANDWIDTH=1,CLOSED-CAPTIONS",
    "#EXT-X-STREAM-INF:BANDWIDTH=1,PATHWAY-ID",
    "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI",
    "#EXT-X-SESSION-DATA:VALUE=\"x\",DATA-ID",
    "#EXT-X-SESSION-DATA:DATA-ID=\"x\",VALUE",
    "#EXT-X-SESSION-DATA:DATA-ID=\"x\",URI",
    "#EXT-X-SESSION-DATA:DATA-ID=\"x\",VALUE=\"y\",LANGUAGE",
    "#EXT-X-DEFINE:VALUE=\"x\",NAME",
    "#EXT-X-DEFINE:NAME=\"x\",VALUE",
    "#EXT-X-DEFINE:IMPORT",
    "#EXT-X-DEFINE:QUERYPARAM",
    "#EXT-X-PART:DURATION=0.5,URI",
    "#EXT-X-PRELOAD-HINT:TYPE=PART,URI",
    "#EXT-X-RENDITION-REPORT:LAST-MSN=1,URI",
    "#EXT-X-CONTENT-STEERING:SERVER-URI",
    "#EXT-X-CONTENT-STEERING:SERVER-URI=\"s.json\",PATHWAY-ID",
    "#EXT-X-SKIP:SKIPPED-SEGMENTS=3,RECENTLY-REMOVED-DATERANGES",
    "#EXT-X-DATERANGE:START-DATE=\"2026-11-21T18:00:00Z\",ID",
    "#EXT-X-DATERANGE:ID=\"x\",CLASS",
    "#EXT-X-DATERANGE:ID=\"x\",START-DATE",
    "#EXT-X-DATERANGE:ID=\"x\",X-COM-EXAMPLE",
    "#EXT-X-DATERANGE:ID=\"x\",X-ASSET-URI",
    "#EXT-X-DATERANGE:ID=\"x\",X-ASSET-LIST",
    "#EXT-X-OWN-TAG:FOO",
];

/// Lines with the secret at `@`.
const LINES: [&str; 14] = [
    "# @",
    "#EXT-X-OWN-TAG:@",
    "#OWN:x=1,@",
    "#EXT-X-VERSION:@",
    "#EXT-X-PROGRAM-DATE-TIME:@",
    "#EXT-X-PLAYLIST-TYPE:@",
    "#EXT-X-BYTERANGE:@",
    "#EXT-X-MEDIA:TYPE=AUDIO,FOO=@",
    "#EXTINF:1 tvg-id=\"@\",title",
    "#EXTINF:1 @,title",
    "#EXTINF:1,@",
    "#EXT-X-DATERANGE:ID=\"x\",X-COM-DATA=\"{\\\"a\\\":\\\"@\\\"}\"",
    "@/v1/seg.ts",
    "/pt/@/seg.ts?x=1",
];

/// Texts of bodies.
const BODIES: [&str; 8] = [
    "{\"error\":\"no\",\"detail\":\"@\"}",
    "{\"VERSION\":1,\"TTL\":10,\"RELOAD-URI\":\"/steer/@/m.json\",\"PATHWAY-PRIORITY\":[\"@\"]}",
    "{\"ASSETS\":[{\"URI\":\"ads/@/a.m3u8\",\"DURATION\":10}],\"X-OWN\":\"@\"}",
    "WEBVTT\n\n00:00.000 --> 00:01.000\n@\n",
    "<html><a href='/x/@/y'>@</a></html>",
    "a=1\n@\nb=2",
    "[[\"@\"]]",
    "see https:\\/\\/cdn.example\\/@\\/x.ts now",
];

/// Changes of rows; `ID` is an exchange without a listing.
const ROWS: [&str; 13] = [
    "UPDATE exchange SET error = 'failed: @' WHERE id = ID",
    "UPDATE exchange SET note = 'odd: @' WHERE id = ID",
    "UPDATE exchange SET remote_addr = '@' WHERE id = ID",
    "UPDATE exchange SET http_version = '@' WHERE id = ID",
    "UPDATE exchange SET arrival = '[[0,\"@\"]]' WHERE id = ID",
    "UPDATE stream SET name = 'x-@'",
    "UPDATE stream SET url = 'http://origin.example/@/live.m3u8'",
    "UPDATE run SET program = 'isrecorder @', ended = '@'",
    "INSERT INTO event (at_us, kind, detail) VALUES (1, 'late', '@')",
    "INSERT INTO event (at_us, kind, detail) VALUES (1, 'left out', '@')",
    "INSERT INTO event (at_us, kind, detail) VALUES (1, 'date range', '{\"id\":\"@\",\"url\":\"http://h/@/x\"}')",
    "INSERT INTO alias SELECT 'http://origin.example/@/y.ts?x=@', id FROM resource LIMIT 1",
    "UPDATE header_set SET fields = '[[\"x-@\",\"1\"],[\"x-own\",\"@\"],[\"server\",\"@\"]]' WHERE id = 1",
];

/// A secret: how it is written, and what of it must be nowhere.
struct Secret {
    written: String,
    parts: Vec<String>,
    /// It can stand in a path, a name of a file or of a parameter.
    is_plain: bool,
}

/// Letters and digits as only chance mixes them.
fn mixed(dice: &mut Dice, length: usize) -> String {
    const CLASSES: [&[u8]; 3] = [b"abcdefghjkmnpqrs", b"ABCDEFGHJKLMNPQR", b"0123456789"];
    let mut class = 0;
    let mut one = |_| {
        class = (class + 1 + dice.below(2) as usize) % 3;
        let of = CLASSES[class];
        char::from(of[dice.below(of.len() as u64) as usize])
    };
    (0..length).map(&mut one).collect()
}

fn hex(dice: &mut Dice, length: usize) -> String {
    let digits = |n: u64| char::from(b"0123456789abcdef"[n as usize]);
    let mut text: String = (2..length).map(|_| digits(dice.below(16))).collect();
    text += "7e";
    text
}

fn any_secret(dice: &mut Dice) -> Secret {
    let token = mixed(dice, 32);
    let plain = |text: String| Secret {
        parts: vec![text.clone()],
        written: text,
        is_plain: true,
    };
    let written = |written: String, parts: &[&String]| Secret {
        written,
        parts: parts.iter().map(|part| (*part).clone()).collect(),
        is_plain: false,
    };
    match dice.below(14) {
        0 => plain(hex(dice, 32)),
        1 => plain(hex(dice, 40).to_uppercase()),
        2 | 3 => {
            let h = hex(dice, 32);
            let uuid = [&h[..8], &h[8..12], &h[12..16], &h[16..20], &h[20..]].join("-");
            plain(if dice.below(2) == 0 {
                uuid
            } else {
                uuid.to_uppercase()
            })
        }
        4 => plain(token),
        5 => {
            let claims = STANDARD_NO_PAD.encode(format!("{{\"sub\":\"{token}\"}}"));
            plain(format!("eyJhbGciOiJIUzI1NiJ9.{claims}.{}", mixed(dice, 30)))
        }
        6 => {
            let coded = format!(
                "{}/{}+{}==",
                mixed(dice, 12),
                mixed(dice, 12),
                mixed(dice, 16)
            );
            written(coded.clone(), &[&coded])
        }
        7 => {
            let (a, b) = (mixed(dice, 21), mixed(dice, 22));
            Secret {
                written: format!("{a}%2F{b}%3D"),
                parts: vec![format!("{a}/{b}"), format!("{a}%2F{b}"), a, b],
                is_plain: true,
            }
        }
        8 => {
            let coded = format!("{}\\/{}", mixed(dice, 24), mixed(dice, 24));
            written(coded.clone(), &[&coded, &coded.replace('\\', "")])
        }
        9 => {
            let mac = hex(dice, 64);
            written(
                format!("hdnts=exp=1764000000~acl=/live/*~hmac={mac}"),
                &[&mac],
            )
        }
        10 => {
            let policy = STANDARD_NO_PAD.encode(format!("{{\"Statement\":\"{token}\"}}"));
            let (signature, pair) = (
                mixed(dice, 60),
                format!("APKA{}", hex(dice, 12).to_uppercase()),
            );
            let url = format!("?Policy={policy}&Signature={signature}&Key-Pair-Id={pair}");
            written(url, &[&policy, &signature, &pair])
        }
        11 => {
            let user = format!("user7:{token}");
            let coded = STANDARD.encode(&user);
            written(format!("Basic {coded}"), &[&coded, &token])
        }
        12 => {
            let signature = mixed(dice, 43);
            written(
                format!("?sv=2024-01-01&sig={signature}%3D&se=2026-12-01"),
                &[&signature],
            )
        }
        _ => {
            let password = format!(
                "{}{}w",
                ["pa5s", "hun7er", "le7mein"][dice.below(3) as usize],
                dice.below(1000)
            );
            let name = [
                "pw=",
                "password: ",
                "token \\\"",
                "\"passphrase\":\"",
                "KEYID=",
                "auth_token=",
            ];
            let name = name[dice.below(6) as usize];
            written(format!("{name}{password}"), &[&password])
        }
    }
}

fn lines(dice: &mut Dice, secret: &Secret) -> String {
    let mut text = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n".to_owned();
    for _ in 0..1 + dice.below(4) {
        // In a quoted string it is not written with quotes.
        let has_quote = secret.written.contains('"');
        let line = match dice.below(2) {
            0 if !has_quote => {
                let attribute = ATTRIBUTES[dice.below(ATTRIBUTES.len() as u64) as usize];
                format!("{attribute}=\"@\"\n")
            }
            _ => {
                let several = if has_quote { 4 } else { LINES.len() as u64 };
                LINES[dice.below(several) as usize].to_owned() + "\n"
            }
        };
        // A path has what a path can have.
        let is_path = line.starts_with(['@', '/']);
        text += &match is_path && !secret.is_plain {
            true => format!("seg.ts?x={}\n", secret.written.replace(' ', "%20")),
            false => line.replace('@', &secret.written),
        };
    }
    text
}

/// Writes a secret into one place; what it says is a change of a row.
fn plant(pen: &mut Pen<'_>, dice: &mut Dice, n: u64, secret: &Secret) -> Option<String> {
    let url = format!("http://origin.example/{n}/x{n}");
    match dice.below(5) {
        0 => pen.text(&url, lines(dice, secret).as_bytes()),
        1 => {
            let body = BODIES[dice.below(BODIES.len() as u64) as usize];
            let text = body.replace('@', &secret.written);
            match dice.below(2) {
                0 => pen.text(&url, text.as_bytes()),
                _ => pen.chunk(&format!("{url}.vtt"), text.as_bytes()),
            }
        }
        2 => {
            // Lines that are shared: enough of them.
            let mut text = lines(dice, secret);
            (0..80).for_each(|k| text += &format!("#EXTINF:1,\nseg-{k:05}.ts\n"));
            pen.text(&url, text.as_bytes());
        }
        3 if secret.is_plain => {
            let path = match dice.below(4) {
                0 => format!("http://origin.example/live/{}/x{n}.ts", secret.written),
                1 => format!("http://origin.example/live/{}.ts", secret.written),
                2 => format!("{url}.ts?{}=1", secret.written),
                _ => format!("{url}.ts?x={}", secret.written),
            };
            pen.chunk(&path, &[0, n as u8]);
        }
        3 => pen.chunk(&format!("{url}.ts?x={}", secret.written), &[0, n as u8]),
        _ => {
            return Some(
                ROWS[dice.below(ROWS.len() as u64) as usize]
                    .replace('@', &secret.written.replace('\'', "''")),
            );
        }
    }
    None
}

/// Bytes as they are, without percent-encoding, and what is in base 64 in them.
fn views(bytes: &[u8]) -> Vec<Vec<u8>> {
    let decoded: Vec<u8> = percent_encoding::percent_decode(bytes).collect();
    let mut coded = Vec::new();
    let is_coded = |b: &u8| b.is_ascii_alphanumeric() || b"+/-_".contains(b);
    for run in bytes.split(|b| !is_coded(b)).filter(|run| run.len() >= 16) {
        let standard: Vec<u8> = run
            .iter()
            .map(|b| match b {
                b'-' => b'+',
                b'_' => b'/',
                b => *b,
            })
            .collect();
        for start in 0..4 {
            let whole = &standard[start..start + (standard.len() - start) / 4 * 4];
            coded.extend(STANDARD_NO_PAD.decode(whole).unwrap_or_default());
            coded.push(b'\n');
        }
    }
    vec![bytes.to_vec(), decoded, coded]
}

/// Which of these is in a folder, and in which file.
fn left(folder: &std::path::Path, secrets: &[Secret]) -> Vec<String> {
    let mut all = Vec::new();
    files(folder, &mut all);
    let mut left = Vec::new();
    for (path, content) in all {
        let name = path
            .strip_prefix(folder)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        for view in views(&content).iter().chain([&name.clone().into_bytes()]) {
            let parts = secrets.iter().flat_map(|secret| &secret.parts);
            let there = parts.filter(|part| has(view, part.as_bytes()));
            left.extend(there.map(|part| format!("{part} in {name}")));
        }
    }
    left
}

#[test]
fn by_chance_a_secret_of_any_look_in_any_place_is_not_in_the_copy() {
    let seed = seed();
    let mut dice = Dice::new(seed);
    let mut copies = 0;
    for round in 0..rounds(12, 500) {
        let folder = tempfile::tempdir().unwrap();
        let secrets: Vec<Secret> = (0..10).map(|_| any_secret(&mut dice)).collect();
        let mut changes = Vec::new();
        write(folder.path(), |pen| {
            pen.text("http://origin.example/live.m3u8", b"#EXTM3U\nindex.m3u8\n");
            pen.text("http://origin.example/first", b"first");
            for (n, secret) in (0..).zip(&secrets) {
                changes.extend(plant(pen, &mut dice, n, secret));
            }
        });
        let session = folder.path().join("sessions/session1");
        let db = Connection::open(session.join("session.db")).unwrap();
        for change in &changes {
            // Two may be for one row: the second wins.
            db.execute_batch(&change.replace("id = ID", "id = 2"))
                .unwrap();
        }
        db.close().unwrap();
        std::fs::remove_file(session.join("session.sum")).unwrap();
        let output = issession(folder.path(), &["redact", "session1", "new"]);
        let said = said(&output);
        let new = folder.path().join("sessions/new");
        if output.status.code() == Some(1) {
            assert!(
                said.contains("secret") && !new.exists(),
                "seed {seed}, round {round}: {said}"
            );
            continue;
        }
        assert!(
            output.status.success(),
            "seed {seed}, round {round}: {said}"
        );
        copies += 1;
        let left = left(&new, &secrets);
        assert!(
            left.is_empty(),
            "seed {seed}, round {round}: {left:#?}\n{changes:#?}"
        );
        let spoken = secrets
            .iter()
            .flat_map(|s| &s.parts)
            .find(|part| said.contains(*part));
        assert_eq!(spoken, None, "seed {seed}, round {round}: {said}");
    }
    assert!(copies > 0, "every copy was refused");
}
