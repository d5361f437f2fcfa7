//! Faults that no recording has, added to it: `isreplayer --inject`.
//!
//! Which faults an answer gets depends on the request's URL, the session time and the seed alone: there is no count of
//! what a client has asked for. Where a rule needs to know when a player began, the player's URLs say it
//! (`/@ZERO~BEGAN/`).
//!
//! | file | is |
//! | --- | --- |
//! | `words`, `values`, [`grammar`] | from the text to a rule (pure) |
//! | [`rule`] | which answers a rule matches, and what it does to them (pure) |
//! | `facts` | what rules ask about an answer: reads the session |
//! | `idle` | rules that can never match in a session (pure) |
//! | `apply` | makes a response late, slow, broken, or another one |

pub(super) mod apply;
pub(super) mod facts;
pub mod grammar;
pub(super) mod idle;
pub mod rule;
#[cfg(test)]
pub mod tests;
mod values;
mod words;

pub use grammar::{InvalidRule, Parsed, parse};
pub use rule::{Rule, Rules};
