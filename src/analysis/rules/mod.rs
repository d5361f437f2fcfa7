//! The rules of `isreport`.

pub mod media;
