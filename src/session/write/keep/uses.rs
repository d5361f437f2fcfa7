//! Counts of the uses of bodies, by exchanges and by spans of them, and of header sets: indexes that the schema does not have, as temporary tables of the connection.
//! They are part of its transactions, so that they are right after a rollback, too.

use rusqlite::{Connection, Result};

/// Makes and fills them.
pub(super) fn count(db: &Connection) -> Result<()> {
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.execute_batch(TABLES)
}

/// The size of all chunks, in bytes.
pub(super) fn chunk_bytes(db: &Connection) -> Result<i64> {
    db.prepare_cached("SELECT total FROM chunk_bytes")?
        .query_row([], |row| row.get(0))
}

/// Sizes are those of files, whatever a row says: no sum of them overflows.
const TABLES: &str = "
CREATE TEMP TABLE body_use (id INTEGER PRIMARY KEY, uses INTEGER NOT NULL);
CREATE TEMP TABLE header_use (id INTEGER PRIMARY KEY, uses INTEGER NOT NULL);
CREATE TEMP TABLE body_lines (owner INTEGER, first_line INTEGER, id INTEGER,
  PRIMARY KEY (owner, first_line, id)) WITHOUT ROWID;
CREATE TEMP TABLE alias_of (resource_id INTEGER, url TEXT, PRIMARY KEY (resource_id, url)) WITHOUT ROWID;
CREATE TEMP TABLE chunk_bytes (total INTEGER NOT NULL);

INSERT INTO body_use SELECT body_id, count(*) FROM exchange WHERE body_id IS NOT NULL GROUP BY body_id;
INSERT INTO body_use SELECT chunk_id, count(*) FROM body WHERE chunk_id IS NOT NULL GROUP BY chunk_id
  ON CONFLICT (id) DO UPDATE SET uses = uses + excluded.uses;
INSERT INTO header_use SELECT header_set_id, count(*) FROM exchange WHERE header_set_id IS NOT NULL GROUP BY header_set_id;
INSERT INTO body_lines SELECT line_owner, first_line, id FROM body WHERE line_owner IS NOT NULL;
INSERT INTO alias_of SELECT resource_id, url FROM alias;
INSERT INTO chunk_bytes SELECT ifnull(sum(max(0, min(size, 1 << 40))), 0) FROM body WHERE path IS NOT NULL;

CREATE TEMP TRIGGER exchange_has_body AFTER INSERT ON exchange WHEN new.body_id IS NOT NULL BEGIN
  INSERT INTO body_use VALUES (new.body_id, 1) ON CONFLICT (id) DO UPDATE SET uses = uses + 1;
END;
CREATE TEMP TRIGGER exchange_had_body AFTER DELETE ON exchange WHEN old.body_id IS NOT NULL BEGIN
  UPDATE body_use SET uses = uses - 1 WHERE id = old.body_id;
END;
CREATE TEMP TRIGGER exchange_has_headers AFTER INSERT ON exchange WHEN new.header_set_id IS NOT NULL BEGIN
  INSERT INTO header_use VALUES (new.header_set_id, 1) ON CONFLICT (id) DO UPDATE SET uses = uses + 1;
END;
CREATE TEMP TRIGGER exchange_had_headers AFTER DELETE ON exchange WHEN old.header_set_id IS NOT NULL BEGIN
  UPDATE header_use SET uses = uses - 1 WHERE id = old.header_set_id;
END;
CREATE TEMP TRIGGER body_has_lines AFTER INSERT ON body WHEN new.line_owner IS NOT NULL BEGIN
  INSERT INTO body_lines VALUES (new.line_owner, new.first_line, new.id);
END;
CREATE TEMP TRIGGER body_had_lines AFTER DELETE ON body WHEN old.line_owner IS NOT NULL BEGIN
  DELETE FROM body_lines WHERE owner = old.line_owner AND first_line = old.first_line AND id = old.id;
END;
CREATE TEMP TRIGGER body_has_path AFTER INSERT ON body WHEN new.path IS NOT NULL BEGIN
  UPDATE chunk_bytes SET total = total + max(0, min(new.size, 1 << 40));
END;
CREATE TEMP TRIGGER body_had_path AFTER DELETE ON body WHEN old.path IS NOT NULL BEGIN
  UPDATE chunk_bytes SET total = total - max(0, min(old.size, 1 << 40));
END;
CREATE TEMP TRIGGER body_becomes_span AFTER UPDATE OF path ON body WHEN old.path IS NOT NULL AND new.path IS NULL BEGIN
  UPDATE chunk_bytes SET total = total - max(0, min(old.size, 1 << 40));
  INSERT INTO body_use VALUES (new.chunk_id, 1) ON CONFLICT (id) DO UPDATE SET uses = uses + 1;
END;
CREATE TEMP TRIGGER span_becomes_body AFTER UPDATE OF path ON body WHEN old.path IS NULL AND new.path IS NOT NULL BEGIN
  UPDATE chunk_bytes SET total = total + max(0, min(new.size, 1 << 40));
  UPDATE body_use SET uses = uses - 1 WHERE id = old.chunk_id;
END;
CREATE TEMP TRIGGER span_gone AFTER DELETE ON body WHEN old.chunk_id IS NOT NULL BEGIN
  UPDATE body_use SET uses = uses - 1 WHERE id = old.chunk_id;
END;
CREATE TEMP TRIGGER alias_added AFTER INSERT ON alias BEGIN
  INSERT OR IGNORE INTO alias_of VALUES (new.resource_id, new.url);
END;
CREATE TEMP TRIGGER alias_removed AFTER DELETE ON alias BEGIN
  DELETE FROM alias_of WHERE resource_id = old.resource_id AND url = old.url;
END;
";
