//! What hyper is given to read, write and answer for a connection.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::request::Parts as Request;
use http::{HeaderValue, Response, StatusCode, header};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::activity::Activity;
use super::head_check;
use super::sendfile::{Outgoing, SpanQueue};
use super::watched::Watched;
use crate::replayer::body::Body;
use crate::replayer::body::ending::Ending;
use crate::replayer::body::stall::Stalled;
use crate::replayer::header::cors;
use crate::replayer::response::reply::Reply;

/// Longest head: as much as nginx takes. hyper takes 100 fields of one.
pub(super) const HEAD_BYTES: usize = 32 * 1024;

/// How the code that answers reaches its connection.
#[derive(Debug, Clone)]
pub struct Handles {
    stalled: Stalled,
    ending: Ending,
}

impl Handles {
    pub(super) fn new(stalled: Stalled, ending: Ending) -> Self {
        Self { stalled, ending }
    }

    /// Attaches them to a request.
    pub(super) fn attach(self, request: &mut Request) {
        request.extensions.insert(self.stalled);
        request.extensions.insert(self.ending);
    }
}

/// The address that a request came from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// Closes the connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed without an answer")]
pub(super) struct Closed;

/// A connection to a client, whatever is spoken on it.
pub(super) struct Channel<S> {
    pub(super) stream: S,
    pub(super) ending: Ending,
    /// Where the system can send files: not through TLS.
    pub(super) spans: Option<SpanQueue>,
    pub(super) peer: Option<Peer>,
}

type Http1<S, A> = http1::Connection<TokioIo<Watched<S>>, A>;

/// A connection on which requests are answered.
pub(super) fn connection<S, A, F>(
    channel: Channel<S>,
    activity: Arc<Activity>,
    stall: Duration,
    answer: A,
) -> Http1<
    S,
    impl Service<hyper::Request<Incoming>, Response = Response<SentBody>, Error = Closed, Future: Send>
    + Send,
>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
    A: Fn(Request, Handles) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Option<Response<Body>>> + Send + 'static,
{
    let Channel {
        stream,
        ending,
        spans,
        peer,
    } = channel;
    let stream = Watched::new(stream, Arc::clone(&activity), stall, ending.clone());
    let stalled = stream.stalled();
    let handles = Handles { stalled, ending };
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        // A body is not read: hyper closes the connection behind the answer.
        let (mut request, _) = request.into_parts();
        if let Some(peer) = peer {
            request.extensions.insert(peer);
        }
        let (activity, handles) = (Arc::clone(&activity), handles.clone());
        let (answer, spans) = (answer.clone(), spans.clone());
        async move {
            if !activity.begin_answer() {
                return Err(Closed);
            }
            let response = match head_check::refusal(&request) {
                Some(sentence) => refused(StatusCode::BAD_REQUEST, sentence),
                None => answer(request, handles).await,
            };
            let body = |body| SentBody {
                body,
                spans,
                activity,
            };
            Ok(response.ok_or(Closed)?.map(body))
        }
    });
    http1::Builder::new()
        // It would count the time between requests, too: `Activity` has both limits.
        .header_read_timeout(None)
        .max_header_size(HEAD_BYTES)
        .max_buf_size(2 * HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
}

/// The answer to a request that is refused; the connection ends behind it.
pub(super) fn refused(status: StatusCode, sentence: &str) -> Option<Response<Body>> {
    tracing::info!("- {} {sentence}", status.as_u16());
    let mut response = Reply::sentence(status, sentence).response?;
    let fields = response.headers_mut();
    fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
    cors::add_common(fields);
    Some(response)
}

/// A body on its way, and the connection that it leaves by.
pub(super) struct SentBody {
    body: Body,
    spans: Option<SpanQueue>,
    activity: Arc<Activity>,
}

impl Drop for SentBody {
    fn drop(&mut self) {
        self.activity.end_body();
    }
}

impl http_body::Body for SentBody {
    type Data = Outgoing;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Outgoing>>>> {
        let this = self.get_mut();
        if let Body::Chunk(chunk) = &mut this.body
            && let Some(spans) = &this.spans
            && let Some((file, first, length)) = chunk.next_span()
        {
            let span = spans.push(file, first, length);
            return Poll::Ready(Some(Ok(Frame::data(Outgoing::Span(span)))));
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
