use proptest::prelude::*;

use super::outcome::RedactError;
use super::search;
use crate::session::Sessions;
use crate::upkeep::copied::new_database;
use crate::upkeep::redact::book::pseudonyms::Book;
use crate::upkeep::redact::secrets::places::Form;
use crate::upkeep::redact::secrets::secret::Rules;

fn sealed(rules: Rules, texts: &[(Form<'_>, &str)]) -> Book {
    let mut book = Book::new(rules, [3; 32]);
    for (form, text) in texts {
        book.note(*form, text.as_bytes());
    }
    if book.begin_expansions() {
        for (form, text) in texts {
            book.note(*form, text.as_bytes());
        }
    }
    book.seal().unwrap();
    book
}

const TOKEN: &str = "kJ8sd7Hh2s9dKq0PzLx3Vb";

#[test]
fn a_token_has_one_pseudonym_everywhere() {
    let url = format!("https://h/a.m3u8?t={TOKEN}");
    let mut book = sealed(Rules::default(), &[(Form::Url, &url)]);
    let new = book.redact_text(Form::Url, &url);
    let pseudonym = new.rsplit('=').next().unwrap().to_owned();
    assert_eq!(new.len(), url.len());
    assert!(pseudonym.starts_with("redacted"), "{pseudonym}");
    for (form, text) in [
        (Form::Playlist, "#EXTM3U\nseg.ts?x=@\n"),
        (Form::Playlist, "#EXTM3U\n/dir/@/seg.ts\n"),
        (Form::Playlist, "# for @\n"),
        (
            Form::Playlist,
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"@\",NAME=\"@\"\n",
        ),
        (Form::Text, "<p>expired: @</p>"),
        (Form::Field("etag"), "\"@\""),
        (Form::Field("x-echo"), "@"),
        (Form::Plain, "live/@.ts"),
    ] {
        let text = text.replace('@', TOKEN);
        let wanted = text.replace(TOKEN, &pseudonym);
        assert_eq!(book.redact_text(form, &text), wanted);
    }
}

#[test]
fn spellings_of_one_secret_stay_different_and_agree() {
    let raw = "https://h/a?t=abc/def1&u=x";
    let encoded = "https://h/a?t=abc%2Fdef1&u=x";
    let mut book = sealed(Rules::default(), &[(Form::Url, raw), (Form::Url, encoded)]);
    let (new, new_encoded) = (
        book.redact_text(Form::Url, raw),
        book.redact_text(Form::Url, encoded),
    );
    assert_ne!(new, raw);
    assert_eq!(
        new.replacen("t=", "", 1).replace("%2F", "/").len() + 2,
        new.len()
    );
    let value = new.split("t=").nth(1).unwrap();
    assert_eq!(
        new_encoded,
        format!("https://h/a?t={}", value.replacen('/', "%2F", 1))
    );
}

#[test]
fn numbers_and_words_stay_where_they_are_no_values() {
    let playlist = "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7089252\n#EXT-X-STREAM-INF:RESOLUTION=1920x1080\nsegment-0.ts?seq=7089252&r=1920x1080\n";
    let mut book = sealed(Rules::default(), &[(Form::Playlist, playlist)]);
    let new = book.redact_text(Form::Playlist, playlist);
    assert!(
        new.contains("SEQUENCE:7089252\n") && new.contains("=1920x1080\n"),
        "{new}"
    );
    assert!(
        !new.contains("seq=7089252") && !new.contains("r=1920x1080"),
        "{new}"
    );
    assert_eq!(new.len(), playlist.len());
}

#[test]
fn variables_and_what_they_make_up_agree() {
    let main = "#EXTM3U\n#EXT-X-DEFINE:NAME=\"t\",VALUE=\"abc\"\n#EXT-X-DEFINE:NAME=\"u\",VALUE=\"hunter2x\"\na?t={$t}\nb?t=pre{$u}\n";
    let (a, b) = ("https://h/a?t=abc", "https://h/b?t=prehunter2x");
    let texts = [
        (Form::Playlist, main),
        (Form::Url, a),
        (Form::Url, b),
        (Form::Url, "c?t=hunter2x"),
    ];
    let mut book = sealed(Rules::default(), &texts);
    let new = book.redact_text(Form::Playlist, main);
    let value = |name: &str| {
        let at = new
            .split(&format!("NAME=\"{name}\",VALUE=\""))
            .nth(1)
            .unwrap();
        at.split('"').next().unwrap().to_owned()
    };
    assert_ne!(value("t"), "abc");
    assert_eq!(
        book.redact_text(Form::Url, a),
        format!("https://h/a?t={}", value("t"))
    );
    assert_eq!(
        book.redact_text(Form::Url, b),
        format!("https://h/b?t=pre{}", value("u"))
    );
    assert!(new.ends_with("a?t={$t}\nb?t=pre{$u}\n"), "{new}");
}

#[test]
fn a_variable_that_is_a_part_of_a_secret_keeps_none_of_it() {
    let define =
        "#EXTM3U\n#EXT-X-DEFINE:NAME=\"name\",VALUE=\"sports\"\na?x=for-{$name}\n/{$name}/x.ts\n";
    for (form, text, secret) in [
        (
            Form::Field("set-cookie"),
            "auth=user-sports-SECRETCOOKIE77; Path=/",
            "user-sports-SECRETCOOKIE77",
        ),
        (Form::Field("x-auth-token"), "sports-4711", "sports-4711"),
        (Form::Url, "https://h/a?t=sports4711", "sports4711"),
        (Form::Text, "{\"password\":\"mysports1\"}", "mysports1"),
        (Form::Url, "https://h/a?x=for-sports", "for-sports"),
    ] {
        let mut book = sealed(Rules::default(), &[(Form::Playlist, define), (form, text)]);
        let new = book.redact_text(form, text);
        assert!(!new.contains(secret), "{new}");
        if secret.contains(|c: char| c.is_ascii_digit()) {
            let echoed = book.redact_text(Form::Plain, secret);
            assert_ne!(echoed, secret);
            assert!(book.dictionary().is_in(text.as_bytes()));
        }
    }
}

#[test]
fn what_every_copy_has_is_replaced_in_its_place_only() {
    let rules = Rules {
        secrets: vec!["abcdefg".to_owned(), "origin".to_owned()],
        ..Rules::default()
    };
    let mut book = Book::new(rules, [3; 32]);
    assert_eq!(book.fixed_secret(), None);
    book.note_fixed(crate::session::format::SCHEMA);
    assert_eq!(book.fixed_secret(), Some(2));
    let mut book = Book::new(Rules::default(), [3; 32]);
    let (form, cookie) = (Form::Field("set-cookie"), "kind=segment; Path=/");
    book.note(form, cookie.as_bytes());
    book.note_fixed(crate::session::format::SCHEMA);
    book.seal().unwrap();
    assert!(!book.redact_text(form, cookie).contains("segment"));
    assert_eq!(book.redact_text(Form::Plain, "a segment"), "a segment");
    assert!(
        !book
            .dictionary()
            .is_in(crate::session::format::SCHEMA.as_bytes())
    );
}

#[test]
fn what_is_counted_as_replaced_was_different_at_least_once() {
    let url = format!("https://h/a?t={TOKEN}");
    let mut book = sealed(Rules::default(), &[(Form::Url, &url)]);
    book.redact_text(Form::Text, &format!("{TOKEN} {TOKEN}"));
    book.redact_text(Form::Field("x-token"), TOKEN);
    let counts: Vec<_> = book.counts().into_iter().collect();
    assert_eq!(counts, [(super::What::Query, (1, 3))]);
}

#[test]
fn a_letter_that_is_not_ascii_is_replaced_alike_in_playlist_and_request() {
    let (line, url) = ("a?q=münchen77", "https://h/a?q=m%C3%BCnchen77");
    let texts = [(Form::Playlist, line), (Form::Url, url)];
    let mut book = sealed(Rules::default(), &texts);
    let asked = book.redact_text(Form::Playlist, line);
    assert_eq!(
        book.redact_text(Form::Url, url),
        format!("https://h/{asked}")
    );
}

#[test]
fn a_secret_in_mixed_spellings_is_met() {
    let secret = "abc/EF+1x";
    let mut book = sealed(Rules::default(), &[(Form::Field("x-token"), secret)]);
    let pseudonym = book.redact_text(Form::Plain, secret);
    assert_ne!(pseudonym, secret);
    for (slash, plus) in [
        ("%2f", "%2B"),
        ("%2F", "%2b"),
        ("\\u002f", "+"),
        ("\\/", "\\u002B"),
        ("&#x2F;", "&#43;"),
        ("&#47;", "+"),
    ] {
        let text = format!("<a\nsee abc{slash}EF{plus}1x.");
        assert!(book.dictionary().is_in(text.as_bytes()), "{text}");
        let wanted = pseudonym.replace('/', slash).replace('+', plus);
        let new = book.redact_text(Form::Plain, &text);
        assert_eq!(new, format!("<a\nsee {wanted}."));
        assert!(!book.dictionary().is_in(new.as_bytes()), "{new}");
    }
    // As Basic has what a query told.
    let book = sealed(Rules::default(), &[(Form::Url, "a?token=hunter2x")]);
    assert!(book.dictionary().is_in(b"aHVudGVyMng="));
}

#[test]
fn an_address_with_a_scope_is_one() {
    let rules = Rules {
        hosts: true,
        ..Rules::default()
    };
    let mut book = Book::new(rules, [3; 32]);
    book.note_host("[fe80::12%2]");
    book.seal().unwrap();
    for text in ["//[fe80::12%2]:80", "//[fe80::12]:80"] {
        let new = book.redact_text(Form::Url, text);
        assert!(!new.contains("fe80") && new.ends_with(":80"), "{new}");
    }
}

#[test]
fn hosts_in_any_spelling() {
    let rules = Rules {
        hosts: true,
        ..Rules::default()
    };
    let texts = [
        (Form::Url, "https://CDN.example.com/a"),
        (Form::Url, "http://10.0.0.1:80/"),
    ];
    let mut book = sealed(rules, &texts);
    let mut of = |text: &str| book.redact_text(Form::Text, text);
    let name = of("https://cdn.example.com/a");
    assert!(name.ends_with(".example/a") && name.len() == "https://cdn.example.com/a".len());
    assert_eq!(of("https://CDN.Example.Com/a"), name);
    assert_eq!(
        of("no address for cdn.example.com."),
        format!("no address for {}.", &name[8..23])
    );
    let address = book.redact_text(Form::Plain, "from 10.0.0.1 to 10.0.0.12");
    assert!(address.ends_with(".test to 10.0.0.12"), "{address}");
}

#[test]
fn base_64_of_a_user_is_known() {
    let mut book = sealed(Rules::default(), &[(Form::Url, "http://bob:hunter2@h/")]);
    for echoed in ["x Ym9iOmh1bnRlcjI= y", "bob:hunter2", "aHVudGVyMg"] {
        let new = book.redact_text(Form::Plain, echoed);
        assert!(new != echoed && !new.contains("hunter2"), "{new}");
    }
}

#[test]
fn a_piece_of_a_secret_is_one() {
    let hmac = "9f86d081884c7d659a2feaa0c55ad015";
    let signed = format!("https://h/a?hdnts=exp=1700000000~acl=/*~hmac={hmac}");
    let define = "#EXTM3U\n#EXT-X-DEFINE:NAME=\"u\",VALUE=\"hunter2x\"\nb?t=pre{$u}\n";
    let expanded = "https://h/b?t=prehunter2x";
    let texts = [
        (Form::Url, signed.as_str()),
        (Form::Playlist, define),
        (Form::Url, expanded),
    ];
    let mut book = sealed(Rules::default(), &texts);
    for secret in [hmac, "hunter2x"] {
        let echoed = book.redact_text(Form::Plain, &format!("denied: {secret}"));
        assert!(!echoed.contains(secret), "{echoed}");
    }
}

/// What the search says of a copy into which `wrong` writes.
fn searched(wrong: impl FnOnce(&rusqlite::Connection, &std::path::Path)) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let target = Sessions::new(folder.path()).create(Some("new")).unwrap();
    let book = sealed(Rules::default(), &[(Form::Url, &format!("a?t={TOKEN}"))]);
    let building = target.path().join("building.db");
    let db = new_database(&building).unwrap();
    wrong(&db, &target.chunks());
    db.close().unwrap();
    match search::search(&building, &target, &book) {
        Ok(()) => None,
        Err(RedactError::Left { place }) => Some(place),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn what_is_left_is_found_in_rows_in_free_pages_and_in_files() {
    let event = "INSERT INTO event (at_us, kind, detail) VALUES (1, 'late', ?1)";
    assert_eq!(searched(|_, _| {}), None);
    let in_a_row = searched(|db, _| assert_eq!(db.execute(event, [TOKEN]).unwrap(), 1));
    assert_eq!(in_a_row.as_deref(), Some("the database"));
    let deleted = searched(|db, _| {
        db.execute(event, [TOKEN]).unwrap();
        db.execute("DELETE FROM event", []).unwrap();
    });
    assert_eq!(deleted.as_deref(), Some("the database"));
    // Wherever the border between pages falls: a long text has some 480 bytes on its first one.
    for length in (400..560).step_by(4) {
        let text = format!("{}{TOKEN}{}", "x".repeat(length), "x".repeat(4000));
        let found = searched(|db, _| assert_eq!(db.execute(event, [&text]).unwrap(), 1));
        assert!(found.is_some(), "behind {length} bytes");
    }
    let body = "INSERT INTO body (size, sha256, path) VALUES (1, zeroblob(32), 'a.vtt')";
    for (content, wanted) in [
        (format!("see {TOKEN}"), Some("chunks/a.vtt")),
        ("see".to_owned(), None),
    ] {
        let found = searched(|db, chunks| {
            db.execute(body, []).unwrap();
            std::fs::write(chunks.join("a.vtt"), &content).unwrap();
        });
        assert_eq!(found.as_deref(), wanted);
    }
}

#[test]
fn what_is_left_is_found_in_a_text_that_is_kept_compressed() {
    let body =
        "INSERT INTO body (size, sha256, data, coding) VALUES (?1, zeroblob(32), ?2, 'gzip')";
    for (content, wanted) in [
        (
            format!("see {TOKEN}"),
            Some("a text that is kept compressed"),
        ),
        ("see".to_owned(), None),
    ] {
        let coded = crate::session::body::decode::gzip(content.as_bytes()).unwrap();
        let found = searched(|db, _| {
            db.execute(body, (content.len() as i64, coded)).unwrap();
        });
        assert_eq!(found.as_deref(), wanted);
    }
}

#[test]
fn a_secret_across_two_windows_is_found() {
    let book = sealed(Rules::default(), &[(Form::Url, &format!("a?t={TOKEN}"))]);
    for before in [1024 * 1024 - 5, 2 * 1024 * 1024 - 21, 10] {
        let bytes = [vec![0; before], TOKEN.into(), vec![0; 100]].concat();
        assert!(
            search::is_in(&bytes[..], book.dictionary()).unwrap(),
            "{before}"
        );
    }
    assert!(!search::is_in(&[0; 3000][..], book.dictionary()).unwrap());
}

fn any_place() -> impl Strategy<Value = (Form<'static>, &'static str)> {
    proptest::sample::select(vec![
        (Form::Url, "https://h/live/a.m3u8?k=@"),
        (Form::Url, "https://h/live/a.m3u8?x=1&k=@&y=2#z"),
        (Form::Url, "https://u:@@h/a"),
        (Form::Url, "/hdnts=@/seg.ts"),
        (Form::Playlist, "#EXTM3U\nseg.ts?k=@\n"),
        (
            Form::Playlist,
            "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"k.bin?k=@\"\n",
        ),
        (Form::Playlist, "#EXT-X-DEFINE:NAME=\"token\",VALUE=\"@\"\n"),
        (Form::Text, "{\"access_token\":\"@\"}"),
        (Form::Text, "<a href='https://h/x?k=@&amp;j=1'>"),
        (Form::Text, "Authorization: Bearer @\r\n"),
        (Form::Field("set-cookie"), "sid=@; Path=/"),
        (Form::Field("location"), "https://h2/x?k=@"),
        (Form::Field("x-session-token"), "@"),
    ])
}

proptest! {
    /// What is told in one place survives in none, however it is written there.
    #[test]
    fn a_secret_told_in_one_place_survives_nowhere(
        secret in "[a-z]{3}[A-Za-z0-9]{6,40}[0-9][a-zA-Z0-9]",
        told in any_place(),
        others in proptest::collection::vec(any_place(), 0..4),
        around in "[ -~]{0,12}",
    ) {
        let write = |(form, text): (Form<'static>, &str)| (form, text.replacen("@@", &format!("{secret}@"), 1).replace("=@", &format!("={secret}")).replace("\"@\"", &format!("\"{secret}\"")).replace(" @", &format!(" {secret}")).replacen('@', if text == "@" { &secret } else { "@" }, 1));
        let texts: Vec<_> = std::iter::once(told).chain(others).map(write).collect();
        let noted: Vec<(Form<'_>, &str)> = texts.iter().map(|(f, t)| (*f, t.as_str())).collect();
        let mut book = sealed(Rules::default(), &noted);
        for (form, text) in &texts {
            let new = book.redact_text(*form, text);
            prop_assert!(!new.contains(&secret), "{text} became {new}");
            prop_assert_eq!(new.len(), text.len());
        }
        let elsewhere = format!("{around}\n{secret}\n{around}");
        prop_assert!(!book.redact_text(Form::Plain, &elsewhere).contains(&secret));
    }
}

/// Ways to write a text.
fn spelled(way: usize, secret: &str) -> Vec<u8> {
    let each = |of: &dyn Fn(u8) -> String| secret.bytes().map(of).collect::<String>().into_bytes();
    let base64 =
        |bytes: &[u8]| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes);
    let wide: Vec<u8> = secret.bytes().flat_map(|b| [b, 0]).collect();
    match way {
        0 => each(&|b| format!("\\{b:o}")),
        1 => each(&|b| format!("\\U{b:08x}")),
        2 => each(&|b| format!("\\u{{{b:x}}}")),
        3 => each(&|b| format!("\\x{{{b:04X}}}")),
        4 => each(&|b| format!("&#{b}")),
        5 => each(&|b| format!("&#X000{b:X};")),
        6 => each(&|b| format!("&#x{b:016x};")),
        7 => each(&|b| format!("%u{b:04x}")),
        8 => each(&|b| format!("%{}{b:02x}", "25".repeat(12))),
        9 => each(&|b| format!("0x{b:02x},")),
        10 => each(&|b| format!("{b:02X}\n")),
        11 => each(&|b| format!("{b:02X}-")),
        12 => base64(secret.as_bytes())
            .chars()
            .flat_map(|c| [c, ' '])
            .collect::<String>()
            .into_bytes(),
        13 => base64(secret.as_bytes()).replace('R', "R\r\n").into_bytes(),
        14 => [b"x".as_slice(), &wide].concat(),
        15 => [b"plain ", wide.as_slice(), b" plain"].concat(),
        16 => [b"behind ", base64(secret.as_bytes()).as_bytes()].concat(),
        _ => each(&|b| format!("\\\\\\\\u{b:04x}")),
    }
}

proptest! {
    /// What is told by a URL is replaced in every spelling that is named in `docs/design/redact.md`.
    #[test]
    fn a_secret_in_any_spelling_is_met_and_replaced(
        secret in "[a-z]{3}[A-Za-z0-9]{6,40}[0-9][a-zA-Z0-9]",
        way in 0..18_usize,
        form in proptest::sample::select(vec![Form::Plain, Form::Text, Form::Playlist, Form::Field("x-own")]),
        before in "[ -~]{0,9}[ ,;<]",
        after in "[ ,;<][ -~]{0,9}",
    ) {
        let url = format!("https://h/a?t={secret}");
        let mut book = sealed(Rules::default(), &[(Form::Url, &url)]);
        let written = spelled(way, &secret);
        let text = [before.as_bytes(), &written, after.as_bytes()].concat();
        prop_assert!(book.dictionary().is_in(&text));
        let new = book.redact(form, &text).unwrap();
        prop_assert!(!book.dictionary().is_in(&new), "{:?}", String::from_utf8_lossy(&new));
        prop_assert!(!new.windows(written.len()).any(|window| window == written));
    }

    /// A key of chance has no byte in the copy at its place.
    #[test]
    fn a_key_in_any_spelling_is_met_and_replaced(key: [u8; 16], way in 0..6_usize, before in "[ -~]{0,9}[ ,;<]") {
        let mut book = Book::new(Rules { drop_keys: true, ..Rules::default() }, [3; 32]);
        book.note_key(&key, true);
        book.seal().unwrap();
        let hex = |between: &str| key.map(|b| format!("{b:02x}")).join(between).into_bytes();
        let written = match way {
            0 => key.to_vec(),
            1 => hex(":"),
            2 => hex(""),
            3 => base64::Engine::encode(&base64::engine::general_purpose::STANDARD, key).into_bytes(),
            4 => key.iter().flat_map(|b| format!("%{b:02X}").into_bytes()).collect(),
            _ => key.iter().flat_map(|b| format!("\\x{b:02x}").into_bytes()).collect(),
        };
        let text = [before.as_bytes(), &written, b" behind"].concat();
        prop_assert!(book.dictionary().is_in(&text));
        let new = book.redact(Form::Plain, &text).unwrap();
        prop_assert!(!book.dictionary().is_in(&new));
        prop_assert!(!new.windows(written.len()).any(|window| window == written));
    }
}
