//! The extension of a stream that is no playlist.

use crate::session::{ReadError, Reader};

/// Of the part that is being recorded, else of the first that was.
pub(crate) fn extension(reader: &Reader, stream_id: i64) -> Result<Option<String>, ReadError> {
    if let Some(part) = reader.first_part(stream_id)? {
        return Ok(Some(part.extension().to_owned()));
    }
    let growing = reader.growing(stream_id)?;
    Ok(growing.map(|growing| growing.facts.extension))
}
