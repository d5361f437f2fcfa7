//! Whether rows of a session from a stranger are sound: their numbers and their paths.

pub mod numbers;
pub mod paths;
