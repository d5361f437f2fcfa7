//! Whether there are outages to be judged, before anything else is read.

use crate::analysis::adjacent::{Search, Threshold};
use crate::session::{ReadError, Reader};

/// Whether playlists had an outage that is no doing of the recorder's.
pub(super) fn outages_of_playlists(reader: &Reader) -> Result<bool, ReadError> {
    let search = Search::new(reader, Threshold::default())?;
    let first = search.outages(|outage| match outage.key.own.is_none() && !outage.is_raw {
        true => Err(None),
        false => Ok(()),
    });
    match first {
        Ok(()) => Ok(false),
        Err(None) => Ok(true),
        Err(Some(error)) => Err(error),
    }
}
