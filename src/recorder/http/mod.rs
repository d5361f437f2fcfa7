//! Requests: clients, one request down its chain of redirects, what broke it.

pub mod arrival;
pub mod kept_connections;
pub mod stream_fields;

pub mod classify;
pub mod client;
pub mod cookies;
pub mod fetch;

pub mod live;
pub mod shoutcast;
mod tls;
pub mod validators;
