//! The book of a redaction: what was found, which pseudonym it has, and texts with these in place.
//!
//! First everything is noted, then the book is sealed, then texts are redacted: a token that is told
//! from others in one place only is then known everywhere.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::dictionary::{As, Dictionary, Hit};
use super::pseudonym::Pseudonyms;
use super::spelling::{plain, spell_like};
use super::starts::Marked;
use super::variables::{Piece, Variables};
use super::views;
use crate::upkeep::redact::secrets::folders::Folders;
use crate::upkeep::redact::secrets::keys;
use crate::upkeep::redact::secrets::look::is_text;
use crate::upkeep::redact::secrets::places::{Finder, Form, Place};
use crate::upkeep::redact::secrets::secret::{Rules, What, is_sought};

/// How deep secrets within secrets are looked for.
const DEEPEST: usize = 3;

/// Longer values are looked through as texts where they stand, in bytes.
const LONGEST_NESTED: usize = 64 * 1024;

/// What is longer is not found where a long line is looked at in pieces, in bytes.
const LONGEST_PLACE: usize = 16 * 1024;

/// A book of secrets.
#[derive(Debug)]
pub(crate) struct Book {
    rules: Rules,
    pseudonyms: Pseudonyms,
    dictionary: Dictionary,
    hosts: HashSet<String>,
    /// Texts that every copy contains unchanged: its schema, words of HTTP and HLS.
    fixed: BTreeSet<String>,
    variables: Variables,
    /// Everything is read once more, for what variables make up.
    is_expanding: bool,
    folders: Folders,
    /// How many different ones, in how many places.
    replaced: BTreeMap<What, (u64, u64)>,
    not_sought: u64,
    /// Keys in playlists, where they stay.
    kept_keys: u64,
    known_keys: Marked,
}

impl Book {
    pub(crate) fn new(rules: Rules, seed: [u8; 32]) -> Self {
        let mut dictionary = Dictionary::default();
        for secret in &rules.secrets {
            dictionary.register.note_own(secret.as_bytes());
        }
        Self {
            rules,
            pseudonyms: Pseudonyms::new(seed),
            dictionary,
            hosts: HashSet::new(),
            fixed: BTreeSet::new(),
            variables: Variables::default(),
            is_expanding: false,
            folders: Folders::default(),
            replaced: BTreeMap::new(),
            not_sought: 0,
            kept_keys: 0,
            known_keys: Marked::default(),
        }
    }

    /// Notes what a text says.
    pub(crate) fn note(&mut self, form: Form<'_>, text: &[u8]) {
        self.note_in(form, text, 0);
    }

    fn note_in(&mut self, form: Form<'_>, text: &[u8], depth: usize) {
        self.note_places(form, text, depth);
        if form == Form::Plain {
            return;
        }
        views::each(text, LONGEST_PLACE, |view| {
            self.note_places(Form::Text, &view.bytes, depth);
            false
        });
    }

    fn note_places(&mut self, form: Form<'_>, text: &[u8], depth: usize) {
        let mut finder = Finder::new(text, &self.rules);
        finder.find(form);
        let Finder {
            places,
            variables,
            templates,
            keys: found_keys,
            ..
        } = finder;
        let slice = |span: &Range<usize>| text.get(span.clone()).unwrap_or_default();
        for span in &found_keys {
            let is_key = keys::is_key(slice(span));
            self.kept_keys += u64::from(is_key && self.known_keys.insert(slice(span)));
        }
        for span in &variables {
            self.variables.note_value(slice(span));
        }
        for span in &templates {
            self.variables.note_template(slice(span));
        }
        let mut user: Option<Place> = None;
        for place in places {
            self.secret(place.what, slice(&place.span), depth);
            if let (What::User, Some(name)) = (place.what, &user) {
                self.in_base64(slice(&(name.span.start..place.span.end)));
            }
            user = (place.what == What::User).then_some(place);
        }
    }

    /// Whether references to variables were noted: what they make up is noted when all is read again.
    pub(crate) fn begin_expansions(&mut self) -> bool {
        self.is_expanding = !self.variables.is_empty();
        self.is_expanding
    }

    /// A text that the copy has as it is.
    pub(crate) fn note_fixed(&mut self, text: &str) {
        if !self.fixed.contains(text) {
            self.fixed.insert(text.to_owned());
        }
    }

    /// Which of the secrets that the user named is in what stays as it is, counted from 1.
    pub(crate) fn fixed_secret(&self) -> Option<usize> {
        let is_fixed = |secret: &String| self.fixed.iter().any(|text| text.contains(secret));
        let at = self.rules.secrets.iter().position(is_fixed)?;
        Some(at + 1)
    }

    /// A host or an address, alone.
    pub(crate) fn note_host(&mut self, host: &str) {
        self.secret(What::Host, host.as_bytes(), 0);
    }

    /// Two URLs of one resource: what differs in their paths changes when they are renewed.
    pub(crate) fn note_renewed(&mut self, url: &str, other: &str) {
        for changed in self.folders.changed(url, other) {
            self.secret(What::Path, changed.as_bytes(), 0);
        }
    }

    /// A folder of a URL of the copy.
    pub(crate) fn note_kept_folders(&mut self, url: &str) {
        self.folders.note_kept(url);
    }

    /// Names of folders that stand in URLs of the copy, and how many others there are.
    pub(crate) fn kept_folders(&self) -> (Vec<String>, u64) {
        self.folders.kept()
    }

    fn secret(&mut self, what: What, spelled: &[u8], depth: usize) {
        match what {
            What::KeyData => return self.note_key(&plain(spelled), true),
            What::Host => {
                if let Some(host) = canonical(spelled) {
                    self.hosts.insert(host);
                }
                return;
            }
            _ => {}
        }
        let secret = plain(spelled);
        if self.is_expanding {
            let pieces = self.variables.pieces(&secret).unwrap_or_default();
            for piece in pieces {
                if let Piece::Value(value) = piece {
                    let sought = is_sought(What::Query, value);
                    self.dictionary.register.note(What::Query, value, sought);
                }
            }
            return;
        }
        let sought = is_sought(what, &secret);
        let is_new = self.dictionary.register.note(what, &secret, sought);
        if is_new && depth < DEEPEST && secret.len() <= LONGEST_NESTED {
            self.nested(what, &secret, depth + 1);
        }
    }

    /// The value of a key that the copy shall not have. `is_certain`: it did not come with an error.
    pub(crate) fn note_key(&mut self, key: &[u8], is_certain: bool) {
        for value in keys::values(key, is_certain) {
            self.dictionary.register.note(What::KeyData, &value, true);
        }
    }

    /// How many keys stand in playlists, and stay there.
    pub(crate) fn kept_keys(&self) -> u64 {
        self.kept_keys
    }

    /// What a secret has in it may stand elsewhere alone: `exp=…~acl=…~hmac=…`, a URL, JSON, any of these coded.
    fn nested(&mut self, what: What, secret: &[u8], depth: usize) {
        for piece in secret.split(|b| b"~&;|,".contains(b)) {
            let value = piece.iter().position(|b| *b == b'=').map(|at| at + 1);
            let value = piece.get(value.unwrap_or(0)..).unwrap_or_default();
            if value != secret && value.len() >= 16 && is_sought(What::Query, value) {
                self.secret(What::Query, value, depth);
            }
        }
        if plain(secret) != secret {
            self.secret(what, secret, depth);
        }
        if secret.contains(&b' ') {
            let joined: Vec<u8> = secret
                .iter()
                .map(|b| if *b == b' ' { b'+' } else { *b })
                .collect();
            self.secret(what, &joined, depth);
        }
        if secret.iter().any(|b| b"=:?\"'".contains(b)) {
            self.note_in(Form::Text, secret, depth);
        }
        if let Some(decoded) = decoded_base64(secret) {
            self.note_in(Form::Text, &decoded, depth);
        }
    }

    /// As `Authorization: Basic` has it.
    fn in_base64(&mut self, secret: &[u8]) {
        for encoded in [
            STANDARD_NO_PAD.encode(secret),
            URL_SAFE_NO_PAD.encode(secret),
        ] {
            let sought = is_sought(What::Named, encoded.as_bytes());
            self.dictionary
                .register
                .note(What::Named, encoded.as_bytes(), sought);
        }
    }

    /// Everything is noted. What every copy has is not sought.
    ///
    /// # Errors
    /// There is too much to be sought.
    pub(crate) fn seal(&mut self) -> Result<(), String> {
        let fixed: Vec<&str> = self.fixed.iter().map(String::as_str).collect();
        self.dictionary.register.seal(fixed.join("\n").as_bytes())?;
        let mut hosts: Vec<String> = self.hosts.iter().cloned().collect();
        hosts.sort();
        self.pseudonyms.avoid(&hosts);
        let hosts = hosts.into_iter().map(|host| {
            let name = self.pseudonyms.of_host(&host);
            (host, name)
        });
        let hosts = hosts.collect();
        self.dictionary.set_hosts(hosts)
    }

    /// A text with pseudonyms in place of secrets. `None`: it has none.
    pub(crate) fn redact(&mut self, form: Form<'_>, text: &[u8]) -> Option<Vec<u8>> {
        let mut edits = self.found(form, text, 0);
        if form != Form::Plain {
            self.escaped(text, &mut edits);
        }
        // Most that is sought was found where it stands, and goes before.
        let mut spans: Vec<(usize, usize)> = edits
            .iter()
            .map(|edit| (edit.span.start, edit.span.end))
            .collect();
        spans.sort_unstable();
        let is_new = |hit: &Hit| {
            let span = (hit.span.start, hit.span.end);
            !matches!(hit.as_what, As::Spelled(_)) || spans.binary_search(&span).is_err()
        };
        let hits = self.dictionary.hits(text, is_new);
        drop(spans);
        // What digits mean goes before what they look like.
        let mut first = Vec::new();
        for Hit { span, as_what } in hits {
            let spelled = text.get(span.clone()).unwrap_or_default();
            let is_in_hex = matches!(as_what, As::InHex(_));
            let (new, what) = match as_what {
                As::Host(name) => (name.into_bytes(), What::Host),
                As::InHex(depth) => (self.in_hex(spelled, depth), What::Named),
                As::Wide => {
                    let new = self.plain_pseudonym(&views::of_wide(spelled));
                    (views::widened(&new), What::Named)
                }
                As::Coded(0) => (self.plain_pseudonym(spelled), What::Named),
                As::Coded(depth) | As::Spelled(depth) => {
                    (self.respelled(spelled, depth), What::Named)
                }
            };
            let edit = Edit { span, new, what };
            match is_in_hex {
                true => first.push(edit),
                false => edits.push(edit),
            }
        }
        first.append(&mut edits);
        let mut edits = first;
        edits.retain(|edit| text.get(edit.span.clone()) != Some(edit.new.as_slice()));
        if edits.is_empty() {
            return None;
        }
        Some(self.made(text, edits))
    }

    /// What has its place in a text of this form.
    fn found(&mut self, form: Form<'_>, text: &[u8], depth: usize) -> Vec<Edit> {
        let mut finder = Finder::new(text, &self.rules);
        finder.wants_segments = depth == 0 && !self.folders.is_empty();
        finder.find(form);
        let (places, variables, segments) = (finder.places, finder.variables, finder.segments);
        let mut edits = Vec::new();
        for Place { span, what } in places {
            let spelled = text.get(span.clone()).unwrap_or_default();
            edits.extend(
                self.pseudonym(what, spelled)
                    .map(|new| Edit { span, new, what }),
            );
        }
        for span in variables {
            // If the secret is a whole value of a parameter, it has the pseudonym of that value.
            let spelled = text.get(span.clone()).unwrap_or_default();
            if self.dictionary.register.get(&plain(spelled)).is_some() {
                let what = What::Query;
                edits.extend(
                    self.pseudonym(what, spelled)
                        .map(|new| Edit { span, new, what }),
                );
            }
        }
        for span in segments {
            let spelled = text.get(span.clone()).unwrap_or_default();
            if self.folders.is_changing(&plain(spelled)) {
                let what = What::Path;
                let new = self.pseudonym(what, spelled);
                edits.extend(new.map(|new| Edit { span, new, what }));
            }
        }
        edits
    }

    /// What has its place in a text without its escapes.
    fn escaped(&mut self, text: &[u8], edits: &mut Vec<Edit>) {
        let mut places = Vec::new();
        views::each(text, LONGEST_PLACE, |view| {
            let mut finder = Finder::new(&view.bytes, &self.rules);
            finder.find(Form::Text);
            let found = finder
                .places
                .into_iter()
                .filter(|place| place.what != What::Host);
            places.extend(
                found.filter_map(|place| Some((view.span(place.span)?, view.depth, place.what))),
            );
            false
        });
        for (span, depth, what) in places {
            if what != What::KeyData {
                let spelled = text.get(span.clone()).unwrap_or_default();
                let new = self.respelled(spelled, depth);
                edits.push(Edit { span, new, what });
            }
        }
    }

    /// As [`Self::redact`], of a text.
    pub(crate) fn redact_text(&mut self, form: Form<'_>, text: &str) -> String {
        match self.redact(form, text.as_bytes()) {
            None => text.to_owned(),
            Some(new) => String::from_utf8_lossy(&new).into_owned(),
        }
    }

    fn pseudonym(&mut self, what: What, spelled: &[u8]) -> Option<Vec<u8>> {
        match what {
            What::KeyData => Some(vec![b'A'; spelled.len()]),
            What::Host => Some(self.pseudonyms.of_host(&canonical(spelled)?).into_bytes()),
            _ => Some(self.respelled(spelled, 1)),
        }
    }

    /// That of what is spelled with so many codings around it, in these.
    fn respelled(&mut self, spelled: &[u8], depth: usize) -> Vec<u8> {
        let mut secret = spelled.to_vec();
        for _ in 0..depth {
            secret = plain(&secret);
        }
        let new = self.plain_pseudonym(&secret);
        match depth {
            1 => spell_like(spelled, &new),
            depth => views::respelled(spelled, depth, &new),
        }
    }

    /// That of what is in hexadecimal digits, with so many codings around these, in the same.
    fn in_hex(&mut self, spelled: &[u8], depth: usize) -> Vec<u8> {
        let mut written = spelled.to_vec();
        for _ in 0..depth {
            written = plain(&written);
        }
        let new = self.plain_pseudonym(&views::of_hex(&written));
        views::respelled(spelled, depth, &views::in_hex_like(&written, &new))
    }

    /// That of a secret; of what variables make up, that of its pieces.
    fn plain_pseudonym(&mut self, secret: &[u8]) -> Vec<u8> {
        let register = &self.dictionary.register;
        let pseudonyms = &mut self.pseudonyms;
        let mut of = |text: &[u8]| {
            let is_secret = |drawn: &[u8]| register.get(drawn).is_some();
            match register.get(text).map(|found| found.what) {
                Some(What::KeyData) => pseudonyms.of_key(text, is_secret),
                _ => pseudonyms.of_secret(text, is_secret),
            }
        };
        let Some(pieces) = self.variables.pieces(secret) else {
            return of(secret);
        };
        let mut new = Vec::with_capacity(secret.len());
        for piece in pieces {
            match piece {
                Piece::Plain(text) => new.extend_from_slice(text),
                Piece::Secret(text) | Piece::Value(text) => new.extend(of(text)),
            }
        }
        new
    }

    /// The first wins, and of those the longest; of what goes on behind it nothing stays.
    fn made(&mut self, text: &[u8], mut edits: Vec<Edit>) -> Vec<u8> {
        edits.sort_by_key(|edit| (edit.span.start, std::cmp::Reverse(edit.span.end)));
        let mut new = Vec::with_capacity(text.len());
        let mut copied = 0;
        for edit in edits {
            if edit.span.end <= copied {
                continue;
            }
            let start = edit.span.start.max(copied);
            let old = text.get(start..edit.span.end).unwrap_or_default();
            new.extend_from_slice(text.get(copied..start).unwrap_or_default());
            match start == edit.span.start {
                true => new.extend_from_slice(&edit.new),
                false => new.extend(self.respelled(old, 1)),
            }
            copied = edit.span.end;
            self.count(&plain(old), edit.what);
        }
        new.extend_from_slice(text.get(copied..).unwrap_or_default());
        new
    }

    fn count(&mut self, secret: &[u8], what: What) {
        let (found, is_first) = self.dictionary.register.count(secret, what);
        let (different, places) = self.replaced.entry(found.what).or_default();
        *different += u64::from(is_first);
        *places += 1;
        let is_kind = !matches!(found.what, What::Host | What::KeyData);
        self.not_sought += u64::from(is_first && is_kind && !found.is_sought);
    }

    /// What is sought, to see that nothing of it is left.
    pub(crate) fn dictionary(&self) -> &Dictionary {
        &self.dictionary
    }

    /// How many different ones were replaced, and in how many places.
    pub(crate) fn counts(&self) -> BTreeMap<What, (u64, u64)> {
        self.replaced.clone()
    }

    /// How many of these were replaced where they stood only.
    pub(crate) fn not_sought(&self) -> u64 {
        self.not_sought
    }
}

/// Bytes to replace.
#[derive(Debug)]
struct Edit {
    span: Range<usize>,
    new: Vec<u8>,
    what: What,
}

/// A text that a secret is in base 64.
fn decoded_base64(secret: &[u8]) -> Option<Vec<u8>> {
    let end = secret.iter().rposition(|b| *b != b'=')? + 1;
    let coded = secret.get(..end).filter(|coded| coded.len() >= 16)?;
    let decoded = STANDARD_NO_PAD
        .decode(coded)
        .or_else(|_| URL_SAFE_NO_PAD.decode(coded));
    decoded
        .ok()
        .filter(|bytes| is_text(bytes) && bytes.is_ascii())
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
