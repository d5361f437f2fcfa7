//! Clients that shake hands and then do as they like, or do not shake hands at all.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::over_http2::write_certificate;
use crate::support::replayed::{LIVE, Replayed, get};

fn shaken(replayed: &Replayed, own: &str) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(own).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "localhost".try_into().unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(connection, replayed.connect())
}

/// Whether the server ends a connection, rather than our patience.
fn is_ended(client: &mut TcpStream) -> bool {
    let ended = client.read_to_end(&mut Vec::new());
    let patience = [ErrorKind::WouldBlock, ErrorKind::TimedOut];
    !ended.is_err_and(|error| patience.contains(&error.kind()))
}

#[test]
fn over_tls_who_is_silent_or_does_not_read_is_closed_in_time() {
    let keys = tempfile::tempdir().unwrap();
    let [own, _, both] = write_certificate(keys.path());
    let limits = [
        "--head-timeout",
        "2",
        "--idle-timeout",
        "3",
        "--stall-timeout",
        "2",
    ];
    let replayed = Replayed::start(&[&["--cert", &both], &limits[..]].concat());

    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    for said in [
        &b""[..],
        &hello[..3],
        hello,
        b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        PREFACE,
    ] {
        let mut client = replayed.connect();
        client.write_all(said).unwrap();
        assert!(is_ended(&mut client), "{}", said.escape_ascii());
    }
    // A handshake and half a head.
    let mut slow = shaken(&replayed, &own);
    slow.write_all(b"GET /stream.m3u8 HTTP/1.1\r\nHo").unwrap();
    assert!(is_ended(&mut slow.sock));
    let mut idle = shaken(&replayed, &own);
    idle.write_all(&get("/stream.m3u8")).unwrap();
    assert!(is_ended(&mut idle.sock));

    let mut deaf = shaken(&replayed, &own);
    deaf.write_all(&get(&format!("{LIVE}/large.ts"))).unwrap();
    // Nothing is read, which would be taking.
    let was_reset = (0..600).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        rustix::net::sockopt::socket_error(&deaf.sock).is_ok_and(|error| error.is_err())
    });
    assert!(was_reset);

    let mut good = shaken(&replayed, &own);
    good.write_all(&get("/stream.m3u8")).unwrap();
    let mut start = [0; 15];
    good.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"HTTP/1.1 200 OK");
    let said = replayed.said();
    assert!(!said.contains("panicked"), "{said}");
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
