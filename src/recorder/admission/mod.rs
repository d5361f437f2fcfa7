//! Which URLs, addresses and hosts may be asked, and when.

pub mod address;
pub mod admit;
pub mod hosts;
pub mod reach;
pub mod refusal;
pub mod resolver;
