//! What is held for pages of a session that is being recorded.

use crate::page::Index;
use crate::page::index::Cells;
use crate::replayer::testing::Recording;
use crate::session::{Kind, Reader};

#[tokio::test]
async fn a_request_that_took_longer_than_others_is_counted_when_it_is_over() {
    let recording = Recording::start().await;
    let exchange = |url: &str, from_ms| recording.exchange(Kind::Segment, url, from_ms);
    let first = exchange("http://origin.example/1.ts", 100);
    let long = exchange("http://origin.example/2.ts", 200);
    let last = exchange("http://origin.example/3.ts", 300);
    let cells = Cells::new(recording.zero_us, recording.zero_us + 400_000, 4);
    let reader = Reader::open(&recording.folder).unwrap();
    let mut index = Index::default();
    let mut counted = || {
        index.go_on(&reader).unwrap();
        index.requests(cells)
    };
    recording.writer.exchange(first).await;
    recording.writer.exchange(last).await;
    recording.writer.written().await;
    assert_eq!(counted(), [0, 1, 0, 1]);
    recording.writer.exchange(long).await;
    recording.writer.written().await;
    assert_eq!(counted(), [0, 1, 1, 1]);
    assert_eq!(counted(), [0, 1, 1, 1]);
}
