//! The place of a thing in the table of a plan.

/// The place of a thing: valid for as long as the table has the thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot(pub(crate) usize);
