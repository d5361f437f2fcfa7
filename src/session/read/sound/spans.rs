//! Whether the spans of chunks can be what a recorder makes: they cost no time and no disk without end.

use std::collections::HashSet;

use crate::session::error::ReadError;
use crate::session::read::reader::Reader;

/// Chunks whose spans are more than sixteen times as large as they are. A recorder makes one of each part, and of what
/// came of a hint.
pub(crate) const TOO_LARGE: &str = "
    SELECT c.id FROM (SELECT chunk_id, total(size) AS bytes FROM body WHERE chunk_id IS NOT NULL GROUP BY chunk_id) s
      JOIN body c ON c.id = s.chunk_id WHERE s.bytes > 16.0 * c.size";

/// Those chunks.
pub(crate) fn too_large(reader: &Reader) -> Result<HashSet<i64>, ReadError> {
    let chunks = reader.list(TOO_LARGE, [], |row| row.get(0))?;
    Ok(chunks.into_iter().collect())
}
