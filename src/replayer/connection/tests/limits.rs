//! Clients that take too long, or too much.

use super::*;
use crate::replayer::connection::limits::{HEAD, IDLE};

/// So patient that whoever is closed was not closed for being slow.
const PATIENT: Limits = Limits {
    connections: 100,
    per_address: 100,
    head: Duration::from_secs(3600),
    idle: Duration::from_secs(3600),
    stall: Duration::from_secs(3600),
};

/// A chunk that fills whatever the system holds of an answer, and its size in bytes.
const LARGE: &str = "http://o.example/whole.ts";
const LARGE_SIZE: usize = 20_000_000;

/// A session with the shortest playlist.
async fn of_a_playlist() -> Recording {
    let recording = Recording::start().await;
    recording.text(Kind::Main, MAIN, 0, "#EXTM3U\n", &[]).await;
    recording.finish().await;
    recording
}

/// A session with a chunk that no socket holds.
async fn of_a_large_chunk() -> Recording {
    let recording = Recording::start().await;
    recording.chunk(LARGE, 0, &vec![b'x'; LARGE_SIZE]).await;
    recording.finish().await;
    recording
}

#[tokio::test(start_paused = true)]
async fn silent_and_slow_clients_are_closed() {
    let recording = of_a_playlist().await;
    let server = start(&recording, AtEnd::Hold).await;
    let head = "GET /stream.m3u8 HTTP/1.1\r\nHost: h\r\n\r\n";
    let begun = format!("{head}GET /");
    for (sent, limit) in [
        ("", HEAD),
        ("G", HEAD),
        ("GET /stream.m3u8 HTTP/1.1\r\nHo", HEAD),
        (head, IDLE),
        // What came with a request is not told from what hyper has of it.
        (&begun, IDLE),
    ] {
        let before = clock::instant();
        let answer = soon(talk(&server, sent)).await;
        assert_eq!(
            answer.contains("#EXTM3U"),
            sent.starts_with(head),
            "{answer}"
        );
        let waited = clock::instant() - before;
        assert!(
            waited >= limit && waited < limit + Duration::from_secs(1),
            "{sent:?}: {waited:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_head_of_a_later_request_has_no_longer_than_the_first() {
    let recording = of_a_playlist().await;
    let server = start(&recording, AtEnd::Hold).await;
    let mut client = TcpStream::connect(server.address).await.unwrap();
    let head = "GET /stream.m3u8 HTTP/1.1\r\nHost: h\r\n\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_secs(15)).await;
    let before = clock::instant();
    let answer = soon(converse(&mut client, "GET /stream.m3u8")).await.0;
    assert_eq!(answer.matches("#EXTM3U").count(), 1, "{answer}");
    let waited = clock::instant() - before;
    assert!(waited.abs_diff(HEAD) < Duration::from_secs(1), "{waited:?}");
}

/// Clients that ask for nothing.
async fn silent(server: &Server, count: usize) -> Vec<TcpStream> {
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(TcpStream::connect(server.address).await.unwrap());
    }
    clients
}

#[tokio::test]
async fn silent_clients_do_not_keep_out_a_good_one() {
    let recording = of_a_playlist().await;
    for (connections, per_address) in [(64, 64), (200, 64)] {
        let limits = Limits {
            connections,
            per_address,
            ..PATIENT
        };
        let server = limited(&recording, Options::default(), limits).await;
        let mut clients = silent(&server, 100).await;
        let answer = talk(&server, &get("/stream.m3u8")).await;
        assert!(answer.contains("#EXTM3U"), "{answer}");
        for client in clients.drain(..100 - 63) {
            let mut client = client;
            let answer = soon(converse(&mut client, "")).await.0;
            assert_eq!(answer, "", "the oldest are closed");
        }
        let head = get("/stream.m3u8");
        let answer = converse(clients.last_mut().unwrap(), &head).await.0;
        assert!(answer.contains("#EXTM3U"), "the newest are not");
    }
}

/// Reads up to the end of a playlist; the connection stays.
async fn read_playlist(client: &mut TcpStream) {
    let mut came = Vec::new();
    while !came.ends_with(b"#EXTM3U\n") {
        came.push(soon(client.read_u8()).await.unwrap());
    }
}

#[tokio::test]
async fn who_has_been_answered_or_has_gone_leaves_room() {
    let recording = Recording::start().await;
    recording.text(Kind::Main, MAIN, 0, "#EXTM3U\n", &[]).await;
    recording.chunk(LARGE, 0, &vec![b'x'; LARGE_SIZE]).await;
    recording.finish().await;
    let limits = Limits {
        connections: 1,
        per_address: 1,
        ..PATIENT
    };
    let server = limited(&recording, Options::default(), limits).await;
    let playlist = b"GET /stream.m3u8 HTTP/1.1\r\nHost: h\r\n\r\n";
    let mut answered = Vec::new();
    for _ in 0..3 {
        let mut client = TcpStream::connect(server.address).await.unwrap();
        client.write_all(playlist).await.unwrap();
        read_playlist(&mut client).await;
        answered.push(client);
    }
    let mut leaves = TcpStream::connect(server.address).await.unwrap();
    let path = get("/http/o.example:80/whole.ts");
    leaves.write_all(path.as_bytes()).await.unwrap();
    soon(leaves.read_u8()).await.unwrap();
    drop(leaves);
    // Until the server has seen that, it is one too many.
    let answer = async {
        loop {
            let answer = talk(&server, &get("/stream.m3u8")).await;
            if !answer.starts_with("HTTP/1.1 503 ") {
                return answer;
            }
        }
    };
    assert!(soon(answer).await.contains("#EXTM3U"));
}

#[tokio::test(start_paused = true)]
async fn what_came_before_an_answer_had_left_is_waited_for_from_then_on() {
    let recording = Recording::start().await;
    let mut slow = recording.exchange(Kind::Main, MAIN, 0);
    slow.body = crate::replayer::testing::bytes("#EXTM3U\n");
    (slow.wait_us, slow.receive_us) = (Some(30_000_000), Some(0));
    recording.add(slow).await;
    recording.finish().await;
    let options = Options {
        network: Network::Recorded,
        offset: Duration::from_secs(60),
        ..Options::default()
    };
    let server = limited(&recording, options, Limits::for_descriptors(1000)).await;
    let mut client = TcpStream::connect(server.address).await.unwrap();
    let path = "/http/origin.example:80/live/main.m3u8";
    let head = format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\nGET /favicon.ico HTTP/1.1\r\n");
    client.write_all(head.as_bytes()).await.unwrap();
    read_playlist(&mut client).await;
    let rest = converse(&mut client, "Host: h\r\nConnection: close\r\n\r\n")
        .await
        .0;
    assert!(rest.starts_with("HTTP/1.1 204 "), "{rest}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_reset() {
    let recording = of_a_large_chunk().await;
    let server = start(&recording, AtEnd::Hold).await;
    let mut client = TcpStream::connect(server.address).await.unwrap();
    let path = get("/http/o.example:80/whole.ts");
    client.write_all(path.as_bytes()).await.unwrap();
    // Its answer fills what the system holds, then nothing moves.
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let end = converse(&mut client, "").await.1;
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn what_stands_behind_a_body_is_no_request() {
    let recording = of_a_playlist().await;
    let server = start(&recording, AtEnd::Hold).await;
    for (method, framed) in [
        ("OPTIONS", "Content-Length: 5\r\n\r\nhello"),
        ("POST", "Content-Length: 5\r\n\r\nhello"),
        (
            "POST",
            "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ),
    ] {
        let next = get("/stream.m3u8");
        let both = format!("{method} /stream.m3u8 HTTP/1.1\r\nHost: h\r\n{framed}{next}");
        let answer = soon(talk(&server, &both)).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{both}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{both}: {answer}");
        assert!(answer.contains("connection: close\r\n"), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_still_sends_is_not_reset() {
    let recording = of_a_playlist().await;
    let server = start(&recording, AtEnd::Hold).await;
    let head = "POST /stream.m3u8 HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\n";
    let mut client = TcpStream::connect(server.address).await.unwrap();
    let (answer, end) = soon(converse(&mut client, head)).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(end.is_ok(), "{end:?}");
    for _ in 0..5 {
        client.write_all(&[b'x'; 1000]).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_stop_nobody_waits_for_those_that_ask_for_nothing() {
    let recording = of_a_playlist().await;
    let server = start(&recording, AtEnd::Hold).await;
    let mut clients = silent(&server, 3).await;
    clients[1].write_all(b"GET /str").await.unwrap();
    let head = b"GET /stream.m3u8 HTTP/1.1\r\nHost: h\r\n\r\n";
    clients[2].write_all(head).await.unwrap();
    read_playlist(&mut clients[2]).await;
    let before = clock::instant();
    server.stop.send(()).unwrap();
    server.done.await.unwrap();
    assert!(clock::instant() - before < GRACE);
}

#[tokio::test]
async fn nobody_who_is_answered_has_to_go() {
    let recording = of_a_large_chunk().await;
    let limits = Limits {
        connections: 4,
        per_address: 2,
        ..Limits::for_descriptors(1000)
    };
    let server = limited(&recording, Options::default(), limits).await;
    let path = get("/http/o.example:80/whole.ts");
    let mut busy = silent(&server, 2).await;
    for client in &mut busy {
        client.write_all(path.as_bytes()).await.unwrap();
        client.read_u8().await.unwrap();
    }
    let mut one_more = TcpStream::connect(server.address).await.unwrap();
    let mut answer = String::new();
    one_more.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    for client in &mut busy {
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        assert!(rest.len() > LARGE_SIZE);
    }
    let answer = talk(&server, &path).await;
    assert!(answer.len() > LARGE_SIZE, "there is room again");
}
