//! What changes a plan or asks it something: one file for each occasion.

mod bytes;
mod departures;
mod earlier_run;
mod hints;
mod identity;
mod next_job;
mod queues;
mod request_end;
pub(super) mod revision;
mod used_again;
mod withdrawal;
