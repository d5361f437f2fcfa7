//! Gaps as findings, and as text in the original's format.
//!
//! | file | is |
//! | --- | --- |
//! | `found` | a gap as a finding |
//! | `sentences` | a gap in sentences |
//! | `text` | a gap as the original printed it, and what stands around that |

mod found;
mod sentences;
mod text;

pub use self::found::finding;
pub use self::sentences::{away, polled};
pub use self::text::{noticed, write_text};

#[cfg(test)]
mod tests;
