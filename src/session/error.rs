//! What ends the reading or the writing of a session.

use super::format::FORMAT_VERSION;
use std::io;
use std::path::Path;
use std::path::PathBuf;

/// Why a session cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Another program's database.
    #[error("{0} is a database of another program")]
    NotOurs(String),
    /// Written by a newer version of this program.
    #[error("{path} has format version {found}, this program reads up to {known}; use a newer isrecorder", known = FORMAT_VERSION)]
    Newer {
        /// The database.
        path: String,
        /// Its version.
        found: i32,
    },
    /// Tables, views or triggers differ from what this program makes.
    #[error("{path} is damaged, was altered, or is of another build of this program: {what}")]
    Altered {
        /// The database.
        path: String,
        /// What differs.
        what: String,
    },
    /// SQLite cannot read it.
    #[error("{path} cannot be read: {}{hint}", said(source))]
    Database {
        /// The database.
        path: String,
        /// What SQLite said.
        source: rusqlite::Error,
        /// What to do about it.
        hint: &'static str,
    },
    /// A body was recorded and is not there any more, or is not what came: what is wrong with it.
    #[error("{0}")]
    Lost(String),
    /// What is not on this disk cannot be had now: why.
    #[error("{0}")]
    Away(String),
    /// The file system refuses.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl ReadError {
    /// Of a body in the database that is no playlist: one that is not what came is lost like a file.
    #[must_use]
    pub(crate) fn of_single_body(self) -> Self {
        match self {
            Self::Altered { what, .. } => Self::Lost(what),
            other => other,
        }
    }

    /// What SQLite said of a database, with what to do about it.
    pub(crate) fn database(database: &Path, source: rusqlite::Error) -> Self {
        let wal = database.with_file_name("session.db-wal").exists();
        let hint = match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::CannotOpen | rusqlite::ErrorCode::ReadOnly) if wal => {
                "; its recorder did not close it, so it must lie where this program may write: copy the whole folder there"
            }
            Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt) => {
                "; it is damaged: `sqlite3 session.db .recover` may save a part"
            }
            Some(rusqlite::ErrorCode::OperationInterrupted) => {
                "; it is damaged: a query found no end of its rows"
            }
            _ => "",
        };
        Self::Database {
            path: database.display().to_string(),
            source,
            hint,
        }
    }
}

/// Why nothing more can be recorded.
#[derive(Debug, thiserror::Error)]
pub enum WriterError {
    /// The database refused.
    #[error("{path}: {}{}", said(source), what_to_do(source))]
    Database {
        /// The database.
        path: String,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// A file of the database may not be larger.
    #[error(
        "{} may not grow: there is a limit on the size of files, of this user (ulimit -f) or of the file system; what was \
         recorded until then is there, and --resume goes on with it without that limit", .0.display()
    )]
    TooLarge(PathBuf),
    /// The file system refused.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Another recorder is at it.
    #[error("{path} is being recorded by another isrecorder", path = .0.display())]
    Busy(PathBuf),
    /// Another program is in the middle of reading or changing it.
    #[error("{by} has {path} open and locked, nothing was touched: end that program, then try again", path = .path.display())]
    Held {
        /// The database.
        path: PathBuf,
        /// Which program that is, where the system says so.
        by: String,
    },
    /// A row names a file elsewhere.
    #[error(
        "{path} is not gone on with: body {body} names a file that is none of the session's ({what}); `issession repair {path}` marks such bodies as lost and leaves the rest as it is", path = .path.display()
    )]
    Path {
        /// The session.
        path: PathBuf,
        /// Row of `body`.
        body: i64,
        /// What is wrong.
        what: String,
    },
    /// A number leaves no room for those that come.
    #[error(
        "{path} is not gone on with: {table} {id}: nothing can come behind its number, which is none of this program's; begin a session anew, this one can be replayed", path = .path.display()
    )]
    Number {
        /// The session.
        path: PathBuf,
        /// The table.
        table: String,
        /// The row.
        id: i64,
    },
    /// What was to be taken up again is no session of this program.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// The writer has ended before.
    #[error("the session is no longer being written")]
    Gone,
}

/// Whether a row holds something else than its columns do: a text where a number belongs, nothing where something does.
pub(crate) fn is_of_a_row(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::FromSqlConversionFailure(..)
    )
}

/// What is wrong with a row, where that is it.
pub(crate) fn said_of_row(error: &rusqlite::Error) -> Option<String> {
    Some(match error {
        rusqlite::Error::InvalidColumnType(_, column, found) => {
            format!("a row has no such value as belongs there ({column} is {found:?})")
        }
        rusqlite::Error::QueryReturnedNoRows => {
            "a row that another one names is not there".to_owned()
        }
        error if is_of_a_row(error) => "a row has a value that cannot be".to_owned(),
        _ => return None,
    })
}

/// What SQLite said; of a rule of a table that is broken, which column has it, and not all that it allows.
fn said(source: &rusqlite::Error) -> String {
    let text = said_of_row(source).unwrap_or_else(|| source.to_string());
    let Some(rule) = text.strip_prefix(CHECK_FAILED) else {
        return text;
    };
    let word = rule.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    match word.into_iter().find(|word| !word.is_empty()) {
        Some(column) => format!("a row has a value that is not allowed there ({column})"),
        None => "a row has a value that is not allowed there".to_owned(),
    }
}

const CHECK_FAILED: &str = "CHECK constraint failed: ";

/// What to do where rows are not as this program writes them.
pub(crate) fn what_to_do(source: &rusqlite::Error) -> &'static str {
    let is_refused = source.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation);
    let is_no_such = matches!(
        source,
        rusqlite::Error::InvalidColumnType(..) | rusqlite::Error::IntegralValueOutOfRange(..)
    );
    match is_refused || is_no_such {
        true => {
            "; a row of the session is not as this program writes it: `issession check SESSION` says which"
        }
        false => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_of_a_table_that_is_broken_is_told_in_a_sentence() {
        let db = rusqlite::Connection::open_in_memory().unwrap();
        let made =
            "CREATE TABLE event (kind TEXT CHECK (kind IN ('late', 'stalled', 'suspended')))";
        db.execute_batch(made).unwrap();
        let refused = db.execute_batch("INSERT INTO event VALUES ('jubilee')");
        let error = WriterError::Database {
            path: "session.db".to_owned(),
            source: refused.unwrap_err(),
        };
        assert_eq!(
            error.to_string(),
            "session.db: a row has a value that is not allowed there (kind); a row of the session is not as this \
             program writes it: `issession check SESSION` says which"
        );
        let other = said(&db.execute_batch("DROP TABLE absent").unwrap_err());
        assert!(other.starts_with("no such table"), "{other}");
    }
}
