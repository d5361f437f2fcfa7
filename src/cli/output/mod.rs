//! What programs say: the live view, log lines, metrics, the service manager, what a session has to play.

pub(super) mod description;
pub(super) mod ending;
pub mod live;
pub mod log_form;
pub mod log_lines;
pub mod logging;
pub mod metrics;
pub(super) mod next_steps;
pub(super) mod nothing_recorded;
pub(super) mod outages;
pub mod service;
