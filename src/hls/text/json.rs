//! The string values of a JSON text (RFC 8259), each with its byte span and the names around it.
//!
//! No parser of JSON tells where something stands, and what is replaced is replaced in its place. Strings are
//! all that is looked for: they can be found without recursion and in one pass, also where the rest is broken.

use std::borrow::Cow;
use std::ops::Range;

/// Names of objects and arrays deeper than this are not remembered.
const DEEPEST: usize = 64;

/// A string that is a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonString<'a> {
    /// The bytes between its quotes.
    pub span: Range<usize>,
    /// What it says.
    pub text: Cow<'a, str>,
    /// The name that it has; of an element of an array, the name of that.
    pub name: Option<Cow<'a, str>>,
    /// The name of the object that it is in.
    pub object: Option<Cow<'a, str>>,
}

/// The string values of `json`, in order.
pub(crate) fn strings(json: &[u8]) -> impl Iterator<Item = JsonString<'_>> {
    Strings {
        json,
        at: 0,
        open: Vec::new(),
        deeper: 0,
        name: None,
    }
}

/// A text without the byte order mark that RFC 8259 8.1 forbids and players pass over.
pub(crate) fn without_bom(json: &[u8]) -> &[u8] {
    json.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(json)
}

/// A string as JSON writes it, without its quotes.
pub(crate) fn written(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    let inner = quoted.strip_prefix('"').and_then(|q| q.strip_suffix('"'));
    inner.unwrap_or_default().to_owned()
}

/// An object or array that is not over.
struct Open {
    name: Option<Range<usize>>,
    is_array: bool,
}

struct Strings<'a> {
    json: &'a [u8],
    at: usize,
    open: Vec<Open>,
    /// How many are open beyond those.
    deeper: usize,
    /// The last name in the innermost object.
    name: Option<Range<usize>>,
}

impl<'a> Iterator for Strings<'a> {
    type Item = JsonString<'a>;

    fn next(&mut self) -> Option<JsonString<'a>> {
        loop {
            let byte = *self.json.get(self.at)?;
            self.at += 1;
            match byte {
                b'"' => {
                    let span = self.string()?;
                    if !self.is_name() {
                        return Some(self.value(span));
                    }
                    self.name = Some(span);
                }
                b'{' | b'[' => self.enter(byte == b'['),
                b'}' | b']' => self.leave(),
                _ => {}
            }
        }
    }
}

impl<'a> Strings<'a> {
    /// The rest of a string, up to its closing quote; `None`: it has none.
    fn string(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        loop {
            let found = memchr::memchr2(b'"', b'\\', self.json.get(self.at..)?)?;
            let at = self.at + found;
            if self.json.get(at) == Some(&b'"') {
                self.at = at + 1;
                return Some(start..at);
            }
            // What a backslash escapes is no end.
            self.at = at + 2;
        }
    }

    /// Whether the string before this is the name of a member.
    fn is_name(&self) -> bool {
        let rest = self.json.get(self.at..).unwrap_or_default();
        rest.trim_ascii_start().first() == Some(&b':')
    }

    fn enter(&mut self, is_array: bool) {
        if self.open.len() >= DEEPEST {
            self.deeper += 1;
            return;
        }
        let name = self.own_name();
        self.open.push(Open { name, is_array });
        self.name = None;
    }

    fn leave(&mut self) {
        if self.deeper > 0 {
            self.deeper -= 1;
            return;
        }
        self.name = self.open.pop().and_then(|closed| closed.name);
    }

    /// The name of a value that stands here.
    fn own_name(&self) -> Option<Range<usize>> {
        match self.open.last() {
            Some(array) if array.is_array => array.name.clone(),
            _ => self.name.clone(),
        }
    }

    fn value(&self, span: Range<usize>) -> JsonString<'a> {
        let object = self.open.iter().rfind(|open| !open.is_array);
        let object = object.and_then(|open| open.name.clone());
        JsonString {
            text: self.text(span.clone()),
            name: self.own_name().map(|name| self.text(name)),
            object: object.map(|name| self.text(name)),
            span,
        }
    }

    fn text(&self, span: Range<usize>) -> Cow<'a, str> {
        let inner = self.json.get(span.clone()).unwrap_or_default();
        let quoted = self.json.get(span.start.saturating_sub(1)..span.end + 1);
        if memchr::memchr(b'\\', inner).is_none() {
            return String::from_utf8_lossy(inner);
        }
        match serde_json::from_slice(quoted.unwrap_or_default()) {
            Ok(text) => Cow::Owned(text),
            // No JSON, and lenient readers exist.
            Err(_) => Cow::Owned(String::from_utf8_lossy(inner).replace("\\/", "/")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(json: &str) -> Vec<String> {
        let told = |s: JsonString<'_>| {
            let name = |name: Option<Cow<'_, str>>| name.unwrap_or("-".into()).into_owned();
            format!("{} {} {}", name(s.object), name(s.name), s.text)
        };
        strings(json.as_bytes()).map(told).collect()
    }

    #[test]
    fn values_are_told_with_the_names_around_them() {
        let json = r#"{"A": "1", "B" :["2", {"C":"3"}, "4"], "D":{"E":{"F":5},"G":"6"}, "H":"7"}"#;
        assert_eq!(
            all(json),
            ["- A 1", "- B 2", "B C 3", "- B 4", "D G 6", "- H 7"]
        );
        assert_eq!(all(r#"["1",["2"]]"#), ["- - 1", "- - 2"]);
    }

    #[test]
    fn escapes_are_read_and_never_end_a_string() {
        assert_eq!(
            all(r#"{"\u0041":"https:\/\/h\/a\"b\\","B":"\ud83d\ude00"}"#),
            [r#"- A https://h/a"b\"#, "- B \u{1f600}"]
        );
        assert_eq!(all(r#"["\q\/"]"#), [r"- - \q/"]);
    }

    #[test]
    fn what_is_broken_is_read_as_far_as_it_goes() {
        assert_eq!(all(r#"{"A":"1",,"B":"2"}}]] "3" "never closed"#).len(), 3);
        assert_eq!(all("\"\\").len(), 0);
        let deep = format!("{}{}\"x\"", "[".repeat(100_000), "]".repeat(99_999));
        assert_eq!(all(&deep), ["- - x"]);
    }

    proptest! {
        #[test]
        fn spans_are_those_of_the_strings(texts in prop::collection::vec("\\PC{0,6}|[\"\\\\/\u{0}-\u{1f}]{0,4}", 0..6)) {
            let json = serde_json::to_vec(&texts).unwrap();
            let found: Vec<_> = strings(&json).collect();
            prop_assert_eq!(found.len(), texts.len());
            for (one, text) in found.iter().zip(&texts) {
                prop_assert_eq!(&one.text, text);
                let span = String::from_utf8(json[one.span.clone()].to_vec()).unwrap();
                prop_assert_eq!(span, written(text));
            }
        }

        #[test]
        fn any_bytes_can_be_read(json in "[\\[\\]{}\":,\\\\a/ ]{0,40}") {
            for one in strings(json.as_bytes()) {
                prop_assert!(one.span.end <= json.len());
            }
        }
    }
}
