//! Sessions that are written by hand, with a bit of everything, and all that they answer.

use std::fmt::Write as _;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use isrecorder::clock::Clock;
use isrecorder::session::{
    Availability, Body, DownloadFile, ExchangeId, Faults, Found, Headers, Keep, Kind, NewBody,
    NewExchange, NewListing, NewRevision, Outcome, Query, ReadError, Reader, ResourceKey,
    SessionFolder, Sessions, Writer, WriterError, digest,
};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use super::rounds::Dice;

/// A session in a folder of its own.
pub struct Made {
    folder: TempDir,
}

/// What a session that is made has been through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    Stopped,
    Resumed,
    Kept,
    Plain,
}

impl Life {
    pub const ALL: [Self; 4] = [Self::Stopped, Self::Resumed, Self::Kept, Self::Plain];
}

impl Made {
    pub fn new(dice: &mut Dice, life: Life) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let made = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        runtime.block_on(made.record(dice, life));
        made.until_let_go();
        made
    }

    /// Waits until nobody holds its lock: programs that other tests start at this moment have it, until they are another
    /// program.
    fn until_let_go(&self) {
        let chunks = fs::File::open(self.file("chunks")).unwrap();
        chunks.lock().unwrap();
    }

    /// The folder that its folder is in.
    pub fn sessions(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub fn session(&self) -> SessionFolder {
        Sessions::new(self.folder.path()).find("s").unwrap()
    }

    /// Damages its database, as if the recorder had left it so.
    pub fn alter(&self, sql: &str) {
        let db = Connection::open(self.file("session.db")).unwrap();
        db.execute_batch("PRAGMA foreign_keys=OFF; PRAGMA ignore_check_constraints=ON;")
            .unwrap();
        db.execute_batch(sql).unwrap();
        drop(db);
        // The sum would say that something is wrong in any case.
        let _ = fs::remove_file(self.file("session.sum"));
    }

    pub fn one<T: rusqlite::types::FromSql>(&self, sql: &str) -> T {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let db = Connection::open_with_flags(self.file("session.db"), flags).unwrap();
        db.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    async fn record(&self, dice: &mut Dice, life: Life) {
        let folder = Sessions::new(self.folder.path()).create(Some("s")).unwrap();
        let (writer, _) = Writer::create(&folder, Clock::start(), "test").unwrap();
        let mut hand = Hand::new(writer, dice).await;
        match life {
            Life::Plain => hand.plain().await,
            _ => hand.channel(dice, 6).await,
        }
        if life == Life::Kept {
            hand.keep_the_end(&self.file("session.db")).await;
            hand.channel(dice, 2).await;
        }
        hand.writer.finish("stopped").await.unwrap();
        if life == Life::Resumed {
            let mut hand = Hand::new(gone_on_with(&folder).await, dice).await;
            hand.channel(dice, 4).await;
            hand.writer.finish("finished").await.unwrap();
        }
    }
}

/// The writer of a session that was closed just now. A program that another test starts at that moment holds the lock
/// that was let go, until it is executed.
async fn gone_on_with(folder: &SessionFolder) -> Writer {
    let deadline = isrecorder::clock::instant() + Duration::from_secs(60);
    loop {
        match Writer::resume(folder, Clock::start(), "test") {
            Ok((writer, _)) => return writer,
            Err(WriterError::Busy(_)) if isrecorder::clock::instant() < deadline => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Writes exchanges.
struct Hand {
    writer: Writer,
    stream_id: i64,
    now_us: i64,
    /// Differs from session to session.
    salt: u64,
    first: u64,
}

const LIVE: &str = "http://h.example/live";

impl Hand {
    async fn new(writer: Writer, dice: &mut Dice) -> Self {
        let stream_id = writer
            .stream("hall", &format!("{LIVE}/main.m3u8"))
            .await
            .unwrap();
        Self {
            stream_id,
            now_us: writer.clock().now_us(),
            writer,
            salt: dice.roll(),
            first: dice.below(1000),
        }
    }

    fn asked(&mut self, kind: Kind, url: &str, availability: Availability) -> NewExchange {
        self.now_us += 3_000;
        let resource = ResourceKey::whole(self.stream_id, kind, url.to_owned());
        let salt = self.salt.wrapping_add(self.now_us as u64);
        let fields = [
            ("date", "Fri, 20 Nov 2026 12:00:00 GMT".to_owned()),
            ("content-type", "text/plain".to_owned()),
            ("etag", format!("\"{salt:x}\"")),
            ("x-served-by", format!("edge-{}", salt % 5)),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.into_bytes()));
        NewExchange {
            wait_us: Some(500 + (salt % 700) as i64),
            receive_us: Some((salt % 900) as i64),
            status: Some(200),
            http_version: Some("HTTP/1.1".to_owned()),
            remote_addr: Some("127.0.0.1:80".to_owned()),
            headers: Some(Headers(fields.into())),
            lag_us: kind.is_playlist().then_some(0),
            ..NewExchange::requested(self.writer.next_id(), resource, availability, self.now_us)
        }
    }

    async fn write(&self, exchange: NewExchange) -> (ExchangeId, i64) {
        let id = exchange.id;
        let seen_us = exchange.requested_us + exchange.wait_us.unwrap_or(0);
        self.writer.exchange(exchange).await;
        (id, seen_us)
    }

    /// A multivariant playlist, a media playlist that advances, its segments and keys, faults.
    async fn channel(&mut self, dice: &mut Dice, advances: u64) {
        let zero_us = self.writer.zero_us();
        let mut main = self.asked(
            Kind::Main,
            &format!("{LIVE}/main.m3u8"),
            Availability::FirstElseResponse(zero_us),
        );
        main.body = text("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na.m3u8\n");
        main.revision = Some(NewRevision::default());
        let (main, _) = self.write(main).await;
        let large = dice.below(2) == 0;
        let mut brought: Option<ExchangeId> = None;
        for _ in 0..advances {
            self.first += 1;
            let (id, from_us) = self.revision(main, zero_us, large, brought.is_none()).await;
            brought = Some(id);
            self.segment(dice, id, from_us).await;
            self.poll_in_between(dice, main, id).await;
        }
    }

    async fn revision(
        &mut self,
        main: ExchangeId,
        zero_us: i64,
        large: bool,
        is_first: bool,
    ) -> (ExchangeId, i64) {
        let availability = match is_first {
            true => Availability::FirstElseResponse(zero_us),
            false => Availability::Response,
        };
        let mut poll = self.asked(Kind::Media, &format!("{LIVE}/a.m3u8"), availability);
        poll.referrer_id = Some(main);
        let (first, count) = (self.first, if large { 120 } else { 5 });
        let mut playlist = format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-KEY:METHOD=AES-128,URI=\"key\"\n"
        );
        for n in first..first + count {
            writeln!(playlist, "#EXTINF:2.0,\nsegments/of/some/length/{n}.ts").unwrap();
        }
        poll.body = text(&playlist);
        let first = i64::try_from(first).unwrap();
        poll.revision = Some(NewRevision {
            advance: true,
            media_sequence: Some(first),
            segment_count: Some(count as i64),
            last_sequence: Some(first + count as i64 - 1),
            target_duration_us: Some(2_000_000),
            discontinuity_sequence: Some(0),
            ended: Some(false),
            ..NewRevision::default()
        });
        let response_us = poll.requested_us + poll.wait_us.unwrap_or(0);
        let from_us = if is_first { zero_us } else { response_us };
        let listing = NewListing {
            revision: poll.id,
            from_us,
            ..NewListing::default()
        };
        self.writer.listed(listing).await;
        (self.write(poll).await.0, from_us)
    }

    async fn segment(&mut self, dice: &mut Dice, revision: ExchangeId, from_us: i64) {
        let name = self.first + 4;
        let url = format!("{LIVE}/segments/of/some/length/{name}.ts");
        let mut segment = self.asked(Kind::Segment, &url, Availability::Listed(from_us));
        segment.referrer_id = Some(revision);
        if dice.below(4) == 0 {
            let mut missing = self.asked(Kind::Segment, &url, Availability::Listed(from_us));
            std::mem::swap(&mut missing.id, &mut segment.id);
            std::mem::swap(&mut missing.requested_us, &mut segment.requested_us);
            missing.referrer_id = Some(revision);
            missing.status = Some(404);
            missing.body = text("not here");
            self.write(missing).await;
            segment.availability = Availability::Request;
        }
        let length = 400 + dice.below(1500) as usize;
        let content: Vec<u8> = (0..length).map(|_| dice.roll() as u8).collect();
        segment.body = self.chunk(segment.id, &content);
        self.write(segment).await;
        let mut key = self.asked(
            Kind::Key,
            &format!("{LIVE}/key"),
            Availability::FirstElseResponse(from_us),
        );
        key.referrer_id = Some(revision);
        let data = self.salt.to_le_bytes().repeat(2);
        key.body = NewBody::Bytes {
            sha256: digest(&data),
            data: data.into(),
            binary: true,
        };
        self.write(key).await;
    }

    async fn poll_in_between(&mut self, dice: &mut Dice, main: ExchangeId, brought: ExchangeId) {
        let mut poll = self.asked(
            Kind::Media,
            &format!("{LIVE}/a.m3u8"),
            Availability::Response,
        );
        poll.referrer_id = Some(main);
        match dice.below(3) {
            0 => {
                poll.status = Some(304);
                poll.confirms_id = Some(brought);
            }
            1 => {
                poll.status = Some(503);
                poll.body = text("busy");
            }
            _ => {
                poll.status = None;
                poll.wait_us = None;
                poll.receive_us = None;
                poll.headers = None;
                poll.failed_us = Some(2_000);
                poll.outcome = Outcome::ResponseTimeout;
                poll.error = Some("no response".to_owned());
            }
        }
        self.write(poll).await;
    }

    /// A stream that is no playlist.
    async fn plain(&mut self) {
        for number in 1..5_u64 {
            let url = format!("{LIVE}/main.m3u8");
            let availability = match number {
                1 => Availability::FirstElseResponse(self.writer.zero_us()),
                _ => Availability::Response,
            };
            let mut part = self.asked(Kind::Main, &url, availability);
            let content: Vec<u8> = (0..3000_u64).map(|n| (n * number % 251) as u8).collect();
            part.body = self.chunk(part.id, &content);
            part.arrival = Some("[[0,1000],[400,3000]]".to_owned());
            part.chunk_path = Some(format!("hall/2026-11-21T10-00-0{number}Z.{number:03}.ts"));
            part.body_first = (number > 1).then_some((number - 1) * 3000);
            self.write(part).await;
        }
    }

    fn chunk(&self, id: ExchangeId, content: &[u8]) -> NewBody {
        let mut file = DownloadFile::create(&self.writer.folder().chunks(), id).unwrap();
        file.write(content).unwrap();
        file.finish().unwrap()
    }

    /// Waits until the beginning has been removed.
    async fn keep_the_end(&mut self, database: &Path) {
        let keep = Keep {
            time: Some(Duration::from_millis(20)),
            ..Keep::default()
        };
        self.writer.keep(keep).await;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let db = Connection::open_with_flags(database, flags).unwrap();
        for _ in 0..1000 {
            let kept = "SELECT count(*) FROM event WHERE id = 0";
            let kept = db.query_row(kept, [], |row| row.get::<_, i64>(0));
            if kept == Ok(1) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.now_us = self.now_us.max(self.writer.clock().now_us());
    }
}

fn text(text: &str) -> NewBody {
    NewBody::Bytes {
        data: text.as_bytes().to_vec().into(),
        sha256: digest(text.as_bytes()),
        binary: false,
    }
}

/// What there is to ask of a session: every URL, and moments from its beginning to its end.
pub struct Questions {
    urls: Vec<String>,
    moments: Vec<i64>,
}

impl Questions {
    pub fn of(made: &Made) -> Self {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let db = Connection::open_with_flags(made.file("session.db"), flags).unwrap();
        let list = |sql: &str| -> Vec<rusqlite::types::Value> {
            let mut statement = db.prepare(sql).unwrap();
            let rows = statement.query_map([], |row| row.get(0)).unwrap();
            rows.map(Result::unwrap).collect()
        };
        let urls = list("SELECT url FROM resource UNION SELECT url FROM alias");
        let moments = list(
            "SELECT from_us FROM (SELECT DISTINCT from_us, ntile(8) OVER (ORDER BY from_us) AS part FROM exchange)
              GROUP BY part UNION SELECT max(from_us) FROM exchange",
        );
        Self {
            urls: urls
                .into_iter()
                .filter_map(|url| match url {
                    rusqlite::types::Value::Text(url) => Some(url),
                    _ => None,
                })
                .collect(),
            moments: moments
                .into_iter()
                .filter_map(|moment| match moment {
                    rusqlite::types::Value::Integer(us) => Some(us),
                    _ => None,
                })
                .collect(),
        }
    }

    /// Paths at which a replayer answers for the URLs.
    pub fn paths(&self) -> impl Iterator<Item = String> {
        let urls = self.urls.iter();
        urls.map(|url| format!("/{}", url.replacen("://h.example/", "/h.example:80/", 1)))
    }

    /// Everything that a session answers, with statuses, header fields, bodies and times; an
    /// error where it says that it cannot.
    pub fn answers(&self, session: &SessionFolder) -> Vec<String> {
        let reader = match Reader::open(session) {
            Ok(reader) => reader,
            Err(_) => return vec!["unreadable".to_owned()],
        };
        let mut all = vec![
            said(reader.runs()),
            said(reader.streams()),
            said(reader.kept_from_us()),
            said(reader.media_playlists()),
            said(reader.parts_after(1, 0)),
        ];
        for playlist in reader.media_playlists().unwrap_or_default() {
            let all_of_them = (i64::MIN, i64::MIN);
            all.push(said(reader.advances(playlist.id, all_of_them, 1 << 20)));
        }
        for url in &self.urls {
            for at_us in &self.moments {
                for faults in [Faults::Recorded, Faults::Healed] {
                    all.push(answer(&reader, url, *at_us, faults));
                }
            }
        }
        all
    }
}

fn said<T: std::fmt::Debug>(result: Result<T, ReadError>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(_) => "error".to_owned(),
    }
}

fn answer(reader: &Reader, url: &str, at_us: i64, faults: Faults) -> String {
    let query = Query {
        url,
        range: None,
        at_us,
        recording: false,
        faults,
    };
    match reader.answer_to(&query) {
        Err(_) => "error".to_owned(),
        Ok(Found::Answer(answer)) => {
            let headers = said(reader.headers(&answer.exchange));
            let body = answer.exchange.body_id.map(|id| match reader.body(id) {
                Ok(Body::Bytes(bytes)) => digest(&bytes).to_vec(),
                Ok(Body::Chunk(mut chunk)) => {
                    let mut bytes = Vec::new();
                    let mut file = Read::by_ref(&mut chunk.file).take(chunk.size);
                    file.read_to_end(&mut bytes).unwrap();
                    digest(&bytes).to_vec()
                }
                Err(_) => b"error".to_vec(),
            });
            format!("{answer:?} {headers} {body:?}")
        }
        Ok(other) => format!("{other:?}"),
    }
}
