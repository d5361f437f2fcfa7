//! The book of a redaction: what was found, which pseudonym it has, and texts with these in place.
//!
//! First everything is noted, then the book is sealed, then texts are redacted: a token that is told
//! from others in one place only is then known everywhere.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::dictionary::Dictionary;
use super::places::{Finder, Form, Place};
use super::pseudonym::Pseudonyms;
use super::secret::{Rules, What, is_sought};
use super::spelling::{plain, spell_like};
use super::variables::{Piece, Variables};

/// What is everybody's is remembered up to so many texts: dates never end.
const MOST_COMMON: usize = 100_000;

/// What was replaced of one sort.
#[derive(Debug, Default)]
struct Replaced {
    different: HashSet<Box<[u8]>>,
    places: u64,
}

/// A book of secrets.
#[derive(Debug)]
pub(super) struct Book {
    rules: Rules,
    pseudonyms: Pseudonyms,
    /// Every secret, plain, and where it was found first.
    seen: HashMap<Box<[u8]>, What>,
    /// Those that are sought everywhere, with unusual spellings in which they were found.
    sought: HashMap<Box<[u8]>, Vec<Box<[u8]>>>,
    hosts: HashSet<String>,
    common: HashSet<Box<[u8]>>,
    /// What every copy has in it as it is: its schema, names of fields.
    fixed: HashSet<Box<[u8]>>,
    variables: Variables,
    dictionary: Dictionary,
    replaced: BTreeMap<What, Replaced>,
}

impl Book {
    pub(super) fn new(rules: Rules, seed: [u8; 32]) -> Self {
        let own = rules.secrets.iter().map(|s| s.as_bytes().into());
        let own: Vec<Box<[u8]>> = own.collect();
        Self {
            rules,
            pseudonyms: Pseudonyms::new(seed),
            seen: own.iter().map(|s| (s.clone(), What::Named)).collect(),
            sought: own.into_iter().map(|s| (s, Vec::new())).collect(),
            hosts: HashSet::new(),
            common: HashSet::new(),
            fixed: HashSet::new(),
            variables: Variables::default(),
            dictionary: Dictionary::default(),
            replaced: BTreeMap::new(),
        }
    }

    /// Notes what a text says.
    pub(super) fn note(&mut self, form: Form<'_>, text: &[u8]) {
        let mut finder = Finder::new(text, &self.rules);
        finder.find(form);
        let Finder {
            places,
            common,
            variables,
            templates,
            ..
        } = finder;
        let slice = |span: &Range<usize>| text.get(span.clone()).unwrap_or_default();
        for span in common.iter().filter(|span| span.len() >= 5) {
            if self.common.len() < MOST_COMMON && !self.common.contains(slice(span)) {
                self.common.insert(slice(span).into());
            }
        }
        for span in &variables {
            self.variables.note_value(slice(span));
        }
        for span in &templates {
            self.variables.note_template(slice(span));
        }
        let mut user: Option<Place> = None;
        for place in places {
            self.secret(place.what, slice(&place.span));
            if let (What::User, Some(name)) = (place.what, &user) {
                self.in_base64(slice(&(name.span.start..place.span.end)));
            }
            user = (place.what == What::User).then_some(place);
        }
    }

    /// A text that the copy has as it is.
    pub(super) fn note_fixed(&mut self, text: &str) {
        if !self.fixed.contains(text.as_bytes()) {
            self.fixed.insert(text.as_bytes().into());
        }
    }

    /// Which of the secrets that the user named is in what stays as it is, counted from 1.
    pub(super) fn fixed_secret(&self) -> Option<usize> {
        let is_fixed = |secret: &String| {
            let is_in = |text: &[u8]| super::lexical::contains(text, secret.as_bytes());
            self.fixed.iter().any(|text| is_in(text))
        };
        let at = self.rules.secrets.iter().position(is_fixed)?;
        Some(at + 1)
    }

    /// A host or an address, alone.
    pub(super) fn note_host(&mut self, host: &str) {
        self.secret(What::Host, host.as_bytes());
    }

    fn secret(&mut self, what: What, spelled: &[u8]) {
        match what {
            What::KeyData => return,
            What::Host => {
                if let Some(host) = canonical(spelled) {
                    self.hosts.insert(host);
                }
                return;
            }
            _ => {}
        }
        let secret = plain(spelled);
        if !self.seen.contains_key(secret.as_slice()) {
            self.seen.insert(secret.as_slice().into(), what);
            self.pieces(&secret);
        }
        if !is_sought(what, &secret) {
            return;
        }
        if matches!(what, What::Cookie | What::User | What::Named) {
            self.in_base64(&secret);
        }
        let spellings = self.sought.entry(secret.as_slice().into()).or_default();
        if secret != spelled && spellings.len() < 8 && !spellings.iter().any(|s| **s == *spelled) {
            spellings.push(spelled.into());
        }
    }

    /// `exp=…~acl=…~hmac=…`: the signature may stand elsewhere, too.
    fn pieces(&mut self, secret: &[u8]) {
        for piece in secret.split(|b| b"~&;|,".contains(b)) {
            let value = piece.iter().position(|b| *b == b'=').map(|at| at + 1);
            let value = piece.get(value.unwrap_or(0)..).unwrap_or_default();
            if value != secret && value.len() >= 16 && is_sought(What::Query, value) {
                self.secret(What::Query, value);
            }
        }
    }

    /// As `Authorization: Basic` has it.
    fn in_base64(&mut self, secret: &[u8]) {
        for encoded in [
            STANDARD_NO_PAD.encode(secret),
            URL_SAFE_NO_PAD.encode(secret),
        ] {
            if is_sought(What::Named, encoded.as_bytes()) {
                self.sought.entry(encoded.into_bytes().into()).or_default();
            }
        }
    }

    /// Everything is noted. What is everybody's is not sought.
    ///
    /// # Errors
    /// There is too much to be sought.
    pub(super) fn seal(&mut self) -> Result<(), String> {
        self.note_values();
        let common: Vec<u8> = self
            .common
            .iter()
            .chain(&self.fixed)
            .flat_map(|text| text.iter().copied().chain([b'\n']))
            .collect();
        let secrets = self.sought.keys().map(|s| s.to_vec()).collect();
        let found = super::dictionary::found_in(secrets, &common)?;
        let own: HashSet<&[u8]> = self.rules.secrets.iter().map(String::as_bytes).collect();
        self.sought
            .retain(|secret, _| !found.contains(&**secret) || own.contains(&**secret));
        self.common.clear();
        let mut patterns = Vec::new();
        for (secret, others) in &self.sought {
            let pseudonym = pseudonym_of(&mut self.pseudonyms, &self.variables, secret);
            patterns.extend(super::spelling::spellings(secret, &pseudonym));
            for spelled in others {
                patterns.push((spelled.to_vec(), spell_like(spelled, &pseudonym)));
            }
        }
        let mut hosts: Vec<String> = self.hosts.iter().cloned().collect();
        hosts.sort();
        self.pseudonyms.avoid(&hosts);
        let hosts = hosts.into_iter().map(|host| {
            let name = self.pseudonyms.of_host(&host);
            (host, name)
        });
        self.dictionary = Dictionary::new(patterns, hosts.collect())?;
        Ok(())
    }

    /// Where a secret is an expansion, the values in it are secrets, too.
    fn note_values(&mut self) {
        let mut values = Vec::new();
        for secret in self.seen.keys() {
            for piece in self.variables.pieces(secret).unwrap_or_default() {
                if let Piece::Value(value) = piece {
                    values.push(value.to_vec());
                }
            }
        }
        for value in values {
            self.secret(What::Query, &value);
        }
    }

    /// A text with pseudonyms in place of secrets. `None`: it has none.
    pub(super) fn redact(&mut self, form: Form<'_>, text: &[u8]) -> Option<Vec<u8>> {
        let mut finder = Finder::new(text, &self.rules);
        finder.find(form);
        let (places, variables) = (finder.places, finder.variables);
        let mut edits: Vec<Edit> = self.dictionary.edits(text);
        for place in places {
            let spelled = text.get(place.span.clone()).unwrap_or_default();
            edits.extend(self.pseudonym(place.what, spelled).map(|new| Edit {
                span: place.span,
                new,
                what: place.what,
            }));
        }
        for span in variables {
            // Where it is the whole value of a parameter, that has its pseudonym.
            let spelled = text.get(span.clone()).unwrap_or_default();
            if self.seen.contains_key(plain(spelled).as_slice()) {
                let what = What::Query;
                edits.extend(
                    self.pseudonym(what, spelled)
                        .map(|new| Edit { span, new, what }),
                );
            }
        }
        edits.retain(|edit| text.get(edit.span.clone()) != Some(edit.new.as_slice()));
        if edits.is_empty() {
            return None;
        }
        Some(self.made(text, edits))
    }

    /// As [`Self::redact`], of a text.
    pub(super) fn redact_text(&mut self, form: Form<'_>, text: &str) -> String {
        match self.redact(form, text.as_bytes()) {
            None => text.to_owned(),
            Some(new) => String::from_utf8_lossy(&new).into_owned(),
        }
    }

    fn pseudonym(&mut self, what: What, spelled: &[u8]) -> Option<Vec<u8>> {
        match what {
            What::KeyData => Some(vec![b'A'; spelled.len()]),
            What::Host => Some(self.pseudonyms.of_host(&canonical(spelled)?).into_bytes()),
            _ => {
                let secret = plain(spelled);
                let new = pseudonym_of(&mut self.pseudonyms, &self.variables, &secret);
                Some(spell_like(spelled, &new))
            }
        }
    }

    /// The first wins, and of those the longest.
    fn made(&mut self, text: &[u8], mut edits: Vec<Edit>) -> Vec<u8> {
        edits.sort_by_key(|edit| (edit.span.start, std::cmp::Reverse(edit.span.end)));
        let mut new = Vec::with_capacity(text.len());
        let mut copied = 0;
        for edit in edits {
            if edit.span.start < copied {
                continue;
            }
            new.extend_from_slice(text.get(copied..edit.span.start).unwrap_or_default());
            new.extend_from_slice(&edit.new);
            copied = edit.span.end;
            let old = plain(text.get(edit.span.clone()).unwrap_or_default());
            let what = self.seen.get(old.as_slice()).copied();
            let entry = self.replaced.entry(what.unwrap_or(edit.what)).or_default();
            if !entry.different.contains(old.as_slice()) {
                entry.different.insert(old.into());
            }
            entry.places += 1;
        }
        new.extend_from_slice(text.get(copied..).unwrap_or_default());
        new
    }

    /// What is sought, to see that nothing of it is left.
    pub(super) fn dictionary(&self) -> &Dictionary {
        &self.dictionary
    }

    /// How many different ones were replaced, and in how many places.
    pub(super) fn counts(&self) -> BTreeMap<What, (u64, u64)> {
        self.replaced
            .iter()
            .map(|(what, of)| (*what, (of.different.len() as u64, of.places)))
            .collect()
    }
}

/// Bytes to replace.
#[derive(Debug)]
pub(super) struct Edit {
    pub(super) span: Range<usize>,
    pub(super) new: Vec<u8>,
    pub(super) what: What,
}

/// That of a secret; of what variables make up, that of its pieces.
fn pseudonym_of(pseudonyms: &mut Pseudonyms, variables: &Variables, secret: &[u8]) -> Vec<u8> {
    let Some(pieces) = variables.pieces(secret) else {
        return pseudonyms.of(secret).into_vec();
    };
    let mut new = Vec::with_capacity(secret.len());
    for piece in pieces {
        match piece {
            Piece::Plain(text) => new.extend_from_slice(text),
            Piece::Secret(text) | Piece::Value(text) => {
                new.extend_from_slice(&pseudonyms.of(text));
            }
        }
    }
    new
}

/// A host as URLs have it; one that they cannot have as it is, but for the scope of an address.
fn canonical(host: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(host).ok()?;
    if text.contains('{') {
        return None;
    }
    let unscoped = match text.split_once('%') {
        Some((address, _)) if text.starts_with('[') => format!("{address}]"),
        _ => text.to_owned(),
    };
    if let Ok(address) = unscoped.parse::<std::net::Ipv6Addr>() {
        return Some(format!("[{address}]"));
    }
    match url::Host::parse(&unscoped) {
        Ok(host) => Some(host.to_string()),
        Err(_) => Some(unscoped.to_ascii_lowercase()).filter(|host| !host.is_empty()),
    }
}
