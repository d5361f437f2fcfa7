//! A task of a recording panics, and the recording goes on. The real loops, at an origin of a few answers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::testing::{Place, arm, have_come};
use crate::clock::Clock;
use crate::recorder::raw::testing::ts;
use crate::recorder::{Board, Control, Input, Options, RawOptions, RecordError, Summary, record};
use crate::session::{Reader, SessionFolder, Sessions, Writer, WriterError};

const MASTER: &str = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n/vod\n";
const VOD: &str =
    "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.ts\n#EXTINF:1,\nb.ts\n#EXT-X-ENDLIST\n";
const TOLD: &str = "SELECT detail FROM event WHERE kind = 'panicked' ORDER BY id";
/// Things that were fetched, each with the number of its good exchanges.
const FETCHED: &str = "SELECT r.name || ' ' || count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id
    WHERE e.referrer_id IS NOT NULL AND r.kind = 'segment' AND e.status = 200 GROUP BY r.id ORDER BY r.name";
/// What no session may have: requests on account of what is not there, or later than that; things awaited for ever.
const UNSOUND: [&str; 3] = [
    "SELECT 'no referrer ' || id FROM exchange e WHERE referrer_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM revision v WHERE v.exchange_id = e.referrer_id)",
    "SELECT 'late ' || e.id FROM exchange e JOIN exchange l ON l.id = e.referrer_id JOIN resource r ON r.id = e.resource_id
        WHERE r.kind = 'segment' AND e.from_us > l.from_us",
    PENDING,
];
const PENDING: &str = "SELECT 'pending ' || resource_id FROM pending";

enum Answer {
    Text(String),
    /// A body that has no end.
    Endless(Vec<u8>),
}

struct Origin {
    at: SocketAddr,
    /// Paths of all requests.
    asked: Arc<watch::Sender<Vec<String>>>,
}

impl Origin {
    /// `answer`: for a URL, its path, and how often that was asked for before.
    async fn new(answer: impl Fn(&str, &str, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let asked = Arc::new(watch::Sender::new(Vec::new()));
        let (all, answer) = (Arc::clone(&asked), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (all, answer) = (Arc::clone(&all), Arc::clone(&answer));
                tokio::spawn(async move { serve(socket, at, &all, &*answer).await });
            }
        });
        Self { at, asked }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.at)
    }

    fn asked_for(&self, path: &str) -> usize {
        count(&self.asked.borrow(), path)
    }

    async fn was_asked(&self, path: &str, times: usize) {
        let mut asked = self.asked.subscribe();
        let often = asked.wait_for(|all| count(all, path) >= times);
        tokio::time::timeout(PATIENCE, often)
            .await
            .unwrap()
            .unwrap();
    }

    /// Records it until it has ended, or `stop`; the session.
    async fn recorded(&self, path: &str, stop: CancellationToken) -> Recorded {
        let (recorded, ended) = self.recorded_in(session(), path, stop).await;
        ended.unwrap();
        recorded
    }

    async fn recorded_in(
        &self,
        (folder, session): (TempDir, SessionFolder),
        path: &str,
        stop: CancellationToken,
    ) -> (Recorded, Result<Summary, RecordError>) {
        let options = Options {
            plain: RawOptions {
                min_part: 1,
                ..RawOptions::default()
            },
            ..Options::default()
        };
        let named = |path, name: &str| Input {
            name: Some(name.to_owned()),
            ..Input::new(self.url(path).parse().unwrap())
        };
        let inputs = vec![named(path, "hall")];
        let (new, changes) = mpsc::channel(1);
        let control = Control {
            inputs: inputs.clone(),
            changes,
            stop,
        };
        let another = async {
            self.was_asked(BREAKS_THE_WRITER, 1).await;
            let other = named("/other", "the writer panics");
            new.send([inputs, vec![other]].concat()).await.unwrap();
            std::future::pending::<()>().await;
        };
        let made = session.clone();
        let recording = record::<RecordError>(options, control, || Ok(made), Board::default());
        let ended = tokio::select! {
            ended = tokio::time::timeout(PATIENCE, recording) => ended.unwrap(),
            () = another => unreachable!("it waits for ever"),
        };
        let recorded = Recorded {
            reader: Reader::open(&session).unwrap(),
            _folder: folder,
        };
        (recorded, ended)
    }
}

/// When this has been asked for, a stream is added at whose row the writer panics.
const BREAKS_THE_WRITER: &str = "/breaks-the-writer.ts";

fn session() -> (TempDir, SessionFolder) {
    let folder = tempfile::tempdir().unwrap();
    let session = Sessions::new(folder.path()).create(Some("s")).unwrap();
    (folder, session)
}

const PATIENCE: Duration = Duration::from_secs(120);

fn count(all: &[String], path: &str) -> usize {
    all.iter().filter(|asked| *asked == path).count()
}

async fn serve(
    mut socket: TcpStream,
    at: SocketAddr,
    all: &watch::Sender<Vec<String>>,
    answer: &impl Fn(&str, &str, usize) -> Answer,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match socket.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap().to_owned();
    let mut before = 0;
    all.send_modify(|all| {
        before = count(all, &path);
        all.push(path.clone());
    });
    let answer = answer(&format!("http://{at}{path}"), &path, before);
    let (more, body) = match answer {
        Answer::Text(text) => (format!("Content-Length: {}", text.len()), text.into_bytes()),
        Answer::Endless(body) => ("Content-Type: video/mp2t".to_owned(), body),
    };
    let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{more}\r\n\r\n");
    let reply = [head.as_bytes(), &body].concat();
    // Whoever asked may have gone.
    let _ = socket.write_all(&reply).await;
    if more.starts_with("Content-Type") {
        let _ = socket.read_u8().await;
    }
}

struct Recorded {
    reader: Reader,
    _folder: TempDir,
}

impl Recorded {
    fn rows(&self, sql: &str) -> Vec<String> {
        self.reader.list(sql, [], |row| row.get(0)).unwrap()
    }

    fn is_sound(&self) {
        for unsound in UNSOUND {
            assert_eq!(self.rows(unsound), [""; 0]);
        }
    }
}

fn on_demand(_: &str, path: &str, _: usize) -> Answer {
    Answer::Text(match path {
        "/master" => MASTER.to_owned(),
        "/vod" => VOD.to_owned(),
        _ => format!("the bytes of {path}"),
    })
}

const PROVOKED: &str = "a panic that a test asked for";

#[tokio::test]
async fn a_poll_that_panics_gives_its_hold_back_and_all_it_listed_is_fetched_on_account_of_the_next()
 {
    let origin = Origin::new(on_demand).await;
    arm(Place::Poll, &origin.url("/vod"), 2);
    let recorded = origin.recorded("/vod", CancellationToken::new()).await;
    let told = format!("hall: the loop of \"hall\" panicked: {PROVOKED}");
    assert_eq!(recorded.rows(TOLD), [told.clone(), told]);
    assert_eq!(origin.asked_for("/vod"), 3);
    assert_eq!(recorded.rows(FETCHED), ["a.ts 1", "b.ts 1"]);
    recorded.is_sound();
}

#[tokio::test]
async fn playlists_that_a_revision_named_whose_poll_panicked_are_polled_all_the_same() {
    let origin = Origin::new(on_demand).await;
    arm(Place::Poll, &origin.url("/master"), 1);
    let recorded = origin.recorded("/master", CancellationToken::new()).await;
    assert_eq!(recorded.rows(TOLD).len(), 1);
    assert_eq!(recorded.rows(FETCHED), ["a.ts 1", "b.ts 1"]);
    recorded.is_sound();
}

#[tokio::test]
async fn what_a_revision_named_beside_playlists_whose_poll_panicked_is_asked_for_all_the_same() {
    let origin = Origin::new(|url, path, before| match path {
        "/master" => {
            let server = "#EXT-X-CONTENT-STEERING:SERVER-URI=\"/steering\"\n";
            Answer::Text(format!("{MASTER}{server}"))
        }
        "/vod" => {
            let range = "#EXT-X-DATERANGE:ID=\"ad\",CLASS=\"com.apple.hls.interstitial\",\
                START-DATE=\"2026-11-29T12:00:00Z\",X-ASSET-LIST=\"/assets\"\n#EXT-X-ENDLIST";
            Answer::Text(VOD.replace("#EXT-X-ENDLIST", range))
        }
        "/steering" => Answer::Text("{\"VERSION\":1,\"PATHWAY-PRIORITY\":[\"a\"]}".to_owned()),
        "/assets" => Answer::Text("{\"ASSETS\":[]}".to_owned()),
        _ => on_demand(url, path, before),
    })
    .await;
    arm(Place::Poll, &origin.url("/master"), 1);
    arm(Place::Poll, &origin.url("/vod"), 1);
    let recorded = origin.recorded("/master", CancellationToken::new()).await;
    assert_eq!(recorded.rows(TOLD).len(), 2);
    let beside = "SELECT r.kind FROM exchange e JOIN resource r ON r.id = e.resource_id
        WHERE r.kind IN ('assets', 'steering') GROUP BY r.id ORDER BY r.kind";
    assert_eq!(recorded.rows(beside), ["assets", "steering"]);
    recorded.is_sound();
}

#[tokio::test]
async fn a_live_playlist_goes_on_after_a_panic_and_nothing_is_fetched_twice() {
    let origin = Origin::new(|url, path, before| {
        if path != "/live" {
            return on_demand(url, path, before);
        }
        if before == 2 {
            arm(Place::Poll, url, 1);
        }
        let first = before.min(2);
        // Too large for a place: where a segment lies only the revisions before tell.
        let number = 9_000_000_000_000_000 + first;
        let mut text =
            format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{number}\n");
        for n in first..first + 3 {
            text += &format!("#EXTINF:1,\n{n}.ts\n");
        }
        if before > 3 {
            text += "#EXT-X-ENDLIST\n";
        }
        Answer::Text(text)
    })
    .await;
    let recorded = origin.recorded("/live", CancellationToken::new()).await;
    assert_eq!(recorded.rows(TOLD).len(), 1);
    let all = ["0.ts 1", "1.ts 1", "2.ts 1", "3.ts 1", "4.ts 1"];
    assert_eq!(recorded.rows(FETCHED), all);
    let places = "SELECT DISTINCT (place - media_sequence) || '' FROM placement JOIN revision USING (exchange_id)";
    assert_eq!(recorded.rows(places).len(), 1, "segments keep their places");
    recorded.is_sound();
}

#[tokio::test]
async fn a_download_that_panics_gives_its_place_back_and_is_made_again() {
    let origin = Origin::new(on_demand).await;
    arm(Place::Download, &origin.url("/a.ts"), 2);
    let recorded = origin.recorded("/vod", CancellationToken::new()).await;
    let told = format!("hall: the download of \"a.ts\" panicked: {PROVOKED}");
    assert_eq!(recorded.rows(TOLD), [told.clone(), told]);
    assert_eq!(origin.asked_for("/a.ts"), 3);
    assert_eq!(recorded.rows(FETCHED), ["a.ts 1", "b.ts 1"]);
    recorded.is_sound();
}

#[tokio::test]
async fn a_download_that_panics_each_time_ends_neither_the_recording_nor_the_others() {
    let origin = Origin::new(on_demand).await;
    arm(Place::Download, &origin.url("/a.ts"), 100);
    let recorded = origin.recorded("/vod", CancellationToken::new()).await;
    assert_eq!(recorded.rows(TOLD).len(), 5);
    assert_eq!(recorded.rows(FETCHED), ["b.ts 1"]);
    recorded.is_sound();
}

#[tokio::test]
async fn the_loop_that_begins_downloads_begins_anew_with_what_it_had_under_way() {
    let origin = Origin::new(on_demand).await;
    arm(Place::Downloads, &origin.url("/a.ts"), 1);
    arm(Place::Downloads, &origin.url("/b.ts"), 1);
    let recorded = origin.recorded("/vod", CancellationToken::new()).await;
    assert_eq!(recorded.rows(TOLD).len(), 2);
    assert_eq!(recorded.rows(FETCHED), ["a.ts 1", "b.ts 1"]);
    recorded.is_sound();
}

#[tokio::test]
async fn a_raw_stream_that_panics_keeps_what_had_come_and_is_asked_for_again() {
    let origin = Origin::new(|_, _, _| Answer::Endless(ts(400))).await;
    arm(Place::Raw, &origin.url("/hall.ts"), 1);
    let stop = CancellationToken::new();
    let stopping = async {
        origin.was_asked("/hall.ts", 2).await;
        stop.cancel();
    };
    let (recorded, ()) = tokio::join!(origin.recorded("/hall.ts", stop.clone()), stopping);
    let told = format!("hall: the raw stream panicked: {PROVOKED}");
    assert_eq!(recorded.rows(TOLD), [told]);
    let first = "SELECT e.outcome || ' ' || e.error || ' ' || (b.size > 0) FROM exchange e JOIN body b ON b.id = e.body_id
        WHERE b.path LIKE 'hall/%' ORDER BY e.id LIMIT 1";
    assert_eq!(recorded.rows(first), ["aborted the recorder failed here 1"]);
    recorded.is_sound();
}

#[tokio::test]
async fn a_steering_loop_that_panics_asks_its_server_all_the_same_and_the_stream_waits_for_it() {
    let origin = Origin::new(|url, path, before| match path.split('?').next() {
        Some("/master") => {
            let server = "#EXT-X-CONTENT-STEERING:SERVER-URI=\"/steering\"\n";
            Answer::Text(format!("{MASTER}{server}"))
        }
        Some("/steering") => {
            Answer::Text("{\"VERSION\":1,\"PATHWAY-PRIORITY\":[\"a\"]}".to_owned())
        }
        _ => on_demand(url, path, before),
    })
    .await;
    arm(Place::Steering, &origin.url("/steering"), 2);
    let recorded = origin.recorded("/master", CancellationToken::new()).await;
    let told = format!("hall: the loop of content steering panicked: {PROVOKED}");
    assert_eq!(recorded.rows(TOLD), [told.clone(), told]);
    let asked = "SELECT (e.from_us = l.from_us) || '' FROM exchange e JOIN resource r ON r.id = e.resource_id
        JOIN exchange l ON l.id = e.referrer_id WHERE r.kind = 'steering'";
    assert_eq!(
        recorded.rows(asked),
        ["1"],
        "as if it had been asked at once"
    );
    recorded.is_sound();
}

/// A playlist with an interstitial, whose list of assets names one of two segments.
fn with_an_interstitial(url: &str, path: &str, before: usize) -> Answer {
    match path.split('?').next() {
        Some("/vod") => {
            let range = "#EXT-X-DATERANGE:ID=\"ad\",CLASS=\"com.apple.hls.interstitial\",\
                START-DATE=\"2026-11-29T12:00:00Z\",X-ASSET-LIST=\"/assets\"\n#EXT-X-ENDLIST";
            Answer::Text(VOD.replace("#EXT-X-ENDLIST", range))
        }
        Some("/assets") => {
            Answer::Text("{\"ASSETS\":[{\"URI\":\"/ad/vod\",\"DURATION\":2}]}".to_owned())
        }
        Some("/ad/vod") => Answer::Text(VOD.to_owned()),
        _ => on_demand(url, path, before),
    }
}

fn lists_asked_for(origin: &Origin) -> usize {
    let asked = origin.asked.borrow();
    let is_list = |path: &&String| path.starts_with("/assets");
    asked.iter().filter(is_list).count()
}

#[tokio::test]
async fn requests_for_an_interstitial_that_panic_go_on_where_they_were_and_its_list_is_asked_for_once()
 {
    let origin = Origin::new(with_an_interstitial).await;
    arm(Place::AssetList, &origin.url("/assets"), 1);
    arm(Place::AssetPart, &origin.url("/ad/b.ts"), 2);
    let recorded = origin.recorded("/vod", CancellationToken::new()).await;
    let told = format!("hall: the requests for the interstitial \"assets\" panicked: {PROVOKED}");
    assert_eq!(recorded.rows(TOLD), [told.clone(), told.clone(), told]);
    assert_eq!(lists_asked_for(&origin), 1, "it may count as an impression");
    let parts = ["/ad/a.ts", "/ad/b.ts"].map(|path| origin.asked_for(path));
    assert_eq!(parts, [1, 1]);
    let playlists = "SELECT (e.from_us = l.from_us) || '' FROM exchange e JOIN resource r ON r.id = e.resource_id
        JOIN exchange l ON l.id = e.referrer_id WHERE r.name LIKE '%ad/vod' ORDER BY e.id";
    assert_eq!(
        recorded.rows(playlists),
        ["1", "0", "0"],
        "what was the answer stays the answer"
    );
    assert_eq!(recorded.rows(PENDING), [""; 0]);
}

#[tokio::test]
async fn requests_for_an_interstitial_that_panic_each_time_do_not_hold_up_the_end_of_the_stream() {
    let origin = Origin::new(with_an_interstitial).await;
    arm(Place::AssetList, &origin.url("/assets"), 100);
    let recorded = origin.recorded("/vod", CancellationToken::new()).await;
    assert_eq!(recorded.rows(TOLD).len(), 5);
    assert_eq!(lists_asked_for(&origin), 0);
    assert_eq!(recorded.rows(FETCHED), ["a.ts 1", "b.ts 1"]);
    recorded.is_sound();
}

/// A live playlist that names what its URL is called.
fn live(_: &str, path: &str, _: usize) -> Answer {
    Answer::Text(match path {
        "/live" => format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.ts\n#EXTINF:1,\n{BREAKS_THE_WRITER}\n"
        ),
        "/quiet" => "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.ts\n".to_owned(),
        _ => format!("the bytes of {path}"),
    })
}

#[tokio::test]
async fn a_heartbeat_that_panics_begins_anew() {
    let origin = Origin::new(live).await;
    let (folder, session) = session();
    let name = session.path().display().to_string();
    arm(Place::Heartbeat, &name, 2);
    let stop = CancellationToken::new();
    let stopping = async {
        while !have_come(Place::Heartbeat, &name) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stop.cancel();
    };
    let recording = origin.recorded_in((folder, session), "/quiet", stop.clone());
    let ((recorded, ended), ()) = tokio::join!(recording, stopping);
    ended.unwrap();
    let told = recorded.rows(TOLD);
    assert_eq!(
        told.first(),
        Some(&format!("the heartbeat panicked: {PROVOKED}"))
    );
    recorded.is_sound();
}

#[tokio::test]
async fn a_recording_whose_writer_panics_ends_with_an_error_and_what_was_committed_is_there() {
    let origin = Origin::new(live).await;
    let (folder, session) = session();
    let recording =
        origin.recorded_in((folder, session.clone()), "/live", CancellationToken::new());
    let (recorded, ended) = recording.await;
    assert!(
        matches!(ended, Err(RecordError::Writer(WriterError::Gone))),
        "{ended:?}"
    );
    let streams = "SELECT name FROM stream";
    assert_eq!(recorded.rows(streams), ["hall"]);
    let (writer, _failure) = Writer::resume(&session, Clock::start(), "the next run").unwrap();
    writer.finish("stopped").await.unwrap();
}
