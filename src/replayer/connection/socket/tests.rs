use super::*;
use std::collections::VecDeque;
use std::io::Write;

use bytes::Buf;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::replayer::connection::sendfile::Outgoing;

fn file_of(content: &[u8]) -> Arc<File> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content).unwrap();
    Arc::new(file)
}

fn numbered(length: usize) -> Vec<u8> {
    (0..length).map(|n| ((n / 7) ^ n) as u8).collect()
}

async fn pair() -> (Socket, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    (Socket::new(accepted.unwrap().0), client.unwrap())
}

/// What comes until the connection ends.
async fn rest_of(client: &mut TcpStream) -> Vec<u8> {
    let mut came = Vec::new();
    client.read_to_end(&mut came).await.unwrap();
    came
}

/// Some of a response.
#[derive(Debug, Clone)]
enum Part {
    Bytes(Vec<u8>),
    Span(usize, usize),
}

/// Writes as hyper does: what waits, as many slices as there are, advanced by what was taken.
async fn write_all(socket: &mut Socket, mut waiting: VecDeque<Outgoing>) -> io::Result<()> {
    while let Some(front) = waiting.front() {
        if !front.has_remaining() {
            waiting.pop_front();
            continue;
        }
        let slices: Vec<_> = waiting
            .iter()
            .map(|one| IoSlice::new(one.chunk()))
            .collect();
        let mut count = socket.write_vectored(&slices).await?;
        for one in &mut waiting {
            let taken = count.min(one.remaining());
            one.advance(taken);
            count -= taken;
        }
    }
    Ok(())
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    let bytes = prop::collection::vec(any::<u8>(), 0..3000).prop_map(Part::Bytes);
    let span = (0..SPAN_BYTES, 1..SPAN_BYTES).prop_map(|(first, length)| Part::Span(first, length));
    prop::collection::vec(prop_oneof![bytes, span], 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_client_gets_bytes_and_spans_in_their_order(parts in parts(), reads in 1..70_000_usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let content = numbered(2 * SPAN_BYTES);
            let file = file_of(&content);
            let (mut socket, mut client) = pair().await;
            let spans = socket.spans();
            let mut expected = Vec::new();
            let outgoing = parts.iter().map(|part| match part {
                Part::Bytes(bytes) => {
                    expected.extend_from_slice(bytes);
                    Outgoing::Bytes(bytes.clone().into())
                }
                Part::Span(first, length) => {
                    expected.extend_from_slice(&content[*first..first + length]);
                    Outgoing::Span(spans.push(Arc::clone(&file), *first as u64, *length))
                }
            });
            let outgoing = outgoing.collect();
            let writing = async {
                write_all(&mut socket, outgoing).await.unwrap();
                socket.shutdown().await.unwrap();
            };
            let reading = async move {
                let (mut all, mut buffer) = (Vec::new(), vec![0; reads]);
                loop {
                    match client.read(&mut buffer).await.unwrap() {
                        0 => break all,
                        count => all.extend_from_slice(&buffer[..count]),
                    }
                }
            };
            let ((), came) = tokio::join!(writing, reading);
            assert!(came == expected, "{} of {} bytes", came.len(), expected.len());
        });
    }
}

#[tokio::test]
async fn a_placeholder_that_is_copied_sends_nothing() {
    let (mut socket, mut client) = pair().await;
    let mut placeholder = socket.spans().push(file_of(b"what was recorded"), 0, 17);
    let copied = placeholder.copy_to_bytes(17);
    assert!(socket.write_all(&copied).await.is_err());
    drop(socket);
    let came = rest_of(&mut client).await;
    assert!(came.is_empty(), "{came:?}");
}

#[tokio::test]
async fn a_file_that_became_short_is_an_error() {
    let (mut socket, mut client) = pair().await;
    let placeholder = socket.spans().push(file_of(b"abc"), 0, 10);
    let written = write_all(&mut socket, [Outgoing::Span(placeholder)].into()).await;
    assert_eq!(written.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    drop(socket);
    let came = rest_of(&mut client).await;
    assert_eq!(came, b"abc");
}

#[tokio::test]
async fn a_span_that_nobody_wants_any_more_is_passed_over() {
    let (mut socket, mut client) = pair().await;
    let file = file_of(b"abcdef");
    drop(socket.spans().push(Arc::clone(&file), 0, 3));
    let next = socket.spans().push(file, 3, 3);
    write_all(&mut socket, [Outgoing::Span(next)].into())
        .await
        .unwrap();
    drop(socket);
    let came = rest_of(&mut client).await;
    assert_eq!(came, b"def");
}

#[tokio::test]
async fn a_span_that_was_sent_keeps_its_file_no_longer() {
    let (mut socket, mut client) = pair().await;
    let file = file_of(b"abc");
    let placeholder = socket.spans().push(Arc::clone(&file), 0, 3);
    write_all(&mut socket, [Outgoing::Span(placeholder)].into())
        .await
        .unwrap();
    assert_eq!(Arc::strong_count(&file), 1);
    let mut came = [0; 3];
    client.read_exact(&mut came).await.unwrap();
    assert_eq!(&came, b"abc");
}

#[tokio::test]
async fn what_left_memory_is_brought_back() {
    use rustix::fs::{Advice, fadvise};
    let (mut socket, mut client) = pair().await;
    let content = numbered(SPAN_BYTES);
    let file = file_of(&content);
    file.sync_all().unwrap();
    fadvise(&file, 0, None, Advice::DontNeed).unwrap();
    let placeholder = socket.spans().push(file, 0, SPAN_BYTES);
    let writing = async {
        let sent = write_all(&mut socket, [Outgoing::Span(placeholder)].into()).await;
        sent.unwrap();
        drop(socket);
    };
    let ((), came) = tokio::join!(writing, rest_of(&mut client));
    assert!(came == content, "{} bytes", came.len());
}

#[tokio::test]
async fn a_send_looks_as_far_ahead_as_the_connection_takes() {
    for (ahead, offered, sent, next) in [
        (LEAST_AHEAD, LEAST_AHEAD, LEAST_AHEAD, 2 * LEAST_AHEAD),
        (SPAN_BYTES, SPAN_BYTES, SPAN_BYTES, SPAN_BYTES),
        (SPAN_BYTES, SPAN_BYTES, 100_000, LEAST_AHEAD),
        (SPAN_BYTES, SPAN_BYTES, 700_000, 700_000),
        // The end of a span, or what is in memory: that says nothing of the connection.
        (700_000, 65_536, 65_536, 700_000),
    ] {
        assert_eq!(
            next_ahead(ahead, offered, sent),
            next,
            "{sent} of {offered}"
        );
    }
    let (mut socket, _client) = pair().await;
    let file = file_of(&numbered(SPAN_BYTES));
    let placeholder = socket.spans().push(file, 0, SPAN_BYTES);
    let sent = socket.write(placeholder.chunk()).await.unwrap();
    assert!(sent <= LEAST_AHEAD, "{sent}");
}
