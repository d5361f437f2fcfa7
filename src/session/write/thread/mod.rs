//! The thread that writes: its messages, its queue, its commits, and how it is doing.

pub mod commit_error;
pub mod commits;
pub mod message;
pub mod pulse;
pub mod queue;
