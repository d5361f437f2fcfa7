//! A recording that was taken apart: its exchanges, of which some are altered, and a session that is written of them again, as a
//! recorder writes it.

use std::collections::HashMap;
use std::path::Path;

use isrecorder::clock::{Clock, micros};
use isrecorder::hls::{Lie, MediaFacts, Variables, Window, Windows, read_media};
use isrecorder::media::cipher::decrypt;
use isrecorder::session::{
    Availability, Headers, Kind, NewBody, NewExchange, NewRevision, Outcome, Reader, ResourceKey,
    Sessions, Writer, digest,
};
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;
use url::Url;

use super::list::List;

/// A request and what came, with moments in microseconds of session time.
#[derive(Debug, Clone)]
pub struct Taken {
    pub kind: Kind,
    pub url: String,
    /// What listed it: its number on the tape.
    pub referrer: Option<usize>,
    /// The exchange that redirected to it.
    pub head: Option<usize>,
    pub requested_us: i64,
    pub wait_us: i64,
    pub receive_us: i64,
    pub status: u16,
    pub outcome: Outcome,
    pub headers: Vec<(String, String)>,
    /// How its body came; `None`: at once.
    pub arrival: Option<String>,
    pub body: Vec<u8>,
    /// It brought a new text; when the last poll was made that still brought the one before.
    pub revision: Option<Option<i64>>,
    /// It was held by the origin, and had what it was asked for.
    pub directives_met: Option<bool>,
}

impl Taken {
    pub fn seen_us(&self) -> i64 {
        self.requested_us + self.wait_us
    }

    pub fn is_of(&self, name: &str) -> bool {
        self.url.contains(name)
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn set_header(&mut self, name: &str, value: Option<&str>) {
        self.headers.retain(|(own, _)| own != name);
        self.headers
            .extend(value.map(|value| (name.to_owned(), value.to_owned())));
    }
}

/// A recording in the order in which requests began.
#[derive(Debug, Clone)]
pub struct Tape {
    pub exchanges: Vec<Taken>,
    /// Its end, in microseconds of session time.
    pub end_us: i64,
}

impl Tape {
    /// What was recorded of a session up to a moment: texts that were new, segments, each key once.
    pub fn of(session: &Path, end_us: i64) -> Self {
        let folder = Sessions::new(session.parent().unwrap());
        let found = folder
            .find(session.file_name().unwrap().to_str().unwrap())
            .unwrap();
        let reader = Reader::open(&found).unwrap();
        let db = Connection::open_with_flags(found.database(), OpenFlags::SQLITE_OPEN_READ_ONLY)
            .unwrap();
        let zero_us: i64 = db
            .query_row("SELECT started_us FROM run WHERE id = 1", [], |row| {
                row.get(0)
            })
            .unwrap();
        let sql = "SELECT e.id, r.kind, r.url, e.referrer_id, e.requested_us, e.wait_us, e.receive_us, e.status,
                          v.exchange_id IS NOT NULL, v.not_before_us
                     FROM exchange e JOIN resource r ON r.id = e.resource_id LEFT JOIN revision v ON v.exchange_id = e.id
                    WHERE e.outcome = 'complete' AND e.requested_us < ?1
                      AND (v.exchange_id IS NOT NULL OR r.kind NOT IN ('main', 'media'))
                      AND NOT EXISTS (SELECT 1 FROM exchange f WHERE f.resource_id = e.resource_id AND f.id < e.id
                                         AND r.kind NOT IN ('main', 'media'))
                    ORDER BY e.id";
        let mut places = HashMap::new();
        let mut exchanges = Vec::new();
        let mut statement = db.prepare(sql).unwrap();
        let mut rows = statement.query([zero_us + end_us]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let id: i64 = row.get(0).unwrap();
            let number = |column: usize| row.get::<_, Option<i64>>(column).unwrap();
            let kind: String = row.get(1).unwrap();
            let exchange = reader.exchange(id).unwrap().unwrap();
            let headers = reader.headers(&exchange).unwrap();
            let headers = headers.0.into_iter();
            places.insert(id, exchanges.len());
            exchanges.push(Taken {
                kind: Kind::parse(&kind).unwrap(),
                url: row.get(2).unwrap(),
                referrer: number(3).map(|id| places[&id]),
                head: None,
                requested_us: number(4).unwrap() - zero_us,
                wait_us: number(5).unwrap(),
                receive_us: number(6).unwrap(),
                status: row.get(7).unwrap(),
                outcome: Outcome::Complete,
                headers: headers
                    .map(|(name, value)| (name, String::from_utf8(value).unwrap()))
                    .collect(),
                arrival: None,
                body: bytes(&reader, id),
                revision: row
                    .get::<_, bool>(8)
                    .unwrap()
                    .then(|| number(9).map(|us| us - zero_us)),
                directives_met: None,
            });
        }
        Self { exchanges, end_us }
    }

    /// Changes exchanges of which the URL has this in it, in order; `n` counts them.
    pub fn each(&mut self, name: &str, mut change: impl FnMut(usize, &mut Taken)) {
        let all = self.exchanges.iter_mut().filter(|one| one.is_of(name));
        all.enumerate().for_each(|(n, one)| change(n, one));
    }

    /// Changes the texts of media playlists of which the URL has this in it.
    pub fn lists(&mut self, name: &str, mut change: impl FnMut(usize, &mut List)) {
        let is_list =
            |one: &&mut Taken| one.kind == Kind::Media && one.revision.is_some() && one.is_of(name);
        for (n, one) in self.exchanges.iter_mut().filter(is_list).enumerate() {
            let mut list = List::read(&one.text());
            change(n, &mut list);
            one.body = list.to_string().into_bytes();
        }
    }

    /// From a moment on, everything of which the URL has this in it was later: the origin stood still, and polls went on.
    pub fn late(&mut self, name: &str, from_us: i64, by_us: i64) {
        for one in self
            .exchanges
            .iter_mut()
            .filter(|one| one.is_of(name) && one.requested_us >= from_us)
        {
            one.requested_us += by_us;
            one.revision = one
                .revision
                .map(|not_before_us| not_before_us.map(|us| us + by_us));
        }
    }

    /// Decrypts segments, and takes the keys away.
    pub fn in_the_clear(mut self) -> Self {
        let key = self
            .exchanges
            .iter()
            .find(|one| one.kind == Kind::Key)
            .unwrap()
            .body
            .clone();
        for one in self
            .exchanges
            .iter_mut()
            .filter(|one| one.kind == Kind::Segment)
        {
            let (_, length) = decrypt(&mut one.body, &key, [0; 16]);
            one.body.truncate(length);
        }
        self.lists("", |_, list| {
            list.head.retain(|line| !line.starts_with("#EXT-X-KEY"))
        });
        self
    }

    /// Writes a session `s` into a folder.
    pub fn write(&self, folder: &TempDir) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let zero_us = runtime.block_on(self.written(folder.path()));
        let db = Connection::open(folder.path().join("s/session.db")).unwrap();
        db.execute(
            "UPDATE run SET seen_us = ?1, stopped_us = ?1",
            [zero_us + self.end_us],
        )
        .unwrap();
        drop(db);
        // It is of the session before its end was known.
        let _ = std::fs::remove_file(folder.path().join("s/session.sum"));
    }

    async fn written(&self, folder: &Path) -> i64 {
        let folder = Sessions::new(folder).create(Some("s")).unwrap();
        let (writer, _) = Writer::create(&folder, Clock::start(), "test").unwrap();
        let zero_us = writer.zero_us();
        let stream = writer
            .stream("channel", &self.exchanges[0].url)
            .await
            .unwrap();
        let mut order: Vec<usize> = (0..self.exchanges.len()).collect();
        order.sort_by_key(|n| self.exchanges[*n].requested_us);
        let mut ids = HashMap::new();
        let mut windows: HashMap<&str, Windows> = HashMap::new();
        for n in order {
            let one = &self.exchanges[n];
            let id = writer.next_id();
            let is_first = !self.exchanges[..n].iter().any(|other| other.url == one.url);
            let availability = match one.referrer.filter(|_| !one.kind.is_playlist()) {
                Some(listed) => Availability::Listed(zero_us + self.exchanges[listed].seen_us()),
                None if is_first => Availability::FirstElseResponse(zero_us),
                None => Availability::Response,
            };
            let resource = ResourceKey::whole(stream, one.kind, one.url.clone());
            let revision = one.revision.map(|not_before_us| {
                let placed = windows.entry(&one.url).or_default();
                one.facts(placed, not_before_us.map(|us| us + zero_us), zero_us)
            });
            let headers = one
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), value.clone().into_bytes()));
            let exchange = NewExchange {
                referrer_id: one.referrer.and_then(|listed| ids.get(&listed).copied()),
                head_id: one.head.map(|head| ids[&head]),
                lag_us: one.kind.is_playlist().then_some(0),
                directives: one.directives_met.map(|_| "_HLS_msn=1".to_owned()),
                directives_met: one.directives_met,
                wait_us: Some(one.wait_us),
                receive_us: Some(one.receive_us),
                status: Some(one.status),
                http_version: Some("HTTP/1.1".to_owned()),
                headers: Some(Headers(headers.collect())),
                wire_bytes: Some(one.body.len() as u64),
                arrival: one.arrival.clone(),
                body: NewBody::Bytes {
                    sha256: digest(&one.body),
                    data: one.body.clone().into(),
                    binary: !one.kind.is_playlist(),
                },
                outcome: one.outcome,
                revision,
                ..NewExchange::requested(id, resource, availability, zero_us + one.requested_us)
            };
            writer.exchange(exchange).await;
            ids.insert(n, id);
        }
        writer.finish("stopped").await.unwrap();
        zero_us
    }
}

impl Taken {
    /// What a recorder notes of a text.
    fn facts(
        &self,
        windows: &mut Windows,
        not_before_us: Option<i64>,
        zero_us: i64,
    ) -> NewRevision {
        if self.kind != Kind::Media {
            return NewRevision {
                not_before_us,
                advance: true,
                ..NewRevision::default()
            };
        }
        let url = Url::parse(&self.url).unwrap();
        let media = read_media(&self.body, &url, &Variables::default());
        let facts = &media.facts;
        let target_us = facts.target_duration.map_or(6_000_000, micros);
        let lie = windows.place(
            Window::from_playlist(&media),
            zero_us + self.seen_us(),
            target_us,
        );
        noted(facts, lie, not_before_us)
    }
}

fn noted(facts: &MediaFacts, lie: Lie, not_before_us: Option<i64>) -> NewRevision {
    NewRevision {
        not_before_us,
        advance: lie.step.is_advance(),
        media_sequence: Some(facts.media_sequence.cast_signed()),
        segment_count: Some(facts.segment_count as i64),
        last_sequence: facts.last_sequence.map(u64::cast_signed),
        target_duration_us: facts.target_duration.map(micros),
        part_target_us: facts.part_target.map(micros),
        last_parts: Some(facts.last_parts as i64),
        next_parts: Some(facts.next_parts as i64),
        can_block: Some(facts.control.can_block),
        discontinuity_sequence: Some(facts.discontinuity_sequence as i64),
        ended: Some(facts.ended),
        lie: Some(lie),
        ..NewRevision::default()
    }
}

fn bytes(reader: &Reader, id: i64) -> Vec<u8> {
    use std::io::Read as _;
    match reader.body_of(id).unwrap() {
        Some(isrecorder::session::Body::Bytes(bytes)) => bytes,
        Some(isrecorder::session::Body::Chunk(chunk)) => {
            let mut bytes = Vec::new();
            chunk.file.take(chunk.size).read_to_end(&mut bytes).unwrap();
            bytes
        }
        None => Vec::new(),
    }
}
