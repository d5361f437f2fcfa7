//! Variables of playlists (EXT-X-DEFINE): what `?t=pre{$name}` expands to has a pseudonym that is made of
//! those of its pieces, so that a playlist and the row of what it lists agree.

use std::collections::HashSet;

use super::spelling::plain;
use crate::upkeep::redact::secrets::secret::{What, is_sought, looks_random};

/// Values, and texts with references, are remembered up to so many of each. Behind that nothing is
/// left as it was: an expansion then has a pseudonym of its own.
const MOST: usize = 256;

/// So many ways to make up one text are tried.
const MOST_TRIED: usize = 4096;

/// Values of variables, and the texts that refer to some.
#[derive(Debug, Default)]
pub(crate) struct Variables {
    values: HashSet<Box<[u8]>>,
    templates: HashSet<Vec<Box<[u8]>>>,
}

/// A piece of an expansion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Stands in the playlist, and stays.
    Plain(&'a [u8]),
    /// Stands in the playlist, and is replaced there.
    Secret(&'a [u8]),
    /// The value of a variable.
    Value(&'a [u8]),
}

impl Variables {
    /// A variable has this value.
    pub(crate) fn note_value(&mut self, value: &[u8]) {
        let value = plain(value);
        if !value.is_empty() && self.values.len() < MOST {
            self.values.insert(value.into());
        }
    }

    /// Something is written with references.
    pub(crate) fn note_template(&mut self, text: &[u8]) {
        let Some(literals) = literals(text) else {
            return;
        };
        if self.templates.len() < MOST {
            let literals = literals.into_iter().map(|text| plain(text).into());
            self.templates.insert(literals.collect());
        }
    }

    /// Whether there are no references to them.
    pub(crate) fn is_empty(&self) -> bool {
        self.templates.is_empty() || self.values.is_empty()
    }

    /// What a text is made of, if it is what a reference expands to, all of it.
    pub(crate) fn pieces<'a>(&self, text: &'a [u8]) -> Option<Vec<Piece<'a>>> {
        let mut tried = 0;
        self.templates.iter().find_map(|literals| {
            let mut pieces = Vec::new();
            self.matches(literals, text, &mut pieces, &mut tried)
                .then_some(pieces)
        })
    }

    fn matches<'a>(
        &self,
        literals: &[Box<[u8]>],
        text: &'a [u8],
        pieces: &mut Vec<Piece<'a>>,
        tried: &mut usize,
    ) -> bool {
        *tried += 1;
        let Some((literal, others)) = literals.split_first() else {
            return false;
        };
        if *tried > MOST_TRIED || !text.starts_with(literal) {
            return false;
        }
        let (literal, rest) = text.split_at(literal.len());
        let length = pieces.len();
        pieces.push(match is_replaced(literal) {
            true => Piece::Secret(literal),
            false => Piece::Plain(literal),
        });
        if others.is_empty() && rest.is_empty() {
            return true;
        }
        for value in self.values.iter().filter(|value| rest.starts_with(value)) {
            let (value, rest) = rest.split_at(value.len());
            pieces.push(Piece::Value(value));
            if self.matches(others, rest, pieces, tried) {
                return true;
            }
            pieces.truncate(length + 1);
        }
        pieces.truncate(length);
        false
    }
}

/// Whether what stands around a reference is replaced.
pub(crate) fn is_replaced(literal: &[u8]) -> bool {
    is_sought(What::Query, literal) || looks_random(literal)
}

/// What stands around the references of a text. None: it has none.
fn literals(text: &[u8]) -> Option<Vec<&[u8]>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.windows(2).position(|two| two == b"{$") {
        let (literal, behind) = rest.split_at(at);
        let end = behind.iter().position(|b| *b == b'}')?;
        found.push(literal);
        rest = behind.get(end + 1..).unwrap_or_default();
    }
    (!found.is_empty()).then(|| {
        found.push(rest);
        found
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_reference_expands_to_is_made_of_pieces() {
        let mut variables = Variables::default();
        variables.note_value(b"sports");
        variables.note_value(b"a%2Fb");
        assert_eq!(variables.pieces(b"user-sports-SECRET"), None);
        variables.note_template(b"no reference");
        variables.note_template(b"pre{$name}abcd1234{$x}");
        assert_eq!(
            variables.pieces(b"presportsabcd1234a/b"),
            Some(vec![
                Piece::Plain(b"pre"),
                Piece::Value(b"sports"),
                Piece::Secret(b"abcd1234"),
                Piece::Value(b"a/b"),
                Piece::Plain(b""),
            ])
        );
        for other in [
            &b"presports"[..],
            b"xpresportsabcd1234a/b",
            b"presportsabcd1234a/bx",
        ] {
            assert_eq!(variables.pieces(other), None);
        }
    }

    #[test]
    fn many_ways_to_make_up_a_text_have_an_end() {
        let mut variables = Variables::default();
        for n in 1..200 {
            variables.note_value(&vec![b'a'; n]);
        }
        variables.note_template(&b"{$a}".repeat(100));
        assert_eq!(variables.pieces(&[&[b'a'; 5000][..], b"b"].concat()), None);
    }
}
