//! Which URLs are one, spelt in several ways (RFC 3986 6.2.2), and what players add to them. Pure.
//!
//! The *normal spelling* of a URL: hexadecimal digits in upper case, nothing encoded that need not be, everything
//! encoded that no URL may have. Parameters of the query are read as forms are (a plus is a space, `a=` is
//! `a`), since players that add one often write all of them anew.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

/// A query with more parameters is no set of names that is kept, nor is one with longer names, in bytes.
const MOST_PARAMETERS: usize = 32;
const LONGEST_NAMES: usize = 1024;
/// A request with more parameters is looked up as it is.
const MOST_ASKED: usize = 256;

/// A URL in its normal spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spelling {
    /// Scheme, host and port.
    host: String,
    path: String,
    parameters: Vec<Parameter>,
}

/// A parameter of a query: its text is the one behind the other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Parameter {
    /// With its `=`; empty where there is none: then all of it is a value.
    name: String,
    value: String,
}

/// Parameters of a URL by their names. `None`: they are too many to choose from.
#[derive(Debug)]
pub(crate) struct ByName<'a>(Option<BTreeMap<&'a str, Vec<&'a Parameter>>>);

/// Some of the parameters of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reduced {
    /// The URL with these only, in its normal spelling.
    pub text: String,
    /// They, in an order of their own: whatever the order in the URL.
    pub parameters: Vec<String>,
}

impl Spelling {
    /// That of a URL as the recorder and the replayer write it: without a fragment.
    pub(crate) fn of_url(url: &str) -> Self {
        let (path_url, query) = url.split_once('?').unwrap_or((url, ""));
        let behind_scheme = path_url.find("://").map_or(0, |at| at + 3);
        let slash = path_url.get(behind_scheme..).and_then(|s| s.find('/'));
        let (host, path) = path_url.split_at(slash.map_or(path_url.len(), |at| behind_scheme + at));
        let parameters = query
            .split('&')
            .filter(|parameter| !matches!(*parameter, "" | "="));
        Self {
            host: host.to_owned(),
            path: path_spelling(path),
            parameters: parameters.map(Parameter::parse).collect(),
        }
    }

    /// The URL.
    pub(crate) fn text(&self) -> String {
        self.with(&self.parameters.iter().collect::<Vec<_>>())
    }

    fn with(&self, parameters: &[&Parameter]) -> String {
        let mut text = self.path_url();
        for (at, parameter) in parameters.iter().enumerate() {
            text.push(if at == 0 { '?' } else { '&' });
            text.push_str(&parameter.name);
            text.push_str(&parameter.value);
        }
        text
    }

    /// Scheme, host and port.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Without the query.
    pub(crate) fn path_url(&self) -> String {
        [self.host.as_str(), &self.path].concat()
    }

    /// The names of its parameters, in order, each with its `=`; of one without, nothing: `v=&n=`, `n=&`. `None`: it
    /// has no parameters, or too many.
    pub(crate) fn names(&self) -> Option<String> {
        let names: Vec<&str> = self.parameters.iter().map(|p| p.name.as_str()).collect();
        let is_kept = (1..=MOST_PARAMETERS).contains(&names.len());
        let names = names.join("&");
        (is_kept && names.len() <= LONGEST_NAMES).then_some(names)
    }

    /// Its parameters by their names, in order.
    pub(crate) fn by_name(&self) -> ByName<'_> {
        let mut by_name = BTreeMap::<&str, Vec<&Parameter>>::new();
        for parameter in self.parameters.iter().take(MOST_ASKED + 1) {
            by_name.entry(&parameter.name).or_default().push(parameter);
        }
        ByName((self.parameters.len() <= MOST_ASKED).then_some(by_name))
    }

    /// The URLs with these names that have none but parameters of this one, each at most as often: at
    /// most `most` of them. Several where it has a name more often.
    pub(crate) fn reduced(&self, by_name: &ByName<'_>, names: &str, most: usize) -> Vec<Reduced> {
        let mut found = Vec::new();
        let mut wanted = Vec::new();
        for name in names.split('&') {
            let known = by_name.0.as_ref().and_then(|all| all.get(name));
            let before = wanted.iter().filter(|(other, _)| *other == name).count();
            match known {
                Some(known) if known.len() > before => wanted.push((name, known.as_slice())),
                _ => return found,
            }
        }
        self.choose(&wanted, &mut Vec::new(), most, &mut found);
        found
    }

    /// The URL without parameters.
    pub(crate) fn bare(&self) -> Reduced {
        Reduced {
            text: self.path_url(),
            parameters: Vec::new(),
        }
    }

    /// There are enough of each name, so that each choice leads to a URL, and no two to the same.
    fn choose<'a>(
        &self,
        wanted: &[(&str, &[&'a Parameter])],
        chosen: &mut Vec<(usize, &'a Parameter)>,
        most: usize,
        found: &mut Vec<Reduced>,
    ) {
        let Some((_, known)) = wanted.get(chosen.len()) else {
            let chosen: Vec<&Parameter> = chosen.iter().map(|(_, parameter)| *parameter).collect();
            let text = |p: &&Parameter| [p.name.as_str(), &p.value].concat();
            let mut parameters: Vec<String> = chosen.iter().map(text).collect();
            parameters.sort_unstable();
            found.push(Reduced {
                text: self.with(&chosen),
                parameters,
            });
            return;
        };
        let mut tried: Vec<&Parameter> = Vec::new();
        for (at, parameter) in known.iter().enumerate() {
            if found.len() >= most {
                return;
            }
            let is_same = |(other, chosen): &(usize, &Parameter)| {
                *other == at && chosen.name == parameter.name
            };
            if !chosen.iter().any(is_same) && !tried.contains(parameter) {
                tried.push(parameter);
                chosen.push((at, parameter));
                self.choose(wanted, chosen, most, found);
                chosen.pop();
            }
        }
    }
}

impl Parameter {
    fn parse(text: &str) -> Self {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) if !value.is_empty() => (Some(name), value),
            Some((flag, _)) => (None, flag),
            None => (None, text),
        };
        Self {
            name: name.map_or_else(String::new, |name| form_spelling(name, b"") + "="),
            // In the value of a name an equals sign is one; as a flag it would begin a value.
            value: form_spelling(value, if name.is_some() { b"=" } else { b"" }),
        }
    }
}

/// What a query may have unencoded, but for what separates parameters, and for the plus that is a space. The
/// apostrophe is always encoded there (WHATWG URL).
const IN_FORM: &[u8] = b"-._~!$()*,;:@/?";
/// What a path may have unencoded that means the same when it is encoded.
const UNRESERVED: &[u8] = b"-._~";
/// What a path may have unencoded that may mean something else when it is encoded.
const RESERVED_IN_PATH: &[u8] = b"!$&'()*+,;=:@/";

fn form_spelling(text: &str, also: &[u8]) -> String {
    let spaced = text.replace('+', " ");
    let mut spelling = String::with_capacity(text.len());
    for byte in percent_decode_str(&spaced) {
        let stays = byte.is_ascii_alphanumeric() || IN_FORM.contains(&byte) || also.contains(&byte);
        push(&mut spelling, byte, stays);
    }
    spelling
}

fn path_spelling(path: &str) -> String {
    let bytes = path.as_bytes();
    let mut spelling = String::with_capacity(path.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        let encoded = path.get(at..at + 3).filter(|_| byte == b'%').and_then(hex);
        match encoded {
            Some(byte) => {
                let stays = byte.is_ascii_alphanumeric() || UNRESERVED.contains(&byte);
                push(&mut spelling, byte, stays);
                at += 3;
            }
            None => {
                let stays = byte.is_ascii_alphanumeric()
                    || UNRESERVED.contains(&byte)
                    || RESERVED_IN_PATH.contains(&byte);
                push(&mut spelling, byte, stays);
                at += 1;
            }
        }
    }
    spelling
}

/// The byte that `%7E` stands for.
fn hex(encoded: &str) -> Option<u8> {
    let digits = encoded.get(1..)?;
    let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
    is_hex
        .then(|| u8::from_str_radix(digits, 16).ok())
        .flatten()
}

fn push(spelling: &mut String, byte: u8, stays: bool) {
    if stays {
        spelling.push(char::from(byte));
    } else {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        spelling.push('%');
        for digit in [byte >> 4, byte & 15] {
            spelling.push(char::from(DIGITS[usize::from(digit)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use url::Url;

    /// As it is asked for.
    fn normal(url: &str) -> String {
        Spelling::of_url(Url::parse(url).unwrap().as_str()).text()
    }

    #[test]
    fn spellings_of_one_url() {
        let one = [
            ["http://h/a%2fb.ts", "http://h/a%2Fb.ts"],
            ["http://h/%7Euser/a.ts", "http://h/~user/a.ts"],
            ["http://h/a|b[1].ts", "http://h/a%7Cb%5b1%5D.ts"],
            ["http://h/x/../a/./b.ts", "http://h/a/%2e/b.ts"],
            ["http://h/ä b.ts", "http://h/%c3%a4%20b.ts"],
            ["HTTP://H:80/a?x=1", "http://h/a?%78=%31"],
            [
                "http://h/a?t=exp=1~acl=/*!a,b",
                "http://h/a?t=exp%3D1%7Eacl%3D%2F*%21a%2Cb",
            ],
            ["http://h/a?t=x%20y+z&f", "http://h/a?t=x+y%20z&f="],
            ["http://h/a?&x=1&", "http://h/a?x=1"],
            ["http://h/a?", "http://h/a"],
            ["http://h/a?x='", "http://h/a?x=%27"],
        ];
        for [one, other] in one {
            assert_eq!(normal(one), normal(other));
        }
    }

    #[test]
    fn other_urls() {
        let two = [
            ["http://h/a%2Fb.ts", "http://h/a/b.ts"],
            ["http://h/a.ts", "http://h/A.ts"],
            ["http://h/a%3Bv.ts", "http://h/a;v.ts"],
            ["http://h/a+b", "http://h/a%20b"],
            ["http://h/a//b", "http://h/a/b"],
            ["http://h/a%253F", "http://h/a%3F"],
            ["http://h/a?x=1%262", "http://h/a?x=1&2"],
            ["http://h/a?x%3D1", "http://h/a?x=1"],
            ["http://h/a?x=1+2", "http://h/a?x=1%2B2"],
            ["http://h/a?x=1&y=2", "http://h/a?y=2&x=1"],
            ["http://h/a?x=1", "http://h/a?x=1&x=1"],
        ];
        for [one, other] in two {
            assert_ne!(normal(one), normal(other));
        }
    }

    #[test]
    fn what_most_origins_write_is_the_normal_spelling() {
        for url in [
            "http://h/",
            "https://cdn.example:8443/live/seg-1_2~3.ts",
            "http://h/get.ts?v=2&n=17",
            "http://h/a.ts?hdnts=exp=1700000000~acl=/*~hmac=0a1b",
            "http://h/a.ts?1700000000",
            "http://h/chunk_(1),2;v=1.ts?Policy=eyJ_&Signature=a-b~c__&Key-Pair-Id=K",
        ] {
            assert_eq!(normal(url), url);
        }
    }

    fn reduced(asked: &Spelling, names: &str) -> Vec<Reduced> {
        asked.reduced(&asked.by_name(), names, 9)
    }

    #[test]
    fn a_request_is_reduced_to_the_names_that_are_known() {
        let of = |url: &str, names: &str| -> Vec<String> {
            let found = reduced(&Spelling::of_url(url), names);
            let query = |r: Reduced| r.text.split_once('?').unwrap().1.to_owned();
            found.into_iter().map(query).collect()
        };
        let asked = "http://h/get.ts?n=5&CMCD=bl%3D1&v=2&_=17&alone";
        assert_eq!(of(asked, "v=&n="), ["v=2&n=5"]);
        assert_eq!(of(asked, "n=&"), ["n=5&alone"]);
        assert!(of(asked, "v=&x=").is_empty());
        assert!(of(asked, "v=&v=").is_empty());
        assert_eq!(of("http://h/a?v=1&v=2", "v="), ["v=1", "v=2"]);
        assert_eq!(of("http://h/a?v=1&v=1", "v="), ["v=1"]);
        assert_eq!(of("http://h/a?v=1&v=2", "v=&v="), ["v=1&v=2", "v=2&v=1"]);
        assert_eq!(of("http://h/a?17&18", ""), ["17", "18"]);
        let many = format!("http://h/a?{}", "v=1&v=2&".repeat(128));
        let names = vec!["v="; 32].join("&");
        assert_eq!(reduced(&Spelling::of_url(&many), &names).len(), 9);
        let (same, absent) = ("v=1&".repeat(256), names + "&x=");
        let same = Spelling::of_url(&format!("http://h/a?{same}"));
        assert_eq!(reduced(&same, "v=&v=&v=&v=").len(), 1);
        assert!(reduced(&same, &absent).is_empty());
    }

    #[test]
    fn names_are_those_of_few_parameters() {
        let names = |url: &str| Spelling::of_url(url).names();
        assert_eq!(
            names("http://h/a?v=1&n=2&17&x="),
            Some("v=&n=&&".to_owned())
        );
        assert_eq!(names("http://h/a?17"), Some(String::new()));
        assert_eq!(names("http://h/a?"), None);
        assert_eq!(names(&format!("http://h/a?{}", "a=1&".repeat(33))), None);
        assert_eq!(names(&format!("http://h/a?{}=1", "a".repeat(1025))), None);
    }

    proptest! {
        #[test]
        fn the_normal_spelling_is_its_own(
            path in "[a-zA-Z0-9%~|+;/\\[é.]{0,12}",
            query in "(\\?[a-z0-9%=&+'~|/;:]{0,16})?",
        ) {
            let url = Url::parse(&format!("http://h/{path}{query}")).unwrap();
            let once = normal(url.as_str());
            prop_assert_eq!(&normal(&once), &once, "{}", url);
            let spelling = Spelling::of_url(&once);
            if let Some(names) = spelling.names() {
                let whole = spelling.reduced(&spelling.by_name(), &names, 99);
                prop_assert!(whole.iter().any(|r| r.text == once), "{} {}", once, names);
            }
        }
    }
}
