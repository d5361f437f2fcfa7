//! What changes a plan: each file has one of its occasions.

mod bytes;
mod departures;
mod earlier_run;
mod identity;
mod next_job;
mod queues;
mod request_end;
pub(super) mod revision;
mod withdrawal;
