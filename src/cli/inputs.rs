//! The streams to record, as people name them: `[NAME=]URL`, and files of them. Pure.
//!
//! A file has one stream a line: `NAME URL`, `NAME=URL` or only the URL. Indented lines
//! below it are header fields for that stream. `#` begins a comment.
//!
//! ```text
//! # the halls
//! hall1   https://example.com/hall1/live.m3u8
//! hall2   https://example.com/hall2/live.m3u8
//!     Authorization: Bearer abc
//! ```

use url::Url;

use super::http_arguments::parse_header_of_stream;
use crate::hls::{is_stream_name, stream_name};
use crate::recorder::Input;

/// `[NAME=]URL`.
///
/// # Errors
/// A sentence for the user.
pub(super) fn parse_input(text: &str) -> Result<Input, String> {
    let (name, url) = match text.split_once('=') {
        // A URL may have an equals sign of its own.
        Some((name, url)) if !name.contains([':', '/', '?']) => (Some(name.trim()), url.trim()),
        _ => (None, text.trim()),
    };
    named(name, url)
}

fn named(name: Option<&str>, url: &str) -> Result<Input, String> {
    if let Some(name) = name
        && !is_stream_name(name)
    {
        return Err(format!(
            "{name:?} cannot be the name of a stream: up to 64 letters, digits and . _ -, beginning \
             with a letter or digit"
        ));
    }
    Ok(Input {
        name: name.map(str::to_owned),
        ..Input::new(parse_url(url)?)
    })
}

fn parse_url(text: &str) -> Result<Url, String> {
    let hint = "give an http or https URL, such as https://example.com/live/stream.m3u8";
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        Ok(url) => Err(format!("{text:?} is a {} URL; {hint}", url.scheme())),
        Err(error) => Err(format!("{text:?} is no URL ({error}); {hint}")),
    }
}

/// The streams of a file.
///
/// # Errors
/// The number of the line that is wrong, from 1 on, and a sentence for the user.
pub(super) fn parse_file(text: &str) -> Result<Vec<Input>, (usize, String)> {
    let mut inputs: Vec<Input> = Vec::new();
    for (number, line) in (1..).zip(text.trim_start_matches('\u{FEFF}').lines()) {
        let is_field = line.starts_with([' ', '\t']);
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if !is_field {
            inputs.push(line_of_file(line).map_err(|what| (number, what))?);
            continue;
        }
        let field = parse_header_of_stream(line).map_err(|what| (number, what))?;
        let Some(input) = inputs.last_mut() else {
            let what = "a header field (indented) comes below its stream".to_owned();
            return Err((number, what));
        };
        input.headers.push(field);
    }
    Ok(inputs)
}

fn line_of_file(line: &str) -> Result<Input, String> {
    match line.split_once([' ', '\t']) {
        Some((name, url)) => named(Some(name), url.trim()),
        None => parse_input(line),
    }
}

/// What is wrong with streams taken together: a name was given that another one has, or a URL
/// twice without a name. Names that are made of URLs are told apart later.
pub(super) fn clash(inputs: &[Input]) -> Option<String> {
    let name = |input: &Input| {
        let made = || stream_name(&input.url);
        input.name.clone().unwrap_or_else(made).to_ascii_lowercase()
    };
    let pairs = (1..)
        .zip(inputs)
        .flat_map(|(after, one)| inputs.iter().skip(after).map(move |other| (one, other)));
    for (one, other) in pairs.filter(|(one, other)| name(one) == name(other)) {
        let shared = name(one);
        if one.name.is_some() || other.name.is_some() {
            return Some(format!("two streams have the name {shared:?}"));
        }
        if one.url == other.url {
            // A URL may have a password in it.
            return Some(format!(
                "the URL of {shared:?} is given twice; give names, NAME=URL, to record it twice"
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(inputs: &[Input]) -> Vec<String> {
        let show = |input: &Input| {
            let name = input.name.as_deref().unwrap_or("-");
            let fields = input
                .headers
                .iter()
                .map(|(name, value)| format!(" {name}:{value}"));
            format!("{name} {}{}", input.url, fields.collect::<String>())
        };
        inputs.iter().map(show).collect()
    }

    #[test]
    fn a_name_may_stand_before_a_url() {
        let one = |text| shown(&[parse_input(text).unwrap()]).remove(0);
        assert_eq!(one("http://h/a.m3u8"), "- http://h/a.m3u8");
        assert_eq!(one("hall_1=http://h/a?b=c"), "hall_1 http://h/a?b=c");
        assert_eq!(one("http://h/a?b=c"), "- http://h/a?b=c");
        for (wrong, why) in [
            ("hall 1=http://h/", "name of a stream"),
            ("=http://h/", "name of a stream"),
            ("https=http://h/", "name of a stream"),
            ("hall1=ftp://h/", "ftp URL"),
            ("hall1", "no URL"),
        ] {
            let error = parse_input(wrong).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_file_has_a_stream_a_line() {
        let text = "\u{FEFF}# halls\n\nhall1 \t http://h/1.m3u8\r\n  X-Token: a b\n\tCookie: s=1\n\
                    # between\nhall2=http://h/2.m3u8\nhttp://h/3.m3u8\n";
        assert_eq!(
            shown(&parse_file(text).unwrap()),
            [
                "hall1 http://h/1.m3u8 X-Token:a b Cookie:s=1",
                "hall2 http://h/2.m3u8",
                "- http://h/3.m3u8"
            ]
        );
    }

    #[test]
    fn the_example_is_a_file_of_streams() {
        let inputs = parse_file(include_str!("../../packaging/streams.example.txt")).unwrap();
        assert_eq!(inputs.len(), 5);
        assert_eq!(inputs.last().map(|input| input.headers.len()), Some(2));
        assert_eq!(clash(&inputs), None);
    }

    #[test]
    fn what_is_wrong_in_a_file_is_told_with_its_line() {
        for (text, line, why) in [
            ("# a\nhall1 nonsense\n", 2, "no URL"),
            ("  X: y\n", 1, "below its stream"),
            ("http://h/\n  no colon\n", 2, "colon"),
            ("h\u{e4}ll http://h/\n", 1, "name of a stream"),
        ] {
            let (number, what) = parse_file(text).unwrap_err();
            assert!(number == line && what.contains(why), "{number} {what}");
        }
    }

    #[test]
    fn names_are_told_apart() {
        let wrong = |text| clash(&parse_file(text).unwrap()).unwrap_or_default();
        assert_eq!(
            wrong("a http://h/1\nb http://h/2\nhttp://h/c\nhttp://i/c"),
            ""
        );
        assert_eq!(wrong("a http://h/1\nb http://h/1"), "");
        assert!(wrong("a http://h/1\nA http://h/2").contains("the name \"a\""));
        assert!(wrong("http://h/a\na http://h/2").contains("the name \"a\""));
        assert!(
            wrong("http://h/a\nhttp://h/b\nhttp://h/a").contains("the URL of \"a\" is given twice")
        );
    }

    proptest! {
        #[test]
        fn any_file_is_one_or_wrong_somewhere(text in "([ \\t#a-z=:/.\\r]{0,12}\\n){0,5}") {
            if let Err((line, _)) = parse_file(&text) {
                prop_assert!(line >= 1 && line <= text.lines().count());
            }
        }
    }
}
