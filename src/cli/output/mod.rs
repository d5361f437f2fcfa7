//! What programs say while they run: the live view, log lines, metrics, the service manager.

pub mod live;
pub mod log_form;
pub mod log_lines;
pub mod logging;
pub mod metrics;
pub mod service;
