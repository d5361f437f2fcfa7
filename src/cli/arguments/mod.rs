//! Groups of arguments that programs share, and what was typed turned into what it means.

#[cfg(feature = "archive")]
pub mod archive;
pub mod client;
pub mod durations;
pub mod http;
pub mod inputs;
pub mod limits;
pub(super) mod moved;
pub mod place;
pub mod raw;
pub mod source;
#[cfg(feature = "archive")]
pub mod store;
