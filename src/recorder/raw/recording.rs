//! A stream that is no playlist: an endless body, recorded as it comes, in parts.
//!
//! A new part begins with each response, and at each `--roll` where the format can be cut
//! ([`cut`]). Whatever ends a response, it is asked for again, for ever ([`super::pace`]).

use super::opened::Opened;
use super::silence::Watch;
use crate::recorder::http::live::ICY_INTERVAL;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::DateTime;
use http::header::{ETAG, LAST_MODIFIED};
use reqwest::Response;
use tokio::time::{Instant, timeout};
use url::Url;

use super::pace::{Fate, Pace};
use super::part::{End, Ended, Part};
use crate::clock;
use crate::recorder::admission::hosts;
use crate::recorder::context::Context;
use crate::recorder::formats::cutter::Cutter;
use crate::recorder::formats::format::Format;
use crate::recorder::formats::icy::Separator;
use crate::recorder::formats::transport::Wish;
use crate::recorder::http::classify;
use crate::recorder::http::fetch::Hop;
use crate::recorder::http::fetch::ask::Ask;
#[cfg(test)]
use crate::recorder::panics;
use crate::recorder::playlists::playlist::Playlist;
use crate::recorder::stats::board::PlaylistStats;
use crate::recorder::stats::fold::Met;
use crate::recorder::stats::outages::outage::Failed;
use crate::recorder::stats::outages::over::Class;
use crate::recorder::words;
use crate::session::{
    Availability, EMPTY, ENDED, ExchangeId, Kind, NO_STREAM, Outcome, ResourceKey, break_words,
    fault_words, is_success, silence,
};

/// What came for so long was a stream, not one more failure.
const STEADY: Duration = Duration::from_secs(5);
/// Of a response that came whole so many bytes are compared with the next one, at most and at least.
const MOST_COMPARED: usize = 64 * 1024;
const LEAST_COMPARED: usize = 512;
/// So long each the best and a good place to cut are looked for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Records a stream, from a response on, until it is to stop.
pub(crate) async fn run(context: Arc<Context>, playlist: Arc<Playlist>, opened: Opened) {
    let extension = opened.live.format.extension();
    tracing::info!("it is a stream of {extension}, recorded as it comes");
    playlist.stats.is_raw.store(true, Ordering::Relaxed);
    let stream = Plain {
        watch: Watch::new(&context, &playlist),
        context,
        playlist,
        parts: AtomicU64::new(0),
        whole: Mutex::default(),
    };
    stream.run(opened).await;
}

/// How a response came.
enum Came {
    /// It had an end, and is a file.
    File,
    /// For a while.
    Steadily,
    Briefly,
}

struct Plain {
    context: Arc<Context>,
    playlist: Arc<Playlist>,
    /// Parts that were kept.
    parts: AtomicU64,
    /// What came last with a length and all of it: if it comes again it is a file.
    whole: Mutex<Option<Whole>>,
    /// Of the times in which nothing comes.
    watch: Watch,
}

/// A response that came with the length that it announced.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Whole {
    bytes: u64,
    /// Its first bytes.
    begun: Bytes,
}

impl Whole {
    fn from_hop(hop: &Hop, came_bytes: u64, begun: Bytes) -> Option<Self> {
        let is_whole = hop.announced_bytes == Some(came_bytes);
        is_whole.then_some(Self {
            bytes: came_bytes,
            begun,
        })
    }

    /// Whether a response that announces so much and begins so is the same once more, as far as that tells.
    fn is(&self, announced_bytes: Option<u64>, begun: &[u8]) -> bool {
        let compared = self.begun.len().min(begun.len());
        announced_bytes == Some(self.bytes)
            && compared >= LEAST_COMPARED.min(self.begun.len())
            && self.begun.get(..compared) == begun.get(..compared)
    }
}

impl Plain {
    fn remember(&self, whole: Option<Whole>) {
        *self.whole.lock().unwrap_or_else(PoisonError::into_inner) = whole;
    }

    /// Whether what was asked for again is what came before, with a length and all of it.
    fn is_known(&self, opened: &Opened) -> bool {
        let whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        let is = |whole: &Whole| whole.is(opened.hop.announced_bytes, &opened.live.begun);
        whole.as_ref().is_some_and(is)
    }

    /// It is a file that has been recorded: the second time is not read to its end.
    async fn is_again(&self, opened: Opened) {
        let Opened {
            mut hop,
            head,
            lag_us,
            ..
        } = opened;
        hop.fail(Outcome::Aborted, "the file that was recorded, once more");
        self.write(hop, head, lag_us).await;
        self.is_over();
    }

    async fn run(&self, opened: Opened) {
        let stop = &self.context.stop;
        let mut pace = Pace::new(clock::instant());
        let mut next = Ok(opened);
        loop {
            let fate = match next {
                Ok(opened) if self.is_known(&opened) => return self.is_again(opened).await,
                Ok(opened) => match self.contained(opened).await {
                    Came::File => return self.is_over(),
                    Came::Steadily => Fate::Steady,
                    Came::Briefly => Fate::Failed,
                },
                Err(fate) => fate,
            };
            let now = clock::instant();
            let hosts = &self.context.fetcher.hosts;
            let held = hosts.not_before(&self.playlist.url, now);
            let wished = pace.next(fate, now);
            let due = wished.max(held.unwrap_or(wished));
            self.watch.pauses(due == wished);
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.watch.over(tokio::time::sleep_until(due)) => {}
            }
            self.watch.asks();
            pace.asks(clock::instant());
            let connect = self.context.panics.contain(self.connect(due), what);
            next = self.watch.over(connect).await.unwrap_or(Err(Fate::Failed));
        }
    }

    /// Records a response; what came of it until a panic is kept.
    async fn contained(&self, opened: Opened) -> Came {
        let panics = &self.context.panics;
        let format = opened.live.format;
        let mut part = None;
        let record = self.record(opened, &mut part);
        if let Some(came) = panics.contain(record, what).await {
            return came;
        }
        if let Some(part) = part {
            let why = "the recorder failed here".to_owned();
            let end = End::Over(Outcome::Aborted, Some(why));
            panics.contain(self.finish(part, end, format), what).await;
        }
        Came::Briefly
    }

    /// Asks again.
    async fn connect(&self, due: Instant) -> Result<Opened, Fate> {
        let lag_us = clock::micros(clock::instant().saturating_duration_since(due));
        let ask = Ask {
            url: self.playlist.url.clone(),
            kind: Kind::Main,
            reach: self.playlist.reach(),
            downgraded: self.playlist.is_downgraded(),
            range: None,
            validators: None,
            expected: Bytes::new(),
            plain: true,
            lists: true,
            denser_than: None,
            patient_until: None,
            held: None,
            waits: Some(Arc::clone(&self.playlist.stats)),
            progress: None,
        };
        let mut hops = self.context.fetcher.chain(&ask).await;
        self.playlist.answered(&hops);
        PlaylistStats::count(&self.playlist.stats.polls, 1);
        let mut last = hops.pop().ok_or(Fate::Failed)?;
        let head = hops.first().map_or(last.id, |hop| hop.id);
        for hop in hops {
            self.write(hop, head, lag_us).await;
        }
        let Some(live) = last.take_live() else {
            if last.outcome == Outcome::Complete && last.status.is_some_and(is_success) {
                let is_empty = last.wire_bytes.unwrap_or(0) == 0;
                let what = if is_empty { EMPTY } else { NO_STREAM };
                last.fail(Outcome::NotAPlaylist, what);
            }
            if last.is_fault() {
                self.is_refused(&last);
            }
            let fate = Fate::of_status(last.status);
            self.write(last, head, lag_us).await;
            return Err(fate);
        };
        self.write_crossed(&mut last, head, lag_us).await;
        Ok(Opened {
            url: self.url_of(&last, head),
            from_us: Availability::poll(None).known_us(last.timing()),
            hop: last,
            live,
            head,
            lag_us,
        })
    }

    fn url_of(&self, hop: &Hop, head: ExchangeId) -> Url {
        match hop.id == head {
            true => self.playlist.url.clone(),
            false => hop.url.clone(),
        }
    }

    fn resource(&self, hop: &Hop, head: ExchangeId) -> ResourceKey {
        let url = self.url_of(hop, head).to_string();
        ResourceKey::whole(self.context.stream_id, Kind::Main, url)
    }

    /// The attempt before, where it crossed the end of a kept connection.
    async fn write_crossed(&self, hop: &mut Hop, head: ExchangeId, lag_us: i64) {
        let key = self.resource(hop, head);
        if let Some(mut crossed) = hop.take_crossed(&key, Availability::Response) {
            crossed.head_id = (hop.id != head).then_some(head);
            crossed.lag_us = (hop.id == head).then_some(lag_us);
            self.context.fetcher.writer.exchange(crossed).await;
        }
    }

    async fn write(&self, mut hop: Hop, head: ExchangeId, lag_us: i64) {
        self.write_crossed(&mut hop, head, lag_us).await;
        let key = self.resource(&hop, head);
        let is_head = hop.id == head;
        let mut exchange = hop.into_exchange(key, Availability::Response);
        exchange.head_id = (!is_head).then_some(head);
        exchange.lag_us = is_head.then_some(lag_us);
        self.context.fetcher.writer.exchange(exchange).await;
    }

    /// Nothing is asked for any more.
    fn is_over(&self) {
        tracing::info!("it had an end: it is a file, and is not asked for again");
        self.playlist.stats.gaps.over();
        self.playlist.update(|s| s.on_demand = true);
        self.context.playlists.changed();
    }

    /// Records a response to its end; how it came. `slot`: for the part that is being recorded.
    async fn record(&self, mut opened: Opened, slot: &mut Option<Part>) -> Came {
        let context = &self.context;
        let began = clock::instant();
        let interval = opened.hop.field(ICY_INTERVAL);
        let mut separator = Separator::new(interval);
        let mut cutter = Cutter::new(opened.live.format);
        self.watch.comes_again(&opened.hop.url);
        let first = opened.hop.continued(opened.hop.id, opened.hop.requested_us);
        let mut first = first.waited(opened.hop.wait_us);
        first.note.clone_from(&opened.hop.note);
        let mut part = slot.insert(Part::begin(context, &opened, first, 0).await);
        let mut part_began = began;
        let mut came_bytes = 0;
        let mut bytes = std::mem::take(&mut opened.live.begun);
        let begun = bytes.slice(..bytes.len().min(MOST_COMPARED));
        let end = loop {
            self.watch.comes(bytes.len(), &opened.hop.url);
            let mut titles = Vec::new();
            let length = bytes.len();
            came_bytes += length as u64;
            let sound = separator.push(bytes, &mut titles);
            part.count(context, length, &mut titles);
            let cut = cutter.push(sound, self.wish(part, part_began));
            part.write(context, &cut.now).await;
            #[cfg(test)]
            panics::testing::pass(panics::testing::Place::Raw, self.playlist.url.as_str());
            if let Some(next) = cut.next {
                let Some(before) = slot.take() else {
                    break End::Stopped;
                };
                part = slot.insert(self.roll(before, &opened).await);
                part_began = clock::instant();
                part.repeat(context, &cutter.prefix()).await;
                part.write(context, &next).await;
            }
            if part.is_lost() {
                break End::Over(Outcome::Disk, None);
            }
            match self.next(&mut opened.live.response).await {
                Ok(next) => bytes = next,
                Err(end) => break end,
            }
        };
        if let Some(part) = slot {
            part.write(context, &cutter.finish()).await;
        }
        let is_stop = matches!(end, End::Stopped);
        let has_come = matches!(end, End::Over(Outcome::Complete, _));
        let is_file = has_come && is_file(&opened.hop, came_bytes);
        let end = match has_come && !is_file {
            true => End::Over(Outcome::Complete, Some(ENDED.to_owned())),
            false => end,
        };
        let whole = Whole::from_hop(&opened.hop, came_bytes, begun);
        self.remember(whole.filter(|_| has_come));
        let Some(part) = slot.take() else {
            return Came::Briefly;
        };
        let error = end.error().map(str::to_owned);
        let ended = self.finish(part, end, opened.live.format).await;
        if is_file {
            return Came::File;
        }
        let is_steady = ended.kept && clock::instant() - began >= STEADY;
        if !is_stop {
            let lasted = clock::instant() - began;
            self.breaks(
                &opened.hop,
                (ended.outcome, error.as_deref()),
                lasted,
                is_steady,
            );
        }
        match is_steady {
            true => Came::Steadily,
            false => Came::Briefly,
        }
    }

    /// The next bytes, or why there are none.
    async fn next(&self, response: &mut Response) -> Result<Bytes, End> {
        let stall = self.context.plain.stall;
        let next = tokio::select! {
            () = self.context.stop.cancelled() => return Err(End::Stopped),
            next = timeout(stall, self.watch.over(response.chunk())) => next,
        };
        match next {
            Ok(Ok(Some(bytes))) => Ok(bytes),
            Ok(Ok(None)) => Err(End::Over(Outcome::Complete, None)),
            Ok(Err(error)) => {
                let why = classify::describe(&error);
                Err(End::Over(classify::broken_body(&error), Some(why)))
            }
            Err(_) => Err(End::Over(Outcome::BodyTimeout, Some(silence(stall)))),
        }
    }

    /// Whether a place to cut is looked for, and how good it has to be.
    fn wish(&self, part: &Part, began: Instant) -> Option<Wish> {
        let plain = &self.context.plain;
        let over = (clock::instant() - began).checked_sub(plain.roll)?;
        if part.size() < plain.min_part {
            return None;
        }
        Some(match over {
            over if over < PATIENCE => Wish::Best,
            over if over < 2 * PATIENCE => Wish::Good,
            _ => Wish::Any,
        })
    }

    /// Ends a part; the next one goes on with the same response.
    async fn roll(&self, mut part: Part, opened: &Opened) -> Part {
        let first = part.end();
        let mut titles = part.take_titles();
        let ended = self.finish(part, End::Rolled, opened.live.format).await;
        let id = self.context.fetcher.writer.next_id();
        let hop = opened.hop.continued(id, ended.end_us).waited(Some(0));
        let mut next = Part::begin(&self.context, opened, hop, first).await;
        next.count(&self.context, 0, &mut titles);
        next
    }

    async fn finish(&self, part: Part, end: End, format: Format) -> Ended {
        let stats = &self.playlist.stats;
        let number = self.parts.load(Ordering::Relaxed) + 1;
        let path = part_path(&self.context.name, part.began_us(), number, format);
        let ended = part.finish(&self.context, end, path).await;
        if ended.kept {
            self.parts.store(number, Ordering::Relaxed);
            PlaylistStats::count(&stats.chunks, 1);
        } else {
            tracing::debug!("{} bytes are not kept (--min-part)", ended.size);
        }
        ended
    }

    /// A response broke, or ended: an endless stream that ended is a fault, however orderly. Each break of what had come
    /// for a while is told of.
    fn breaks(
        &self,
        hop: &Hop,
        (outcome, error): (Outcome, Option<&str>),
        lasted: Duration,
        is_steady: bool,
    ) {
        if outcome == Outcome::Aborted {
            return;
        }
        self.watch.breaks();
        self.playlist.stats.fault(outcome);
        let has_words = break_words(hop.status, outcome, error).is_some();
        let why = error.filter(|_| !has_words);
        let what = fault_words(hop.status, outcome, error);
        let stats = &self.context.stats;
        stats.count_fault(Kind::Main, what.clone(), outcome);
        if self.fails((hop, outcome), &what, is_steady) {
            let is_silent = has_words && outcome == Outcome::BodyTimeout;
            let silent = is_silent.then_some(self.context.plain.stall);
            let told = words::broken(&hop.url, &what, why, (lasted, silent));
            tracing::warn!(%outcome, status = hop.status, "{told}");
        }
    }

    /// No response that is a stream came.
    fn is_refused(&self, hop: &Hop) {
        if hop.outcome == Outcome::Aborted {
            return;
        }
        self.watch.fails();
        self.playlist.stats.fault(hop.outcome);
        let what = hop.fault_words();
        let stats = &self.context.stats;
        stats.count_fault(Kind::Main, what.clone(), hop.outcome);
        if self.fails((hop, hop.outcome), &what, false) {
            let place = words::raw_stream_of(&hop.url);
            let told = words::sentence(&place, &hop.url, hop.status, hop.error.as_deref());
            let host = hosts::host_and_port(&hop.url);
            tracing::warn!(json.host = host, kind = %Kind::Main, outcome = %hop.outcome, status = hop.status, "{told}");
        }
    }

    /// It fails, since its last byte; whether that is told now. `is_told`: in any case.
    fn fails(&self, (hop, outcome): (&Hop, Outcome), what: &str, is_told: bool) -> bool {
        let (all, stats) = (&self.context.stats, &self.playlist.stats);
        let now_us = self.context.fetcher.writer.clock().now_us();
        let since_us = match stats.advanced_us.load(Ordering::Relaxed) {
            0 => now_us,
            last_us => last_us,
        };
        // For how long it is silent is told beside that.
        let briefly = what.split_once(" for ").map_or(what, |(what, _)| what);
        stats
            .failing
            .fails(&[briefly], (since_us, now_us), i64::MAX);
        all.met(now_us);
        let host = hosts::host_and_port(&hop.url);
        if outcome.is_recorders() {
            return is_told || all.is_news(self.met(""), &words::not_kept(what));
        }
        let failed = Failed {
            class: Class::Polls,
            of: stats.number,
            host: &host,
            place: &words::raw_stream_of(&hop.url),
            whats: &[what],
            since_us,
            number: None,
            is_over: true,
            is_told,
        };
        all.outages().fails(failed, clock::instant())
    }

    fn met<'a>(&self, host: &'a str) -> Met<'a> {
        Met {
            kind: Kind::Main,
            host,
        }
    }
}

/// What has panicked, for people.
fn what() -> String {
    "the raw stream".to_owned()
}

/// Whether all that came is a file: it has the length that was announced, and the version that files
/// have and streams do not.
fn is_file(hop: &Hop, came_bytes: u64) -> bool {
    let has_version = hop.field(ETAG).or_else(|| hop.field(LAST_MODIFIED));
    hop.announced_bytes == Some(came_bytes) && has_version.is_some()
}

/// `NAME/2010-12-27T20-04-47Z.003.ts`: sorted by name they are sorted by time.
fn part_path(name: &str, began_us: i64, number: u64, format: Format) -> String {
    let began = DateTime::from_timestamp_micros(began_us).unwrap_or_default();
    let began = began.format("%Y-%m-%dT%H-%M-%SZ");
    format!("{name}/{began}.{number:03}.{}", format.extension())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_validators_is_known_by_its_length_and_its_beginning() {
        let begun = Bytes::from(vec![7; 4096]);
        let whole = Whole { bytes: 9000, begun };
        assert!(whole.is(Some(9000), &[7; 512]) && whole.is(Some(9000), &[7; 9000]));
        assert!(!whole.is(Some(9000), &[7; 511]), "too little to tell");
        assert!(!whole.is(Some(9001), &[7; 4096]) && !whole.is(None, &[7; 4096]));
        assert!(!whole.is(Some(9000), &[8; 4096]), "a live stream");
    }

    #[test]
    fn parts_are_named_after_their_stream_and_moment() {
        let at_us = 1_293_480_287_999_999;
        assert_eq!(
            part_path("saal2", at_us, 3, Format::Asf),
            "saal2/2010-12-27T20-04-47Z.003.asf"
        );
        assert_eq!(
            part_path("saal2", at_us, 1234, Format::MpegTs),
            "saal2/2010-12-27T20-04-47Z.1234.ts"
        );
    }
}
