//! The metrics of a recording, read from its counters at each scrape. `docs/ref/metrics.md`
//! says what each of them means.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use crate::clock;
use crate::recorder::{Board, PlaylistStats, StreamStats, Totals};
use crate::session::{Kind, Notice, Outcome};
use crate::shown::escaped;

/// What there is to tell.
#[derive(Debug)]
pub(super) struct Metrics(Registry);

impl Metrics {
    pub(super) fn new(board: Board, folder: PathBuf) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Recording {
            board,
            folder,
            started_us: clock::system_us(),
        }));
        Self(registry)
    }

    /// Tells of something else, too.
    #[cfg(feature = "archive")]
    pub(super) fn add(&mut self, more: Box<dyn Collector>) {
        self.0.register_collector(more);
    }

    /// As it is now.
    pub(super) fn text(&self) -> Result<String, Error> {
        let mut text = String::new();
        encode(&mut text, &self.0)?;
        Ok(text)
    }
}

#[derive(Debug)]
struct Recording {
    board: Board,
    folder: PathBuf,
    started_us: i64,
}

pub(super) type Labels = Vec<(&'static str, String)>;

/// All that was recorded under one name: a stream that was taken out and is back counts on.
struct Stream {
    labels: Labels,
    totals: Totals,
    faults: BTreeMap<(Kind, String), u64>,
    not_kept: BTreeMap<(Kind, String), u64>,
    last: Arc<StreamStats>,
}

/// Faults that are there from the start, as 0: a counter that appears with its first fault has not increased.
const COMMON: [&str; 12] = [
    "HTTP 403",
    "HTTP 404",
    "HTTP 429",
    "HTTP 500",
    "HTTP 502",
    "HTTP 503",
    "HTTP 504",
    "body cut short",
    "closed without an answer",
    "refused",
    "reset",
    "unanswered",
];

fn common(is_raw: bool) -> BTreeMap<(Kind, String), u64> {
    let kinds: &[Kind] = match is_raw {
        true => &[Kind::Main],
        false => &[Kind::Main, Kind::Media, Kind::Segment],
    };
    let of = |kind: &Kind| COMMON.map(|what| ((*kind, what.to_owned()), 0));
    kinds.iter().flat_map(of).collect()
}

impl Stream {
    fn from_stats(stats: Vec<Arc<StreamStats>>) -> Option<Self> {
        let last = Arc::clone(stats.last()?);
        let totals = stats.iter().map(|one| one.stats.totals());
        let mut faults = common(last.stats.is_raw());
        for (what, count) in stats.iter().flat_map(|one| one.stats.faults()) {
            *faults.entry(what).or_default() += count;
        }
        let disk = (Kind::Segment, Outcome::Disk.to_string());
        let mut not_kept = BTreeMap::from([(disk, 0)]);
        for (what, count) in stats.iter().flat_map(|one| one.stats.not_kept()) {
            *not_kept.entry(what).or_default() += count;
        }
        Some(Self {
            labels: vec![("stream", escaped(&last.name))],
            totals: totals.fold(Totals::default(), Totals::and),
            faults,
            not_kept,
            last,
        })
    }

    /// Its playlists that are polled, each with labels that no other one has.
    fn playlists(&self) -> Vec<(Labels, Arc<PlaylistStats>)> {
        let mut taken: HashMap<String, u32> = HashMap::new();
        let polled = self.last.stats.playlists().into_iter();
        let polled = polled.filter(|one| one.due_since_us().is_some());
        polled
            .map(|one| {
                let label = escaped(&one.label);
                let namesakes = taken.entry(label.clone()).or_default();
                *namesakes += 1;
                let label = match *namesakes {
                    1 => label,
                    number => format!("{label} #{number}"),
                };
                let mut labels = self.labels.clone();
                labels.push(("playlist", label));
                (labels, one)
            })
            .collect()
    }
}

impl Collector for Recording {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let streams = self.streams();
        counters(&mut encoder, &streams)?;
        faults(&mut encoder, &streams)?;
        self.advances(&mut encoder, &streams)?;
        work(&mut encoder, &streams)?;
        self.noticed(&mut encoder)?;
        self.process(&mut encoder)
    }
}

impl Recording {
    fn streams(&self) -> Vec<Stream> {
        let mut by_name: BTreeMap<String, Vec<Arc<StreamStats>>> = BTreeMap::new();
        for stream in self.board.streams() {
            by_name.entry(stream.name.clone()).or_default().push(stream);
        }
        by_name
            .into_values()
            .filter_map(Stream::from_stats)
            .collect()
    }

    fn advances(&self, encoder: &mut DescriptorEncoder<'_>, all: &[Stream]) -> Result<(), Error> {
        let now_us = self.board.clock().map_or(0, |clock| clock.now_us());
        let advanced = |stream: &Stream| Some(seconds(stream.last.stats.advanced_us()?));
        let ago = |at_us: i64| seconds(now_us.saturating_sub(at_us).max(0));
        let since = |stream: &Stream| stream.last.stats.due_for_us(now_us).map(seconds);
        let help = "Unix time of the last advance of the media playlist that is furthest behind";
        let name = "isrecorder_last_advance_timestamp";
        gauges(encoder, (name, help, Some(&Unit::Seconds)), all, advanced)?;
        let help = "Time since that advance, or since a stream was begun, of streams that are being recorded, without times in which a host was left alone as it had asked";
        let name = "isrecorder_since_advance";
        gauges(encoder, (name, help, Some(&Unit::Seconds)), all, since)?;
        let help = "Time since a media playlist advanced, or since it is asked for, without times in which its host was left alone as it had asked";
        let name = "isrecorder_playlist_since_advance";
        let since = |one: &PlaylistStats| one.due_for_us(now_us).map(seconds);
        of_playlists(encoder, (name, help, Some(&Unit::Seconds)), all, since)?;
        let help = "Time since the first of the requests in a row that are unanswered; 0: the last one is answered";
        let name = "isrecorder_playlist_unanswered";
        let unanswered = |one: &PlaylistStats| {
            one.due_since_us()?;
            Some(one.waiting.since_us().map_or(0.0, ago))
        };
        of_playlists(encoder, (name, help, Some(&Unit::Seconds)), all, unanswered)?;
        let help = "Time since the first of the requests in a row that had no good answer; 0: the last one had";
        let name = "isrecorder_playlist_failing";
        let failing = |one: &PlaylistStats| {
            one.due_since_us()?;
            Some(one.failing.spell().map_or(0.0, |spell| ago(spell.since_us)))
        };
        of_playlists(encoder, (name, help, Some(&Unit::Seconds)), all, failing)?;
        let help = "Time since a host has been left alone that asked for patience when anything of the stream was asked for; 0: none is";
        let name = "isrecorder_left_alone";
        let alone = |stream: &Stream| {
            let stats = &stream.last.stats;
            stats.due_since_us()?;
            Some(
                stats
                    .left_alone()
                    .spell(now_us)
                    .map_or(0.0, |(since_us, _)| ago(since_us)),
            )
        };
        gauges(encoder, (name, help, Some(&Unit::Seconds)), all, alone)?;
        let help = "Time since the oldest download under way was asked for; 0: none is under way";
        let name = "isrecorder_oldest_download";
        let oldest = |stream: &Stream| {
            let oldest_us = stream.last.stats.oldest_download_us();
            Some(oldest_us.map_or(0.0, ago))
        };
        gauges(encoder, (name, help, Some(&Unit::Seconds)), all, oldest)?;
        let help = "Time since the last byte of a raw stream, or since it is asked for";
        let name = "isrecorder_raw_since_byte";
        let silent = |stream: &Stream| {
            let is_raw = stream.last.stats.is_raw();
            stream.last.stats.due_since_us().filter(|_| is_raw).map(ago)
        };
        gauges(encoder, (name, help, Some(&Unit::Seconds)), all, silent)?;
        let help = "Target duration of a media playlist";
        let name = "isrecorder_playlist_target_duration";
        let target = |one: &PlaylistStats| {
            let target_us = one.target_us.load(Ordering::Relaxed);
            one.due_since_us()
                .filter(|_| target_us > 0)
                .map(|_| seconds(target_us))
        };
        of_playlists(encoder, (name, help, Some(&Unit::Seconds)), all, target)
    }

    /// What the recorder noticed about itself: how often, and for how long in all.
    fn noticed(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        // Each kind from the start: a counter that appears with its first event has not increased.
        let mut noticed = self.board.noticed_until_now();
        for kind in Notice::ALL {
            noticed.entry(*kind).or_default();
        }
        let labels = |kind: &Notice| vec![("kind", kind.to_string())];
        let help = "What the recorder noticed about itself and its machine";
        let name = "isrecorder_noticed";
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (kind, tally) in &noticed {
            count(&mut metric, &labels(kind), tally.times)?;
        }
        let help = "How long that lasted, or by how much clocks were set";
        let (name, unit) = ("isrecorder_noticed", Some(&Unit::Seconds));
        let mut metric = encoder.encode_descriptor(name, help, unit, MetricType::Counter)?;
        for (kind, tally) in &noticed {
            metric
                .encode_family(&labels(kind))?
                .encode_counter::<NoLabelSet, _, f64>(&seconds(tally.length_us), None)?;
        }
        Ok(())
    }

    fn process(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), Error> {
        if let Some(writer) = self.board.writer() {
            let help = "Messages that wait for the writer of the session";
            let name = "isrecorder_writer_queue_messages";
            gauge(encoder, (name, help, None), writer.waiting() as f64)?;
        }
        if let Ok(disk) = rustix::fs::statvfs(&self.folder) {
            let help = "Room that is left for the session on its file system";
            let name = "isrecorder_disk_free";
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            gauge(encoder, (name, help, Some(&Unit::Bytes)), free as f64)?;
        }
        let help = "Unix time at which the recording was started";
        let name = "process_start_time";
        let started = seconds(self.started_us);
        gauge(encoder, (name, help, Some(&Unit::Seconds)), started)?;
        encoder
            .encode_descriptor("isrecorder_build", "Its version", None, MetricType::Info)?
            .encode_info(&[("version", env!("CARGO_PKG_VERSION"))])
    }
}

/// Name, help and unit of a metric.
pub(super) type About<'a> = (&'a str, &'a str, Option<&'a Unit>);
type Count = fn(&Totals) -> u64;

fn counters(encoder: &mut DescriptorEncoder<'_>, all: &[Stream]) -> Result<(), Error> {
    let counters: [(About<'_>, Count); 8] = [
        (
            ("isrecorder_playlists", "Playlists found", None),
            |totals| totals.playlists + totals.raw_streams,
        ),
        (("isrecorder_polls", "Polls of playlists", None), |totals| {
            totals.polls
        }),
        (
            ("isrecorder_revisions", "Revisions of playlists", None),
            |totals| totals.revisions,
        ),
        (
            ("isrecorder_chunks", "Chunks and keys recorded", None),
            |totals| totals.chunks,
        ),
        (
            (
                "isrecorder_chunk",
                "Bytes of chunks and keys received, failed transfers included",
                Some(&Unit::Bytes),
            ),
            |totals| totals.bytes,
        ),
        (
            (
                "isrecorder_gaps",
                "Times in which media playlists did not advance for too long, or no byte of a raw stream came",
                None,
            ),
            Totals::all_gaps,
        ),
        (
            (
                "isrecorder_segments_never_listed",
                "Segments that media playlists skipped in gaps",
                None,
            ),
            |totals| totals.gaps.never_listed,
        ),
        (
            (
                "isrecorder_segments_not_seen",
                "Segments that media playlists skipped while the recorder may have missed them",
                None,
            ),
            |totals| totals.gaps.not_seen,
        ),
    ];
    for ((name, help, unit), value) in counters {
        let mut metric = encoder.encode_descriptor(name, help, unit, MetricType::Counter)?;
        for stream in all {
            count(&mut metric, &stream.labels, value(&stream.totals))?;
        }
    }
    Ok(())
}

fn faults(encoder: &mut DescriptorEncoder<'_>, all: &[Stream]) -> Result<(), Error> {
    type Counts = BTreeMap<(Kind, String), u64>;
    type Family = (&'static str, &'static str, fn(&Stream) -> &Counts);
    let families: [Family; 2] = [
        (
            "isrecorder_faults",
            "Exchanges that were no good answer of the origin, by kind of resource and what happened: a status, or words (unanswered, reset)",
            |stream| &stream.faults,
        ),
        (
            "isrecorder_not_kept",
            "Exchanges whose answer the recorder did not keep as it came, by kind of resource and outcome",
            |stream| &stream.not_kept,
        ),
    ];
    for (name, help, counts) in families {
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for stream in all {
            for ((kind, what), number) in counts(stream) {
                let mut labels = stream.labels.clone();
                labels.push(("kind", kind.to_string()));
                // A status is a number.
                let what = what.strip_prefix("HTTP ").unwrap_or(what);
                labels.push(("what", escaped(what)));
                count(&mut metric, &labels, *number)?;
            }
        }
    }
    Ok(())
}

/// What the recorder has to do, and how late it is.
fn work(encoder: &mut DescriptorEncoder<'_>, all: &[Stream]) -> Result<(), Error> {
    let waiting = |stream: &Stream| Some(stream.last.stats.load().waiting() as f64);
    let under_way = |stream: &Stream| Some(stream.last.stats.load().under_way() as f64);
    let help = "Downloads that wait";
    gauges(
        encoder,
        ("isrecorder_downloads_waiting", help, None),
        all,
        waiting,
    )?;
    let help = "Downloads under way";
    gauges(
        encoder,
        ("isrecorder_downloads_under_way", help, None),
        all,
        under_way,
    )?;
    let help = "How much later than it was due a poll was made";
    let mut metric = encoder.encode_descriptor(
        "isrecorder_poll_lag",
        help,
        Some(&Unit::Seconds),
        MetricType::Histogram,
    )?;
    for stream in all {
        let lags = stream.last.stats.lags().histogram();
        lags.encode(metric.encode_family(&stream.labels)?)?;
    }
    Ok(())
}

pub(super) fn count(
    metric: &mut MetricEncoder<'_>,
    labels: &Vec<(&'static str, String)>,
    value: u64,
) -> Result<(), Error> {
    metric
        .encode_family(labels)?
        .encode_counter::<NoLabelSet, _, f64>(&value, None)
}

fn gauges(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help, unit): About<'_>,
    all: &[Stream],
    value: impl Fn(&Stream) -> Option<f64>,
) -> Result<(), Error> {
    let mut metric = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
    for stream in all {
        if let Some(value) = value(stream) {
            metric.encode_family(&stream.labels)?.encode_gauge(&value)?;
        }
    }
    Ok(())
}

fn of_playlists(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help, unit): About<'_>,
    all: &[Stream],
    value: impl Fn(&PlaylistStats) -> Option<f64>,
) -> Result<(), Error> {
    let mut metric = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
    for (labels, playlist) in all.iter().flat_map(Stream::playlists) {
        if let Some(value) = value(&playlist) {
            metric.encode_family(&labels)?.encode_gauge(&value)?;
        }
    }
    Ok(())
}

pub(super) fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help, unit): About<'_>,
    value: f64,
) -> Result<(), Error> {
    encoder
        .encode_descriptor(name, help, unit, MetricType::Gauge)?
        .encode_gauge(&value)
}

fn seconds(us: i64) -> f64 {
    us as f64 / 1e6
}
