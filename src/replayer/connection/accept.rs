//! The loop that accepts connections, as many as there is room for.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Response;
use http::request::Parts as Request;
use hyper_util::server::graceful::GracefulShutdown;
use rustix::io::Errno;
use tokio::net::{TcpListener, TcpStream};

use super::http1::{self, Handles};
use super::limits::Limits;
use super::table::{ConnectionPermit, ConnectionTable, NoRoom};
use crate::replayer::body::Body;

/// Time for answers under way when the server stops.
pub(super) const GRACE: Duration = Duration::from_secs(3);
/// The answer to a client whose address has too many connections: so short that sending it does not wait.
const TOO_MANY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\
    Connection: close\r\n\r\n";

/// Answers all clients until `shutdown` comes. Where `answer` gives `None`, the connection is closed.
pub async fn serve<A, F>(
    listener: TcpListener,
    limits: Limits,
    answer: A,
    shutdown: impl Future<Output = ()>,
) where
    A: Fn(Request, Handles) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Option<Response<Body>>> + Send + 'static,
{
    let graceful = GracefulShutdown::new();
    let table = ConnectionTable::new(&limits);
    tokio::pin!(shutdown);
    loop {
        let (stream, permit) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &table) => accepted,
        };
        let activity = Arc::clone(permit.activity());
        let noted = Arc::clone(&activity);
        let connection = http1::connection(stream, noted, limits.stall, answer.clone());
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            let _permit = permit;
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    tracing::debug!("connection: {error}");
                },
                why = activity.closes(&limits) => tracing::debug!("a client was closed: {why}"),
            }
        });
    }
    drop(listener);
    // hyper would wait for the rest of a head.
    table.evict(usize::MAX);
    let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
}

/// The next connection that there is room for.
async fn accept(
    listener: &TcpListener,
    table: &Arc<ConnectionTable>,
) -> (TcpStream, ConnectionPermit) {
    let mut wait = Duration::from_millis(10);
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => match admit(table, peer.ip()).await {
                Some(permit) => return (stream, permit),
                None => {
                    tracing::debug!("{} has too many connections", peer.ip());
                    let _ = stream.try_write(TOO_MANY);
                }
            },
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                if is_shortage(&error) {
                    table.evict(1);
                }
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(1));
            }
        }
    }
}

/// Waits for room for a connection; `None`: its address has too many.
async fn admit(table: &Arc<ConnectionTable>, address: IpAddr) -> Option<ConnectionPermit> {
    loop {
        match table.admit(address) {
            Ok(permit) => return Some(permit),
            Err(NoRoom::TooManyOfAddress) => return None,
            Err(NoRoom::Full) => table.room().await,
        }
    }
}

/// Whether one connection less would help.
fn is_shortage(error: &io::Error) -> bool {
    let error = Errno::from_io_error(error);
    error.is_some_and(|e| [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM].contains(&e))
}
