//! How a connection breaks at the end of a body.

use std::io;
use std::time::Duration;

use tokio::time::Instant;

use super::ending::Ending;
use super::stall::Stalled;

/// Bytes that were written must have left for the network before a body breaks: otherwise the server
/// drops them together with the connection.
const FLUSH_WAIT: Duration = Duration::from_millis(20);

/// How a connection breaks at the end of a body.
#[derive(Debug, Clone, Default)]
pub struct Break {
    /// Says when all was sent.
    pub stalled: Stalled,
    /// With a reset; `None`: it is closed in good order.
    pub reset: Option<Ending>,
}

impl Break {
    /// Waits until it is time (`None`: now) and all was sent. The error ends the connection.
    pub(crate) async fn break_off(self, at: Option<Instant>) -> io::Error {
        if let Some(at) = at {
            tokio::time::sleep_until(at - FLUSH_WAIT).await;
        }
        tokio::time::sleep(FLUSH_WAIT).await;
        while self.stalled.is_stalled() {
            tokio::time::sleep(FLUSH_WAIT).await;
        }
        if let Some(ending) = self.reset {
            ending.reset();
        }
        io::Error::other("the body broke here")
    }
}
