//! Sessions of chance, with secrets of all looks in all places.

use super::pen::write;
use super::{found, issession, said};
use crate::support::session::Session;
use crate::support::{Dice, rounds, seed};

/// A secret of one of the looks that secrets have.
fn any_secret(dice: &mut Dice) -> String {
    const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut of = |alphabet: &[u8], length: u64| -> String {
        let mut one = || char::from(alphabet[dice.below(alphabet.len() as u64) as usize]);
        (0..length).map(|_| one()).collect()
    };
    // With a letter and a digit at least.
    match of(b"0123", 1).as_str() {
        "0" => format!("a1{}", of(BASE64, 40)),
        "1" => format!("{}-b2c3", of(b"0123456789abcdef", 24)),
        "2" => format!("exp=17~acl=/x/*~hmac=d4{}", of(b"0123456789abcdef", 30)),
        _ => format!("e5%2F{}%3D%3D", of(BASE64, 20)),
    }
}

#[test]
fn by_chance_secrets_survive_nowhere() {
    let seed = seed();
    let mut dice = Dice::new(seed);
    for round in 0..rounds(6, 300) {
        let folder = tempfile::tempdir().unwrap();
        let secrets: Vec<String> = (0..=dice.below(4)).map(|_| any_secret(&mut dice)).collect();
        write(folder.path(), |pen| {
            for n in 0..12 + dice.below(12) {
                let secret = &secrets[dice.below(secrets.len() as u64) as usize];
                let url = format!("http://origin.example/{}/x{n}", dice.below(3));
                match dice.below(9) {
                    0 => pen.chunk(&format!("{url}.ts?k={secret}"), &[0, n as u8]),
                    1 => pen.chunk(&format!("{url}/token={secret}/x.ts"), &[0, 1, n as u8]),
                    2 => pen.text(
                        &url,
                        format!("{{\"a\":{n},\"token\":\"{secret}\"}}").as_bytes(),
                    ),
                    3 => pen.text(&url, format!("#EXTM3U\n#{n}\na.ts?k={secret}\n").as_bytes()),
                    4 => {
                        let padding = format!("#EXTINF:1,\nseg.ts?k={secret}&n={n}\n").repeat(80);
                        pen.text(&url, format!("#EXTM3U\n{padding}").as_bytes());
                    }
                    5 => pen.chunk(
                        &url,
                        format!("WEBVTT\n\n{n} http://h/?x={secret}\n").as_bytes(),
                    ),
                    6 => {
                        let value = format!("id={secret}; Path=/{n}").into_bytes();
                        pen.fields.push(("set-cookie".to_owned(), value));
                    }
                    7 => {
                        let value = format!("http://h/{n}?k={secret}").into_bytes();
                        pen.fields.push(("location".to_owned(), value));
                    }
                    _ => pen.chunk(&url, format!("<p>Bearer {secret} {n}</p>").as_bytes()),
                }
            }
            pen.text("http://origin.example/last", b"last");
            // Each is told for sure.
            for secret in &secrets {
                pen.chunk(
                    &format!("http://origin.example/all?k={secret}"),
                    secret.as_bytes(),
                );
            }
        });
        let output = issession(folder.path(), &["redact", "session1", "new"]);
        let said = said(&output);
        assert!(
            output.status.success(),
            "seed {seed}, round {round}: {said}"
        );
        let sought: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let new = folder.path().join("sessions/new");
        let left = found(&new, &sought);
        assert!(left.is_empty(), "seed {seed}, round {round}: {left:?}");
        Session::open(folder, "new").check_invariants();
    }
}
