//! How bodies are kept and read: content codings, lines that revisions share.

pub mod codings;
pub mod decode;
pub mod lines;
