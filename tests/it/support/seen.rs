//! What was committed, as somebody outside saw it: it must be there whatever happens then.

use std::path::Path;
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};

/// Exchanges that a reader outside has seen committed.
#[derive(Default)]
pub struct Seen(Vec<Vec<Value>>);

impl Seen {
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Takes in what is new; a database that cannot be read now has nothing new.
    pub fn look(&mut self, database: &Path) {
        let last = self.0.last().map_or(0, |row| match row[0] {
            Value::Integer(id) => id,
            _ => 0,
        });
        // Each in its own transaction: what a look has not seen, the next sees.
        self.0.extend(exchanges(database, last).unwrap_or_default());
    }

    pub fn check(&self, database: &Path) {
        let there = exchanges(database, 0).unwrap();
        let mut there = there.iter();
        for row in &self.0 {
            assert!(
                there.any(|other| other == row),
                "it is gone or another: {row:?}"
            );
        }
    }
}

/// Rows are seen in the order in which they are written, which is not that of their numbers.
fn exchanges(database: &Path, after: i64) -> rusqlite::Result<Vec<Vec<Value>>> {
    let db = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    db.busy_timeout(Duration::from_secs(5))?;
    let mut statement = db.prepare("SELECT * FROM exchange WHERE id > ?1 ORDER BY id")?;
    let columns = statement.column_count();
    let rows = statement.query_map([after], |row| (0..columns).map(|n| row.get(n)).collect())?;
    rows.collect()
}
