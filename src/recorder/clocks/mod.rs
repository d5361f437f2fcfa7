//! What the recorder notices about its clocks and about itself.

pub mod activity;
pub mod heartbeat;
pub mod notice;
