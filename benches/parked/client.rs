//! Clients that ask for one thing and wait.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use h2::client::SendRequest;
use http::{Request, StatusCode};
use isrecorder::clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http2,
}

/// A connection.
pub enum Connection {
    Http1(TcpStream),
    Http2(SendRequest<Bytes>),
}

impl Connection {
    pub async fn open(protocol: Protocol, address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(match protocol {
            Protocol::Http1 => Self::Http1(stream),
            Protocol::Http2 => {
                let (send, connection) = h2::client::handshake(stream).await?;
                tokio::spawn(connection);
                Self::Http2(send)
            }
        })
    }

    /// Asks, and reads all of the answer.
    pub async fn get(&mut self, path: &str) -> Result<()> {
        match self {
            Self::Http1(stream) => {
                ask(stream, path).await?;
                answer(stream).await
            }
            Self::Http2(send) => stream(send.clone(), path, &AtomicUsize::new(0)).await,
        }
    }

    /// Asks so many times at once; when each answer began, in microseconds of Unix time. `asked` counts requests that have left.
    pub async fn get_all(
        &mut self,
        path: &str,
        count: usize,
        asked: &std::sync::Arc<AtomicUsize>,
    ) -> Result<Vec<i64>> {
        match self {
            Self::Http1(stream) => {
                ask(stream, path).await?;
                asked.fetch_add(1, Ordering::AcqRel);
                answer(stream).await?;
                Ok(vec![clock::system_us()])
            }
            Self::Http2(send) => {
                let mut streams = JoinSet::new();
                for _ in 0..count {
                    let (send, path, asked) =
                        (send.clone(), path.to_owned(), std::sync::Arc::clone(asked));
                    streams.spawn(async move {
                        stream(send, &path, &asked).await?;
                        anyhow::Ok(clock::system_us())
                    });
                }
                let mut came = Vec::new();
                while let Some(one) = streams.join_next().await {
                    came.push(one??);
                }
                Ok(came)
            }
        }
    }
}

async fn ask(stream: &mut TcpStream, path: &str) -> Result<()> {
    let head = format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n");
    Ok(stream.write_all(head.as_bytes()).await?)
}

async fn answer(stream: &mut TcpStream) -> Result<()> {
    let mut came = Vec::new();
    let (head, length) = loop {
        ensure!(
            stream.read_buf(&mut came).await? > 0,
            "the connection ended"
        );
        if let Some(end) = came.windows(4).position(|at| at == b"\r\n\r\n") {
            let head = std::str::from_utf8(&came[..end])?.to_ascii_lowercase();
            ensure!(head.starts_with("http/1.1 200 "), "{head}");
            let length = head.split("content-length: ").nth(1).context("no length")?;
            let length: usize = length.lines().next().context("no length")?.parse()?;
            break (end + 4, length);
        }
    };
    while came.len() < head + length {
        ensure!(
            stream.read_buf(&mut came).await? > 0,
            "the answer broke off"
        );
    }
    Ok(())
}

async fn stream(mut send: SendRequest<Bytes>, path: &str, asked: &AtomicUsize) -> Result<()> {
    std::future::poll_fn(|context| send.poll_ready(context)).await?;
    let request = Request::get(format!("http://h{path}")).body(())?;
    let (response, _) = send.send_request(request, true)?;
    asked.fetch_add(1, Ordering::AcqRel);
    let response = response.await?;
    ensure!(response.status() == StatusCode::OK, "{}", response.status());
    let mut body = response.into_body();
    while let Some(bytes) = body.data().await {
        let bytes = bytes?;
        body.flow_control().release_capacity(bytes.len())?;
    }
    Ok(())
}
