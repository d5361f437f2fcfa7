//! Whether rows of a session from a stranger are sound: what their columns hold, their numbers, their paths and their spans.

pub(crate) mod columns;
pub mod damage;
pub mod numbers;
pub mod paths;
pub mod spans;
