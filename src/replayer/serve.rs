//! Connections: the only user of hyper. HTTP/1.1 over plain TCP.
//!
//! Limits on a client: 15 s for the head of a request (idle connections included), 20 s
//! without taking any byte of a response, and no more connections at once than
//! 400.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts as Request;
use http::{Response, StatusCode, Version, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::body::Body;
use super::ending::{Ending, Resettable};
use super::replay::Replay;
use super::respond::Reply;
use super::stall::{Stalled, Stalling};
use super::timeline::format_time;
use crate::clock;

/// Time for a client to send the head of its next request. Longer than the target durations
/// in use, so that a connection is not closed just when a player loads its playlist again.
const HEAD_TIME: Duration = Duration::from_secs(15);
/// Time for a client to take the next byte.
const WRITE_TIME: Duration = Duration::from_secs(20);
/// Connections at once: each may hold a file open, and 1024 descriptors are usual.
const MOST_CONNECTIONS: usize = 400;
/// Time for responses under way when the server stops.
const GRACE: Duration = Duration::from_secs(3);
/// Buffer for the head of a request: as much as nginx takes.
const HEAD_BYTES: usize = 32 * 1024;

/// Serves a session to whoever connects, until `shutdown` comes.
pub async fn run(listener: TcpListener, replay: Arc<Replay>, shutdown: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    tokio::pin!(shutdown);
    loop {
        let stream = tokio::select! {
            () = &mut shutdown => break,
            stream = accept(&listener, &slots) => stream,
        };
        let (stream, slot) = stream;
        let connection = connection(stream, Arc::clone(&replay));
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!("connection: {error}");
            }
            drop(slot);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
}

/// The next connection, once there is room for it.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, Option<tokio::sync::OwnedSemaphorePermit>) {
    // The semaphore is never closed.
    let slot = Arc::clone(slots).acquire_owned().await.ok();
    let mut wait = Duration::from_millis(10);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, slot),
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(1));
            }
        }
    }
}

/// Closes the connection without an answer, as the origin did.
#[derive(Debug, thiserror::Error)]
#[error("closed without an answer, as recorded")]
struct Closed;

fn connection(
    stream: TcpStream,
    replay: Arc<Replay>,
) -> http1::Connection<
    TokioIo<Stalling<Resettable>>,
    impl hyper::service::Service<
        hyper::Request<Incoming>,
        Response = Response<Body>,
        Error = Closed,
        Future: Send,
    > + Send,
> {
    // Without it small responses wait for the client's acknowledgement; a socket that refuses is served as well.
    let _ = stream.set_nodelay(true);
    let stream = Resettable::new(stream);
    let ending = stream.ending();
    let stream = Stalling::new(stream, WRITE_TIME);
    let stalled = stream.stalled();
    let service = service_fn(move |request| {
        let (replay, stalled, ending) = (Arc::clone(&replay), stalled.clone(), ending.clone());
        async move { serve(&replay, request, stalled, ending).await }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
}

async fn serve(
    replay: &Arc<Replay>,
    request: hyper::Request<Incoming>,
    stalled: Stalled,
    ending: Ending,
) -> Result<Response<Body>, Closed> {
    let received = clock::instant();
    let (mut request, _) = request.into_parts();
    request.extensions.insert(stalled);
    request.extensions.insert(ending.clone());
    let reply = if has_one_host(&request) {
        replay.respond(&request).await
    } else {
        Reply::sentence(StatusCode::BAD_REQUEST, "a request has one Host field")
    };
    log(&request, &reply);
    if reply.wait > Duration::ZERO {
        // A client that goes away ends this.
        tokio::time::sleep_until(received + reply.wait).await;
    }
    if reply.resets {
        ending.reset();
    }
    reply.response.ok_or(Closed)
}

/// RFC 9112 3.2: exactly one, in HTTP/1.1; hyper does not look.
fn has_one_host(request: &Request) -> bool {
    let hosts = request.headers.get_all(header::HOST).iter().count();
    hosts == 1 || (hosts == 0 && request.version < Version::HTTP_11)
}

fn log(request: &Request, reply: &Reply) {
    let time = reply.session_us.map_or_else(|| "-".to_owned(), format_time);
    let status = reply
        .response
        .as_ref()
        .map_or_else(|| "---".to_owned(), |r| r.status().as_u16().to_string());
    let length = |r: &Response<Body>| {
        let length = r
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        length.or(http_body::Body::size_hint(r.body()).exact())
    };
    let bytes = reply
        .response
        .as_ref()
        .and_then(length)
        .map_or_else(|| "-".to_owned(), |n| n.to_string());
    let exchange = reply
        .exchange
        .map_or_else(String::new, |id| format!("exchange {id}, "));
    let done: String = reply.done.iter().map(|one| format!(", {one}")).collect();
    // A query may hold a secret.
    let path = request.uri.path();
    tracing::info!(
        "{time} {status} {} {path} {bytes} bytes, {exchange}{}{done}",
        request.method,
        reply.what
    );
}

#[cfg(test)]
mod tests {
    use super::super::testing::{MAIN, Recording};
    use super::super::{AtEnd, Options};
    use super::*;
    use crate::clock::Clock;
    use crate::session::{Kind, Outcome};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;

    struct Server {
        address: std::net::SocketAddr,
        stop: oneshot::Sender<()>,
        done: tokio::task::JoinHandle<()>,
    }

    async fn start(recording: &Recording, at_end: AtEnd) -> Server {
        let options = Options {
            offset: Duration::from_secs(1),
            at_end,
            ..Options::default()
        };
        let replay = Replay::open(recording.folder.clone(), Clock::start(), options).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let shutdown = async {
            let _ = stopped.await;
        };
        let done = tokio::spawn(run(listener, Arc::new(replay), shutdown));
        Server {
            address,
            stop,
            done,
        }
    }

    /// What comes back for these bytes, until the connection is closed.
    async fn talk(server: &Server, bytes: &str) -> String {
        // A connection that is reset has given what it had.
        converse(server, bytes).await.0
    }

    /// What comes back, and how the connection ended.
    async fn converse(server: &Server, bytes: &str) -> (String, std::io::Result<()>) {
        let mut client = TcpStream::connect(server.address).await.unwrap();
        client.write_all(bytes.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let end = client.read_to_end(&mut answer).await.map(|_| ());
        (String::from_utf8(answer).unwrap(), end)
    }

    fn get(path: &str) -> String {
        format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    }

    #[tokio::test]
    async fn answers_faults_and_bad_requests_over_the_wire() {
        let recording = Recording::start().await;
        recording.text(Kind::Main, MAIN, 0, "#EXTM3U\n", &[]).await;
        let mut refused = recording.exchange(Kind::Segment, "http://o.example/refused.ts", 0);
        (refused.status, refused.outcome) = (None, Outcome::Refused);
        recording.add(refused).await;
        let mut short = recording.exchange(Kind::Segment, "http://o.example/short.ts", 0);
        (short.announced_bytes, short.outcome) = (Some(100), Outcome::Reset);
        short.body = recording.file(short.id, b"half");
        recording.add(short).await;
        let mut reset = recording.exchange(Kind::Segment, "http://o.example/reset.ts", 0);
        (reset.status, reset.outcome) = (None, Outcome::Reset);
        recording.add(reset).await;
        let mut cut = recording.exchange(Kind::Segment, "http://o.example/cut.ts", 0);
        (cut.announced_bytes, cut.outcome) = (Some(100), Outcome::Short);
        cut.body = recording.file(cut.id, b"half");
        recording.add(cut).await;
        let whole = vec![b'x'; 1_000_000];
        recording
            .chunk("http://o.example/whole.ts", 0, &whole)
            .await;
        recording.finish().await;
        let server = start(&recording, AtEnd::Hold).await;

        let playlist = talk(&server, &get("/stream.m3u8")).await;
        assert!(
            playlist.starts_with("HTTP/1.1 200 OK\r\n") && playlist.ends_with("\r\n\r\n#EXTM3U\n"),
            "{playlist}"
        );
        assert!(
            playlist.contains("content-length: 8\r\n") && playlist.contains("\r\ndate: "),
            "{playlist}"
        );
        assert_eq!(
            talk(&server, &get("/http/o.example:80/refused.ts")).await,
            ""
        );
        let short = talk(&server, &get("/http/o.example:80/short.ts")).await;
        assert!(
            short.contains("content-length: 100\r\n") && short.ends_with("\r\n\r\nhalf"),
            "{short}"
        );
        for (name, is_reset) in [
            ("short", true),
            ("reset", true),
            ("cut", false),
            ("refused", false),
        ] {
            let path = format!("/http/o.example:80/{name}.ts");
            let (_, end) = converse(&server, &get(&path)).await;
            let end = end.map_err(|e| e.kind());
            let wanted = match is_reset {
                true => Err(std::io::ErrorKind::ConnectionReset),
                false => Ok(()),
            };
            assert_eq!(end, wanted, "{name}");
        }
        let whole = talk(&server, &get("/http/o.example:80/whole.ts")).await;
        assert_eq!(
            whole.split("\r\n\r\n").nth(1).map(str::len),
            Some(1_000_000)
        );
        for bad in [
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
            "nonsense\r\n\r\n",
        ] {
            let answer = talk(
                &server,
                &bad.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"),
            )
            .await;
            assert!(answer.starts_with("HTTP/1.1 400 "), "{bad:?}: {answer}");
        }
        server.stop.send(()).unwrap();
        server.done.await.unwrap();
    }

    #[tokio::test]
    async fn two_requests_share_a_connection() {
        let recording = Recording::start().await;
        recording.text(Kind::Main, MAIN, 0, "#EXTM3U\n", &[]).await;
        recording.finish().await;
        let server = start(&recording, AtEnd::Hold).await;
        let first = "HEAD /stream.m3u8 HTTP/1.1\r\nHost: h\r\n\r\n";
        let both = talk(&server, &format!("{first}{}", get("/stream.m3u8"))).await;
        assert_eq!(both.matches("HTTP/1.1 200 OK").count(), 2, "{both}");
        assert_eq!(both.matches("#EXTM3U").count(), 1, "{both}");
    }

    #[tokio::test(start_paused = true)]
    async fn silent_and_slow_clients_are_closed() {
        let recording = Recording::start().await;
        recording.text(Kind::Main, MAIN, 0, "#EXTM3U\n", &[]).await;
        recording.finish().await;
        let server = start(&recording, AtEnd::Hold).await;
        let idle = "GET /stream.m3u8 HTTP/1.1\r\nHost: h\r\n\r\n";
        for head in ["", "GET /stream.m3u8 HTTP/1.1\r\nHo", idle] {
            let before = crate::clock::instant();
            let answer = talk(&server, head).await;
            assert_eq!(answer.contains("#EXTM3U"), head == idle, "{answer}");
            let waited = crate::clock::instant() - before;
            assert!(
                waited >= HEAD_TIME && waited < HEAD_TIME * 2,
                "{head:?}: {waited:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_timed_out_is_held_as_long_or_until_the_client_goes() {
        let recording = Recording::start().await;
        let mut silent = recording.exchange(Kind::Segment, "http://o.example/silent.ts", 0);
        (silent.status, silent.outcome) = (None, Outcome::ResponseTimeout);
        silent.failed_us = Some(40_000_000);
        recording.add(silent).await;
        recording.finish().await;
        let server = start(&recording, AtEnd::Hold).await;
        let path = get("/http/o.example:80/silent.ts");
        let before = crate::clock::instant();
        assert_eq!(talk(&server, &path).await, "");
        let held = crate::clock::instant() - before;
        assert!(
            held.abs_diff(Duration::from_secs(40)) < Duration::from_millis(100),
            "{held:?}"
        );

        let mut client = TcpStream::connect(server.address).await.unwrap();
        client.write_all(path.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(client);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let before = crate::clock::instant();
        server.stop.send(()).unwrap();
        server.done.await.unwrap();
        assert!(
            crate::clock::instant() - before < GRACE,
            "nothing was under way"
        );
    }
}
