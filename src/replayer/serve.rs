//! Connections: the only user of hyper. HTTP/1.1 over plain TCP.
//!
//! | module | is |
//! | --- | --- |
//! | [`limits`] | what a client may take |
//! | `crowd`, `seats` | how many connections there are, who goes when there is no room |
//! | `head` | heads of requests, judged before anybody acts on them |
//! | `gate` | what the library is given to read |
//! | `visit` | what a connection is doing, and since when |

mod crowd;
mod gate;
mod head;
pub mod limits;
mod seats;
mod visit;

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::request::Parts as Request;
use http::{HeaderValue, Response, header};
use http_body::{Frame, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use rustix::io::Errno;
use tokio::net::{TcpListener, TcpStream};

use super::body::Body;
use super::cors;
use super::ending::Ending;
use super::replay::Replay;
use super::reply::Reply;
use super::sendfile::{Outgoing, Spans};
use super::socket::Socket;
use super::stall::{Stalled, Stalling};
use super::timeline::format_time;
use crate::clock;
use gate::Gate;
use head::HEAD_BYTES;
use seats::{Seat, Seats};
use visit::{HandsOn, Visit};

pub use limits::Limits;

/// Time for responses under way when the server stops.
const GRACE: Duration = Duration::from_secs(3);
/// What a client hears whose address has too many connections: it has to be little, since nobody waits
/// for it to be taken.
const TOO_MANY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\
    Connection: close\r\n\r\n";

/// Serves a session to whoever connects until `shutdown` comes.
pub async fn run(
    listener: TcpListener,
    replay: Arc<Replay>,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let answer = move |request, wires| {
        let replay = Arc::clone(&replay);
        async move { answer(&replay, request, wires).await }
    };
    serve(listener, limits, answer, shutdown).await;
}

/// What an answer may have to do with its connection.
#[derive(Debug, Clone)]
pub struct Wires {
    stalled: Stalled,
    ending: Ending,
}

impl Wires {
    /// For whoever makes an answer out of a request.
    fn attach(self, request: &mut Request) {
        request.extensions.insert(self.stalled);
        request.extensions.insert(self.ending);
    }
}

/// Answers whoever connects until `shutdown` comes. `None` for an answer closes the connection.
pub async fn serve<A, F>(
    listener: TcpListener,
    limits: Limits,
    answer: A,
    shutdown: impl Future<Output = ()>,
) where
    A: Fn(Request, Wires) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Option<Response<Body>>> + Send + 'static,
{
    let graceful = GracefulShutdown::new();
    let seats = Seats::new(&limits);
    tokio::pin!(shutdown);
    loop {
        let (stream, seat) = tokio::select! {
            () = &mut shutdown => break,
            seated = accept(&listener, &seats) => seated,
        };
        let visit = Arc::new(Visit::new(limits, seat));
        let connection = connection(stream, Arc::clone(&visit), limits.stall, answer.clone());
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    tracing::debug!("connection: {error}");
                },
                why = visit.is_over() => tracing::debug!("a client was closed: {why}"),
            }
        });
    }
    drop(listener);
    // Nobody waits for those that ask for nothing.
    while seats.evict() {}
    let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
}

/// The next connection that there is room for.
async fn accept(listener: &TcpListener, seats: &Arc<Seats>) -> (TcpStream, Seat) {
    let mut wait = Duration::from_millis(10);
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => match seats.seat(peer.ip()).await {
                Some(seat) => return (stream, seat),
                None => {
                    tracing::debug!("{} has too many connections", peer.ip());
                    let _ = stream.try_write(TOO_MANY);
                }
            },
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                if is_shortage(&error) {
                    seats.evict();
                }
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(1));
            }
        }
    }
}

/// Whether one connection less would help.
fn is_shortage(error: &io::Error) -> bool {
    let error = Errno::from_io_error(error);
    error.is_some_and(|e| [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM].contains(&e))
}

/// Closes the connection without an answer, as the origin did.
#[derive(Debug, thiserror::Error)]
#[error("closed without an answer, as recorded")]
struct Closed;

/// What the library reads and writes, and what it makes of it.
type Wire = TokioIo<Gate<Stalling<Socket>>>;
type Asked = hyper::Request<hyper::body::Incoming>;

fn connection<A, F>(
    stream: TcpStream,
    visit: Arc<Visit>,
    stall: Duration,
    answer: A,
) -> http1::Connection<
    Wire,
    impl hyper::service::Service<Asked, Response = Response<Guarded>, Error = Closed, Future: Send>
    + Send,
>
where
    A: Fn(Request, Wires) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Option<Response<Body>>> + Send + 'static,
{
    // Without it small responses wait for the client's acknowledgement; a socket that refuses is served as well.
    let _ = stream.set_nodelay(true);
    let stream = Socket::new(stream);
    let (spans, ending) = (stream.spans(), stream.ending());
    let stream = Stalling::new(stream, stall, ending.clone());
    let stalled = stream.stalled();
    let wires = Wires { stalled, ending };
    let stream = Gate::new(stream, Arc::clone(&visit));
    let service = service_fn(move |request: Asked| {
        let (request, _) = request.into_parts();
        let (visit, answer, wires) = (Arc::clone(&visit), answer.clone(), wires.clone());
        let spans = spans.clone();
        async move {
            let response = take_turn(&visit, request, wires, answer).await?;
            Ok(response.map(|body| Guarded {
                body,
                spans,
                _hands_on: HandsOn(visit),
            }))
        }
    });
    http1::Builder::new()
        // The visit has the limits of time.
        .header_read_timeout(None)
        .max_buf_size(2 * HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
}

/// Answers a request, or says why it is none.
async fn take_turn<A, F>(
    visit: &Visit,
    request: Request,
    wires: Wires,
    answer: A,
) -> Result<Response<Body>, Closed>
where
    A: Fn(Request, Wires) -> F,
    F: Future<Output = Option<Response<Body>>>,
{
    let turn = visit.turn();
    let answered = match turn.refusal {
        None => answer(request, wires).await,
        Some(refusal) => {
            tracing::info!("- {} {}", refusal.status.as_u16(), refusal.sentence);
            let mut refused = Reply::sentence(refusal.status, refusal.sentence).response;
            if let Some(response) = &mut refused {
                cors::add_common(response.headers_mut());
            }
            refused
        }
    };
    let mut response = answered.ok_or(Closed)?;
    if turn.is_last {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    Ok(response)
}

/// A body, the connection that it leaves by, and who is told when it is over.
struct Guarded {
    body: Body,
    spans: Spans,
    _hands_on: HandsOn,
}

impl http_body::Body for Guarded {
    type Data = Outgoing;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Outgoing>>>> {
        let this = self.get_mut();
        if let Body::Chunk(chunk) = &mut this.body
            && let Some(stand_in) = chunk.next_span(&this.spans)
        {
            return Poll::Ready(Some(Ok(Frame::data(Outgoing::StandIn(stand_in)))));
        }
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        Poll::Ready(frame.map(|frame| Ok(frame?.map_data(Outgoing::Bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Answers out of a session.
async fn answer(replay: &Arc<Replay>, request: Request, wires: Wires) -> Option<Response<Body>> {
    let mut request = replay.receive(request);
    if let Some(reply) = replay.respond_at_once(&request) {
        tracing::info!("{}", log_line(request.parts(), &reply));
        return reply.response;
    }
    let received = clock::instant();
    wires.attach(request.parts());
    let reply = replay.respond(&request).await;
    tracing::info!("{}", log_line(request.parts(), &reply));
    if reply.wait > Duration::ZERO {
        // A client that goes away ends this.
        tokio::time::sleep_until(received + reply.wait).await;
    }
    if reply.resets
        && let Some(ending) = request.parts().extensions.get::<Ending>()
    {
        ending.reset();
    }
    reply.response
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
    let path = request.uri.path();
    let what = without_queries(&reply.what);
    format!(
        "{time} {status} {} {path} {bytes} bytes, {exchange}{what}{done}",
        request.method
    )
}

/// A query may hold a secret.
fn without_queries(text: &str) -> String {
    let words = text.split(' ').map(|word| match word.contains("://") {
        true => word.split('?').next().unwrap_or_default(),
        false => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
