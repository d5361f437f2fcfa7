//! The beginning of a connection: its first bytes, or what TLS agrees on, say which protocol is spoken on it.

pub mod tls;

use std::io;

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::socket::Socket;

/// What a client of HTTP/2 says first (RFC 9113 3.4). No request of HTTP/1.1 begins so.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// As many bytes are read at first as most heads have.
const FIRST_READ: usize = 2048;
/// The name of HTTP/2 in ALPN (RFC 9113 3.1).
const ALPN_HTTP2: &[u8] = b"h2";

/// What is spoken on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// Reads until it is clear which protocol a client speaks; `None`: it has left without a word.
///
/// # Errors
/// What the system says.
pub(super) async fn plain(mut stream: TcpStream) -> io::Result<Option<(Protocol, Socket)>> {
    let mut begun = BytesMut::with_capacity(FIRST_READ);
    loop {
        let count = stream.read_buf(&mut begun).await?;
        let protocol = match protocol(&begun) {
            Some(protocol) => protocol,
            None if count > 0 => continue,
            None if begun.is_empty() => return Ok(None),
            None => Protocol::Http1,
        };
        let socket = Socket::new(stream).begun_with(begun.freeze());
        return Ok(Some((protocol, socket)));
    }
}

/// The protocol that begins with these bytes; `None`: it needs more of them.
fn protocol(begun: &[u8]) -> Option<Protocol> {
    match begun.len() < PREFACE.len() {
        true if PREFACE.starts_with(begun) => None,
        false if begun.starts_with(PREFACE) => Some(Protocol::Http2),
        _ => Some(Protocol::Http1),
    }
}

/// Shakes hands, and agrees on a protocol.
///
/// # Errors
/// The client does not speak TLS as it is spoken here.
pub(super) async fn encrypted(
    acceptor: &TlsAcceptor,
    socket: Socket,
) -> io::Result<(Protocol, TlsStream<Socket>)> {
    let stream = acceptor.accept(socket).await?;
    let protocol = match stream.get_ref().1.alpn_protocol() {
        Some(ALPN_HTTP2) => Protocol::Http2,
        _ => Protocol::Http1,
    };
    Ok((protocol, stream))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_byte_that_is_not_of_the_preface_is_of_http_1() {
        for length in 0..PREFACE.len() {
            assert_eq!(protocol(&PREFACE[..length]), None);
            let mut other = PREFACE[..length].to_vec();
            other.push(b'?');
            assert_eq!(protocol(&other), Some(Protocol::Http1));
        }
        assert_eq!(protocol(PREFACE), Some(Protocol::Http2));
        let more = [PREFACE, b"\0\0\0\x04"].concat();
        assert_eq!(protocol(&more), Some(Protocol::Http2));
        assert_eq!(protocol(b"POST / HTTP/1.1\r\n"), Some(Protocol::Http1));
    }
}
