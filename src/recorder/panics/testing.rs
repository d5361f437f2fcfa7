//! Places where tests let the real loops panic. Compiled for tests only.

use std::sync::{Mutex, PoisonError};

use url::Url;

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
}

/// Places at which a panic is to come, each for one URL; other tests run at the same time.
static ARMED: Mutex<Vec<(Place, String)>> = Mutex::new(Vec::new());

/// The next passage of a place with this URL panics, so many times.
pub(crate) fn arm(place: Place, url: &str, times: usize) {
    let mut armed = ARMED.lock().unwrap_or_else(PoisonError::into_inner);
    armed.extend(std::iter::repeat_n((place, url.to_owned()), times));
}

/// Panics where that was asked for.
pub(crate) fn pass(place: Place, url: &Url) {
    let mut armed = ARMED.lock().unwrap_or_else(PoisonError::into_inner);
    let is_meant = |(at, of): &(Place, String)| *at == place && of == url.as_str();
    let Some(found) = armed.iter().position(is_meant) else {
        return;
    };
    armed.swap_remove(found);
    drop(armed);
    panic!("a panic that a test asked for");
}
