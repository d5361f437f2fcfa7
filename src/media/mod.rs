//! What the bytes of media say: where packets, frames and boxes begin, and when they are to be played. Nothing is decoded,
//! and nothing is believed: all of it may be damaged, or made to do harm.
//!
//! | file | is |
//! | --- | --- |
//! | [`boxes`] | boxes of fragmented MP4 |
//! | [`frames`] | frames of MPEG audio and ADTS |
//! | [`packets`] | packets of an MPEG transport stream |

pub mod boxes;
pub mod frames;
pub mod packets;
