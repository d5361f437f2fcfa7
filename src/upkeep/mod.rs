//! What is done to a session as a whole: it is looked at, checked, repaired, copied without secrets, clipped. Repairs and
//! copies without secrets are made only where nobody records.
//!
//! Like [`session`](crate::session), and unlike everything above, these ask the database themselves: they are about
//! its rows and files as such, not about what they answer.

pub(crate) mod check;
pub(crate) mod clip;
pub(crate) mod copied;
#[cfg(feature = "archive")]
pub(crate) mod merge;
pub(crate) mod overview;
pub(crate) mod redact;
pub(crate) mod repair;

#[cfg(feature = "archive")]
pub(crate) use self::clip::outcome::is_damage;
#[cfg(feature = "archive")]
pub(crate) use self::clip::{NamedChunks, bytes_since};

use crate::session::{ReadError, Reader, SessionFolder};

pub use self::clip::outcome::{ClipError, Clipped};
pub use self::clip::{Wanted as ClipWanted, clip};
pub use self::redact::outcome::{RedactError, Redacted};
pub use self::redact::{Rules as RedactRules, What as RedactedWhat, redact};
pub use self::repair::error::RepairError;
pub use self::repair::repair;
pub(crate) use check::lost_bodies;
pub use check::{Finding, Report, State, Totals, check};
pub use overview::{Counts, Keys, Overview, Sizes, Standing};

/// Whether somebody is recording a session.
///
/// # Errors
/// It cannot be read.
pub fn is_recording(folder: &SessionFolder) -> Result<bool, ReadError> {
    let runs = Reader::open(folder)?.runs()?;
    Ok(check::state_of(folder, &runs, false)? == State::Recording)
}
