//! Downloads, beside the polls and never in their way: a bounded number at once.

mod download;
mod download_loop;
pub(super) mod guards;
mod queue;

pub(super) use self::download::Downloads;
pub(super) use self::download_loop::run;
pub(super) use self::queue::{AS_BYTES, Queue};
