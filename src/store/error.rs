//! Why a store did not do what it was asked for: in words that name no credentials, and by a kind that is counted.

use std::error::Error;
use std::fmt;
use std::io;
use std::time::Duration;

/// What is wrong with a store, as metrics count it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Trouble {
    /// No connection, or none that stayed until there was an answer.
    Unreachable,
    /// Credentials are missing, wrong, or may not do this (401, 403).
    Denied,
    /// There is no such bucket, folder or object (404).
    Missing,
    /// It asked for patience (429, 503), or somebody else is writing just now (409).
    Busy,
    /// It failed (other 5xx).
    Failing,
    /// Its disk, or quota, is full.
    Full,
    /// It has something other than it should: too large, cut, another hash.
    Wrong,
    /// It refuses what it was asked for, or anything else.
    Other,
}

impl Trouble {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Unreachable,
        Self::Denied,
        Self::Missing,
        Self::Busy,
        Self::Failing,
        Self::Full,
        Self::Wrong,
        Self::Other,
    ];

    /// As metrics name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Denied => "denied",
            Self::Missing => "missing",
            Self::Busy => "busy",
            Self::Failing => "failing",
            Self::Full => "full",
            Self::Wrong => "wrong",
            Self::Other => "other",
        }
    }

    /// Whether the same request may be answered otherwise a moment later.
    pub(crate) fn is_passing(self) -> bool {
        matches!(self, Self::Unreachable | Self::Busy | Self::Failing)
    }
}

/// An answer of a store that is none, in place of the answer itself: its body may repeat what was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    /// The code that S3 gives: `SlowDown`. Letters and digits.
    pub(crate) code: Option<String>,
    pub(crate) retry_after: Option<Duration>,
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "answered {}", self.status)?;
        match &self.code {
            Some(code) => write!(f, " ({code})"),
            None => Ok(()),
        }
    }
}

impl Error for Answered {}

/// Why a store did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {why}")]
pub struct StoreError {
    /// What is wrong.
    pub trouble: Trouble,
    /// So long it asked to be left alone.
    pub retry_after: Option<Duration>,
    /// What was asked for: a verb, and the name of an object.
    what: String,
    why: String,
}

impl StoreError {
    /// `what`: a verb and a name, for people.
    pub(crate) fn new(trouble: Trouble, what: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            trouble,
            retry_after: None,
            what: what.into(),
            why: why.into(),
        }
    }

    /// Says for how long it asks to be left alone.
    pub(crate) fn asking(self, patience: Duration) -> Self {
        let why = format!(
            "{}, and asks to be left alone for {} s",
            self.why,
            patience.as_secs()
        );
        Self { why, ..self }
    }

    pub(crate) fn of_io(what: impl Into<String>, error: &io::Error) -> Self {
        Self::new(of_io(error), what, error.to_string())
    }

    /// What the library says has the whole answer in it; only what is known to be harmless is taken out of it.
    pub(crate) fn of(what: impl Into<String>, error: &object_store::Error) -> Self {
        if let Some(answered) = found::<Answered>(error) {
            let trouble = of_status(answered);
            let hint = match trouble {
                Trouble::Denied => WHERE_CREDENTIALS_ARE,
                _ => "",
            };
            return Self {
                retry_after: answered.retry_after,
                ..Self::new(trouble, what, format!("{answered}{hint}"))
            };
        }
        if let Some(error) = found::<io::Error>(error) {
            return Self::of_io(what, error);
        }
        let (trouble, why) = match error {
            object_store::Error::NotFound { .. } => (Trouble::Missing, "is not there".to_owned()),
            object_store::Error::PermissionDenied { .. }
            | object_store::Error::Unauthenticated { .. } => {
                (Trouble::Denied, "is not allowed".to_owned())
            }
            object_store::Error::AlreadyExists { .. } => {
                (Trouble::Other, "is there already".to_owned())
            }
            object_store::Error::Generic { .. } if is_of_http(error) => {
                (Trouble::Unreachable, last(error))
            }
            _ => (Trouble::Other, last(error)),
        };
        Self::new(trouble, what, why)
    }
}

/// What to look at where a store refuses: nothing of the credentials is told.
const WHERE_CREDENTIALS_ARE: &str = ": see whether the credentials may do this (AWS_ACCESS_KEY_ID, AWS_PROFILE or the machine's role, as the AWS \
    tools take them), and whether AWS_ENDPOINT_URL and AWS_REGION are those of the bucket";

/// What an error comes from, of one type.
fn found<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

fn is_of_http(error: &object_store::Error) -> bool {
    found::<object_store::client::HttpError>(error).is_some()
}

/// The innermost cause: it says what was wrong, and nothing of the request.
fn last(error: &(dyn Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(200).collect()
}

fn of_status(answered: &Answered) -> Trouble {
    match (answered.status, answered.code.as_deref()) {
        (_, Some("QuotaExceeded" | "XMinioStorageFull")) | (507, _) => Trouble::Full,
        (401 | 403, _) => Trouble::Denied,
        (404, _) => Trouble::Missing,
        (409 | 429 | 503, _) => Trouble::Busy,
        (500..=599, _) => Trouble::Failing,
        _ => Trouble::Other,
    }
}

fn of_io(error: &io::Error) -> Trouble {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::NotFound => Trouble::Missing,
        Kind::PermissionDenied | Kind::ReadOnlyFilesystem => Trouble::Denied,
        Kind::StorageFull | Kind::QuotaExceeded => Trouble::Full,
        Kind::ConnectionRefused
        | Kind::ConnectionReset
        | Kind::ConnectionAborted
        | Kind::HostUnreachable
        | Kind::NetworkUnreachable
        | Kind::BrokenPipe
        | Kind::UnexpectedEof
        | Kind::TimedOut => Trouble::Unreachable,
        _ => Trouble::Other,
    }
}
