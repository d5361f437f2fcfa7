//! Header fields: their names, each part of those that have some, and where an answer has more or other values than a
//! recorder writes.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::pen::write;
use super::{found, issession, said};

/// Told by a cookie.
const TOLD: &str = "open-sesame-42";

/// Values of fields with a secret at `@`, told by its look.
const VALUES: [(&str, &str); 14] = [
    ("location", "/live/@/a.m3u8"),
    ("location", "https://cdn.example/a?x=1#@"),
    ("content-location", "https://@.cdn.example/a"),
    ("refresh", "5; url=/live/@/a"),
    ("refresh", "5; url=\"https://cdn.example/a?x=@\""),
    ("link", "<https://cdn.example/@/a>; rel=preload"),
    ("link", "</a>; rel=next, <b?x=@>; rel=\"last\""),
    ("set-cookie", "version=@; Path=/"),
    ("set-cookie", "a=b1; Path=/@"),
    ("set-cookie", "a=b1; Domain=@.cdn.example"),
    ("set-cookie", "a=b1; Max-Age=@"),
    ("set-cookie", "a=b1; HttpOnly; @"),
    ("x-anything", "for @, at 10"),
    ("server-timing", "edge;desc=\"@\""),
];

fn chance(n: usize) -> String {
    format!("Tw5Rk{n:02}Lq2Zx8Bn4Hv7Jd3Ms6")
}

#[test]
fn a_secret_in_any_part_of_a_header_field_is_not_in_the_copy() {
    let folder = tempfile::tempdir().unwrap();
    let name = chance(99).to_lowercase();
    write(folder.path(), |pen| {
        let mut add = |name: &str, value: &str| {
            let value = value.as_bytes().to_vec();
            pen.fields.push((name.to_owned(), value));
        };
        add("set-cookie", &format!("a={TOLD}"));
        add("etag", &format!("\"{TOLD}\""));
        add("if-none-match", &format!("W/\"x-{TOLD}\""));
        add(&format!("x-{name}"), "1");
        add(&format!("x-{TOLD}"), TOLD);
        for (n, (name, value)) in VALUES.iter().enumerate() {
            add(name, &value.replace('@', &chance(n)));
        }
        pen.text("http://origin.example/a", b"a page");
        for n in 0..4 {
            pen.fields.push(("x-changes".to_owned(), vec![b'a' + n]));
            pen.chunk(&format!("http://origin.example/{n}.ts"), &[0, n]);
        }
    });
    let secrets: Vec<String> = (0..VALUES.len()).map(chance).collect();
    let more = [chance(50), chance(51), chance(52)];
    let session = folder.path().join("sessions/session1");
    let db = Connection::open(session.join("session.db")).unwrap();
    // No recorder writes these.
    let values = format!(
        "[\"a\", \"{}\", [\"{}\"], {{\"b\": \"{}\"}}]",
        more[0], more[1], more[2]
    );
    let sql = "UPDATE exchange SET header_values = ?1 WHERE id =
               (SELECT max(id) FROM exchange WHERE header_values IS NOT NULL)";
    assert_eq!(db.execute(sql, [values]).unwrap(), 1);
    db.close().unwrap();
    std::fs::remove_file(session.join("session.sum")).unwrap();
    let output = issession(folder.path(), &["redact", "session1", "new"]);
    assert!(output.status.success(), "{}", said(&output));
    let all = secrets
        .iter()
        .chain(&more)
        .chain([&name])
        .map(String::as_str);
    let all: Vec<&str> = all.chain([TOLD]).collect();
    assert_eq!(found(&session, &all).len(), all.len());
    let left = found(&folder.path().join("sessions/new"), &all);
    assert_eq!(left, BTreeSet::new());
}
