//! Servers that answer `ICY 200 OK` in place of HTTP, as SHOUTcast 1 does: asked with the same HTTP/1.1
//! parser, which gets `HTTP/1.0` to read where `ICY` begins an answer.
//!
//! Only over http, without a proxy, and only where what the user typed may be a stream.

use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, HOST, HeaderMap, HeaderValue, USER_AGENT};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use reqwest::{Body, Response};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use url::{Host, Url};

use crate::recorder::admission::resolver::{AskError, Resolver};
use crate::recorder::settings::options;
use crate::recorder::settings::options::Options;

/// Servers that are remembered.
const MOST_SERVERS: usize = 256;
const ICY: &[u8; 4] = b"ICY ";
const HTTP: &[u8] = b"HTTP/1.0 ";

/// An answer.
pub(crate) struct Answer {
    pub response: Response,
    pub peer: SocketAddr,
    /// Its status line was no HTTP.
    pub is_icy: bool,
}

/// How servers are reached.
#[derive(Debug, Clone)]
pub(crate) struct Dialer {
    resolver: Arc<Resolver>,
    pins: Arc<[options::Pin]>,
    /// Longest time for a connection.
    limit: Duration,
    agent: Option<HeaderValue>,
}

impl Dialer {
    pub(crate) fn new(options: &Options, resolver: Resolver, agent: &str) -> Self {
        Self {
            resolver: Arc::new(resolver),
            pins: options.pins.iter().cloned().collect(),
            limit: options.limits.connect,
            agent: HeaderValue::from_str(agent).ok(),
        }
    }

    /// Asks on a connection of its own.
    pub(crate) async fn get(&self, url: &Url, fields: HeaderMap) -> Result<Answer, AskError> {
        let connecting = tokio::time::timeout(self.limit, self.connect(url));
        let timed_out = |_| io::Error::from(io::ErrorKind::TimedOut);
        let stream = connecting.await.map_err(timed_out)??;
        let peer = stream.peer_addr()?;
        let translated = Arc::new(AtomicBool::new(false));
        let io = TokioIo::new(Translated::new(stream, Arc::clone(&translated)));
        let (mut sender, connection) = http1::Builder::new()
            .ignore_invalid_headers_in_responses(true)
            .handshake(io)
            .await?;
        // It ends with the body of its only answer; what breaks it is what that says.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        let answer = sender.send_request(self.request(url, fields)?).await?;
        Ok(Answer {
            response: answer.map(Body::wrap).into(),
            peer,
            is_icy: translated.load(Ordering::Relaxed),
        })
    }

    fn request(
        &self,
        url: &Url,
        fields: HeaderMap,
    ) -> Result<http::Request<Empty<Bytes>>, AskError> {
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let mut request = http::Request::get(target).body(Empty::new())?;
        let all = request.headers_mut();
        all.insert(HOST, HeaderValue::from_str(host)?);
        all.insert(ACCEPT, HeaderValue::from_static("*/*"));
        all.extend(self.agent.clone().map(|agent| (USER_AGENT, agent)));
        all.extend(fields);
        Ok(request)
    }

    async fn connect(&self, url: &Url) -> Result<TcpStream, AskError> {
        let port = url.port_or_known_default().unwrap_or(80);
        let addresses = match url.host() {
            Some(Host::Ipv4(v4)) => vec![SocketAddr::new(v4.into(), port)],
            Some(Host::Ipv6(v6)) => vec![SocketAddr::new(v6.into(), port)],
            Some(Host::Domain(name)) => self.addresses(name, url.port(), port).await?,
            None => Vec::new(),
        };
        let stream = TcpStream::connect(addresses.as_slice()).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn addresses(
        &self,
        name: &str,
        written: Option<u16>,
        port: u16,
    ) -> Result<Vec<SocketAddr>, AskError> {
        let name = name.to_ascii_lowercase();
        let pinned = self
            .pins
            .iter()
            .find(|pin| pin.host.eq_ignore_ascii_case(&name));
        let mut addresses = match pinned {
            Some(pin) => vec![pin.address],
            None => self.resolver.addresses(name).await?,
        };
        for address in &mut addresses {
            if written.is_some() || address.port() == 0 {
                address.set_port(port);
            }
        }
        Ok(addresses)
    }
}

/// What is known of servers: whether they speak ICY.
#[derive(Debug, Default)]
pub(crate) struct Servers(Mutex<HashMap<String, bool>>);

impl Servers {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None`: nobody knows.
    pub(crate) fn speaks_icy(&self, url: &Url) -> Option<bool> {
        self.lock().get(authority(url)).copied()
    }

    pub(crate) fn learn(&self, url: &Url, speaks_icy: bool) {
        let mut known = self.lock();
        if known.len() >= MOST_SERVERS {
            known.clear();
        }
        known.insert(authority(url).to_owned(), speaks_icy);
    }
}

fn authority(url: &Url) -> &str {
    &url[url::Position::BeforeHost..url::Position::AfterPort]
}

/// A connection on which an answer that begins with `ICY ` begins with `HTTP/1.0 ` instead. Everything else
/// passes as it is.
struct Translated<S> {
    stream: S,
    /// What has come of the first four bytes.
    first: Vec<u8>,
    /// What they have become, as far as it was not read.
    given: Bytes,
    is_decided: bool,
    is_icy: Arc<AtomicBool>,
}

impl<S> Translated<S> {
    fn new(stream: S, is_icy: Arc<AtomicBool>) -> Self {
        Self {
            stream,
            first: Vec::new(),
            given: Bytes::new(),
            is_decided: false,
            is_icy,
        }
    }
}

impl<S: AsyncRead + Unpin> Translated<S> {
    /// Reads until it is known how the answer begins.
    fn poll_decide(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.is_decided {
            let mut space = [0; ICY.len()];
            let missing = ICY.len().saturating_sub(self.first.len());
            let mut buffer = ReadBuf::new(space.get_mut(..missing).unwrap_or_default());
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            let came = buffer.filled();
            self.first.extend_from_slice(came);
            if !came.is_empty() && ICY.starts_with(&self.first) && self.first.len() < ICY.len() {
                continue;
            }
            self.is_decided = true;
            let first = std::mem::take(&mut self.first);
            let is_icy = first == ICY;
            self.is_icy.store(is_icy, Ordering::Relaxed);
            self.given = match is_icy {
                true => Bytes::from_static(HTTP),
                false => first.into(),
            };
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Translated<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_decide(context))?;
        if self.given.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let length = self.given.len().min(buffer.remaining());
        buffer.put_slice(&self.given.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Translated<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// What is read where these pieces come.
    fn read(pieces: Vec<Vec<u8>>, room: usize) -> (Vec<u8>, bool) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (mut server, client) = tokio::io::duplex(7);
            let is_icy = Arc::new(AtomicBool::new(false));
            let mut translated = Translated::new(client, Arc::clone(&is_icy));
            let sending = tokio::spawn(async move {
                for piece in pieces {
                    server.write_all(&piece).await.unwrap();
                }
            });
            let (mut all, mut space) = (Vec::new(), vec![0; room]);
            loop {
                match translated.read(&mut space).await.unwrap() {
                    0 => break,
                    came => all.extend_from_slice(&space[..came]),
                }
            }
            sending.await.unwrap();
            (all, is_icy.load(Ordering::Relaxed))
        })
    }

    #[test]
    fn only_the_beginning_of_an_answer_is_translated() {
        for (came, expected) in [
            ("ICY 200 OK\r\n\r\nICY ", "HTTP/1.0 200 OK\r\n\r\nICY "),
            ("HTTP/1.1 200 OK", "HTTP/1.1 200 OK"),
            ("ICYCLE", "ICYCLE"),
            ("IC", "IC"),
            ("", ""),
        ] {
            let (got, is_icy) = read(vec![came.into()], 64);
            assert_eq!(got, expected.as_bytes());
            assert_eq!(is_icy, came.starts_with("ICY "));
        }
    }

    proptest! {
        #[test]
        fn no_byte_is_lost_however_they_come(
            text in "(ICY |ICY|HTTP/1.1 |I)[ -~]{0,30}",
            lengths in prop::collection::vec(1_usize..6, 1..8),
            room in 1_usize..12,
        ) {
            let mut pieces = Vec::new();
            let mut rest = text.as_bytes();
            for length in lengths.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, behind) = rest.split_at((*length).min(rest.len()));
                pieces.push(piece.to_vec());
                rest = behind;
            }
            let expected = match text.strip_prefix("ICY ") {
                Some(behind) => format!("HTTP/1.0 {behind}"),
                None => text.clone(),
            };
            prop_assert_eq!(read(pieces, room).0, expected.into_bytes());
        }
    }
}
