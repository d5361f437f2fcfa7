//! What the loop of a playlist knows from poll to poll, each thing by itself.

pub(super) mod advances;
pub(super) mod blocking;
pub(super) mod corrections;
pub(super) mod last_body;
pub(super) mod numbers;
pub(super) mod overdue;
pub(super) mod poll_times;
pub(super) mod reader;
pub(super) mod trust;
pub(super) mod tune_in;
