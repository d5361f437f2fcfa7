//! Date ranges whose assets were asked for: a list of assets is asked for once, since asking may count as
//! an impression, also where the session is taken up again.

use std::collections::HashMap;

use crate::session::digest::Digest;

/// A date range whose assets are asked for.
#[derive(Debug)]
pub(crate) struct DateRange {
    pub(crate) at_us: i64,
    /// Row of `stream`.
    pub(crate) stream_id: i64,
    /// Its ID in the playlist.
    pub(crate) id: String,
    /// What it names.
    pub(crate) url: String,
}

/// Rows of the date ranges that are known, by what they are: as many as a session has, and some bytes of each.
#[derive(Debug, Default)]
pub(crate) struct Asked(pub(super) Option<HashMap<Digest, i64>>);

impl Asked {
    /// Forgets all rows after a rollback.
    pub(crate) fn forget(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::files::chunk_dir::ChunkDir;
    use crate::session::write::store::Store;
    use rusqlite::Connection;

    fn range(stream_id: i64, id: &str, url: &str) -> DateRange {
        DateRange {
            at_us: 1,
            stream_id,
            id: id.to_owned(),
            url: url.to_owned(),
        }
    }

    #[test]
    fn the_first_url_of_a_date_range_is_known_before_and_after_a_new_beginning() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(crate::session::format::SCHEMA).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let chunks = ChunkDir::open_folder(folder.path()).unwrap();
        let mut store = Store::new(db, chunks, 0, 1);
        let mut asked = |range: DateRange, again: bool| {
            if again {
                store.asked.forget();
            }
            store.date_range(&range).unwrap()
        };
        assert_eq!(asked(range(1, "a", "http://h/1"), false), None);
        assert_eq!(asked(range(2, "a", "http://h/2"), false), None);
        for again in [false, true] {
            let known = Some("http://h/1".to_owned());
            assert_eq!(asked(range(1, "a", "http://h/3"), again), known);
            let known = Some("http://h/2".to_owned());
            assert_eq!(asked(range(2, "a", "http://h/3"), again), known);
        }
        // A row that was removed says nothing.
        store
            .db
            .execute("DELETE FROM event WHERE id = 1", [])
            .unwrap();
        assert_eq!(
            store.date_range(&range(1, "a", "http://h/4")).unwrap(),
            None
        );
        let known = Some("http://h/4".to_owned());
        assert_eq!(
            store.date_range(&range(1, "a", "http://h/5")).unwrap(),
            known
        );
    }
}
