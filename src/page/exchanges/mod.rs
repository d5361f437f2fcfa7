//! Requests: a page of a table, and one of them with all that is known of it.

mod detail;
mod media;
mod table;

pub(super) use self::detail::detail;
pub(super) use self::table::{Page, table};
