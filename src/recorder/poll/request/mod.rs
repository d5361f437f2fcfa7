//! What a poll asks for, and when the next one is due.

pub(super) mod ask;
mod interval;
mod new_urls;
