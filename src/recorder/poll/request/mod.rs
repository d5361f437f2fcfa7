//! What a poll asks for, what comes of it, and when the next one is due.

mod advances;
mod ask;
mod faults;
mod held;
mod interval;
mod new_urls;
mod one_poll;
mod overdue;
mod told;

pub(in crate::recorder) use self::told::{log_recovery, log_standstill};
