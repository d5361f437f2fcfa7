//! Requests: clients, one request down its chain of redirects, what broke it.

pub mod arrival;
pub mod asked_as;
pub mod classify;
pub mod client;
pub mod cookies;
pub mod fetch;
pub mod kept;
pub mod live;
pub mod shoutcast;
pub mod validators;
