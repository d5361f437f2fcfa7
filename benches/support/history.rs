//! A history of any length, written as fast as the real writer goes: revisions of media playlists
//! with the polls between them and the segments that they list, on a timeline of its own.

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Result;
use isrecorder::clock::Clock;
use isrecorder::hls::{Lie, Step};
use isrecorder::session::{
    Availability, DownloadFile, ExchangeId, Headers, Kind, NewBody, NewExchange, NewListing,
    NewRevision, ResourceKey, SessionFolder, Sessions, Writer, digest,
};
use sha2::{Digest as _, Sha256};

#[path = "muxer.rs"]
mod muxer;

use muxer::Muxer;

/// What happens in it.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Media playlists, each a stream of its own, ...
    pub playlists: usize,
    /// ... or all of them renditions of one stream, with dates, which a multivariant playlist lists.
    pub family: bool,
    /// Segments that a playlist lists at most; `None`: it keeps all of them (an EVENT playlist).
    pub window: Option<u64>,
    /// Polls for each revision, the one that brings it among them.
    pub polls: u64,
    /// Which segments are fetched.
    pub segments: Segments,
    /// One revision of so many is late; 0: none.
    pub late: u64,
}

/// Which segments are fetched of those that are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segments {
    /// None.
    None,
    /// All, each the same packet.
    Small,
    /// All, each a transport stream of its own; of so many bytes, on average of all playlists, of which each has more than the one
    /// before.
    Media(usize),
}

const ORIGIN: &str = "http://origin.example.net:8554";
const SEGMENT: [u8; 188] = [0x47; 188];
/// Of the segments, in microseconds.
const TARGET_US: i64 = 2_000_000;
const SEGMENT_LENGTH: Duration = Duration::from_secs(2);
/// Content-Type.
const PLAYLIST: &str = "application/vnd.apple.mpegurl";
/// How late one is that is late.
const LATE_US: i64 = 15_000_000;
/// One revision of so many brings no new segment.
const NO_ADVANCE: u64 = 50;
/// Of an answer, in microseconds.
const WAIT_US: i64 = 12_345;
const RECEIVE_US: i64 = 321;
/// Of a poll, in microseconds.
const LAG_US: i64 = 1_234;

impl Shape {
    fn muxer(&self, playlist: usize) -> Option<Muxer> {
        let Segments::Media(bytes) = self.segments else {
            return None;
        };
        let all = self.playlists * (self.playlists + 1) / 2;
        let own = bytes * self.playlists * (playlist + 1) / all;
        Some(Muxer::new(own, SEGMENT_LENGTH.as_secs(), playlist as u64))
    }
}

/// A session that is being made.
pub struct History {
    writer: Writer,
    shape: Shape,
    playlists: Vec<Playlist>,
    /// Now, on its own timeline.
    at_us: i64,
    /// Revisions of each playlist.
    revisions: u64,
}

struct Playlist {
    key: ResourceKey,
    /// The exchange of the multivariant playlist that lists it.
    listed_by: Option<ExchangeId>,
    number: usize,
    /// Segments that it has ever listed, as they are written; where there is no window.
    grown: String,
    /// Makes its segments, where these are media.
    muxer: Option<Muxer>,
}

impl History {
    /// Begins one in a new folder of these sessions.
    pub async fn begin(sessions: &Sessions, name: Option<&str>, shape: Shape) -> Result<Self> {
        let folder = sessions.create(name)?;
        let (writer, _failure) = Writer::create(&folder, Clock::start(), "bench")?;
        let mut history = Self {
            at_us: writer.zero_us(),
            writer,
            shape,
            playlists: Vec::new(),
            revisions: 0,
        };
        let family = match shape.family {
            true => Some(history.multivariant().await?),
            false => None,
        };
        for number in 0..shape.playlists {
            let url = url(number);
            let (key, listed_by) = match family {
                Some((stream_id, main)) => {
                    (ResourceKey::whole(stream_id, Kind::Media, url), Some(main))
                }
                None => {
                    let name = format!("ch{number}");
                    let stream_id = history.writer.stream(&name, &url).await?;
                    (ResourceKey::whole(stream_id, Kind::Main, url), None)
                }
            };
            history.playlists.push(Playlist {
                key,
                listed_by,
                number,
                grown: String::new(),
                muxer: shape.muxer(number),
            });
        }
        Ok(history)
    }

    /// The multivariant playlist: its stream and its exchange.
    async fn multivariant(&self) -> Result<(i64, ExchangeId)> {
        let main = format!("{ORIGIN}/main.m3u8");
        let stream_id = self.writer.stream("main", &main).await?;
        let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:3\n");
        for number in 0..self.shape.playlists {
            let bandwidth = (number + 1) * 1_000_000;
            writeln!(
                text,
                "#EXT-X-STREAM-INF:BANDWIDTH={bandwidth}\n{}",
                url(number)
            )?;
        }
        let key = ResourceKey::whole(stream_id, Kind::Main, main);
        let asked = self.asked(&key, Availability::Response, self.at_us);
        let id = asked.id;
        let answer = NewExchange {
            revision: Some(NewRevision::default()),
            ..self.answered(asked, text.into_bytes(), PLAYLIST)
        };
        self.writer.exchange(answer).await;
        Ok((stream_id, id))
    }

    /// With the answer that is a text.
    fn answered(&self, asked: NewExchange, data: Vec<u8>, kind: &str) -> NewExchange {
        let size = data.len() as u64;
        NewExchange {
            headers: Some(headers(self.at_us, self.at_us, Some((size, kind)))),
            announced_bytes: Some(size),
            wire_bytes: Some(size),
            body: NewBody::Bytes {
                sha256: digest(&data),
                data: data.into(),
                binary: false,
            },
            ..asked
        }
    }

    /// A revision of each playlist, what it lists anew, and the polls after it.
    pub async fn revise(&mut self) -> Result<()> {
        let n = self.revisions;
        let is_late = self.shape.late > 0 && n % self.shape.late == self.shape.late / 2;
        // Encoders and networks are never on time to the microsecond.
        let jitter_us = (n * 7919 % 100) as i64 * 1000;
        self.at_us += TARGET_US + jitter_us + if is_late { LATE_US } else { 0 };
        // Now and then a revision brings no new segment.
        let newest = n - n / NO_ADVANCE;
        let advance = n == 0 || newest != (n - 1) - (n - 1) / NO_ADVANCE;
        let mut playlists = std::mem::take(&mut self.playlists);
        let mut brought = Vec::new();
        for playlist in &mut playlists {
            if advance && self.shape.window.is_none() {
                playlist.grown += &lines(playlist.number, newest);
            }
            brought.push(self.revision(playlist, newest, advance).await?);
        }
        for poll in 1..self.shape.polls {
            let asked_us = self.at_us + TARGET_US * poll as i64 / self.shape.polls as i64;
            for (playlist, revision) in playlists.iter().zip(&brought) {
                let asked = self.asked(&playlist.key, Availability::Response, asked_us);
                let confirmation = NewExchange {
                    status: Some(304),
                    wire_bytes: Some(0),
                    receive_us: Some(0),
                    lag_us: Some(LAG_US),
                    confirms_id: Some(*revision),
                    headers: Some(headers(asked_us, self.at_us, None)),
                    ..asked
                };
                self.writer.exchange(confirmation).await;
            }
        }
        self.playlists = playlists;
        self.revisions += 1;
        Ok(())
    }

    async fn revision(
        &self,
        playlist: &mut Playlist,
        newest: u64,
        advance: bool,
    ) -> Result<ExchangeId> {
        let first = self.first(newest);
        let data = self.text(playlist, newest, advance)?.into_bytes();
        let asked = self.asked(&playlist.key, Availability::Response, self.at_us - WAIT_US);
        let (id, stream_id) = (asked.id, playlist.key.stream_id);
        let answer = NewExchange {
            lag_us: Some(LAG_US),
            referrer_id: playlist.listed_by,
            revision: Some(NewRevision {
                not_before_us: Some(self.at_us - TARGET_US / 4),
                advance,
                media_sequence: i64::try_from(first).ok(),
                segment_count: i64::try_from(newest + 1 - first).ok(),
                last_sequence: i64::try_from(newest).ok(),
                target_duration_us: Some(TARGET_US),
                discontinuity_sequence: Some(0),
                ended: Some(false),
                lie: self.lie(first, advance),
                ..NewRevision::default()
            }),
            ..self.answered(asked, data, PLAYLIST)
        };
        let url = format!("{ORIGIN}/{}", segment(playlist.number, newest));
        let fetched = ResourceKey::whole(stream_id, Kind::Segment, url);
        let is_fetched = self.shape.segments != Segments::None && advance;
        let listing = NewListing {
            revision: id,
            from_us: self.at_us,
            pending: Vec::from_iter(is_fetched.then(|| fetched.clone())),
            ..NewListing::default()
        };
        self.writer.listed(listing).await;
        self.writer.exchange(answer).await;
        if is_fetched {
            let muxer = &mut playlist.muxer;
            let media = muxer.as_mut().map(|muxer| muxer.segment(newest));
            let bytes = media.as_deref().unwrap_or(&SEGMENT);
            self.fetch(&fetched, id, bytes).await?;
        }
        Ok(id)
    }

    /// How a window of a family lies on those before it.
    fn lie(&self, first: u64, advance: bool) -> Option<Lie> {
        let step = match (self.revisions, advance) {
            (0, _) => Step::First,
            (_, true) => Step::Slid,
            (_, false) => Step::Same,
        };
        let gained = u64::from(advance);
        let place = first;
        self.shape.family.then_some(Lie {
            step,
            place,
            gained,
        })
    }

    /// The first segment that is listed with the newest one.
    fn first(&self, newest: u64) -> u64 {
        let window = self.shape.window;
        window.map_or(0, |window| (newest + 1).saturating_sub(window))
    }

    fn text(&self, playlist: &Playlist, newest: u64, advance: bool) -> Result<String> {
        let first = self.first(newest);
        let mut text = String::from("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n");
        if self.shape.window.is_none() {
            text += "#EXT-X-PLAYLIST-TYPE:EVENT\n";
        }
        writeln!(text, "#EXT-X-MEDIA-SEQUENCE:{first}")?;
        match self.shape.window {
            Some(_) => {
                for n in first..=newest {
                    if self.shape.family {
                        text += &date_line(self.writer.zero_us(), n);
                    }
                    text += &lines(playlist.number, n);
                }
            }
            None => text += &playlist.grown,
        }
        if !advance {
            text += "#EXT-X-DISCONTINUITY\n";
        }
        Ok(text)
    }

    async fn fetch(
        &self,
        segment: &ResourceKey,
        listed_by: ExchangeId,
        bytes: &[u8],
    ) -> Result<()> {
        let size = bytes.len() as u64;
        let asked = self.asked(segment, Availability::Listed(self.at_us), self.at_us + 1000);
        // What is the same is kept once.
        let mut file = DownloadFile::create(&self.writer.folder().chunks(), asked.id)?;
        file.write(bytes)?;
        let fetched = NewExchange {
            referrer_id: Some(listed_by),
            headers: Some(headers(self.at_us, self.at_us, Some((size, "video/mp2t")))),
            announced_bytes: Some(size),
            wire_bytes: Some(size),
            body: file.finish()?,
            ..asked
        };
        self.writer.exchange(fetched).await;
        Ok(())
    }

    fn asked(&self, resource: &ResourceKey, from: Availability, asked_us: i64) -> NewExchange {
        NewExchange {
            wait_us: Some(WAIT_US),
            receive_us: Some(RECEIVE_US),
            status: Some(200),
            http_version: Some("HTTP/1.1".to_owned()),
            remote_addr: Some("192.0.2.17:8554".to_owned()),
            ..NewExchange::requested(self.writer.next_id(), resource.clone(), from, asked_us)
        }
    }

    /// Ends it; its run ends on its own timeline.
    pub async fn end(self) -> Result<SessionFolder> {
        let folder = self.writer.folder().clone();
        let until_us = self.at_us + TARGET_US;
        self.writer.finish("finished").await?;
        let db = rusqlite::Connection::open(folder.database())?;
        db.execute("UPDATE run SET seen_us = ?1, stopped_us = ?1", [until_us])?;
        drop(db);
        let bytes = fs::read(folder.database())?;
        let mut sum = String::new();
        for byte in Sha256::digest(&bytes) {
            write!(sum, "{byte:02x}")?;
        }
        fs::write(
            folder.path().join("session.sum"),
            format!("{sum}  session.db\n"),
        )?;
        Ok(folder)
    }
}

/// The URL of a playlist.
fn url(number: usize) -> String {
    format!("{ORIGIN}/channel{number}/live_36_37.m3u8")
}

/// The date of a segment.
fn date_line(zero_us: i64, n: u64) -> String {
    let since = Duration::from_micros(zero_us.unsigned_abs()) + SEGMENT_LENGTH * n as u32;
    let date = chrono::DateTime::<chrono::Utc>::from(UNIX_EPOCH + since);
    let date = date.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    format!("#EXT-X-PROGRAM-DATE-TIME:{date}\n")
}

/// The path of a segment.
fn segment(playlist: usize, n: u64) -> String {
    let (from, until) = (n as f64 * 2.0, (n + 1) as f64 * 2.0);
    format!("channel{playlist}/npt={from:.4}-{until:.4}_pid=36,37.ts")
}

/// The lines of a segment.
fn lines(playlist: usize, n: u64) -> String {
    format!("#EXTINF:2.00,\n{ORIGIN}/{}\n", segment(playlist, n))
}

/// What a web server says of a file that changed at a moment; `body`: its size and its type.
fn headers(now_us: i64, changed_us: i64, body: Option<(u64, &str)>) -> Headers {
    let date = |us: i64| {
        let since = Duration::from_micros(us.unsigned_abs());
        httpdate::fmt_http_date(UNIX_EPOCH + since)
    };
    let tag = format!(
        "\"{:x}-{:x}\"",
        changed_us / 1_000_000,
        changed_us % 1_000_000
    );
    let mut fields = vec![
        ("server", "nginx/1.26.0".to_owned()),
        ("date", date(now_us)),
    ];
    if let Some((size, kind)) = body {
        fields.push(("content-type", kind.to_owned()));
        fields.push(("content-length", size.to_string()));
    }
    fields.push(("last-modified", date(changed_us)));
    fields.push(("connection", "keep-alive".to_owned()));
    fields.push(("etag", tag));
    fields.push(("cache-control", "max-age=1".to_owned()));
    let fields = fields.into_iter();
    Headers(
        fields
            .map(|(name, value)| (name.to_owned(), value.into_bytes()))
            .collect(),
    )
}
