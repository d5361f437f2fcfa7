//! Text that an origin or a session said, as it is shown: on a terminal, in a line of JSON, on a page. Pure.
//!
//! Nothing of it steers a terminal, turns the direction of writing around, hides in what is read, or forges a line. There
//! is one function for text and one for JSON; whatever prints goes through one of them.

use std::fmt::{Display, Write};

use serde::Serialize;

/// Whether a character does something else than to be seen: C0, DEL, C1, bidirectional controls, separators of lines,
/// and what has no shape, or one of its own on each machine (private use).
pub fn steers(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}'
        | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e007f}')
}

/// A number of things: `1 gap`, `3 gaps`.
pub fn counted<N: Display + PartialEq + From<u8>>(count: N, one: &str) -> String {
    match count == N::from(1) {
        true => format!("1 {one}"),
        false => format!("{count} {one}s"),
    }
}

/// Text as one line.
pub fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Text of several lines as such, each of them escaped: a playlist.
pub fn escaped_lines(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = match line.strip_suffix('\n') {
            Some(line) => (line.strip_suffix('\r').unwrap_or(line), "\n"),
            None => (line, ""),
        };
        shown.push_str(&escaped(line));
        shown.push_str(end);
    }
    shown
}

/// A value as JSON in one line.
///
/// # Errors
/// It cannot be written as JSON.
pub fn json(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(value).map(|text| escaped_json(&text))
}

/// A value as JSON of several lines, for people.
///
/// # Errors
/// It cannot be written as JSON.
pub fn json_lines(value: &impl Serialize) -> serde_json::Result<String> {
    let text = serde_json::to_string_pretty(value)?;
    let lines: Vec<String> = text.lines().map(escaped_json).collect();
    Ok(lines.join("\n"))
}

/// A line of JSON that means the same. What `serde_json` leaves as it is stands in strings only.
fn escaped_json(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    for c in line.chars() {
        if steers(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String does not fail.
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_would_steer_is_shown() {
        assert_eq!(escaped("a\u{1b}[2Jb\nc"), "a\\u{1b}[2Jb\\nc");
        for c in [
            '\u{7f}',
            '\u{9b}',
            '\u{85}',
            '\u{202e}',
            '\u{2066}',
            '\u{61c}',
            '\u{200f}',
            '\u{2028}',
            '\u{200b}',
            '\u{feff}',
            '\u{e0041}',
            '\u{e000}',
            '\u{10fffd}',
            '\u{3164}',
        ] {
            let text = format!("ä{c}b");
            assert_eq!(escaped(&text), format!("ä\\u{{{:x}}}b", u32::from(c)));
            assert_eq!(escaped(&escaped(&text)), escaped(&text));
        }
        assert_eq!(escaped("שלום, 日本 é 👍🏽"), "שלום, 日本 é 👍🏽");
    }

    #[test]
    fn lines_stay_lines() {
        assert_eq!(escaped_lines("a\r\nb\rc\n\n\td"), "a\nb\\rc\n\n\\td");
        assert_eq!(escaped_lines("a\r"), "a\\r");
    }

    #[test]
    fn json_is_escaped_as_json_is() {
        assert_eq!(
            json(&["\u{1b}\u{7f}\u{9b}\u{202e}", "\u{e0041}\\"]).unwrap(),
            r#"["\u001b\u007f\u009b\u202e","\udb40\udc41\\"]"#
        );
        assert_eq!(
            json_lines(&["\n\u{2028}"]).unwrap(),
            "[\n  \"\\n\\u2028\"\n]"
        );
    }

    proptest! {
        #[test]
        fn json_means_the_same(texts in proptest::collection::vec(any::<String>(), 0..4)) {
            let line = json(&texts).unwrap();
            prop_assert!(!line.contains(steers), "{line:?}");
            prop_assert_eq!(&serde_json::from_str::<Vec<String>>(&line).unwrap(), &texts);
            let lines = json_lines(&texts).unwrap();
            prop_assert!(!lines.contains(|c| steers(c) && c != '\n'), "{lines:?}");
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&lines).unwrap(), texts);
        }

        #[test]
        fn text_has_nothing_left_that_steers(text in any::<String>()) {
            prop_assert!(!escaped(&text).contains(steers));
            prop_assert!(!escaped_lines(&text).contains(|c| steers(c) && c != '\n'));
        }
    }
}
