//! What the bytes of media say: where packets, frames and boxes begin, and when they are to be played. Nothing is decoded,
//! and nothing is believed: all of it may be damaged, or made to do harm.
//!
//! | file | is |
//! | --- | --- |
//! | [`ac3`] | frames of AC-3 and Enhanced AC-3 |
//! | [`boxes`] | boxes of fragmented MP4 |
//! | [`cipher`] | AES-128 of whole segments |
//! | [`facts`] | what is known of a chunk once it was read |
//! | [`fragments`] | chunks of fragmented MP4, and their initialization sections |
//! | [`frames`] | frames of MPEG audio and ADTS |
//! | [`looks`] | bodies that are no media |
//! | [`packed`] | packed audio |
//! | [`packets`] | packets of an MPEG transport stream |
//! | [`pictures`] | the first picture of a stream of video |
//! | [`read`] | what a body is, and all that it says |
//! | [`splices`] | messages of splices (SCTE-35) |
//! | [`subtitles`] | WebVTT |
//! | [`times`] | when the units of a track are |
//! | [`transport`] | chunks of a transport stream |
//! | [`walk`] | frames of sound, counted through pieces |

pub mod ac3;
pub mod boxes;
pub mod cipher;
pub mod facts;
pub mod fragments;
pub mod frames;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub mod looks;
pub mod packed;
pub mod packets;
pub mod pictures;
pub mod read;
pub mod splices;
pub mod subtitles;
pub mod times;
pub mod transport;
pub mod walk;
