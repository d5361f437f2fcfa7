//! The flight recorder for HLS: record everything a live origin answered, replay it to
//! any player on the same timeline, see where the origin was late.
//!
//! The layers, arrows pointing down only (`tests/it/layers.rs` holds them):
//!
//! | module | is | knows |
//! | --- | --- | --- |
//! | [`cli`] | arguments in, exit code out, everything that prints | all below |
//! | [`recorder`] | asks an origin and hands what came to a session | `session`, `hls`, HTTP client |
//! | [`replayer`] | answers players out of a session | `page`, `session`, `hls`, HTTP server |
//! | [`page`] | what the page that shows a session is drawn of | `analysis`, `session`, `hls`, `media` |
//! | [`analysis`] | finds what was late or wrong in a session | `session`, `hls`, `media` |
//! | `archive` | volumes of sessions in a store: written, checked, fetched | `store`, `upkeep`, `session` |
//! | `store` | objects in a bucket or a folder | `object_store` |
//! | [`upkeep`] | what is done to a session that is not recorded: check, repair, redact | `session`, SQLite |
//! | [`session`] | what is on disk: schema, write, read | `hls`, SQLite |
//! | [`hls`] | text of playlists: find URIs, replace them, read facts | no I/O at all |
//! | [`media`] | what the bytes of media say, undecoded | no I/O at all |
//! | [`clock`] | the only reader of time | |
//! | [`shown`] | text of others, as it is shown | |
//! | [`spans`] | times of several playlists that are one event | |
//!
//! The jobs meet only in the session. `docs/ARCHITECTURE.md` says where a change
//! belongs, `docs/GLOSSARY.md` what the words mean.

pub mod analysis;
#[cfg(feature = "archive")]
pub mod archive;
pub mod cli;
pub mod clock;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod hls;
pub mod media;
pub mod page;
pub mod recorder;
pub mod replayer;
pub mod session;
pub mod shown;
pub mod spans;
#[cfg(feature = "archive")]
pub mod store;
pub mod upkeep;
