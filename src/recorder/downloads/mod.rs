//! Downloads, beside the polls and never in their way: a bounded number at once.

mod download;
mod download_loop;
mod fates;
pub(super) mod guards;
mod hint;
mod queue;
mod slow;

pub(super) use self::download::Downloads;
pub(super) use self::download_loop::run;
pub(super) use self::queue::{AS_BYTES, Queue};
