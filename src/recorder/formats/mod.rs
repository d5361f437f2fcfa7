//! Formats of endless bodies: told by their bytes, cut where a part may begin. Pure.

pub mod boxes;
pub mod cut;
pub mod cutter;
pub mod format;
pub mod frames;
pub mod icy;
pub mod sniff;
pub mod transport;
