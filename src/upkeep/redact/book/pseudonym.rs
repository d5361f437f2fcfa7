//! Pseudonyms: drawn at random and kept in memory only, so that nobody can go back from one to
//! its secret by trying.
//!
//! A pseudonym is as long as what it stands for, and every byte that is neither letter nor digit stays:
//! so sizes, ranges and timings stay what they were, and a URL with one in it is as
//! valid as before, however its bytes are escaped.

use std::collections::{HashMap, HashSet};

use sha2::{Digest as _, Sha256};

use super::fingerprint::{ByHash, Fingerprints};

/// 32 letters and digits, in lower case: a host's name may have one in it.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// What a long one begins with, for people.
const MARK: &[u8] = b"redacted";

/// So often another one is drawn where one is taken, before it grows.
const TRIES: usize = 64;

/// Of so many letters nobody draws the same twice: 80 bits.
const NEVER_TWICE: usize = 16;

/// Which pseudonym a secret has. Two secrets never share one.
///
/// It is drawn from a hash of the seed and the secret, and so need not be remembered; but a short one may have
/// been drawn for another secret before, and so it is remembered for which.
#[derive(Debug)]
pub(crate) struct Pseudonyms {
    seed: [u8; 32],
    prints: Fingerprints,
    /// Hashes of short pseudonyms, and of the secrets that have them.
    taken: ByHash<u64>,
    hosts: HashMap<String, String>,
    host_names: HashSet<String>,
    real_hosts: Vec<String>,
}

impl Pseudonyms {
    /// `seed`: from the operating system's source of chance.
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self {
            seed,
            prints: Fingerprints::default(),
            taken: ByHash::default(),
            hosts: HashMap::new(),
            host_names: HashSet::new(),
            real_hosts: Vec::new(),
        }
    }

    /// The pseudonym of a secret, which is given without escapes. `is_secret`: texts that no pseudonym may equal.
    pub(crate) fn of_secret(
        &mut self,
        secret: &[u8],
        is_secret: impl Fn(&[u8]) -> bool,
    ) -> Vec<u8> {
        self.of_shape(secret, secret, is_secret)
    }

    /// The pseudonym of a key: none of its bytes stays.
    pub(crate) fn of_key(&mut self, key: &[u8], is_secret: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        self.of_shape(key, &vec![b'x'; key.len()], is_secret)
    }

    fn of_shape(
        &mut self,
        secret: &[u8],
        shape: &[u8],
        is_secret: impl Fn(&[u8]) -> bool,
    ) -> Vec<u8> {
        let says_something = secret.iter().any(|b| is_replaced(*b));
        let own = self.prints.short(secret);
        for n in 0.. {
            let drawn = self.draw(secret, shape, n);
            if says_something && drawn == secret {
                continue;
            }
            let letters = drawn.iter().filter(|b| is_replaced(**b)).count();
            if letters >= MARK.len() + NEVER_TWICE {
                return drawn;
            }
            let print = self.prints.short(&drawn);
            match self.taken.get(&print) {
                Some(owner) if *owner == own => return drawn,
                None if !is_secret(&drawn) => {
                    self.taken.insert(print, own);
                    return drawn;
                }
                _ => {}
            }
        }
        Vec::new()
    }

    fn draw(&self, secret: &[u8], shape: &[u8], n: usize) -> Vec<u8> {
        let mut hash = Sha256::new();
        hash.update(self.seed);
        hash.update((n as u64).to_le_bytes());
        hash.update(secret);
        let mut chance = Chance::new(hash.finalize().into());
        let mut drawn = chance.like(shape);
        drawn.extend((0..n / TRIES).map(|_| chance.letter()));
        drawn
    }

    /// Hosts that no pseudonym may have in it.
    pub(crate) fn avoid(&mut self, hosts: &[String]) {
        self.real_hosts = hosts.to_vec();
    }

    /// The pseudonym of a host in its canonical form: a name under `example` or `test`, as long, where there is room.
    pub(crate) fn of_host(&mut self, host: &str) -> String {
        if let Some(known) = self.hosts.get(host) {
            return known.clone();
        }
        let number = self.hosts.len() + 1;
        let is_real = |name: &String| {
            let mut real = self.real_hosts.iter();
            real.any(|host| host.len() >= 6 && name.contains(host.as_str()))
        };
        let name = (0..)
            .map(|more| host_name(number + more, host.len() + more / 8))
            .find(|name| name != host && !self.host_names.contains(name) && !is_real(name))
            .unwrap_or_default();
        self.host_names.insert(name.clone());
        self.hosts.insert(host.to_owned(), name.clone());
        name
    }
}

/// `host001.example`: number 1, 15 bytes.
fn host_name(number: usize, length: usize) -> String {
    let (stem, end) = match length {
        14.. => (length - 8, ".example"),
        8.. => (length - 5, ".test"),
        _ => (length, ""),
    };
    let word = if stem >= 7 { "host" } else { "h" };
    let digits = stem.saturating_sub(word.len());
    let mut name = format!("{word}{number:0digits$}").into_bytes();
    // A label is no longer than 63 bytes (RFC 1035 2.3.4); the number at the end stays whole.
    let labels = (50..name.len().saturating_sub(10)).step_by(50);
    for at in labels {
        if let Some(byte) = name.get_mut(at) {
            *byte = b'.';
        }
    }
    String::from_utf8_lossy(&name).into_owned() + end
}

/// Whether a byte of a secret says something: letters, digits, and what is no ASCII.
fn is_replaced(b: u8) -> bool {
    b.is_ascii_alphanumeric() || !b.is_ascii()
}

/// Random bytes from a seed: SHA-256 in counter mode.
#[derive(Debug)]
struct Chance {
    seed: [u8; 32],
    counter: u64,
    block: [u8; 32],
    used: usize,
}

impl Chance {
    fn new(seed: [u8; 32]) -> Self {
        Self {
            seed,
            counter: 0,
            block: [0; 32],
            used: 32,
        }
    }

    fn byte(&mut self) -> u8 {
        loop {
            if let Some(byte) = self.block.get(self.used) {
                self.used += 1;
                return *byte;
            }
            let mut hash = Sha256::new();
            hash.update(self.seed);
            hash.update(self.counter.to_le_bytes());
            self.counter += 1;
            self.block = hash.finalize().into();
            self.used = 0;
        }
    }

    fn letter(&mut self) -> u8 {
        let at = usize::from(self.byte() % 32);
        LETTERS.get(at).copied().unwrap_or(b'x')
    }

    fn digit(&mut self) -> u8 {
        loop {
            let byte = self.byte();
            if byte < 250 {
                return b'0' + byte % 10;
            }
        }
    }

    /// Numbers stay numbers, for whoever reads them as such.
    fn like(&mut self, secret: &[u8]) -> Vec<u8> {
        let is_number = !secret
            .iter()
            .any(|b| b.is_ascii_alphabetic() || !b.is_ascii());
        let is_marked = secret.len() >= 2 * MARK.len()
            && !is_number
            && secret.iter().take(MARK.len()).all(|b| is_replaced(*b));
        let one = |(at, b): (usize, &u8)| match b {
            b if !is_replaced(*b) => *b,
            _ if is_number => self.digit(),
            _ if is_marked && at < MARK.len() => MARK.get(at).copied().unwrap_or(b'x'),
            _ => self.letter(),
        };
        secret.iter().enumerate().map(one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pseudonyms() -> Pseudonyms {
        Pseudonyms::new([7; 32])
    }

    fn of(all: &mut Pseudonyms, secret: &[u8]) -> Vec<u8> {
        all.of_secret(secret, |_| false)
    }

    #[test]
    fn a_secret_keeps_its_pseudonym_its_length_and_its_punctuation() {
        let mut all = pseudonyms();
        let secret = b"exp=1700000000~acl=/live/*~hmac=0aF";
        let first = of(&mut all, secret);
        assert_eq!(first.len(), secret.len());
        assert_eq!(first, of(&mut all, secret));
        for (a, b) in secret.iter().zip(first.iter()) {
            assert_eq!(is_replaced(*a), is_replaced(*b));
            assert!(is_replaced(*a) || a == b);
        }
        assert!(of(&mut all, b"kJ8sd7Hh2s9dKq0PzLx3Vb").starts_with(MARK));
        assert!(of(&mut all, b"7089252").iter().all(u8::is_ascii_digit));
        assert!(of(&mut all, "schlüssel".as_bytes()).is_ascii());
    }

    #[test]
    fn no_two_secrets_share_one_even_where_few_are_left() {
        let mut all = pseudonyms();
        let names: Vec<Vec<u8>> = (0..1200_u32)
            .map(|n| of(&mut all, format!("{:03}", n % 1000).as_bytes()))
            .collect();
        let distinct: HashSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), 1000);
    }

    #[test]
    fn only_short_ones_are_remembered_and_none_is_another_secret() {
        let mut all = pseudonyms();
        for n in 0..100_u32 {
            of(&mut all, format!("{n:08x}").repeat(5).as_bytes());
        }
        assert_eq!(all.taken.len(), 0);
        let first = of(&mut pseudonyms(), b"4711");
        let mut other = || all.of_secret(b"4711", |drawn| drawn == first);
        let drawn = other();
        assert_ne!(drawn, first);
        assert_eq!(drawn, other());
        assert_eq!(all.taken.len(), 1);
    }

    #[test]
    fn another_seed_gives_another_pseudonym() {
        let a = of(&mut Pseudonyms::new([1; 32]), b"hunter2secret");
        assert_ne!(a, of(&mut Pseudonyms::new([2; 32]), b"hunter2secret"));
    }

    #[test]
    fn hosts_become_names_that_nobody_owns_as_long_as_they_were() {
        let mut all = pseudonyms();
        assert_eq!(all.of_host("cdn.example.com"), "host001.example");
        assert_eq!(all.of_host("127.0.0.1"), "h002.test");
        assert_eq!(all.of_host("cdn.example.com"), "host001.example");
        for host in [
            "localhost",
            "a.b",
            "h",
            "very-long.name.of-a.host.example.org",
        ] {
            let name = all.of_host(host);
            assert_eq!(name.len().max(2), host.len().max(2), "{name}");
            assert!(url::Url::parse(&format!("http://{name}/")).is_ok());
        }
        let long = format!("{}.example.org", vec!["a"; 100].join("."));
        let name = all.of_host(&long);
        assert!(name.split('.').all(|label| label.len() < 64), "{name}");
    }
}
