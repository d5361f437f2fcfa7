//! The rules of `isreport`: what is wrong with a channel (`docs/ref/rules.md`, `docs/design/report.md`).
//!
//! A rule is pure: it gets a text, or two, or what a chunk's bytes say, and tells where it is broken. Nothing here reads a
//! session but [`judge`].
//!
//! | file | is |
//! | --- | --- |
//! | [`judge`] | a session read once, each rule asked where it has something to say |
//! | `merged` | the revisions of all playlists of a session in the order of time |
//! | [`findings`] | what rules tell, gathered: one finding for the same fault again and again |
//! | [`selection`] | which rules are looked at |
//! | [`registry`] | which rules there are |
//! | `text` | rules of one text |
//! | `http` | rules of exchanges |
//! | `time` | rules of two revisions of one playlist |
//! | `across` | rules across the renditions of a stream |
//! | `low_latency` | rules of low latency |
//! | [`media`] | rules of what the bytes of segments say |
//! | `playlist`, `date_range` | a text, as rules look at it |
//! | `ranges` | T15: date ranges over time |
//! | [`broken`] | what a rule says where it fires |

mod across;
pub mod broken;
mod date_range;
pub mod findings;
mod http;
pub mod judge;
mod low_latency;
pub mod media;
mod merged;
mod playlist;
mod ranges;
pub mod registry;
pub mod selection;
mod text;
mod time;
