//! What a playlist says: its kind, and what each kind lists.

pub mod asked_as;
pub mod blocking;
pub mod delta;
pub mod interstitials;
pub mod kind;
pub mod list;
pub mod media;
pub mod multivariant;
pub mod steering;
