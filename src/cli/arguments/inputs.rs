//! The streams to record, as people name them: `[NAME=]URL`, and files of them. Pure.
//!
//! A file has one stream a line: `NAME URL`, `NAME=URL` or only the URL. Indented lines
//! below it are header fields for that stream. `#` begins a comment, at the start of a line or
//! behind a blank.
//!
//! ```text
//! # the halls
//! hall1   https://example.com/hall1/live.m3u8
//! hall2   https://example.com/hall2/live.m3u8
//!     Authorization: Bearer abc
//! ```

use std::collections::BTreeSet;

use url::{ParseError, Url};

use super::http::parse_header_of_stream;
use crate::hls::{AskedAs, is_stream_name, stream_name};
use crate::recorder::Input;

/// `[NAME=]URL`.
///
/// # Errors
/// A sentence for the user.
pub(crate) fn parse_input(text: &str) -> Result<Input, String> {
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
    let (url, mut asked_as) = AskedAs::split(url);
    if let Some(ignored) = std::mem::take(&mut asked_as.ignored).first() {
        return Err(format!(
            "{ignored} behind the | is not sent, User-Agent and Referer are; give header fields with -H, or below the \
             stream in a file, --streams"
        ));
    }
    Ok(Input {
        name: name.map(str::to_owned),
        asked_as,
        ..Input::new(parse_url(url)?)
    })
}

/// Its errors do not repeat the text, which may have a password in it.
fn parse_url(text: &str) -> Result<Url, String> {
    let hint = "give an http or https URL, such as https://example.com/live/stream.m3u8";
    match Url::parse(text) {
        _ if text.contains(char::is_whitespace) => Err(format!("a URL has no blanks; {hint}")),
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        _ if let Some(meant) = with_scheme(text) => {
            Err(format!("this URL has no scheme; did you mean {meant}?"))
        }
        Ok(url) => Err(format!("this is a {} URL; {hint}", url.scheme())),
        Err(ParseError::RelativeUrlWithoutBase) => Err(format!(
            "this is no URL, which begins with http:// or https://; {hint}"
        )),
        Err(error) => Err(format!("this is no URL ({error}); {hint}")),
    }
}

/// What was meant by a URL without its scheme, as browsers show them; without its query, which may hold a secret.
fn with_scheme(text: &str) -> Option<String> {
    let text = text.trim_start_matches('/');
    let (host, path) = text.split_once('/').unwrap_or((text, ""));
    let (name, port) = host.rsplit_once(':').unwrap_or((host, "80"));
    let is_host = name == "localhost" || name.contains('.') || name.starts_with('[');
    // A file of this machine has a name like a host.
    let is_file = path.is_empty()
        && [".m3u8", ".m3u", ".txt"]
            .iter()
            .any(|end| name.ends_with(end));
    if !is_host || is_file || port.parse::<u16>().is_err() || text.contains('@') {
        return None;
    }
    let meant = format!("http://{}", text.split(['?', '#']).next()?);
    let url = Url::parse(&meant).ok()?;
    // `../live.m3u8` is none.
    let has_name = url
        .host_str()
        .is_some_and(|host| host.bytes().any(|b| b.is_ascii_alphanumeric()));
    has_name.then_some(meant)
}

/// A stream, and where it was named, for messages: empty on the command line.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) place: String,
    pub(crate) input: Input,
}

/// The streams of a file, each with the number of its line.
///
/// # Errors
/// The number of the line that is wrong, from 1 on, and a sentence for the user.
pub(crate) fn parse_file(text: &str) -> Result<Vec<(usize, Input)>, (usize, String)> {
    let mut inputs: Vec<(usize, Input)> = Vec::new();
    for (number, line) in (1..).zip(text.trim_start_matches('\u{FEFF}').lines()) {
        let is_field = line.starts_with([' ', '\t']);
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if !is_field {
            let input = line_of_file(without_comment(line)).map_err(|what| (number, what))?;
            inputs.push((number, input));
            continue;
        }
        let field = parse_header_of_stream(line).map_err(|what| (number, what))?;
        let Some((_, input)) = inputs.last_mut() else {
            let what = "a header field (indented) comes below its stream".to_owned();
            return Err((number, what));
        };
        input.headers.push(field);
    }
    Ok(inputs)
}

/// A URL may have a `#` in it: a comment has a blank before its own.
fn without_comment(line: &str) -> &str {
    let comment = line.match_indices('#').find(|(at, _)| {
        let (before, _) = line.split_at(*at);
        before.ends_with(char::is_whitespace)
    });
    comment.map_or(line, |(at, _)| line.split_at(at).0.trim_end())
}

fn line_of_file(line: &str) -> Result<Input, String> {
    match line.split_once([' ', '\t']) {
        Some((name, url)) => named(Some(name), url.trim()),
        None => parse_input(line),
    }
}

/// What is wrong with streams taken together: a name was given that another one has, or a URL
/// twice and not each time with a name. Names that are made of URLs are told apart later.
pub(crate) fn clash(streams: &[Named]) -> Option<String> {
    let name = |input: &Input| {
        let made = || stream_name(&input.url);
        input.name.clone().unwrap_or_else(made).to_ascii_lowercase()
    };
    let pairs = (1..).zip(streams).flat_map(|(after, one)| {
        let others = streams.iter().skip(after);
        others.map(move |other| (one, other))
    });
    for (one, other) in pairs {
        let are_named = (one.input.name.is_some(), other.input.name.is_some());
        let is_same_name = name(&one.input) == name(&other.input);
        let is_same_url = plain(&one.input.url) == plain(&other.input.url);
        let place = &other.place;
        if is_same_name && are_named != (false, false) {
            let shared = other.input.name.as_ref().or(one.input.name.as_ref());
            let shared = shared.map_or("", String::as_str);
            return Some(format!("{place}another stream has the name {shared:?}"));
        }
        if is_same_url && are_named != (true, true) {
            // A URL may have a password in it.
            return Some(format!(
                "{place}the URL of {:?} is given twice; give each a name, NAME=URL, to record it twice",
                name(&one.input)
            ));
        }
    }
    None
}

/// A URL as a session keeps it.
fn plain(url: &Url) -> Url {
    let mut plain = url.clone();
    plain.set_fragment(None);
    // A URL without a host has no place for them.
    let _ = plain.set_username("");
    let _ = plain.set_password(None);
    plain
}

/// What is wrong with header fields or cookies for streams on several hosts, unless these are
/// `trusted`: each host would be sent those that are meant for another.
pub(crate) fn leak(inputs: &[Input], trusted: impl Fn(&str) -> bool) -> Option<String> {
    let hosts: BTreeSet<&str> = inputs.iter().filter_map(|i| i.url.host_str()).collect();
    let strangers: Vec<&str> = hosts.into_iter().filter(|host| !trusted(host)).collect();
    (strangers.len() > 1).then(|| {
        format!(
            "-H and -b would be sent to {}; name hosts that may have them with --trust-hosts, or \
             give fields below their stream in a file, --streams",
            strangers.join(" and ")
        )
    })
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

    fn inputs(text: &str) -> Vec<Input> {
        let all = parse_file(text).unwrap().into_iter();
        all.map(|(_, input)| input).collect()
    }

    fn named(text: &str) -> Vec<Named> {
        let all = parse_file(text).unwrap().into_iter();
        all.map(|(line, input)| Named {
            place: format!("f:{line}: "),
            input,
        })
        .collect()
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
    fn header_fields_may_stand_behind_a_url() {
        let input = parse_input("tv=http://h/a?b=c|User-Agent=My%20TV&Referer=http://i/").unwrap();
        assert_eq!(
            (input.name.as_deref(), input.url.as_str()),
            (Some("tv"), "http://h/a?b=c")
        );
        assert_eq!(input.asked_as.user_agent.as_deref(), Some("My TV"));
        assert_eq!(input.asked_as.referer.as_deref(), Some("http://i/"));
        let plain = parse_input("http://h/a|b").unwrap();
        assert_eq!(plain.url.as_str(), "http://h/a|b");
        let error = parse_input("http://h/a|Cookie=secret").unwrap_err();
        assert!(
            error.contains("Cookie") && !error.contains("secret"),
            "{error}"
        );
    }

    #[test]
    fn a_url_without_its_scheme_is_told_with_it() {
        for (typed, meant) in [
            ("example.com/live.m3u8", "http://example.com/live.m3u8?"),
            (
                "localhost:8080/a.m3u8?token=x",
                "http://localhost:8080/a.m3u8?",
            ),
            ("hall=192.0.2.7:80/a", "http://192.0.2.7:80/a?"),
            ("//cdn.example.com/x", "http://cdn.example.com/x?"),
            ("[::1]:80/x", "http://[::1]:80/x?"),
        ] {
            let error = parse_input(typed).unwrap_err();
            assert!(error.ends_with(&format!("did you mean {meant}")), "{error}");
        }
        for typed in [
            "live.m3u8",
            "../a/live.m3u8",
            "ftp://h.example/x",
            "me:pw@h.example/x",
            "",
        ] {
            let error = parse_input(typed).unwrap_err();
            assert!(!error.contains("did you mean"), "{error}");
        }
    }

    #[test]
    fn a_file_has_a_stream_a_line() {
        let text = "\u{FEFF}# halls\n\nhall1 \t http://h/1.m3u8\r\n  X-Token: a b\n\tCookie: s=1\n\
                    # between\nhall2=http://h/2.m3u8 # a note\nhttp://h/3.m3u8\n";
        assert_eq!(
            shown(&inputs(text)),
            [
                "hall1 http://h/1.m3u8 X-Token:a b Cookie:s=1",
                "hall2 http://h/2.m3u8",
                "- http://h/3.m3u8"
            ]
        );
    }

    #[test]
    fn the_example_is_a_file_of_streams() {
        let text = include_str!("../../../packaging/streams.example.txt");
        let inputs = inputs(text);
        assert_eq!(inputs.len(), 5);
        assert_eq!(inputs.last().map(|input| input.headers.len()), Some(2));
        assert_eq!(clash(&named(text)), None);
    }

    #[test]
    fn what_is_wrong_in_a_file_is_told_with_its_line() {
        for (text, line, why) in [
            ("# a\nhall1 nonsense\n", 2, "no URL"),
            ("  X: y\n", 1, "below its stream"),
            ("http://h/\n  no colon\n", 2, "colon"),
            ("h\u{e4}ll http://h/\n", 1, "name of a stream"),
            ("a http://h/ b\n", 1, "no blanks"),
            ("http://h/\n  Host: i\n", 2, "Host"),
        ] {
            let (number, what) = parse_file(text).unwrap_err();
            assert!(number == line && what.contains(why), "{number} {what}");
        }
    }

    #[test]
    fn names_are_told_apart() {
        let wrong = |text| clash(&named(text)).unwrap_or_default();
        assert_eq!(
            wrong("a http://h/1\nb http://h/2\nhttp://h/c\nhttp://i/c"),
            ""
        );
        assert_eq!(wrong("a http://h/1\nb http://h/1"), "");
        assert_eq!(
            wrong("a http://h/1\n\nA http://h/2"),
            "f:3: another stream has the name \"A\""
        );
        assert!(wrong("http://h/a\na http://h/2").contains("the name \"a\""));
        for twice in [
            "http://h/a\nhttp://h/b\nhttp://h/a",
            "http://u:p@h/a\nhttp://v:q@h/a#x",
            "http://h/p/a\nhttp://h/q/a\na_2 http://h/q/a",
        ] {
            let said = wrong(twice);
            assert!(
                said.contains("is given twice") && !said.contains('@'),
                "{said}"
            );
        }
    }

    #[test]
    fn what_is_meant_for_one_host_is_not_for_another() {
        let leak = |text, trusted: &[&str]| leak(&inputs(text), |host| trusted.contains(&host));
        let two = "http://h/1\nhttp://i/2\nhttp://h/3";
        assert!(leak(two, &[]).unwrap().contains("sent to h and i;"));
        assert_eq!(leak(two, &["i"]), None);
        assert_eq!(leak("http://h/1\nhttps://h/2", &[]), None);
    }

    #[test]
    fn passwords_are_not_repeated() {
        for text in [
            "http://u:secret@[h/x",
            "a=ftp://u:secret@h/",
            "Cookie:session=secret",
        ] {
            let error = parse_input(text).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
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
