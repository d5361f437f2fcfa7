//! The parameters of a path below `/-/v1/` (`docs/ref/page.md`). Pure.

use url::form_urlencoded;

/// No session is longer than a thousand years, in seconds.
const LONGEST_SECONDS: f64 = 4e10;

/// A span of session time, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskedSpan {
    /// From then on; `None`: from the beginning.
    pub from_us: Option<i64>,
    /// Until then; `None`: to the end.
    pub to_us: Option<i64>,
}

/// Why parameters are none of a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// A parameter is not what it should be.
    #[error("{name}: {text:?} is not {wanted}")]
    Value {
        /// Its name.
        name: &'static str,
        /// What was written.
        text: String,
        /// What it should be.
        wanted: String,
    },
    /// A parameter is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// The path has no such parameter.
    #[error("{name:?} is no parameter of this path; {}", known_words(.known))]
    Unknown {
        /// What was written.
        name: String,
        /// Those that it has.
        known: &'static [&'static str],
    },
    /// A parameter is there more than once.
    #[error("{0} is there more than once")]
    Again(&'static str),
}

fn known_words(known: &[&str]) -> String {
    match known {
        [] => "it has none".to_owned(),
        known => format!("it has {}", known.join(", ")),
    }
}

/// What is written behind the `?`.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn new(text: &str) -> Self {
        let pairs = form_urlencoded::parse(text.as_bytes()).into_owned();
        Self(pairs.collect())
    }

    /// Refuses what is none of these, or is there twice: nobody is to believe that it was heard.
    pub(super) fn only(&self, known: &'static [&'static str]) -> Result<&Self, QueryError> {
        for (index, (name, _)) in self.0.iter().enumerate() {
            let Some(name) = known.iter().find(|one| *one == name) else {
                let name = short(name);
                return Err(QueryError::Unknown { name, known });
            };
            if self
                .0
                .iter()
                .skip(index + 1)
                .any(|(other, _)| other == name)
            {
                return Err(QueryError::Again(name));
            }
        }
        Ok(self)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Session seconds, as microseconds.
    pub(super) fn seconds(&self, name: &'static str) -> Result<Option<i64>, QueryError> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        let seconds: Option<f64> = text.parse().ok();
        match seconds.filter(|seconds| seconds.abs() <= LONGEST_SECONDS) {
            #[allow(clippy::cast_possible_truncation)]
            Some(seconds) => Ok(Some((seconds * 1e6).round() as i64)),
            None => Err(wrong(
                name,
                text,
                format!("a number of seconds from -{LONGEST_SECONDS} to {LONGEST_SECONDS}"),
            )),
        }
    }

    pub(super) fn span(&self) -> Result<AskedSpan, QueryError> {
        Ok(AskedSpan {
            from_us: self.seconds("from")?,
            to_us: self.seconds("to")?,
        })
    }

    pub(super) fn number(&self, name: &'static str) -> Result<Option<i64>, QueryError> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        match row_number(text) {
            Some(number) => Ok(Some(number)),
            None => Err(wrong(name, text, "a whole number, 0 or more".to_owned())),
        }
    }

    /// A number of things, from 1 on where something is usual; of too many the most.
    pub(super) fn count(
        &self,
        name: &'static str,
        usual: usize,
        most: usize,
    ) -> Result<usize, QueryError> {
        let Some(text) = self.get(name) else {
            return Ok(usual);
        };
        let least = usize::from(usual > 0);
        // More digits than a number has are too many all the same.
        let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let number = text.parse().unwrap_or(most).min(most);
        match is_number && number >= least {
            true => Ok(number),
            false => {
                let most = match most {
                    usize::MAX => String::new(),
                    most => format!(" (of more than {most}, {most})"),
                };
                let wanted = format!("a whole number, {least} or more{most}");
                Err(wrong(name, text, wanted))
            }
        }
    }
}

/// The number of a row; `None`: it is none.
pub(super) fn row_number(text: &str) -> Option<i64> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

pub(super) fn wrong(name: &'static str, text: &str, wanted: String) -> QueryError {
    let text = short(text);
    QueryError::Value { name, text, wanted }
}

fn short(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_wrong_says_what_is_allowed() {
        let said = |text: &str| {
            let query = Query::new(text);
            query
                .only(&["at", "width", "line", "after"])
                .and_then(|query| query.seconds("at").map(|_| query))
                .and_then(|query| query.count("width", 1200, 4000).map(|_| query))
                .and_then(|query| query.count("line", 0, usize::MAX).map(|_| query))
                .and_then(|query| query.number("after"))
                .map_or_else(|error| error.to_string(), |_| String::new())
        };
        for (query, wanted) in [
            ("", ""),
            ("at=-1.5&width=99999999999999999999&line=0&after=7", ""),
            (
                "at=1e308",
                "at: \"1e308\" is not a number of seconds from -40000000000 to 40000000000",
            ),
            (
                "at=NaN",
                "at: \"NaN\" is not a number of seconds from -40000000000 to 40000000000",
            ),
            (
                "width=-1",
                "width: \"-1\" is not a whole number, 1 or more (of more than 4000, 4000)",
            ),
            (
                "width=0",
                "width: \"0\" is not a whole number, 1 or more (of more than 4000, 4000)",
            ),
            ("line=x", "line: \"x\" is not a whole number, 0 or more"),
            ("after=-1", "after: \"-1\" is not a whole number, 0 or more"),
            (
                "with=3",
                "\"with\" is no parameter of this path; it has at, width, line, after",
            ),
            ("at=1&at=2", "at is there more than once"),
        ] {
            assert_eq!(said(query), wanted, "{query}");
        }
        let none = Query::new("a").only(&[]).unwrap_err().to_string();
        assert_eq!(none, "\"a\" is no parameter of this path; it has none");
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_or_refused(text in ".{0,40}") {
            let query = Query::new(&text);
            let _ = query.only(&["a"]);
            let query = Query(vec![("a".to_owned(), text)]);
            if let Ok(Some(us)) = query.seconds("a") {
                prop_assert!(us.abs() <= 40_000_000_000_000_000);
            }
            if let Ok(count) = query.count("a", 5, 10) {
                prop_assert!((1..=10).contains(&count));
            }
            let _ = query.number("a");
        }
    }
}
