//! What a recording has done so far, and how busy it is.

pub mod board;
pub mod fold;
pub mod gaps;
pub mod load;
pub mod trouble;
