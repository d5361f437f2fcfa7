//! What is a secret, and what only looks like one. Pure.
//!
//! `docs/design/redact.md` says why the lines run where they do.

use std::collections::BTreeSet;

use super::ordinary::is_ordinary;

/// What the user wants of a redacted copy.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Hosts and addresses get pseudonyms, too.
    pub hosts: bool,
    /// Keys become zeros.
    pub drop_keys: bool,
    /// Query parameters whose values stay, by name.
    pub kept_parameters: BTreeSet<String>,
    /// Secrets that the user knows of, whatever they look like.
    pub secrets: Vec<String>,
}

impl Rules {
    /// Whether the values of a query parameter say nothing about anybody: the directives of
    /// low-latency HLS (RFC 8216bis 6.2.5), and what the user wants to see.
    pub(crate) fn keeps(&self, parameter: &[u8]) -> bool {
        parameter.starts_with(b"_HLS_")
            || std::str::from_utf8(parameter).is_ok_and(|name| self.kept_parameters.contains(name))
    }
}

/// Where something was found that is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum What {
    /// The value of a query parameter.
    Query,
    /// A part of a URL's path that looks like a token.
    Path,
    /// A cookie.
    Cookie,
    /// A user name or password in a URL.
    User,
    /// What a name such as `token`, `X-Api-Key` or `password` announces, or the user named.
    Named,
    /// A host or an address.
    Host,
    /// A key that a playlist carries itself.
    KeyData,
}

/// Values shorter than this can be guessed: they hide nothing.
pub(crate) const SHORTEST: usize = 3;

/// Of those that have a telling name, these are sought as words of their own.
const SHORTEST_NAMED: usize = 4;

/// Secrets of fewer bytes are replaced where they were found, not searched for elsewhere: they may
/// be there by chance.
const SHORTEST_SOUGHT: usize = 6;

/// Words that are values of parameters and cookies, and of much else.
const WORDS: [&str; 29] = [
    "true",
    "false",
    "yes",
    "no",
    "on",
    "off",
    "null",
    "none",
    "undefined",
    "anonymous",
    "deleted",
    "enabled",
    "disabled",
    "bearer",
    "basic",
    "digest",
    "required",
    "invalid",
    "expired",
    "missing",
    "denied",
    "forbidden",
    "unauthorized",
    "application",
    "subtitles",
    "closed-captions",
    "aes-128",
    "sample-aes",
    "redacted",
];

/// Whether a value is an ordinary word.
pub(crate) fn is_word(value: &[u8]) -> bool {
    WORDS
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
}

/// Whether a secret is told from everything else by its look, so that it is sought everywhere.
pub(crate) fn is_sought(what: What, value: &[u8]) -> bool {
    let digits = value.iter().filter(|b| b.is_ascii_digit()).count();
    let letters = value
        .iter()
        .filter(|b| b.is_ascii_alphabetic() || !b.is_ascii())
        .count();
    if is_word(value) || is_ordinary(value) {
        return false;
    }
    let is_announced = matches!(what, What::Cookie | What::User | What::Named);
    if value.len() < SHORTEST_SOUGHT || letters + digits < 5 {
        // `abc1` behind `password=` is met where it stands alone.
        return is_announced && value.len() >= SHORTEST_NAMED && letters > 0 && digits > 0;
    }
    match what {
        What::Query => letters > 0 && (value.len() >= 8 && digits > 0 || value.len() >= 20),
        // Small numbers are everywhere.
        What::Path | What::Cookie | What::User | What::Named => letters > 0 || digits >= 9,
        What::Host | What::KeyData => false,
    }
}

/// Words that announce a secret.
const TELLING: [&str; 54] = [
    "pw",
    "passphrase",
    "passcode",
    "otp",
    "kid",
    "keyid",
    "jws",
    "jwe",
    "saml",
    "oauth",
    "bearer",
    "csrf",
    "xsrf",
    "entitlement",
    "deviceid",
    "clientid",
    "accountid",
    "hash",
    "md5",
    "token",
    "tok",
    "jwt",
    "auth",
    "authorization",
    "authentication",
    "secret",
    "password",
    "passwd",
    "pwd",
    "pass",
    "signature",
    "sig",
    "sign",
    "hmac",
    "policy",
    "credential",
    "credentials",
    "cookie",
    "cookies",
    "session",
    "sessionid",
    "sid",
    "sessid",
    "apikey",
    "ticket",
    "nonce",
    "hdnts",
    "hdnea",
    "hdntl",
    "hdnt",
    "username",
    "userid",
    "email",
    "login",
];

/// The same, at the end of a name without separators.
const TELLING_ENDS: [&str; 9] = [
    "passwd",
    "token",
    "secret",
    "password",
    "signature",
    "sessionid",
    "sessid",
    "apikey",
    "accesskey",
];

/// The same, as words in a row.
const TELLING_PAIRS: [&str; 14] = [
    "key id",
    "device id",
    "client id",
    "account id",
    "customer id",
    "subscriber id",
    "pass phrase",
    "api key",
    "access key",
    "key pair id",
    "session id",
    "user id",
    "user name",
    "private key",
];

/// Longer names are looked at in pieces, which overlap by the longest words, in bytes.
const NAME: usize = 1024;
const OVERLAP: usize = 64;

/// Whether a name announces a secret: of a parameter, a header field, an attribute, a member.
pub(crate) fn is_telling(name: &[u8]) -> bool {
    if name.len() > NAME {
        let mut begins = (0..name.len()).step_by(NAME - OVERLAP);
        return begins.any(|at| {
            let piece = name.get(at..name.len().min(at + NAME));
            tells(&String::from_utf8_lossy(piece.unwrap_or_default()))
        });
    }
    std::str::from_utf8(name).is_ok_and(tells)
}

fn tells(name: &str) -> bool {
    let words = words(name);
    let joined = words.join(" ");
    words.iter().map(String::as_str).any(|word| {
        let one = word.strip_suffix('s').unwrap_or(word);
        [word, one].iter().any(|word| {
            TELLING.contains(word) || TELLING_ENDS.iter().any(|end| word.ends_with(end))
        })
    }) || TELLING_PAIRS.iter().any(|pair| joined.contains(pair))
}

/// `X-AuthToken` is x, auth, token.
fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut before_is_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (c.is_uppercase() && before_is_lower) {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        before_is_lower = c.is_lowercase() || c.is_numeric();
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

/// Bytes of which tokens in paths are made.
pub(crate) fn is_token_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b'-'
}

/// Whether a run of token bytes in a path was made by a machine to be hard to guess: hex and
/// UUIDs from 16 digits on, letters and digits all mixed from 20 on.
pub(crate) fn looks_random(run: &[u8]) -> bool {
    let is_alnum = |b: &u8| b.is_ascii_alphanumeric();
    let alnum: Vec<u8> = run.iter().copied().filter(is_alnum).collect();
    let digits = alnum.iter().filter(|b| b.is_ascii_digit()).count();
    if digits == alnum.len() || alnum.len() < 16 {
        return false;
    }
    let without_dashes = run.iter().filter(|b| **b != b'-');
    if digits > 0 && without_dashes.clone().all(u8::is_ascii_hexdigit) {
        return true;
    }
    let pieces = || run.split(|b| *b == b'_' || *b == b'-');
    // Base 32 in one piece is longer than what people write without a separator.
    if pieces().any(|p| p.len() >= 24 && p.iter().any(u8::is_ascii_digit) && mixed(p) <= 5.0) {
        return true;
    }
    alnum.len() >= 18 && run.len() >= 20 && mixed(run) <= 2.2
}

/// How many letters of a case, or digits, stand in a row on average. Words are long, chance is short.
pub(crate) fn mixed(run: &[u8]) -> f64 {
    let class = |b: u8| match b {
        b'0'..=b'9' => 1,
        b'a'..=b'z' => 2,
        b'A'..=b'Z' => 3,
        _ => 0,
    };
    let (mut rows, mut count, mut before) = (0_u32, 0_u32, 0);
    for class in run.iter().map(|b| class(*b)) {
        if class != 0 {
            count += 1;
            rows += u32::from(class != before);
        }
        before = class;
    }
    f64::from(count) / f64::from(rows.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_any_length_tells_by_any_of_its_words() {
        let around = "-x".repeat(5000);
        for name in [
            format!("token{around}"),
            format!("{around}-token{around}"),
            format!("{around}-X-Auth-Token"),
            format!("{}token", "-".repeat(NAME - 3)),
        ] {
            assert!(is_telling(name.as_bytes()));
        }
        assert!(!is_telling(around.as_bytes()));
        assert!(!is_telling(&b"=".repeat(1 << 20)));
    }

    #[test]
    fn names_that_tell() {
        for name in [
            "token",
            "hdnts",
            "X-Auth-Token",
            "x-amz-security-token",
            "accessToken",
            "Key-Pair-Id",
            "apiKey",
            "PHPSESSID",
            "session",
            "Set-Cookie",
            "X-Plex-Token",
            "user_id",
            "password",
            "sig",
            "Policy",
            "tokens",
            "accessTokens",
        ] {
            assert!(is_telling(name.as_bytes()), "{name}");
        }
        for name in [
            "User-Agent",
            "npt",
            "pid",
            "author",
            "ETag",
            "X-Cache",
            "URI",
            "ID",
            "tokenizer",
            "design",
            "passage",
            "seq",
            "BANDWIDTH",
            "x-amz-cf-id",
            "key",
        ] {
            assert!(!is_telling(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn paths_that_look_like_chance() {
        for run in [
            "3f9c8a7b6c5d4e3f",
            "123e4567-e89b-12d3-a456-426614174000",
            "kJ8sd7Hh2_s-9dKq0PzLx3Vb",
            "mfrggzdfmztwq2lkmzwxa2lq",
            "QUJDREVGR0hJSktMTU5PUFFSU1RVVg1",
        ] {
            assert!(looks_random(run.as_bytes()), "{run}");
        }
        for run in [
            "video_1080p_6000kbps_h264_main_v2",
            "2010-12-27T20-04-47Z",
            "segment20261121T134447000Z",
            "20261121134447123456",
            "index",
            "chunklist_b1280000",
            "this-is-a-long-name-of-a-programme",
            "deadbeefdeadbeef",
            "audio-english-128kbps-aac",
        ] {
            assert!(!looks_random(run.as_bytes()), "{run}");
        }
    }

    #[test]
    fn what_may_be_there_by_chance_is_not_sought() {
        assert!(is_sought(What::Query, b"abc12345"));
        assert!(is_sought(What::Cookie, b"hunter"));
        assert!(is_sought(What::Path, b"0123456789"));
        for (what, value) in [
            (What::Query, &b"audio"[..]),
            (What::Query, b"7089252"),
            (What::Query, b"1700000000000"),
            (What::Cookie, b"12345678"),
            (What::Named, b"Required"),
            (What::User, b"bob"),
            (What::Cookie, b"----.--.--"),
        ] {
            assert!(!is_sought(what, value), "{value:?}");
        }
    }

    #[test]
    fn parameters_of_low_latency_and_those_of_the_user_are_kept() {
        let mut rules = Rules::default();
        rules.kept_parameters.insert("seq".to_owned());
        assert!(rules.keeps(b"_HLS_msn") && rules.keeps(b"seq"));
        assert!(!rules.keeps(b"token") && !rules.keeps(b"") && !rules.keeps(b"Seq"));
    }
}
