//! What a playlist says: its kind, and what each kind lists.

pub mod asked_as;
pub mod in_force;
pub mod interstitials;
mod items;
pub mod kind;
pub mod list;
pub mod media;
pub mod multivariant;
pub mod references;
pub mod segments;
pub mod steering;
