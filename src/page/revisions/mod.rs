//! Texts of playlists: which there are, one of them, and how two of them differ.

mod difference;
mod list;
mod text;

pub(super) use self::difference::difference;
pub(super) use self::list::{at, list};
pub(super) use self::text::text;
