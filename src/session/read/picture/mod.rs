//! What a picture of a session is drawn of: many small rows, a span of time at a time.

pub mod index;
pub mod rows;
pub mod windows;
