//! The rule of what stays at a cutoff, for those who remove what was before (`--keep`) and for those who copy what was
//! after (a clip). `docs/design/session.md`, "Keeping the last hours", has it. Nothing is written here.

pub(crate) mod decide;
pub(crate) mod named;
