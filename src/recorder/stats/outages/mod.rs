//! Outages, as the log has them.

pub mod all;
pub mod outage;
pub mod over;
