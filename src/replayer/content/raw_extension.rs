//! The extension of a raw stream.

use crate::session::{ReadError, Reader};

/// The extension of the first part that was recorded, else of the one that is being recorded.
pub(crate) fn extension(reader: &Reader, stream_id: i64) -> Result<Option<String>, ReadError> {
    if let Some(part) = reader.first_part(stream_id)? {
        return Ok(Some(part.extension().to_owned()));
    }
    let growing = reader.growing(stream_id)?;
    Ok(growing.map(|growing| growing.facts.extension))
}
