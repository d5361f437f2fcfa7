//! From content to a response.

pub(super) mod recorded;
pub mod reply;
pub(super) mod text;
