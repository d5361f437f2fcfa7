//! Answers that were made for one request and are given to the next that asks for the same.

pub(super) mod answer_cache;
pub(super) mod cached_answer;
mod prepared;
