//! A player that loads one segment after the other over one connection, and over another
//! where that ended. By hand: a client library's own time would be measured with it.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use isrecorder::clock;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::Instant;

const BUFFER_BYTES: usize = 64 * 1024;

/// One transfer, in microseconds since its request.
#[derive(Debug)]
pub struct Transfer {
    /// Which of the paths.
    pub at: usize,
    pub first_byte_us: i64,
    /// Until the last byte, or the end of the connection.
    pub whole_us: i64,
    /// The connection ended before the announced length.
    pub broke: bool,
}

/// Loads each path in turn, from one on, until a moment.
pub async fn play(
    address: SocketAddr,
    paths: &[String],
    first: usize,
    until: Instant,
) -> Result<Vec<Transfer>> {
    let mut stream = connect(address).await?;
    let mut transfers = Vec::new();
    let turns = paths.iter().enumerate().cycle().skip(first);
    for (at, path) in turns {
        let requested = clock::instant();
        if requested >= until {
            break;
        }
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        stream.fill_buf().await?;
        let first_byte_us = clock::micros(requested.elapsed());
        let broke = !read_answer(&mut stream).await.context(path.clone())?;
        transfers.push(Transfer {
            at,
            first_byte_us,
            whole_us: clock::micros(requested.elapsed()),
            broke,
        });
        if broke {
            stream = connect(address).await?;
        }
    }
    Ok(transfers)
}

async fn connect(address: SocketAddr) -> Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(BufReader::with_capacity(BUFFER_BYTES, stream))
}

/// Whether all of it came.
async fn read_answer(stream: &mut (impl AsyncBufRead + Unpin)) -> Result<bool> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        ensure!(
            stream.read_line(&mut head).await? > 0,
            "it ended within {head:?}"
        );
    }
    ensure!(head.starts_with("HTTP/1.1 200 "), "{head:?}");
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>())
    });
    let mut left = length.context("no length")??;
    while left > 0 {
        let came = stream.fill_buf().await?.len();
        if came == 0 {
            return Ok(false);
        }
        let taken = came.min(left);
        stream.consume(taken);
        left -= taken;
    }
    Ok(true)
}
