//! A recording, and each of its streams, from the first request to the last row.

pub(super) mod outcome;
pub(super) mod run;
mod stream;
mod streams;
