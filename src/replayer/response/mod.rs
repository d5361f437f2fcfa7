//! From recorded content to a response, without reading the session.
//!
//! | file | is |
//! | --- | --- |
//! | [`reply`] | a response, and what the log says about it |
//! | `recorded` | a recorded answer as a response: with its status and its faults |
//! | `recorded_fields` | the recorded header fields that pass |
//! | `whole_body` | complete bodies: conditional requests and ranges |
//! | `dvr_playlist` | a DVR playlist as a response |

pub(super) mod dvr_playlist;
pub(super) mod recorded;
mod recorded_fields;
pub mod reply;
pub(super) mod whole_body;
