//! The register of secrets: a fingerprint of each, what it is, and where it could begin. No secret is in it.

use std::ops::Range;

use super::fingerprint::{ByFingerprint, Fingerprints};
use super::starts::Starts;
use super::views::is_readable;
use crate::upkeep::redact::secrets::secret::What;

/// Secrets of fewer bytes are met only where no letter or digit stands before or behind.
const SHORTEST_ANYWHERE: usize = 6;

/// What is longer is sought in pieces, in bytes: wherever else it is met, each of them has a pseudonym of its own. How much has to
/// be looked at around each border between pieces of a text follows from it.
const LONGEST_SOUGHT: usize = 32 * 1024;

/// The entry of a secret.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    /// Where it was found first.
    pub(crate) what: What,
    /// It is replaced wherever it is met.
    pub(crate) is_sought: bool,
    /// The user named it: wherever it is, whatever it looks like.
    is_own: bool,
    is_counted: bool,
}

/// All secrets.
#[derive(Debug, Default)]
pub(crate) struct Register {
    prints: Fingerprints,
    found: ByFingerprint<Found>,
    starts: Starts,
    /// Of those of them that nobody can read: keys.
    unreadable: Starts,
}

impl Register {
    /// Notes one, plain. Whether it was not known.
    pub(crate) fn note(&mut self, what: What, secret: &[u8], is_sought: bool) -> bool {
        let new = Found {
            what,
            is_sought: false,
            is_own: false,
            is_counted: false,
        };
        let print = self.prints.fingerprint(secret);
        let is_new = !self.found.contains_key(&print);
        let found = self.found.entry(print).or_insert(new);
        let is_first = is_sought && !found.is_sought;
        found.is_sought |= is_sought;
        if is_first && secret.len() > LONGEST_SOUGHT {
            // As long as each other, so that none of them is short.
            let count = secret.len().div_ceil(LONGEST_SOUGHT);
            for piece in secret.chunks(secret.len().div_ceil(count)) {
                self.note(what, piece, true);
            }
        } else if is_first {
            self.starts.note(secret, &self.prints);
            if !secret.iter().all(|b| is_readable(*b)) {
                self.unreadable.note(secret, &self.prints);
            }
        }
        is_new
    }

    /// Notes one that the user named.
    pub(crate) fn note_own(&mut self, secret: &[u8]) {
        self.note(What::Named, secret, true);
        if let Some(found) = self.found.get_mut(&self.prints.fingerprint(secret)) {
            found.is_own = true;
        }
    }

    pub(crate) fn get(&self, secret: &[u8]) -> Option<Found> {
        self.found.get(&self.prints.fingerprint(secret)).copied()
    }

    /// Counts one that is replaced: with what it is, and whether it was counted for the first time.
    pub(crate) fn count(&mut self, secret: &[u8], what: What) -> (Found, bool) {
        let found = self.found.entry(self.prints.fingerprint(secret));
        let found = found.or_insert(Found {
            what,
            is_sought: false,
            is_own: false,
            is_counted: false,
        });
        let is_first = !std::mem::replace(&mut found.is_counted, true);
        (*found, is_first)
    }

    /// Everything is noted. What is in `fixed` is not sought, unless the user named it.
    ///
    /// # Errors
    /// There is too much to be sought.
    pub(crate) fn seal(&mut self, fixed: &[u8]) -> Result<(), String> {
        self.starts.seal()?;
        self.unreadable.seal()?;
        for at in 0..fixed.len() {
            let rest = fixed.get(at..).unwrap_or_default();
            let mut there = Vec::new();
            self.starts.lengths(rest, &self.prints, |length| {
                there.extend(rest.get(..length).map(|text| self.prints.fingerprint(text)));
                false
            });
            for print in there {
                if let Some(found) = self.found.get_mut(&print)
                    && !found.is_own
                {
                    found.is_sought = false;
                }
            }
        }
        Ok(())
    }

    /// The secrets in a text, the first, and of those that begin there the longest, until `then` says true.
    pub(crate) fn find(&self, text: &[u8], then: impl FnMut(Range<usize>) -> bool) {
        self.find_of(&self.starts, text, then);
    }

    /// Whether there are secrets that nobody can read.
    pub(crate) fn has_unreadable(&self) -> bool {
        self.unreadable.longest() > 0
    }

    /// As [`Self::find`], of secrets that nobody can read.
    pub(crate) fn find_unreadable(&self, text: &[u8], then: impl FnMut(Range<usize>) -> bool) {
        self.find_of(&self.unreadable, text, then);
    }

    fn find_of(&self, starts: &Starts, text: &[u8], mut then: impl FnMut(Range<usize>) -> bool) {
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| rest.len() >= 4) {
            let mut found = None;
            starts.lengths(rest, &self.prints, |length| {
                let is_there = self.is_at(text, at..at + length);
                found = found.or(is_there.then_some(length));
                is_there
            });
            match found {
                Some(length) if then(at..at + length) => return,
                Some(length) => at += length,
                None => at += 1,
            }
        }
    }

    fn is_at(&self, text: &[u8], span: Range<usize>) -> bool {
        let secret = text.get(span.clone()).unwrap_or_default();
        let Some(found) = self.get(secret).filter(|found| found.is_sought) else {
            return false;
        };
        let is_short = secret.len() < SHORTEST_ANYWHERE && !found.is_own;
        let around = [span.start.checked_sub(1), Some(span.end)];
        let mut around = around.into_iter().flatten().filter_map(|at| text.get(at));
        !is_short || !around.any(u8::is_ascii_alphanumeric)
    }

    /// How long the longest that is sought is, in bytes.
    pub(crate) fn longest(&self) -> usize {
        self.starts.longest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_secret_is_not_longer_for_a_longer_one() {
        let kept = |length: usize| {
            let mut register = Register::default();
            for n in 0..100 {
                let secret = format!("{n:08x}").repeat(length / 8);
                register.note(What::Query, secret.as_bytes(), true);
                register.note(What::Path, &[secret.as_bytes(), b"-"].concat(), false);
            }
            register.seal(b"").unwrap();
            format!("{register:?}").len()
        };
        assert!(kept(8000) < 2 * kept(80), "a secret is in it");
    }

    #[test]
    fn what_is_very_long_is_sought_in_pieces_that_are_all_of_it() {
        for length in [LONGEST_SOUGHT, LONGEST_SOUGHT + 1, 3 * LONGEST_SOUGHT + 5] {
            let mut register = Register::default();
            let secret: Vec<u8> = (0..length).map(|n| b'a' + (n * n % 23) as u8).collect();
            assert!(register.note(What::Query, &secret, true));
            assert!(!register.note(What::Path, &secret, true));
            register.seal(b"").unwrap();
            assert!(
                register.longest() <= LONGEST_SOUGHT,
                "{}",
                register.longest()
            );
            let text = [&b"before "[..], &secret, b" behind"].concat();
            let mut until = 7;
            register.find(&text, |span| {
                assert_eq!(span.start, until, "nothing is left out");
                assert!(span.len() > LONGEST_SOUGHT / 4);
                until = span.end;
                false
            });
            assert_eq!(until, 7 + length);
        }
    }

    #[test]
    fn the_longest_is_found_and_short_ones_only_alone() {
        let mut register = Register::default();
        for secret in [&b"abcdefgh1"[..], b"abcdefgh1234", b"p4ss"] {
            assert!(register.note(What::Named, secret, true));
        }
        assert!(!register.note(What::Query, b"p4ss", false));
        register.note(What::Query, b"here-only", false);
        register.note(What::Named, b"segment", true);
        register.seal(b"kind segment").unwrap();
        let text = b"xabcdefgh12345 abcdefgh1 p4ss-xp4ss segment here-only";
        let mut found = Vec::new();
        register.find(text, |span| {
            found.push(String::from_utf8_lossy(&text[span]).into_owned());
            false
        });
        assert_eq!(found, ["abcdefgh1234", "abcdefgh1", "p4ss"]);
    }
}
