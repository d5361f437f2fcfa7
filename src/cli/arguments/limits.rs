//! `--limit NAME=VALUE`: what an origin can make the recorder do. `docs/ref/limits.md` has the list.

use std::time::Duration;

use super::durations::parse_positive;
use super::raw::parse_size;
use crate::recorder::Limits;
use crate::session::LARGEST_IN_DATABASE;

/// A limit and its value, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limit {
    name: &'static str,
    value: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    Bytes(u64),
    Time(Duration),
    Count(usize),
}

type Place<T> = fn(&mut Limits) -> &mut T;

const SIZES: [(&str, Place<u64>); 7] = [
    ("playlist", |limits| &mut limits.playlist),
    ("key", |limits| &mut limits.key),
    ("init", |limits| &mut limits.init),
    ("chunk", |limits| &mut limits.chunk),
    ("data", |limits| &mut limits.data),
    ("error", |limits| &mut limits.error),
    ("memory", |limits| &mut limits.memory),
];

/// Of what is kept in the database.
const IN_DATABASE: [&str; 4] = ["playlist", "key", "data", "error"];

const TIMES: [(&str, Place<Duration>); 2] = [
    ("resolve", |limits| &mut limits.resolve),
    ("answer", |limits| &mut limits.answer),
];

const COUNTS: [(&str, Place<usize>); 6] = [
    ("redirects", |limits| &mut limits.redirects),
    ("downloads", |limits| &mut limits.downloads),
    ("downloads-per-playlist", |limits| {
        &mut limits.downloads_per_playlist
    }),
    ("playlists", |limits| &mut limits.playlists),
    ("polls", |limits| &mut limits.polls),
    ("listed", |limits| &mut limits.listed),
];

/// `NAME=VALUE`.
///
/// # Errors
/// A sentence for the user.
pub(crate) fn parse_limit(text: &str) -> Result<Limit, String> {
    let Some((name, value)) = text.split_once('=') else {
        return Err("write NAME=VALUE, such as playlist=32M".to_owned());
    };
    if let Some((name, _)) = SIZES.iter().find(|(known, _)| *known == name) {
        let bytes = positive(parse_size(value)?)?;
        if IN_DATABASE.contains(name) && bytes > LARGEST_IN_DATABASE {
            let most = LARGEST_IN_DATABASE / 1024 / 1024;
            return Err(format!(
                "{name} goes up to {most}M, what the database takes"
            ));
        }
        let value = Value::Bytes(bytes);
        return Ok(Limit { name, value });
    }
    if let Some((name, _)) = TIMES.iter().find(|(known, _)| *known == name) {
        let value = Value::Time(parse_positive(value)?);
        return Ok(Limit { name, value });
    }
    if let Some((name, _)) = COUNTS.iter().find(|(known, _)| *known == name) {
        let count: u64 = value
            .parse()
            .map_err(|_| format!("{value:?} is no number"))?;
        // No redirect at all is a wish like any other.
        let count = if *name == "redirects" {
            count
        } else {
            positive(count)?
        };
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(1_000_000);
        return Ok(Limit {
            name,
            value: Value::Count(count),
        });
    }
    let names = SIZES.iter().map(|(name, _)| *name);
    let names = names.chain(TIMES.iter().map(|(name, _)| *name));
    let names: Vec<&str> = names.chain(COUNTS.iter().map(|(name, _)| *name)).collect();
    Err(format!(
        "there is no limit {name:?}; there are {}",
        names.join(", ")
    ))
}

fn positive(number: u64) -> Result<u64, String> {
    match number {
        0 => Err("it must be more than zero".to_owned()),
        number => Ok(number),
    }
}

impl Limit {
    /// Sets it.
    pub(crate) fn apply(self, limits: &mut Limits) {
        fn set<T>(all: &[(&str, Place<T>)], name: &str, limits: &mut Limits, value: T) {
            if let Some((_, place)) = all.iter().find(|(known, _)| *known == name) {
                *place(limits) = value;
            }
        }
        match self.value {
            Value::Bytes(value) => set(&SIZES, self.name, limits, value),
            Value::Time(value) => set(&TIMES, self.name, limits, value),
            Value::Count(value) => set(&COUNTS, self.name, limits, value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(texts: &[&str]) -> Limits {
        let mut limits = Limits::default();
        for text in texts {
            parse_limit(text).unwrap().apply(&mut limits);
        }
        limits
    }

    #[test]
    fn each_limit_can_be_set() {
        let limits = with(&[
            "playlist=32M",
            "answer=1.5",
            "redirects=0",
            "polls=7",
            "key=9",
        ]);
        assert_eq!(limits.playlist, 32 << 20);
        assert_eq!(limits.answer, Duration::from_millis(1500));
        assert_eq!((limits.redirects, limits.polls, limits.key), (0, 7, 9));
        let names = SIZES.iter().map(|(name, _)| *name);
        let names = names.chain(TIMES.iter().map(|(name, _)| *name));
        for name in names.chain(COUNTS.iter().map(|(name, _)| *name)) {
            assert_ne!(with(&[&format!("{name}=3")]), Limits::default(), "{name}");
        }
    }

    #[test]
    fn what_is_none_is_said() {
        for wrong in [
            "playlist",
            "playlist=0",
            "playlist=61M",
            "playlist=big",
            "answer=0",
            "polls=x",
            "=1",
            "x=1",
        ] {
            assert!(parse_limit(wrong).is_err(), "{wrong}");
        }
        let told = parse_limit("segments=1M").unwrap_err();
        assert!(told.contains("chunk") && told.contains("resolve"), "{told}");
    }

    #[test]
    fn the_reference_has_each_limit_and_its_value() {
        let page = include_str!("../../../docs/ref/limits.md");
        let limits = &mut Limits::default();
        let rows = |name: &str| -> Vec<String> {
            let start = format!("| `{name}` |");
            let rows = page.lines().filter(|line| line.starts_with(&start));
            rows.map(|row| row.split('|').nth(2).unwrap().trim().to_owned())
                .collect()
        };
        for (name, place) in SIZES {
            let told = rows(name);
            assert_eq!(
                told.iter().map(|t| parse_size(t)).collect::<Vec<_>>(),
                [Ok(*place(limits))],
                "{name}"
            );
        }
        for (name, place) in TIMES {
            assert_eq!(
                rows(name),
                [format!("{} s", place(limits).as_secs())],
                "{name}"
            );
        }
        for (name, place) in COUNTS {
            assert_eq!(rows(name), [place(limits).to_string()], "{name}");
        }
    }
}
