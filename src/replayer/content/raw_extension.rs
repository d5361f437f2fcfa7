//! The extension of a raw stream.

use crate::session::{ReadError, Reader};

/// Formats of which players take segments that are cut out of a part.
const FORMATS: [&str; 4] = ["ts", "mp3", "aac", "mp4"];

/// Whether players can be given a raw stream of an extension as a playlist.
pub(crate) fn is_cut(extension: &str) -> bool {
    FORMATS.contains(&extension)
}

/// The extension of the first part that was recorded, else of the one that is being recorded.
pub(crate) fn extension(reader: &Reader, stream_id: i64) -> Result<Option<String>, ReadError> {
    if let Some(part) = reader.first_part(stream_id)? {
        return Ok(Some(part.extension().to_owned()));
    }
    let growing = reader.growing(stream_id)?;
    Ok(growing.map(|growing| growing.facts.extension))
}
