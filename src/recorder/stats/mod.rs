//! What a recording has done so far, and how busy it is.

pub mod board;
pub mod channel;
pub mod counters;
pub mod events;
pub mod fold;
pub mod gaps;
pub mod left_alone;
pub mod load;
pub mod lost;
pub mod outages;
pub mod pace;
pub mod playlist;
pub mod recoveries;
pub mod standstills;
pub mod totals;
pub mod trouble;
pub mod waiting;
