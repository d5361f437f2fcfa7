//! A request over HTTP/2 and its answer. What would break a connection of HTTP/1.1 resets the stream; all others go on.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::request::Parts as Request;
use http::{HeaderValue, Method, Response, Uri, header};
use http_body::Body as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::flight::{Flight, InFlight};
use super::shared::Open;
use crate::clock;
use crate::replayer::body::Body;
use crate::replayer::body::chunk_read::READ_BYTES;
use crate::replayer::body::ending::Ending;
use crate::replayer::body::stall::Stalled;
use crate::replayer::connection::head_check;
use crate::replayer::connection::http1::{Handles, refused};
use crate::replayer::connection::table::StreamPermit;
use crate::replayer::connection::watched::PAUSE;

/// Fields that are about a connection of HTTP/1.1 (RFC 9113 8.2.2).
const OF_A_CONNECTION: [&str; 5] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];

/// So much of the body of a request is read and thrown away, in bytes, and so long.
const LARGEST_BODY: usize = 64 * 1024;
const BODY_TAKES: Duration = Duration::from_secs(1);

/// Why a stream ends before its answer does.
enum End {
    /// The client took the request back, or has left.
    TakenBack,
    /// The client takes nothing.
    Stalled,
    /// The answer breaks here.
    Broken,
}

/// A stream that is to be answered.
pub(super) struct Stream {
    respond: SendResponse<Flight>,
    open: Open,
    _place: Option<StreamPermit>,
}

impl Stream {
    pub(super) fn new(
        respond: SendResponse<Flight>,
        open: Open,
        place: Option<StreamPermit>,
    ) -> Self {
        Self {
            respond,
            open,
            _place: place,
        }
    }

    /// Answers its request.
    pub(super) async fn answer<A, F>(mut self, request: http::Request<RecvStream>, answer: A)
    where
        A: Fn(Request, Handles) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Option<Response<Body>>> + Send + 'static,
    {
        let (mut request, body) = request.into_parts();
        let refusal = head_check::refusal_over_http2(&request, !body.is_end_stream());
        // A client that still sends when its stream is reset may take the answer for lost.
        let _ = timeout(BODY_TAKES, thrown_away(body)).await;
        let shared = Arc::clone(&self.open.shared);
        if let Some(peer) = shared.peer {
            request.extensions.insert(peer);
        }
        as_in_http1(&mut request);
        let stalled = Stalled::default();
        let handles = Handles::new(stalled.clone(), Ending::default());
        let response = match refusal {
            Some((status, sentence)) => refused(status, sentence),
            None => tokio::select! {
                response = answer(request, handles) => response,
                _ = poll_fn(|context| self.respond.poll_reset(context)) => {
                    return shared.budget.taken_back();
                }
            },
        };
        let ended = match response {
            Some(response) => self.send(response, stalled).await,
            None => Err(End::Broken),
        };
        match ended {
            Ok(()) => shared.budget.answered(),
            Err(End::TakenBack) => shared.budget.taken_back(),
            Err(End::Broken) => self.respond.send_reset(Reason::INTERNAL_ERROR),
            Err(End::Stalled) => {
                tracing::debug!("a stream was reset: its client does not read");
                self.respond.send_reset(Reason::CANCEL);
            }
        }
    }

    async fn send(&mut self, response: Response<Body>, stalled: Stalled) -> Result<(), End> {
        let (head, body) = response.into_parts();
        let mut head = Response::from_parts(head, ());
        prepare(head.headers_mut(), &body);
        let is_over = body.is_end_stream();
        let stream = self.respond.send_response(head, is_over);
        let stream = stream.map_err(|_| End::TakenBack)?;
        if is_over {
            return Ok(());
        }
        let shared = &self.open.shared;
        let mut outlet = Outlet {
            stream,
            stalled,
            stall: shared.stall,
            in_flight: InFlight::default(),
            flights: Arc::clone(&shared.flights),
        };
        let sent = outlet.send(body).await;
        if !matches!(sent, Err(End::Stalled | End::TakenBack)) {
            // A reset would take back what has not left; and until all has, the client is not idle.
            outlet.in_flight.ends().await;
        }
        sent
    }
}

/// Reads a body to its end, or as far as a client may send one.
async fn thrown_away(mut body: RecvStream) {
    let mut left = LARGEST_BODY;
    while let Some(Ok(bytes)) = body.data().await {
        let length = bytes.len();
        if length > left || body.flow_control().release_capacity(length).is_err() {
            return;
        }
        left -= length;
    }
}

/// The target in the form that it has in HTTP/1.1.
fn as_in_http1(request: &mut Request) {
    if request.method == Method::CONNECT {
        return;
    }
    let target = request.uri.path_and_query().cloned();
    if let Some(target) = target {
        request.uri = Uri::from(target);
    }
}

/// What hyper does to the head of an answer.
fn prepare(fields: &mut http::HeaderMap, body: &Body) {
    for name in OF_A_CONNECTION {
        fields.remove(name);
    }
    let length = body.size_hint().exact();
    if let Some(length) = length.filter(|_| !body.is_end_stream()) {
        let entry = fields.entry(header::CONTENT_LENGTH);
        entry.or_insert_with(|| length.into());
    }
    if !fields.contains_key(header::DATE) {
        let now = Duration::from_micros(u64::try_from(clock::system_us()).unwrap_or(0));
        let now = httpdate::fmt_http_date(UNIX_EPOCH + now);
        if let Ok(now) = HeaderValue::from_str(&now) {
            fields.insert(header::DATE, now);
        }
    }
}

/// Where a body leaves.
struct Outlet {
    stream: SendStream<Flight>,
    stalled: Stalled,
    /// For so long the client may take nothing.
    stall: Duration,
    in_flight: InFlight,
    flights: Arc<Semaphore>,
}

impl Outlet {
    async fn send(&mut self, mut body: Body) -> Result<(), End> {
        loop {
            // A chunk can be read at any time: nothing of one is in memory while its client takes nothing.
            let (most, permit) = match &body {
                Body::Chunk(chunk) if chunk.is_over() => return self.finish(),
                Body::Chunk(_) => (self.room(READ_BYTES).await?, self.permit().await),
                Body::Frames(_) => (usize::MAX, None),
            };
            match self.next(&mut body, most).await? {
                Some(bytes) => self.send_bytes(bytes, permit).await?,
                None => return self.finish(),
            }
        }
    }

    /// The next bytes of a body, of a chunk so many at most; `None`: there are no more.
    async fn next(&mut self, body: &mut Body, most: usize) -> Result<Option<Bytes>, End> {
        poll_fn(|context| {
            if self.stream.poll_reset(context).is_ready() {
                return Poll::Ready(Err(End::TakenBack));
            }
            let bytes = match body {
                Body::Chunk(chunk) => ready!(chunk.poll_at_most(context, most as u64)),
                Body::Frames(_) => match ready!(Pin::new(&mut *body).poll_frame(context)) {
                    Some(Ok(frame)) => Some(Ok(frame.into_data().unwrap_or_default())),
                    Some(Err(error)) => Some(Err(error)),
                    None => None,
                },
            };
            Poll::Ready(bytes.transpose().map_err(|_| End::Broken))
        })
        .await
    }

    /// Waits until one piece more may be in memory.
    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.flights).acquire_owned().await.ok()
    }

    async fn send_bytes(
        &mut self,
        mut bytes: Bytes,
        mut permit: Option<OwnedSemaphorePermit>,
    ) -> Result<(), End> {
        while !bytes.is_empty() {
            let room = self.room(bytes.len().min(READ_BYTES)).await?;
            let permit = match permit.take() {
                Some(permit) => Some(permit),
                None => self.permit().await,
            };
            let part = bytes.split_to(room.min(bytes.len()));
            let flight = self.in_flight.begin(part, permit);
            let sent = self.stream.send_data(flight, false);
            sent.map_err(|_| End::TakenBack)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), End> {
        let last = self.in_flight.begin(Bytes::new(), None);
        let sent = self.stream.send_data(last, true);
        sent.map_err(|_| End::TakenBack)
    }

    /// How many bytes the client takes now, up to `most`; waits for one at least.
    async fn room(&mut self, most: usize) -> Result<usize, End> {
        self.stream.reserve_capacity(most);
        let limit = match self.stalled.is_patient() {
            true => PAUSE,
            false => self.stall,
        };
        let stream = &mut self.stream;
        let waiting = poll_fn(|context| {
            if stream.poll_reset(context).is_ready() {
                return Poll::Ready(None);
            }
            while stream.capacity() == 0 {
                match ready!(stream.poll_capacity(context)) {
                    Some(Ok(_)) => {}
                    _ => return Poll::Ready(None),
                }
            }
            Poll::Ready(Some(stream.capacity()))
        });
        let room = timeout(limit, waiting).await;
        room.map_err(|_| End::Stalled)?.ok_or(End::TakenBack)
    }
}
