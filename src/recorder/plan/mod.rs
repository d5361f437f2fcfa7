//! What to fetch next, out of what the playlists of a stream list. Pure.
//!
//! Decides what makes two URLs one resource while a recording goes on (DESIGN: tokens,
//! queries that matter, names used again, slates), in which order things are fetched
//! (newest first, then backwards through a long window), and when a failed one is tried
//! again. Asking is `downloads`' business, judging playlists `poll`'s.

mod changes;
mod items;
mod left;
mod listed;
pub(crate) mod model;
pub(crate) mod state;

#[cfg(test)]
mod growth;
#[cfg(test)]
mod tests;

pub(super) use self::items::content::{Content, EarlierRun};
pub(super) use self::model::{
    Changes, Done, Fate, GivenUp, Job, Key, Listing, PlaylistId, Wanted, WhyGivenUp,
};
