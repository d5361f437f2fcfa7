//! A session that is written by hand, as the recorder would: for tests of what is kept and of what is clipped.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use proptest::prelude::*;

use super::super::{EVERY, Keeper, Store};
use crate::clock::Clock;
use crate::hls::{ByteRange, EntryRole, Variables, read_media};
use crate::session::ExchangeId;
use crate::session::write::run::begin;
use crate::session::{
    Availability, DownloadFile, Headers, Kind, NewBody, NewExchange, NewListing, NewRevision,
    Outcome, ResourceKey, SessionFolder, Sessions, digest,
};

pub(crate) const MAIN: &str = "http://h/main.m3u8";
pub(crate) const MEDIA: &str = "http://h/live/a.m3u8";
pub(crate) const RADIO: &str = "http://h/radio.ts";
pub(crate) const SECOND: i64 = 1_000_000;
/// As long as the recorder's plan takes what left and came back for the same: five target durations.
const SAME_WITHIN: i64 = 5 * SECOND;

/// What a poll brings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Poll {
    Unchanged,
    NotModified,
    Advance(u64),
    /// Names begin again at 0, with other content.
    Restart,
    /// An edge that is behind, and the next poll is not.
    Behind,
    Fault,
    /// Other bytes under the same URI.
    NewKey,
    /// The recorder is stopped, and begins anew some seconds later.
    Hole,
}

pub(crate) fn poll() -> impl Strategy<Value = Poll> {
    prop_oneof![
        2 => Just(Poll::Unchanged),
        2 => Just(Poll::NotModified),
        6 => (1..3_u64).prop_map(Poll::Advance),
        1 => Just(Poll::Restart),
        2 => Just(Poll::Behind),
        1 => Just(Poll::Fault),
        1 => Just(Poll::NewKey),
    ]
}

/// How a channel is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Channel {
    /// Segments in its window.
    pub(crate) window: u64,
    /// They are ranges of one file.
    pub(crate) ranged: bool,
    /// Their URLs have tokens that change at each revision.
    pub(crate) tokens: bool,
    /// The media playlist is behind a redirect with a token.
    pub(crate) redirected: bool,
    /// The window is large enough for its lines to be shared.
    pub(crate) large: bool,
    /// Requests for the media playlist are held, and some of them fail.
    pub(crate) held: bool,
    /// What was missing at first comes two polls later.
    pub(crate) late: bool,
    /// There is a raw stream, too.
    pub(crate) raw: bool,
}

impl Default for Channel {
    /// A plain one.
    fn default() -> Self {
        Self {
            window: 3,
            ranged: false,
            tokens: false,
            redirected: false,
            large: false,
            held: false,
            late: false,
            raw: false,
        }
    }
}

pub(crate) fn channel() -> impl Strategy<Value = Channel> {
    let flags = any::<(bool, bool, bool, bool, bool)>();
    (1..6_u64, flags).prop_map(
        |(window, (ranged, tokens, redirected, large, held))| Channel {
            window: if large { window + 60 } else { window },
            ranged: ranged && !tokens,
            tokens: tokens && !large,
            redirected,
            large,
            held,
            ..Channel::default()
        },
    )
}

/// A session that is being written by hand.
pub(crate) struct History {
    pub(crate) _temporary: tempfile::TempDir,
    pub(crate) folder: SessionFolder,
    pub(crate) store: Store,
    pub(crate) stream_id: i64,
    pub(crate) zero_us: i64,
    pub(crate) next_id: ExchangeId,
    pub(crate) now_us: i64,
    pub(crate) channel: Channel,
    pub(crate) first: u64,
    pub(crate) generation: u64,
    pub(crate) key: u64,
    pub(crate) revision_number: u64,
    /// Of the media playlist: its text, the exchange that brought it, that of its body.
    pub(crate) text: String,
    pub(crate) brought_by: ExchangeId,
    pub(crate) main_revision: ExchangeId,
    /// By name: the resource that was asked for, and when it left.
    pub(crate) known: HashMap<String, (ResourceKey, Option<i64>)>,
    pub(crate) files: u64,
    /// What is asked for again, on account of which revision, in how many polls.
    missing: Vec<(ResourceKey, ExchangeId, u32)>,
    radio_id: i64,
    /// The part of the raw stream that is under way.
    part: Option<NewExchange>,
}

impl History {
    pub(crate) fn new(channel: Channel) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let folder = Sessions::new(temporary.path()).create(None).unwrap();
        let begun = begin::create(&folder, Clock::start(), "test").unwrap();
        let zero_us = begun.zero_us;
        let mut store = Store::new(begun.db, begun.chunks, zero_us, 1);
        store.db.pragma_update(None, "synchronous", "OFF").unwrap();
        let (stream_id, _) = store.stream("main", MAIN).unwrap();
        let mut history = Self {
            _temporary: temporary,
            folder,
            store,
            stream_id,
            zero_us,
            next_id: 1,
            now_us: zero_us,
            channel,
            first: 0,
            generation: 0,
            key: 0,
            revision_number: 0,
            text: String::new(),
            brought_by: 0,
            main_revision: 0,
            known: HashMap::new(),
            files: 0,
            missing: Vec::new(),
            radio_id: 0,
            part: None,
        };
        if channel.raw {
            history.radio_id = history.store.stream("radio", RADIO).unwrap().0;
        }
        history.main();
        history
    }

    fn resource(&self, kind: Kind, url: &str, range: Option<ByteRange>) -> ResourceKey {
        ResourceKey {
            stream_id: self.stream_id,
            kind,
            url: url.to_owned(),
            range,
        }
    }

    fn exchange(&mut self, resource: ResourceKey, availability: Availability) -> NewExchange {
        let id = self.next_id;
        self.next_id += 1;
        NewExchange {
            wait_us: Some(20_000),
            status: Some(200),
            ..NewExchange::requested(id, resource, availability, self.now_us)
        }
    }

    fn write(&mut self, mut exchange: NewExchange) {
        self.store.exchange(&mut exchange).unwrap();
    }

    fn text_body(text: &str) -> NewBody {
        let data = text.as_bytes().to_vec();
        NewBody::Bytes {
            sha256: digest(&data),
            data: data.into(),
            binary: false,
        }
    }

    fn main(&mut self) {
        let text = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlive/a.m3u8\n";
        let main = self.resource(Kind::Main, MAIN, None);
        let mut exchange = self.exchange(main, Availability::Listed(self.zero_us));
        exchange.body = Self::text_body(text);
        exchange.revision = Some(NewRevision::default());
        self.main_revision = exchange.id;
        let media = self.resource(Kind::Media, MEDIA, None);
        let listing = NewListing {
            revision: exchange.id,
            from_us: self.zero_us,
            pending: vec![media],
            ..NewListing::default()
        };
        self.store.listed(&listing).unwrap();
        self.write(exchange);
    }

    /// The names of a window, with their ranges.
    fn names(&self, first: u64) -> Vec<(String, Option<ByteRange>)> {
        let generation = self.generation;
        let name = |n: u64| match self.channel.ranged {
            true => {
                let range = ByteRange {
                    first: n * 10,
                    length: 10,
                };
                (format!("http://h/live/all{generation}.ts"), Some(range))
            }
            // Names of generations before are used again.
            false => (format!("http://h/live/seg{n}.ts"), None),
        };
        (first..first + self.channel.window).map(name).collect()
    }

    fn text_at(&self, first: u64) -> String {
        let control = match self.channel.held {
            true => "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12\n",
            false => "",
        };
        let mut text = format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{first}\n{control}\
             #EXT-X-MAP:URI=\"init{}.mp4\"\n#EXT-X-KEY:METHOD=AES-128,URI=\"the.key\"\n",
            self.generation
        );
        for (url, range) in self.names(first) {
            text += "#EXTINF:1.0,\n";
            if let Some(range) = range {
                writeln!(text, "#EXT-X-BYTERANGE:{}@{}", range.length, range.first).unwrap();
            }
            let token = match self.channel.tokens {
                true => format!("?token=%7e{}", self.revision_number),
                false => String::new(),
            };
            let pad = if self.channel.large {
                "/padding-of-a-long-path-that-makes-it-large/.."
            } else {
                ""
            };
            writeln!(
                text,
                "{}{token}",
                url.replace("/live", &format!("/live{pad}"))
            )
            .unwrap();
        }
        text
    }

    pub(crate) fn poll(&mut self, poll: Poll) {
        self.now_us += SECOND;
        self.ask_again();
        self.listen();
        match poll {
            Poll::Hole => return self.begin_anew(),
            Poll::Unchanged if !self.text.is_empty() => return self.answer(200, None),
            Poll::NotModified if !self.text.is_empty() => return self.answer(304, None),
            Poll::Fault => return self.answer(503, None),
            Poll::Advance(by) => self.first += by,
            Poll::Restart => {
                self.generation += 1;
                self.first = 0;
                // An encoder is not restarted in no time; the plan fetches all of it again.
                self.known.clear();
            }
            Poll::NewKey => self.key += 1,
            Poll::Behind => {
                self.revise(self.first.saturating_sub(1), false);
                self.now_us += SECOND;
            }
            Poll::Unchanged | Poll::NotModified => {}
        }
        self.revise(self.first, poll == Poll::NewKey);
    }

    fn revise(&mut self, first: u64, new_key: bool) {
        self.revision_number += 1;
        let text = self.text_at(first);
        if text == self.text && !new_key {
            return self.answer(200, None);
        }
        self.text = text;
        self.answer(200, Some(new_key));
    }

    /// A poll of the media playlist; `revises`: it brings something new, and whether that is a key.
    fn answer(&mut self, status: u16, revises: Option<bool>) {
        let from_us = self.now_us + 20_000;
        let media = self.resource(Kind::Media, MEDIA, None);
        let mut last = self.exchange(media.clone(), Availability::Response);
        last.referrer_id = Some(self.main_revision);
        last.lag_us = Some(0);
        // The last one before each tenth was asked for as players do that have nothing yet.
        if self.channel.held && last.id % 10 != 0 {
            last.directives = Some(format!("_HLS_msn={}", self.first + self.channel.window));
        }
        last.headers = Some(Headers(vec![(
            "cache-control".to_owned(),
            format!("max-age={}", last.id % 3).into_bytes(),
        )]));
        if self.channel.redirected {
            let token = self.revision_number / 3;
            let place = format!("http://cdn/{token}/live/a.m3u8");
            let location = ("location".to_owned(), place.clone().into_bytes());
            let head = NewExchange {
                status: Some(302),
                headers: Some(Headers(vec![location])),
                ..last
            };
            let head_id = head.id;
            self.write(head);
            let hop = self.resource(Kind::Media, &place, None);
            last = self.exchange(hop, Availability::Response);
            last.polled = Some(media);
            last.head_id = Some(head_id);
            last.referrer_id = Some(self.main_revision);
        }
        last.status = Some(status);
        match status {
            304 => last.confirms_id = Some(self.brought_by),
            200 => {
                last.body = Self::text_body(&self.text);
                self.brought_by = last.id;
            }
            _ => last.body = Self::text_body("busy"),
        }
        let Some(new_key) = revises else {
            return self.write(last);
        };
        last.revision = Some(NewRevision {
            target_duration_us: Some(SECOND),
            media_sequence: Some(if self.channel.held {
                self.first as i64
            } else {
                0
            }),
            last_sequence: Some((self.first + self.channel.window - 1) as i64),
            can_block: self.channel.held.then_some(true),
            can_skip_us: self.channel.held.then_some(12 * SECOND),
            ..NewRevision::default()
        });
        let (revision, wanted) = (
            last.id,
            self.wanted(new_key, last.resource.url.clone(), last.id, from_us),
        );
        self.write(last);
        for resource in wanted {
            self.fetch(resource, revision, from_us);
        }
    }

    /// What is to be fetched on account of a revision, as the recorder's plan has it.
    fn wanted(
        &mut self,
        new_key: bool,
        base: String,
        revision: ExchangeId,
        from_us: i64,
    ) -> Vec<ResourceKey> {
        let facts = read_media(
            self.text.as_bytes(),
            &base.parse().unwrap(),
            &Variables::default(),
        );
        let mut listing = NewListing {
            revision,
            from_us,
            ..NewListing::default()
        };
        let mut listed = BTreeSet::new();
        for entry in facts.entries {
            let plain = entry.url.as_str().split('?').next().unwrap().to_owned();
            let name = format!("{plain} {:?}", entry.range);
            let kind = match entry.role {
                EntryRole::Segment => Kind::Segment,
                EntryRole::Part => Kind::Part,
                EntryRole::Init => Kind::Init,
                EntryRole::Key => Kind::Key,
            };
            let resource = self.resource(kind, entry.url.as_str(), entry.range);
            listed.insert(name.clone());
            let is_known = self
                .known
                .get(&name)
                .is_some_and(|(_, left)| left.is_none_or(|left| self.now_us - left < SAME_WITHIN));
            let is_new_key = kind == Kind::Key && new_key;
            match self
                .known
                .get_mut(&name)
                .filter(|_| is_known && !is_new_key)
            {
                Some((known, left)) => {
                    *left = None;
                    if known.url != resource.url {
                        listing.aliases.push((known.clone(), resource.url));
                    }
                }
                None => {
                    self.known.insert(name, (resource.clone(), None));
                    listing.pending.push(resource);
                }
            }
        }
        let now_us = self.now_us;
        for (name, (_, left)) in &mut self.known {
            if !listed.contains(name) && left.is_none() {
                *left = Some(now_us);
            }
        }
        self.store.listed(&listing).unwrap();
        listing.pending
    }

    fn fetch(&mut self, resource: ResourceKey, revision: ExchangeId, from_us: i64) {
        // Every seventh is missing at first.
        let is_late = self.next_id % 7 == 0;
        if is_late {
            let mut missing = self.exchange(resource.clone(), Availability::Listed(from_us));
            missing.status = Some(404);
            missing.referrer_id = Some(revision);
            self.write(missing);
            if self.channel.late {
                return self.missing.push((resource, revision, 2));
            }
        }
        self.bring(resource, revision, from_us, is_late);
    }

    /// What had been missing is there by now.
    fn ask_again(&mut self) {
        for missing in &mut self.missing {
            missing.2 -= 1;
        }
        let all = std::mem::take(&mut self.missing);
        let (now, later): (Vec<_>, Vec<_>) = all.into_iter().partition(|missing| missing.2 == 0);
        self.missing = later;
        for (resource, revision, _) in now {
            self.bring(resource, revision, self.now_us, true);
        }
    }

    /// The raw stream: a part for each three polls.
    fn listen(&mut self) {
        if !self.channel.raw {
            return;
        }
        match self.part.take() {
            Some(mut part) if self.now_us - part.requested_us >= 3 * SECOND => {
                part.receive_us = Some(self.now_us - part.requested_us);
                part.body_first = (part.id % 2 == 0).then_some(1000);
                part.body = self.file(format!("part {}", part.id).as_bytes());
                part.chunk_path = Some(format!("radio/{}.ts", part.id));
                self.write(part);
            }
            Some(part) => self.part = Some(part),
            None => {
                let key = ResourceKey {
                    stream_id: self.radio_id,
                    kind: Kind::Main,
                    url: RADIO.to_owned(),
                    range: None,
                };
                self.part = Some(self.exchange(key, Availability::Response));
            }
        }
    }

    fn file(&mut self, content: &[u8]) -> NewBody {
        self.files += 1;
        let chunks = self.folder.chunks();
        let mut file = DownloadFile::create(&chunks, self.files as i64).unwrap();
        file.write(content).unwrap();
        file.finish().unwrap()
    }

    fn begin_anew(&mut self) {
        self.end();
        self.now_us += 7 * SECOND;
        let begin = "INSERT INTO run (started_us, seen_us, program) VALUES (?1, ?1, 'test')";
        self.store.db.execute(begin, [self.now_us]).unwrap();
    }

    /// The recorder is stopped.
    pub(crate) fn end(&mut self) {
        let end = "UPDATE run SET seen_us = ?1, stopped_us = ?1, ended = 'stopped' WHERE stopped_us IS NULL";
        self.store.db.execute(end, [self.now_us]).unwrap();
        self.store.db.execute("DELETE FROM pending", []).unwrap();
    }

    fn bring(&mut self, resource: ResourceKey, revision: ExchangeId, from_us: i64, is_late: bool) {
        let kind = resource.kind;
        let content = format!("{} {} {}", resource.url, self.generation, self.key);
        let content = format!("{content} {:?}", resource.range).into_bytes();
        let availability = match is_late {
            true => Availability::Request,
            false => Availability::Listed(from_us),
        };
        let mut exchange = self.exchange(resource, availability);
        exchange.referrer_id = Some(revision);
        exchange.outcome = Outcome::Complete;
        exchange.body = match kind {
            Kind::Key => NewBody::Bytes {
                sha256: digest(&content),
                data: content.into(),
                binary: true,
            },
            _ => self.file(&content),
        };
        self.write(exchange);
    }

    /// Removes what is before a moment, in as many passes as it takes.
    pub(crate) fn keep_from(&mut self, keeper: &mut Keeper, cutoff_us: i64) {
        for _ in 0..1000 {
            if keeper
                .pass(&mut self.store, cutoff_us + SECOND, true)
                .unwrap()
                == EVERY
            {
                return;
            }
        }
        panic!("it comes to no end");
    }

    /// As a later run would begin: without what the one before remembered.
    pub(crate) fn forget_keeper(&mut self) {
        let forget = "
            DROP TRIGGER exchange_has_body; DROP TRIGGER exchange_had_body;
            DROP TRIGGER exchange_has_headers; DROP TRIGGER exchange_had_headers;
            DROP TRIGGER body_has_lines; DROP TRIGGER body_had_lines;
            DROP TRIGGER body_has_path; DROP TRIGGER body_had_path; DROP TRIGGER body_becomes_span;
            DROP TRIGGER span_becomes_body; DROP TRIGGER span_gone;
            DROP TRIGGER alias_added; DROP TRIGGER alias_removed;
            DROP TABLE body_use; DROP TABLE header_use; DROP TABLE body_lines;
            DROP TABLE alias_of; DROP TABLE chunk_bytes;";
        self.store.db.execute_batch(forget).unwrap();
    }
}
