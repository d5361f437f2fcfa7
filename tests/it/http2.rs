//! HTTP/2 origins that say of a request that they have not taken it.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::support::{Origin, Recorder, Reply, Session, Window, ts};

/// What a server does with the second request of each connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Second {
    /// It goes away after the first (GOAWAY).
    Leaves,
    /// It refuses the stream.
    Refuses,
    /// It goes away for another reason than to go away.
    Calms,
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Answers every request for a connection's first stream with `playlist`.
fn converse(stream: &mut (impl Read + Write), playlist: &str, second: Second) -> io::Result<()> {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface)?;
    stream.write_all(&frame(SETTINGS, 0, 0, &[]))?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        let mut payload = vec![0; length as usize];
        stream.read_exact(&mut payload)?;
        match (head[3], id) {
            (SETTINGS, _) if head[4] & ACK == 0 => {
                stream.write_all(&frame(SETTINGS, ACK, 0, &[]))?;
            }
            (HEADERS, 1) => {
                // ":status: 200" of the static table.
                stream.write_all(&frame(HEADERS, END_HEADERS, 1, &[0x88]))?;
                stream.write_all(&frame(DATA, END_STREAM, 1, playlist.as_bytes()))?;
            }
            (HEADERS, id) if second == Second::Refuses => {
                let refused = 7_u32.to_be_bytes();
                stream.write_all(&frame(RST_STREAM, 0, id, &refused))?;
            }
            (HEADERS, _) => {
                let reason: u32 = if second == Second::Leaves { 0 } else { 11 };
                let last = [1_u32.to_be_bytes(), reason.to_be_bytes()].concat();
                stream.write_all(&frame(GOAWAY, 0, 0, &last))?;
                stream.flush()?;
                return Ok(());
            }
            _ => {}
        }
        stream.flush()?;
    }
}

fn serve(listener: &TcpListener, config: &Arc<ServerConfig>, playlist: &str, second: Second) {
    for stream in listener.incoming() {
        let Ok(stream) = stream else { return };
        let (config, playlist) = (Arc::clone(config), playlist.to_owned());
        let talk = move |stream: TcpStream| -> io::Result<()> {
            let connection = ServerConnection::new(config).map_err(io::Error::other)?;
            converse(&mut StreamOwned::new(connection, stream), &playlist, second)
        };
        // Who goes away ends the conversation.
        std::thread::spawn(move || talk(stream));
    }
}

/// Records a playlist over HTTP/2 until `sql` counts two, its segments over HTTP/1.1.
fn recorded(second: Second, sql: &str) -> Session {
    let chunks = Origin::new(|ask| Reply::segment(ts(ask.path())));
    let far = chunks.url("/");
    let playlist = Window::new(0, 2).named(move |n| format!("{far}{n}.ts"));
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from_pem_slice(signing_key.serialize_pem().as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "https://localhost:{}/live.m3u8",
        listener.local_addr().unwrap().port()
    );
    let (config, text) = (Arc::new(config), playlist.text());
    std::thread::spawn(move || serve(&listener, &config, &text, second));
    let mut recording = Recorder::new(url).args(["-k"]).start();
    recording.until_at_least(2, sql);
    recording.interrupt().session()
}

#[test]
fn what_a_server_that_goes_away_has_not_taken_is_asked_for_again_and_is_no_fault() {
    let crossed = "SELECT count(*) FROM exchange WHERE outcome = 'crossed'";
    for second in [Second::Leaves, Second::Refuses] {
        let session = recorded(second, crossed);
        let faults =
            "SELECT count(*) FROM exchange WHERE outcome NOT IN ('complete', 'crossed', 'aborted')";
        assert_eq!(session.number(faults), 0);
        let next = "SELECT count(*) FROM exchange c JOIN exchange e ON e.resource_id = c.resource_id
              AND e.id = (SELECT min(id) FROM exchange WHERE resource_id = c.resource_id AND id > c.id)
             WHERE c.outcome = 'crossed' AND e.http_version = 'HTTP/2.0' AND e.status = 200";
        assert!(session.number(next) >= 1, "at once, on a new connection");
    }
}

#[test]
fn a_server_that_goes_away_since_it_is_asked_too_much_is_not_asked_again_at_once() {
    let broken = "SELECT count(*) FROM exchange WHERE outcome = 'protocol'";
    let session = recorded(Second::Calms, broken);
    let crossed = "SELECT count(*) FROM exchange WHERE outcome = 'crossed'";
    assert_eq!(session.number(crossed), 0);
}
