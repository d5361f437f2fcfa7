//! HTTP/2 (RFC 9113): a connection with many requests at once.
//!
//! | file | is |
//! | --- | --- |
//! | `stream` | a request and its answer |
//! | `shared` | what the streams of a connection have in common |
//! | `flight` | bytes on their way |
//! | `budget` | what a client may send that asks for nothing |
//!
//! Limits that h2 has of its own are set here: streams at once, the size of a head and with it the frames that it may
//! come in, resets before an answer began.

mod budget;
mod flight;
mod shared;
mod stream;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use h2::Reason;
use h2::server::{Builder, SendResponse};
use http::Response;
use http::request::Parts as Request;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::budget::{Budget, Counted};
use self::flight::Flight;
use self::shared::Shared;
use super::activity::Activity;
use super::http1::{Channel, HEAD_BYTES, Handles};
use super::limits::Limits;
use super::table::ConnectionPermit;
use super::watched::Watched;
use crate::replayer::body::Body;

/// Streams of a connection at once, and those that its client may reset before they are looked at.
const STREAMS: u32 = 100;
/// Requests have no bodies: what comes of one anyway stays in this window.
const WINDOW_BYTES: u32 = 16 * 1024;
/// Time for the last frames of a connection that is closed.
const LEAVE: Duration = Duration::from_secs(1);

type Connection<S> = h2::server::Connection<Counted<Watched<S>>, Flight>;

/// What the code around a connection has for it.
pub(super) struct Surroundings<'a> {
    pub(super) permit: &'a ConnectionPermit,
    pub(super) limits: &'a Limits,
    pub(super) stop: &'a CancellationToken,
}

/// Answers requests on a connection until it ends.
///
/// # Errors
/// How it ended, if not in good order.
pub(super) async fn serve<S, A, F>(
    channel: Channel<S>,
    around: Surroundings<'_>,
    answer: A,
) -> Result<(), h2::Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: Fn(Request, Handles) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Option<Response<Body>>> + Send + 'static,
{
    let activity = around.permit.activity();
    let closes = activity.closes(around.limits);
    tokio::pin!(closes);
    let budget = Budget::new();
    let (peer, stall) = (channel.peer, around.limits.stall);
    let shared = Shared::new(peer, stall, Arc::clone(&budget), Arc::clone(activity));
    // Bytes of HTTP/2 are no sign of a request: only streams count.
    let apart = Arc::new(Activity::new());
    let inner = Watched::new(channel.stream, apart, stall, channel.ending);
    let io = Counted { inner, budget };
    let connection: Connection<S> = tokio::select! {
        connection = builder().handshake(io) => connection?,
        why = &mut closes => return closed(why),
    };
    answer_all(connection, &shared, &around, closes, answer).await
}

/// Answers requests until the connection ends, or `closes` says why it is to end.
async fn answer_all<S, A, F>(
    mut connection: Connection<S>,
    shared: &Arc<Shared>,
    around: &Surroundings<'_>,
    mut closes: Pin<&mut impl Future<Output = &'static str>>,
    answer: A,
) -> Result<(), h2::Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: Fn(Request, Handles) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Option<Response<Body>>> + Send + 'static,
{
    let mut streams = JoinSet::new();
    let mut is_leaving = false;
    loop {
        tokio::select! {
            accepted = connection.accept() => match accepted {
                None => return Ok(()),
                Some(request) => {
                    let (request, respond) = request?;
                    shared.budget.request();
                    if let Some(stream) = open(shared, respond, around.permit) {
                        streams.spawn(stream.answer(request, answer.clone()));
                    }
                }
            },
            Some(_) = streams.join_next() => {}
            why = &mut closes => {
                leave(&mut connection, Reason::NO_ERROR).await;
                return closed(why);
            }
            () = shared.budget.exceeded() => {
                leave(&mut connection, Reason::ENHANCE_YOUR_CALM).await;
                return closed("it sent too much that asks for nothing");
            }
            () = around.stop.cancelled(), if !is_leaving => {
                is_leaving = true;
                match streams.is_empty() {
                    true => connection.abrupt_shutdown(Reason::NO_ERROR),
                    false => connection.graceful_shutdown(),
                }
            }
        }
    }
}

fn closed(why: &str) -> Result<(), h2::Error> {
    tracing::debug!("a client was closed: {why}");
    Ok(())
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(STREAMS)
        .max_pending_accept_reset_streams(STREAMS as usize)
        .max_local_error_reset_streams(Some(STREAMS as usize))
        .max_header_list_size(HEAD_BYTES as u32)
        .initial_window_size(WINDOW_BYTES);
    builder
}

/// A stream that there is room for. One that there is none for is refused, so that its client knows that nothing was done
/// of it: a stream beyond the first of its connection takes as much as a connection does.
fn open(
    shared: &Arc<Shared>,
    mut respond: SendResponse<Flight>,
    permit: &ConnectionPermit,
) -> Option<stream::Stream> {
    let place = shared.begin().and_then(|open| match open.is_first {
        true => Some((open, None)),
        false => Some((open, Some(permit.stream().ok()?))),
    });
    let Some((open, place)) = place else {
        respond.send_reset(Reason::REFUSED_STREAM);
        return None;
    };
    Some(stream::Stream::new(respond, open, place))
}

/// Says why the connection ends (GOAWAY), and ends it.
async fn leave<S: AsyncRead + AsyncWrite + Unpin>(connection: &mut Connection<S>, why: Reason) {
    connection.abrupt_shutdown(why);
    // What cannot be said any more is not missed.
    let _ = timeout(LEAVE, poll_fn(|context| connection.poll_closed(context))).await;
}
