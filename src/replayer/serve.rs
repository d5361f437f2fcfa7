//! Connections: the only user of hyper. HTTP/1.1 over plain TCP.
//!
//! Limits on a client: 15 s for the head of a request (idle connections included), 20 s
//! without taking any byte of a response, and no more connections at once than
//! 400.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts as Request;
use http::{Response, StatusCode, Version, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::body::Body;
use super::ending::{Ending, Resettable};
use super::replay::Replay;
use super::respond::Reply;
use super::stall::{Stalled, Stalling};
use super::timeline::format_time;
use crate::clock;

/// Time for a client to send the head of its next request. Longer than the target durations
/// in use, so that a connection is not closed just when a player loads its playlist again.
const HEAD_TIME: Duration = Duration::from_secs(15);
/// Time for a client to take the next byte.
const WRITE_TIME: Duration = Duration::from_secs(20);
/// Connections at once: each may hold a file open, and 1024 descriptors are usual.
pub const MOST_CONNECTIONS: usize = 400;
/// Time for responses under way when the server stops.
const GRACE: Duration = Duration::from_secs(3);
/// Buffer for the head of a request: as much as nginx takes.
const HEAD_BYTES: usize = 32 * 1024;

/// Serves a session to whoever connects, `most` connections at once, until `shutdown` comes.
pub async fn run(
    listener: TcpListener,
    replay: Arc<Replay>,
    most: usize,
    shutdown: impl Future<Output = ()>,
) {
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(most));
    tokio::pin!(shutdown);
    loop {
        let stream = tokio::select! {
            () = &mut shutdown => break,
            stream = accept(&listener, &slots) => stream,
        };
        let (stream, slot) = stream;
        let connection = connection(stream, Arc::clone(&replay));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!("connection: {error}");
            }
            drop(slot);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
}

/// The next connection, once there is room for it.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, Option<tokio::sync::OwnedSemaphorePermit>) {
    // The semaphore is never closed.
    let slot = Arc::clone(slots).acquire_owned().await.ok();
    let mut wait = Duration::from_millis(10);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, slot),
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(1));
            }
        }
    }
}

/// Closes the connection without an answer, as the origin did.
#[derive(Debug, thiserror::Error)]
#[error("closed without an answer, as recorded")]
struct Closed;

fn connection(
    stream: TcpStream,
    replay: Arc<Replay>,
) -> http1::Connection<
    TokioIo<Stalling<Resettable>>,
    impl hyper::service::Service<
        hyper::Request<Incoming>,
        Response = Response<Body>,
        Error = Closed,
        Future: Send,
    > + Send,
> {
    // Without it small responses wait for the client's acknowledgement; a socket that refuses is served as well.
    let _ = stream.set_nodelay(true);
    let stream = Resettable::new(stream);
    let ending = stream.ending();
    let stream = Stalling::new(stream, WRITE_TIME);
    let stalled = stream.stalled();
    let service = service_fn(move |request| {
        let (replay, stalled, ending) = (Arc::clone(&replay), stalled.clone(), ending.clone());
        async move { serve(&replay, request, stalled, ending).await }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
}

async fn serve(
    replay: &Arc<Replay>,
    request: hyper::Request<Incoming>,
    stalled: Stalled,
    ending: Ending,
) -> Result<Response<Body>, Closed> {
    let received = clock::instant();
    let (mut request, _) = request.into_parts();
    request.extensions.insert(stalled);
    request.extensions.insert(ending.clone());
    let reply = if has_one_host(&request) {
        replay.respond(&request).await
    } else {
        Reply::sentence(StatusCode::BAD_REQUEST, "a request has one Host field")
    };
    tracing::info!("{}", log_line(&request, &reply));
    if reply.wait > Duration::ZERO {
        // A client that goes away ends this.
        tokio::time::sleep_until(received + reply.wait).await;
    }
    if reply.resets {
        ending.reset();
    }
    reply.response.ok_or(Closed)
}

/// RFC 9112 3.2: exactly one, in HTTP/1.1; hyper does not look.
fn has_one_host(request: &Request) -> bool {
    let hosts = request.headers.get_all(header::HOST).iter().count();
    hosts == 1 || (hosts == 0 && request.version < Version::HTTP_11)
}

/// When, what was asked for, which exchange was the answer, and what was done to it.
fn log_line(request: &Request, reply: &Reply) -> String {
    let time = reply.session_us.map_or_else(|| "-".to_owned(), format_time);
    let status = reply
        .response
        .as_ref()
        .map_or_else(|| "---".to_owned(), |r| r.status().as_u16().to_string());
    let length = |r: &Response<Body>| {
        let length = r
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        length.or(http_body::Body::size_hint(r.body()).exact())
    };
    let bytes = reply
        .response
        .as_ref()
        .and_then(length)
        .map_or_else(|| "-".to_owned(), |n| n.to_string());
    let exchange = reply
        .exchange
        .map_or_else(String::new, |id| format!("exchange {id}, "));
    let done: String = reply.done.iter().map(|one| format!(", {one}")).collect();
    // A query may hold a secret.
    let path = request.uri.path();
    format!(
        "{time} {status} {} {path} {bytes} bytes, {exchange}{}{done}",
        request.method, reply.what
    )
}

#[cfg(test)]
mod tests;
