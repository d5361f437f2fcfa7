//! What a playlist lists: now, in the revision before, and at which places.

pub(super) mod entry;
pub(super) mod places;
pub(super) mod playlist;
pub(super) mod previous;
pub(super) mod slot;
pub(super) mod update;
