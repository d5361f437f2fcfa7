//! The page that shows a session: the JSON that it is drawn of, and its files (`docs/design/page.md`, `docs/ref/page.md`).
//!
//! What always holds:
//! - An answer is a function of the session and of what is asked. Nothing here knows an HTTP server, or writes.
//! - Beside that two things are held in memory, since they take long: an [`Index`] of moments, and what `isreport` says
//!   ([`Judging`]).
//! - No answer is larger than what a screen shows, whatever the session has.
//!
//! | file or folder | is |
//! | --- | --- |
//! | [`asked`] | what a path asks for |
//! | [`query`] | the parameters of a path |
//! | [`answer`] | from what is asked to JSON |
//! | `session` | the session: streams, lanes, how the recorder was |
//! | `overview` | counts over time |
//! | `lanes` | what happened in each playlist |
//! | `exchanges` | requests, and one of them with its body |
//! | `revisions` | texts of playlists, and how two of them differ |
//! | `findings` | what `isreport` says |
//! | [`judging`] | the thread that asks it |
//! | [`index`] | moments of advances and requests, in memory |
//! | [`filter`] | the words of a filter |
//! | [`files`] | HTML, CSS and modules of the page |
//! | `view` | what an answer is made of |

pub mod answer;
pub mod asked;
mod exchanges;
pub mod files;
pub mod filter;
mod findings;
pub mod index;
pub mod judging;
mod lanes;
mod overview;
pub mod query;
mod revisions;
mod session;
mod view;

pub use self::answer::{Answer, answer};
pub use self::asked::{Asked, AskedError};
pub use self::index::Index;
pub use self::judging::Judging;
pub use self::view::{Known, StreamPaths, View};
