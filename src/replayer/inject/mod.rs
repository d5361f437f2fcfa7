//! Faults that no recording has, laid over it: `isreplayer --inject`.
//!
//! What is laid over an answer depends on the request's URL, the session time and the seed
//! alone: no count is kept of what a client asked for. When a player began stands in its
//! URLs (`/@ZERO~BEGAN/`), where a rule needs it.
//!
//! | file | is |
//! | --- | --- |
//! | `words`, [`grammar`] | from the text to a rule |
//! | [`rule`] | which answers are meant, what is laid over them: pure |
//! | `facts` | what rules ask about an answer: reads the session |
//! | `shape` | responses that come late, slowly, or not to their end |

pub(super) mod facts;
pub mod grammar;
pub mod rule;
pub(super) mod shape;
#[cfg(test)]
pub mod tests;
mod words;
mod wrong;

pub use grammar::{NoRule, Parsed, parse};
pub use rule::{Rule, Rules};
