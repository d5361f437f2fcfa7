//! Rows of tables that several places write: each spells its columns once.

use rusqlite::{Connection, Result, named_params};

use crate::session::model::EventKind;

/// A row of `event`.
pub(crate) struct EventRow<'a> {
    pub(crate) at_us: i64,
    pub(crate) length_us: Option<i64>,
    pub(crate) kind: EventKind,
    pub(crate) detail: &'a str,
}

impl EventRow<'_> {
    /// Writes it and gives its number.
    pub(crate) fn insert(&self, db: &Connection) -> Result<i64> {
        db.prepare_cached(
            "INSERT INTO event (at_us, length_us, kind, detail)
             VALUES (:at_us, :length_us, :kind, :detail)",
        )?
        .insert(named_params! {
            ":at_us": self.at_us,
            ":length_us": self.length_us,
            ":kind": self.kind.as_str(),
            ":detail": self.detail,
        })
    }
}

/// A row of `body`: its content is one of text, data, a path and a span.
#[derive(Default)]
pub(crate) struct BodyRow<'a> {
    /// `None`: the next number.
    pub(crate) id: Option<i64>,
    pub(crate) size: i64,
    pub(crate) sha256: &'a [u8],
    pub(crate) text: Option<&'a str>,
    /// Of a large playlist: what stands between its text, which is its head, and the end.
    pub(crate) lines: Option<BodyLines<'a>>,
    pub(crate) data: Option<&'a [u8]>,
    /// Content codings of the data.
    pub(crate) coding: Option<&'a str>,
    pub(crate) path: Option<&'a str>,
    /// A span: of which body, and from which byte on.
    pub(crate) span: Option<(i64, i64)>,
}

/// Rows of `line` that a body has, and its tail.
#[derive(Clone, Copy)]
pub(crate) struct BodyLines<'a> {
    pub(crate) owner: i64,
    pub(crate) first: i64,
    pub(crate) last: i64,
    pub(crate) tail: &'a str,
}

impl BodyRow<'_> {
    /// Writes it and gives its number.
    pub(crate) fn insert(&self, db: &Connection) -> Result<i64> {
        db.prepare_cached(
            "INSERT INTO body (id, size, sha256, text, first_line, last_line, tail, line_owner, data, coding, path, chunk_id, chunk_first)
             VALUES (:id, :size, :sha256, :text, :first_line, :last_line, :tail, :line_owner, :data, :coding, :path, :chunk_id, :chunk_first)",
        )?
        .insert(named_params! {
            ":id": self.id,
            ":size": self.size,
            ":sha256": self.sha256,
            ":text": self.text,
            ":first_line": self.lines.map(|lines| lines.first),
            ":last_line": self.lines.map(|lines| lines.last),
            ":tail": self.lines.map(|lines| lines.tail),
            ":line_owner": self.lines.map(|lines| lines.owner),
            ":data": self.data,
            ":coding": self.coding,
            ":path": self.path,
            ":chunk_id": self.span.map(|(chunk, _)| chunk),
            ":chunk_first": self.span.map(|(_, first)| first),
        })
    }
}
