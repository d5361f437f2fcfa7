//! The loop that accepts connections, as many as there is room for.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Response;
use http::request::Parts as Request;
use rustix::io::Errno;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::http1::{self, Channel, Handles, Peer};
use super::http2::{self, Surroundings};
use super::limits::Limits;
use super::opening::{self, Protocol};
use super::socket::Socket;
use super::table::{ConnectionPermit, ConnectionTable, NoRoom};
use crate::replayer::body::Body;

/// Time for answers under way when the server stops.
pub(super) const GRACE: Duration = Duration::from_secs(3);
/// How a connection ended, if not in good order.
type Broken = Box<dyn std::error::Error + Send + Sync>;
/// The answer to a client whose address has too many connections: so short that sending it does not wait.
const TOO_MANY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\
    Connection: close\r\n\r\n";

/// Where clients connect.
pub struct Port {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
}

impl Port {
    /// In the clear.
    pub fn plain(listener: TcpListener) -> Self {
        let tls = None;
        Self { listener, tls }
    }

    /// Over TLS, if there is one.
    pub fn over(listener: TcpListener, tls: Option<TlsAcceptor>) -> Self {
        Self { listener, tls }
    }
}

/// Answers all clients until `shutdown` comes. Where `answer` gives `None`, the connection is closed.
pub async fn serve<A, F>(port: Port, limits: Limits, answer: A, shutdown: impl Future<Output = ()>)
where
    A: Fn(Request, Handles) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Option<Response<Body>>> + Send + 'static,
{
    let Port { listener, tls } = port;
    let (stop, connections) = (CancellationToken::new(), TaskTracker::new());
    let table = ConnectionTable::new(&limits);
    tokio::pin!(shutdown);
    loop {
        let (stream, permit) = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &table) => accepted,
        };
        let connection = Connection {
            permit,
            limits,
            stop: stop.clone(),
        };
        let (tls, answer) = (tls.clone(), answer.clone());
        connections.spawn(async move {
            if let Err(error) = connection.converse(stream, tls, answer).await {
                tracing::debug!("connection: {error}");
            }
        });
    }
    drop(listener);
    stop.cancel();
    // hyper would wait for the rest of a head.
    table.evict(usize::MAX);
    connections.close();
    let _ = tokio::time::timeout(GRACE, connections.wait()).await;
}

/// A connection that was accepted.
struct Connection {
    permit: ConnectionPermit,
    limits: Limits,
    stop: CancellationToken,
}

impl Connection {
    /// Answers requests until it ends.
    async fn converse<A, F>(
        &self,
        stream: TcpStream,
        tls: Option<TlsAcceptor>,
        answer: A,
    ) -> Result<(), Broken>
    where
        A: Fn(Request, Handles) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Option<Response<Body>>> + Send + 'static,
    {
        // Without it small responses wait for the client's acknowledgement; a socket that refuses is served as well.
        let _ = stream.set_nodelay(true);
        let peer = stream.peer_addr().ok();
        let peer = peer.map(|peer| Peer(peer.ip().to_canonical()));
        let Some(acceptor) = tls else {
            let Some(Some((protocol, socket))) = self.in_time(opening::plain(stream)).await? else {
                return Ok(());
            };
            let channel = Channel {
                ending: socket.ending(),
                spans: Some(socket.spans()),
                stream: socket,
                peer,
            };
            return self.speak(protocol, channel, answer).await;
        };
        // Its state is large, and most connections have none.
        Box::pin(self.converse_over_tls(acceptor, Socket::new(stream), peer, answer)).await
    }

    async fn converse_over_tls<A, F>(
        &self,
        acceptor: TlsAcceptor,
        socket: Socket,
        peer: Option<Peer>,
        answer: A,
    ) -> Result<(), Broken>
    where
        A: Fn(Request, Handles) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Option<Response<Body>>> + Send + 'static,
    {
        let ending = socket.ending();
        let opened = self.in_time(opening::encrypted(&acceptor, socket)).await?;
        let Some((protocol, stream)) = opened else {
            return Ok(());
        };
        let channel = Channel {
            ending,
            spans: None,
            stream,
            peer,
        };
        self.speak(protocol, channel, answer).await
    }

    /// What comes of something that the client has to do in time; `None`: it did not, and is closed.
    async fn in_time<T>(&self, step: impl Future<Output = io::Result<T>>) -> io::Result<Option<T>> {
        tokio::select! {
            done = step => done.map(Some),
            why = self.permit.activity().closes(&self.limits) => {
                tracing::debug!("a client was closed: {why}");
                Ok(None)
            }
        }
    }

    async fn speak<S, A, F>(
        &self,
        protocol: Protocol,
        channel: Channel<S>,
        answer: A,
    ) -> Result<(), Broken>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        A: Fn(Request, Handles) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Option<Response<Body>>> + Send + 'static,
    {
        match protocol {
            Protocol::Http1 => self.speak_http1(channel, answer).await,
            Protocol::Http2 => {
                let around = Surroundings {
                    permit: &self.permit,
                    limits: &self.limits,
                    stop: &self.stop,
                };
                // As with TLS.
                Ok(Box::pin(http2::serve(channel, around, answer)).await?)
            }
        }
    }

    async fn speak_http1<S, A, F>(&self, channel: Channel<S>, answer: A) -> Result<(), Broken>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        A: Fn(Request, Handles) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Option<Response<Body>>> + Send + 'static,
    {
        let activity = self.permit.activity();
        let noted = Arc::clone(activity);
        let connection = http1::connection(channel, noted, self.limits.stall, answer);
        let closes = activity.closes(&self.limits);
        tokio::pin!(connection, closes);
        let mut is_leaving = false;
        loop {
            tokio::select! {
                ended = &mut connection => return Ok(ended?),
                why = &mut closes => {
                    tracing::debug!("a client was closed: {why}");
                    return Ok(());
                }
                () = self.stop.cancelled(), if !is_leaving => {
                    is_leaving = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
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
