//! Places where tests let the real loops panic. Compiled for tests only.

use std::sync::{Mutex, PoisonError};

/// A place in a loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A revision is in the plan, and not yet handed to the writer.
    Poll,
    /// A body has come, and is not yet handed to the writer.
    Download,
    /// Bytes of a part are in its file.
    Raw,
    /// The loop that begins the downloads.
    Downloads,
    /// A steering manifest is to be asked for.
    Steering,
    /// A list of assets is to be asked for.
    AssetList,
    /// A part of an asset is to be asked for.
    AssetPart,
    /// The heartbeat begins.
    Heartbeat,
}

/// Places at which a panic is to come, each for one URL, or one session; other tests run at the same time.
static ARMED: Mutex<Vec<(Place, String)>> = Mutex::new(Vec::new());

/// The next passage of a place with this URL panics, so many times.
pub(crate) fn arm(place: Place, url: &str, times: usize) {
    let mut armed = ARMED.lock().unwrap_or_else(PoisonError::into_inner);
    armed.extend(std::iter::repeat_n((place, url.to_owned()), times));
}

/// Whether all panics have come that were asked for there.
pub(crate) fn have_come(place: Place, url: &str) -> bool {
    let armed = ARMED.lock().unwrap_or_else(PoisonError::into_inner);
    !armed.iter().any(|(at, of)| *at == place && of == url)
}

/// Panics where that was asked for.
pub(crate) fn pass(place: Place, url: &str) {
    let mut armed = ARMED.lock().unwrap_or_else(PoisonError::into_inner);
    let is_meant = |(at, of): &(Place, String)| *at == place && of == url;
    let Some(found) = armed.iter().position(is_meant) else {
        return;
    };
    armed.swap_remove(found);
    drop(armed);
    panic!("a panic that a test asked for");
}
