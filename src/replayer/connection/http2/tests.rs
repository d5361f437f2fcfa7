//! Over a connection that holds little, with time that does not pass by itself.

use std::net::{IpAddr, Ipv4Addr};

use tokio::io::DuplexStream;
use tokio::task::JoinHandle;

use super::*;
use crate::replayer::body::breaks::Break;
use crate::replayer::body::ending::Ending;
use crate::replayer::body::piece::Piece;
use crate::replayer::body::{self};
use crate::replayer::connection::table::ConnectionTable;

const BODY: usize = 60_000;
const WINDOW: u32 = 1 << 20;

/// An answer that takes a moment, and breaks behind all of its bytes.
async fn broken() -> Option<Response<Body>> {
    tokio::time::sleep(Duration::from_millis(50)).await;
    let pieces = vec![Piece::Bytes(vec![b'x'; BODY].into())];
    Some(Response::new(body::broken(pieces, None, Break::default())))
}

/// A server of one connection, and the other end of that.
fn served(table: &Arc<ConnectionTable>) -> (JoinHandle<Result<(), h2::Error>>, DuplexStream) {
    let (server, client) = tokio::io::duplex(4096);
    let permit = table.admit(IpAddr::V4(Ipv4Addr::LOCALHOST)).unwrap();
    let serving = tokio::spawn(async move {
        let limits = Limits::for_descriptors(1000);
        let channel = Channel {
            stream: server,
            ending: Ending::default(),
            spans: None,
            peer: None,
        };
        let around = Surroundings {
            permit: &permit,
            limits: &limits,
            stop: &CancellationToken::new(),
        };
        serve(channel, around, |_, _| broken()).await
    });
    (serving, client)
}

#[tokio::test(start_paused = true)]
async fn who_sends_a_body_gets_the_refusal_and_no_reset() {
    let table = ConnectionTable::new(&Limits::for_descriptors(1000));
    let (serving, client) = served(&table);
    let (mut send, connection) = h2::client::handshake(client).await.unwrap();
    let driving = tokio::spawn(connection);
    let request = http::Request::post("http://h/a").body(()).unwrap();
    let (answer, mut body) = send.send_request(request, false).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    body.send_data(bytes::Bytes::from_static(b"body"), true)
        .unwrap();
    let mut answer = answer.await.unwrap();
    assert_eq!(answer.status(), 400);
    while let Some(bytes) = answer.body_mut().data().await {
        bytes.unwrap();
    }
    drop((send, body, answer));
    let _ = driving.await;
    serving.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_body_breaks_behind_its_last_byte_however_late_the_client_reads() {
    let table = ConnectionTable::new(&Limits::for_descriptors(1000));
    let (serving, client) = served(&table);
    let mut builder = h2::client::Builder::new();
    builder
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW);
    let (mut send, mut connection) = builder.handshake::<_, bytes::Bytes>(client).await.unwrap();
    let request = http::Request::get("http://h/a").body(()).unwrap();
    let (answer, _) = send.send_request(request, true).unwrap();
    // The request leaves; then nothing is read for as long as the answer takes, and longer.
    let sent = timeout(Duration::from_millis(10), &mut connection).await;
    assert!(sent.is_err());
    tokio::time::sleep(Duration::from_secs(5)).await;
    let driving = tokio::spawn(connection);
    let mut body = answer.await.unwrap().into_body();
    let mut came = 0;
    let broke = loop {
        match body.data().await.unwrap() {
            Ok(bytes) => came += bytes.len(),
            Err(error) => break error,
        }
    };
    assert_eq!(came, BODY);
    assert_eq!(broke.reason(), Some(Reason::INTERNAL_ERROR));
    drop((send, body));
    let _ = driving.await;
    serving.await.unwrap().unwrap();
    assert!(table.admit(IpAddr::V4(Ipv4Addr::LOCALHOST)).is_ok());
}
