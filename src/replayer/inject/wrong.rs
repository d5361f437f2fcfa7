//! What is wrong with a rule, and where.

/// What is wrong, and at which character.
pub(super) type Wrong = (usize, String);
