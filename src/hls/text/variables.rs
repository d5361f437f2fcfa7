//! Variables of playlists: `EXT-X-DEFINE` and `{$name}` (RFC 8216bis 4.3, 4.4.2.3).

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};

use memchr::memmem;
use percent_encoding::percent_decode_str;
use url::Url;

use super::attributes::attributes;
use super::scan::{Tag, lines};
use crate::hls::steps::step;

/// A text never grows beyond this by substitution, in bytes. No server takes a longer URL.
const LONGEST_TEXT: usize = 64 * 1024;

/// All names and values of one playlist together, in bytes: definitions that double the one
/// before must not fill the memory.
const MOST_DEFINED: usize = 1024 * 1024;

/// The tag that defines variables.
const DEFINE: &[u8] = b"#EXT-X-DEFINE";

/// The variables that a playlist defines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables {
    values: BTreeMap<String, String>,
    defined_bytes: usize,
}

/// Where the value of a variable comes from.
#[derive(Clone, Copy)]
enum Source {
    Value,
    Import,
    Query,
}

/// Whether a playlist takes variables from its multivariant playlist (`IMPORT`).
pub fn imports_variables(body: &[u8]) -> bool {
    // Few playlists define any.
    memmem::find(body, DEFINE).is_some()
        && lines(body)
            .filter_map(|line| line.tag())
            .filter(|tag| tag.name == DEFINE)
            .any(|tag| attributes(tag.value).any(|attribute| attribute.name == b"IMPORT"))
}

/// Whether a player that has `body` from `served` would not find a value that a player of `origin` finds in
/// its query, and give the playlist up (RFC 8216bis 4.4.2.3).
pub fn lacks_parameters(body: &[u8], origin: &Url, served: &Url) -> bool {
    // Few playlists define any.
    if memmem::find(body, b"QUERYPARAM").is_none() {
        return false;
    }
    let tags = lines(body).filter_map(|line| line.tag());
    let attributes = tags
        .filter(|tag| tag.name == DEFINE)
        .flat_map(|tag| attributes(tag.value));
    let mut names = attributes
        .filter(|attribute| attribute.name == b"QUERYPARAM")
        .filter_map(|attribute| std::str::from_utf8(attribute.value).ok());
    let (origin, served) = (Query::from_url(origin), Query::from_url(served));
    names.any(|name| origin.value(name).is_some() && served.value(name).is_none())
}

impl Variables {
    /// The variables that `body` defines. `playlist` is the URL whose query `QUERYPARAM`
    /// means (the one that answered, after redirects); `imports` are the variables of the
    /// multivariant playlist, for `IMPORT`.
    ///
    /// Where the RFC tells a player to give up (defined twice, not there to be imported),
    /// the first definition stays, and what is not there stays undefined.
    pub fn read(body: &[u8], playlist: &Url, imports: &Variables) -> Variables {
        let mut variables = Variables::default();
        // Few playlists define any.
        if memmem::find(body, DEFINE).is_none() {
            return variables;
        }
        let query = Query::from_url(playlist);
        let candidates =
            lines(body).filter(|line| line.text.trim_ascii_start().starts_with(DEFINE));
        for tag in candidates.filter_map(|line| line.tag()) {
            if tag.name == DEFINE {
                variables.read_tag(tag, &query, imports);
            }
        }
        variables
    }

    fn read_tag(&mut self, tag: Tag<'_>, query: &Query<'_>, imports: &Variables) {
        step();
        let mut definition = None;
        let mut value = None;
        for attribute in attributes(tag.value) {
            match (attribute.name, std::str::from_utf8(attribute.value)) {
                (b"VALUE", Ok(text)) => value = Some(text),
                (b"NAME", Ok(name)) => definition = Some((name, Source::Value)),
                (b"IMPORT", Ok(name)) => definition = Some((name, Source::Import)),
                (b"QUERYPARAM", Ok(name)) => definition = Some((name, Source::Query)),
                _ => {}
            }
        }
        let Some((name, source)) = definition else {
            return;
        };
        let valid = !name.is_empty() && name.bytes().all(is_name_byte);
        if !valid || self.values.contains_key(name) || self.defined_bytes >= MOST_DEFINED {
            return;
        }
        let value = match source {
            Source::Value => value.map(|text| self.substitute(text).into_owned()),
            Source::Import => imports.values.get(name).cloned(),
            Source::Query => query.value(name),
        };
        if let Some(value) = value {
            self.define(name, value);
        }
    }

    /// The first definition that does not fit is the last one that is looked at.
    fn define(&mut self, name: &str, value: String) {
        self.defined_bytes += name.len() + value.len();
        if self.defined_bytes <= MOST_DEFINED {
            self.values.insert(name.to_owned(), value);
        }
    }

    /// Whether no variable is defined.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// `text` with each `{$name}` replaced by the value of that variable. Values are not
    /// looked at again. Undefined variables stay as written, and so does the whole text
    /// where the result would be longer than 64 KiB.
    pub fn substitute<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.is_empty() || !text.contains("{$") {
            return Cow::Borrowed(text);
        }
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{$") {
            step();
            let value = reference(after).and_then(|(name, behind)| {
                let value = self.values.get(name)?;
                Some((value.as_str(), behind))
            });
            result.push_str(before);
            let (value, behind) = value.unwrap_or(("{$", after));
            result.push_str(value);
            rest = behind;
            if result.len() + rest.len() > LONGEST_TEXT {
                return Cow::Borrowed(text);
            }
        }
        result.push_str(rest);
        Cow::Owned(result)
    }
}

/// The name at the start of `text`, which stands behind a `{$`, and what follows its `}`.
fn reference(text: &str) -> Option<(&str, &str)> {
    let end = text.bytes().position(|b| !is_name_byte(b))?;
    let (name, rest) = text.split_at_checked(end)?;
    Some((name, rest.strip_prefix('}')?))
}

/// Characters of a variable name (RFC 8216bis 4.4.2.3).
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// The query of a URL, taken apart once: a playlist may ask for very many parameters.
struct Query<'a> {
    url: &'a Url,
    /// By name, percent-decoded; of several with one name the first.
    parameters: OnceCell<HashMap<Vec<u8>, &'a str>>,
}

impl<'a> Query<'a> {
    fn from_url(url: &'a Url) -> Self {
        Self {
            url,
            parameters: OnceCell::new(),
        }
    }

    fn read(&self) -> HashMap<Vec<u8>, &'a str> {
        let mut parameters = HashMap::new();
        let written = self.url.query().unwrap_or_default().split('&');
        for (name, value) in written.filter_map(|parameter| parameter.split_once('=')) {
            step();
            let name: Vec<u8> = percent_decode_str(name).collect();
            parameters.entry(name).or_insert(value);
        }
        parameters
    }

    /// The value of a parameter, percent-decoded (RFC 8216bis 4.4.2.3). A plus sign is a plus sign there: tokens in
    /// base64 would break otherwise.
    fn value(&self, name: &str) -> Option<String> {
        step();
        let parameters = self.parameters.get_or_init(|| self.read());
        let value = parameters.get(name.as_bytes())?;
        let value = percent_decode_str(value).decode_utf8().ok()?.into_owned();
        let allowed = !value.is_empty() && !value.contains(['"', '\r', '\n']);
        allowed.then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::testing::url;

    fn read(body: &str) -> Variables {
        let playlist = url("https://h/p.m3u8?auth=a%2Fb+c&empty=&x=1&x=2");
        let outer = "#EXT-X-DEFINE:NAME=\"outer\",VALUE=\"from-main\"\n";
        let imports = Variables::read(outer.as_bytes(), &playlist, &Variables::default());
        Variables::read(body.as_bytes(), &playlist, &imports)
    }

    #[test]
    fn the_example_of_the_rfc() {
        let variables = read(
            "#EXTM3U\n#EXT-X-DEFINE:NAME=\"path\",VALUE=\"/media/asset127\"\n\
             #EXT-X-DEFINE:IMPORT=\"outer\"\n#EXT-X-DEFINE:QUERYPARAM=\"auth\"\n",
        );
        assert_eq!(
            variables.substitute("{$path}/s.ts?{$outer}&{$auth}"),
            "/media/asset127/s.ts?from-main&a/b+c"
        );
    }

    #[test]
    fn what_is_not_defined_stays_as_written() {
        let variables = read(
            "#EXT-X-DEFINE:QUERYPARAM=\"empty\"\n#EXT-X-DEFINE:IMPORT=\"no\"\n#EXT-X-DEFINE:NAME=\"x\"\n",
        );
        assert!(variables.is_empty());
        let variables = read("#EXT-X-DEFINE:NAME=\"a\",VALUE=\"1\"\n");
        for text in ["{$b}", "{$a", "{$}", "{$a b}", "{a}", "$a", "{$", "{$ä}"] {
            assert_eq!(variables.substitute(text), text);
        }
        assert_eq!(variables.substitute("{${$a}{$b}{$a}"), "{$1{$b}1");
    }

    #[test]
    fn values_are_not_looked_at_again() {
        let variables = read(
            "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"{$b}\"\n#EXT-X-DEFINE:NAME=\"b\",VALUE=\"{$a}\"\n\
             #EXT-X-DEFINE:NAME=\"b\",VALUE=\"second\"\n",
        );
        assert_eq!(variables.substitute("{$a}"), "{$b}");
        assert_eq!(
            variables.substitute("{$b}"),
            "{$b}",
            "a was defined by then"
        );
    }

    #[test]
    fn a_player_without_the_parameters_would_give_up() {
        let body = b"#EXTM3U\n#EXT-X-DEFINE:QUERYPARAM=\"a\"\n#EXT-X-DEFINE:QUERYPARAM=\"c\"\n";
        let lacks = |query: &str| {
            let served = url(&format!("http://replay.test/x?{query}"));
            lacks_parameters(body, &url("https://h/p?a=1&b=2"), &served)
        };
        assert!(lacks("") && lacks("b=2") && lacks("a="));
        assert!(!lacks("a=3"), "what it names is replaced");
        assert!(!lacks_parameters(
            b"#EXTM3U\n",
            &url("https://h/p?a=1"),
            &url("https://h/p")
        ));
    }

    #[test]
    fn expansion_is_bounded() {
        let mut body = String::from("#EXT-X-DEFINE:NAME=\"v0\",VALUE=\"0123456789\"\n");
        for n in 1..200 {
            let twice = format!("{{$v{}}}{{$v{}}}", n - 1, n - 1);
            body += &format!("#EXT-X-DEFINE:NAME=\"v{n}\",VALUE=\"{twice}\"\n");
        }
        let variables = read(&body);
        let defined = variables
            .values
            .iter()
            .map(|(name, value)| name.len() + value.len());
        assert!(defined.sum::<usize>() <= MOST_DEFINED);
        for n in 0..200 {
            let name = format!("{{$v{n}}}");
            assert!(variables.substitute(&name).len() <= LONGEST_TEXT);
        }
        let long = "{$v0}".repeat(10_000);
        assert_eq!(variables.substitute(&long), long);
    }
}
