//! What a playlist announces, asked for while it is being recorded: held until the recorder has it.

use std::time::Duration;

use crate::beside::address;
use crate::support::{LowLatency, Names, PARTS, Recorder, client, part_body};

/// The values of an attribute in a text.
fn values<'a>(text: &'a str, attribute: &str) -> Vec<&'a str> {
    let found = text.split(attribute).skip(1);
    found
        .map(|rest| rest.split(['"', ',', '\n']).next().unwrap())
        .collect()
}

/// The whole answer, as bytes.
fn get(address: &str, path: &str, fields: &str) -> (String, Vec<u8>) {
    use std::io::Read;
    let mut answer = Vec::new();
    let mut asking = client::ask_with(address, path, fields);
    asking.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|at| at == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    (head, answer[end + 4..].to_vec())
}

#[test]
fn a_player_of_a_channel_that_is_being_recorded_gets_each_part_that_is_announced_to_it() {
    for names in [Names::Uris, Names::Ranges] {
        let mut channel = LowLatency::new(names);
        channel.duration = Duration::from_millis(500);
        channel.end = 40 * PARTS;
        let (origin, _edge) = channel.start();
        let mut recording = Recorder::new(origin.url("/live/live.m3u8"))
            .args(["--serve", "0"])
            .start();
        let address = address(&mut recording);
        recording.until_at_least(4, "SELECT count(*) FROM revision");
        let folder = origin.url("/live/").replacen("://", "/", 1);
        let mut given = 0;
        for _ in 0..6 {
            let (head, text) = get(&address, &format!("/{folder}live.m3u8"), "");
            assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
            let text = String::from_utf8(text).unwrap();
            let hint = text.split("#EXT-X-PRELOAD-HINT").nth(1).unwrap();
            let name = values(hint, "URI=\"")[0];
            let (first, fields) = match names {
                Names::Ranges => {
                    let first: u64 = values(hint, "BYTERANGE-START=")[0].parse().unwrap();
                    (first, format!("Range: bytes={first}-\r\n"))
                }
                _ => (0, String::new()),
            };
            let (head, body) = get(&address, &format!("/{folder}{name}"), &fields);
            let status = if names == Names::Ranges { "206" } else { "200" };
            assert!(
                head.starts_with(&format!("HTTP/1.1 {status} ")),
                "{names:?} {name}: {head} {}",
                String::from_utf8_lossy(&body)
            );
            let number = name.trim_start_matches('s').trim_end_matches(".mp4");
            let n = match number.split_once('.') {
                Some((segment, part)) => {
                    segment.parse::<u64>().unwrap() * PARTS + part.parse::<u64>().unwrap()
                }
                None => number.parse::<u64>().unwrap() * PARTS + first / part_body(0).len() as u64,
            };
            let part = part_body(n);
            assert!(
                body.starts_with(&part) && body.len() % part.len() == 0,
                "part {n}"
            );
            given += 1;
        }
        assert_eq!(given, 6);
        let (head, _) = get(&address, &format!("/{folder}s999.0.mp4"), "");
        assert!(head.starts_with("HTTP/1.1 404 "), "{head}");
        recording.interrupt();
    }
}
