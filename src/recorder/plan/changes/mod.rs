//! What changes a plan: each file has one of its occasions.

mod contents;
mod departures;
mod request_end;
mod withdrawal;
