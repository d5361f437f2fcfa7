//! Where the plan has a thing.

/// Where a thing is kept, for as long as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot(pub(crate) usize);
