//! What a new revision of a playlist says: handed to the plan, to steering and interstitials, to the writer.

mod beside;
mod corrected;
pub(super) mod listing;
