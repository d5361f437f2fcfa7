//! Memory for texts, those on their way to clients included.

pub(super) mod bounded;
pub(super) mod budget;
pub(super) mod text;
