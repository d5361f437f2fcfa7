//! What a new revision of a playlist says: handed to the plan, to steering and interstitials, to the writer.

mod beside;
mod judgements;
pub(super) mod listing;
mod take_in;
