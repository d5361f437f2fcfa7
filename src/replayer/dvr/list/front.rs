//! The front of a list, of which `--keep` takes away what it removes. Pure.

use crate::hls::attributes;

/// The tags that a segment begins with after a discontinuity.
pub(super) const DISCONTINUITY: &str = "#EXT-X-DISCONTINUITY";
const KEY: &str = "#EXT-X-KEY:";
const MAP: &str = "#EXT-X-MAP:";

/// Lines of keys that apply together, by their KEYFORMAT.
type Keys<'a> = Vec<(Vec<u8>, &'a str)>;

/// The lines of keys and of an initialization section that still apply behind these lines: what has gone has said them.
pub(super) fn still_in_force(gone: &str) -> String {
    let mut keys: Keys<'_> = Vec::new();
    let mut map: Option<(&str, Keys<'_>)> = None;
    for line in gone.lines() {
        if let Some(key) = line.strip_prefix(KEY) {
            take_key(&mut keys, line, key);
        } else if line.starts_with(MAP) {
            // The keys before it are its own (RFC 8216bis 4.4.4.5).
            map = Some((line, keys.clone()));
        }
    }
    let mut lines = Vec::new();
    let of = |keys: &[(Vec<u8>, &'_ str)]| {
        keys.iter()
            .map(|(_, line)| (*line).to_owned())
            .collect::<Vec<_>>()
    };
    let mut said = Vec::new();
    if let Some((map, its_keys)) = map {
        lines.extend(of(&its_keys));
        lines.push(map.to_owned());
        said = its_keys;
    }
    if said != keys {
        if !said.is_empty() {
            lines.push(format!("{KEY}METHOD=NONE"));
        }
        lines.extend(of(&keys));
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

fn take_key<'a>(keys: &mut Keys<'a>, line: &'a str, key: &str) {
    let value = |name: &[u8]| {
        let mut found = attributes(key.as_bytes()).filter(|attribute| attribute.name == name);
        found.next().map(|attribute| attribute.value.to_vec())
    };
    if value(b"METHOD").as_deref() == Some(b"NONE") {
        keys.clear();
        return;
    }
    let format = value(b"KEYFORMAT").unwrap_or_else(|| b"identity".to_vec());
    match keys.iter_mut().find(|(known, _)| *known == format) {
        Some((_, known)) => *known = line,
        None => keys.push((format, line)),
    }
}

/// The exchanges that these lines refer to.
pub(super) fn referred(lines: &str) -> impl Iterator<Item = i64> {
    let paths = lines.split("exchange/").skip(1);
    paths.filter_map(|path| path.split('/').next()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_last_of_each_kind_applies() {
        let key = |format: &str, id: u8| {
            format!("{KEY}METHOD=AES-128,URI=\"../exchange/{id}/k\",KEYFORMAT=\"{format}\"\n")
        };
        let map = |id: u8| format!("{MAP}URI=\"../exchange/{id}/init.mp4\"\n");
        let one = "#EXTINF:2,\n../exchange/9/a.ts\n";
        assert_eq!(still_in_force(one), "");
        let gone = [key("a", 1), key("b", 2), map(3), one.to_owned(), map(4)].concat() + one;
        let wanted = [key("a", 1), key("b", 2), map(4)].concat();
        assert_eq!(still_in_force(&gone), wanted);
        assert_eq!(referred(&wanted).collect::<Vec<_>>(), [1, 2, 4]);
        // The section was under the key before it.
        let gone = [key("a", 1), map(3), key("a", 5)].concat();
        let none = format!("{KEY}METHOD=NONE\n");
        let wanted = [key("a", 1), map(3), none.clone(), key("a", 5)].concat();
        assert_eq!(still_in_force(&gone), wanted);
        assert_eq!(
            still_in_force(&(gone + &none)),
            [key("a", 1), map(3), none.clone()].concat()
        );
        assert_eq!(still_in_force(&(key("a", 1) + &none)), "");
    }
}
