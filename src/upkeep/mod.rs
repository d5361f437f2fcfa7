//! What is done to a session as a whole: it is looked at, checked, repaired, copied without secrets, clipped. Repairs and
//! copies without secrets are made only where nobody records.
//!
//! Like [`session`](crate::session), and unlike everything above, these ask the database themselves: they are about
//! its rows and files as such, not about what they answer.

pub(crate) mod check;
pub(crate) mod clip;
pub(crate) mod copied;
pub(crate) mod overview;
pub(crate) mod redact;
pub(crate) mod repair;

pub use self::clip::outcome::{ClipError, Clipped};
pub use self::clip::{Wanted as ClipWanted, clip};
pub use self::redact::outcome::{RedactError, Redacted};
pub use self::redact::{Rules as RedactRules, What as RedactedWhat, redact};
pub use self::repair::error::RepairError;
pub use self::repair::repair;
pub(crate) use check::lost_bodies;
pub use check::{Finding, Report, State, Totals, check};
pub use overview::{Counts, Keys, Overview, Sizes, Standing};
