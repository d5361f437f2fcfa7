//! How a run begins and ends, and what it takes over from a run that was killed.

pub mod adopt;
pub mod begin;
pub mod close;
