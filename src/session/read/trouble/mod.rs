//! What went wrong: faults of the origin, polls without a good answer, notices of the recorder.

pub mod attempts;
pub mod breaks;
pub mod faults;
pub mod notices;
pub mod polls;
pub mod raw_attempts;
pub mod times;
mod unasked;
mod waits;
pub mod words;
