//! Gaps between advances of one playlist.
//!
//! | file | is |
//! | --- | --- |
//! | [`gap`] | a gap, and whose it is |
//! | [`labels`] | what the multivariant playlist says of a playlist |
//! | [`scan`] | compares each advance with the one before |

pub mod gap;
pub mod labels;
pub mod scan;
