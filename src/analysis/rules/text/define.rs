//! P14 define: variables (RFC 8216bis 4.3, 4.4.2.3).

use std::collections::HashSet;

use memchr::memmem;

use super::seen::Text;
use crate::analysis::rules::broken::Broken;
use crate::hls::{PlaylistKind, Tag, attributes, lines};

pub(super) fn judge(text: &Text<'_>, out: &mut Vec<Broken>) {
    let playlist = text.playlist;
    // Few playlists have any.
    if memmem::find(&playlist.text, b"{$").is_none()
        && memmem::find(&playlist.text, b"#EXT-X-DEFINE").is_none()
    {
        return;
    }
    let mut defined: HashSet<String> = HashSet::new();
    for line in lines(&playlist.text) {
        let tag = line.tag().filter(|tag| tag.name == b"#EXT-X-DEFINE");
        if let Some(tag) = tag {
            definitions(text, tag, &mut defined, out);
            continue;
        }
        for name in references(line.text).filter(|name| !defined.contains(name)) {
            let number = playlist.line(line.start);
            let said = format!("the variable {name} in line {number} is not defined before");
            let broken = Broken::new("P14", said).kind("undefined");
            out.push(broken.with("line", number));
        }
    }
}

/// The definitions of a tag.
fn definitions(
    text: &Text<'_>,
    tag: Tag<'_>,
    defined: &mut HashSet<String>,
    out: &mut Vec<Broken>,
) {
    let number = || text.playlist.line(tag.start);
    for attribute in attributes(tag.value) {
        let name = String::from_utf8_lossy(attribute.value).into_owned();
        let problem = match attribute.name {
            b"NAME" => None,
            b"IMPORT" => cannot_import(text)
                .map(|why| format!("the IMPORT of {name} in line {}: {why}", number())),
            b"QUERYPARAM" => (!has_parameter(text, &name)).then(|| {
                format!(
                    "the QUERYPARAM {name} in line {} is not in the URI",
                    number()
                )
            }),
            _ => continue,
        };
        out.extend(problem.map(|text| Broken::new("P14", text).with("line", number())));
        if !defined.insert(name.clone()) {
            let said = format!("the variable {name} is defined again in line {}", number());
            let broken = Broken::new("P14", said).kind("twice");
            out.push(broken.with("line", number()));
        }
    }
}

/// Why nothing can be imported.
fn cannot_import(text: &Text<'_>) -> Option<&'static str> {
    match (text.playlist.kind, text.has_parent) {
        (Some(PlaylistKind::Multivariant), _) => Some("only media playlists may import"),
        (_, false) => Some("it was not loaded from a multivariant playlist"),
        _ => None,
    }
}

fn has_parameter(text: &Text<'_>, name: &str) -> bool {
    text.url
        .query_pairs()
        .any(|(key, value)| key == name && !value.is_empty())
}

/// Names of variables that a line refers to. Comments and unquoted values are not substituted, so that a name there is no
/// reference; what has the form of one in a comment is left out here, the rest is.
fn references(line: &[u8]) -> impl Iterator<Item = String> {
    let is_text = !line.starts_with(b"#") || line.starts_with(b"#EXT");
    let starts = memmem::find_iter(line, b"{$").filter(move |_| is_text);
    starts.filter_map(move |at| {
        let rest = line.get(at + 2..)?;
        let end = rest.iter().position(|b| *b == b'}')?;
        let name = rest.get(..end)?;
        let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        let is_valid = !name.is_empty() && name.iter().all(is_name);
        is_valid.then(|| String::from_utf8_lossy(name).into_owned())
    })
}

#[cfg(test)]
mod tests {
    use crate::analysis::rules::text::testing::{CLEAN, found};

    fn with(lines: &str) -> String {
        CLEAN.replace("#EXT-X-VERSION:3", &format!("#EXT-X-VERSION:11\n{lines}"))
    }

    fn is_broken(text: &str) -> bool {
        found(text).contains(&"P14")
    }

    #[test]
    fn variables_are_defined_once_and_before() {
        let text = with("#EXT-X-DEFINE:NAME=\"a\",VALUE=\"b\"");
        assert!(!is_broken(&text));
        assert!(!is_broken(&text.replace("s9.ts", "{$a}.ts")));
        assert!(is_broken(&text.replace("s9.ts", "{$b}.ts")));
        assert!(is_broken(&with(
            "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"b\"\n#EXT-X-DEFINE:NAME=\"a\",VALUE=\"c\""
        )));
    }

    #[test]
    fn a_query_parameter_is_in_the_uri() {
        assert!(!is_broken(&with("#EXT-X-DEFINE:QUERYPARAM=\"v\"")));
        assert!(is_broken(&with("#EXT-X-DEFINE:QUERYPARAM=\"w\"")));
    }

    #[test]
    fn a_multivariant_playlist_imports_nothing() {
        let text = "#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-DEFINE:IMPORT=\"a\"\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n";
        assert!(is_broken(text));
        assert!(!is_broken(&with("#EXT-X-DEFINE:IMPORT=\"a\"")));
    }
}
