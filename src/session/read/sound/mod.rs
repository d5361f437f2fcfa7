//! Whether rows of a session from a stranger are sound: their numbers, their paths and their spans.

pub mod numbers;
pub mod paths;
pub mod spans;
