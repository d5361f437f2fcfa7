//! How the steps that a revision takes grow with all that a playlist can have many of: with n log n, never with n².

use super::changes::revision::duration;
use super::model::*;
use super::state::Plan;
use crate::hls::steps::{assert_grows, steps_of};
use crate::hls::{MediaReader, Variables, Window, Windows, read_interstitials};
use crate::recorder::settings::limits::Limits;
use crate::session::Digest;
use crate::session::Kind;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

type Url = url::Url;

/// What a playlist has many of: the lines of the `i`-th in the `revision`-th revision.
type Lines = fn(i: usize, revision: usize) -> String;

const KINDS: [(&str, Lines); 24] = [
    ("keys of one segment", |i, r| key(&format!("k{i}?{r}"))),
    ("keys of one segment and one path", |i, r| {
        key(&format!("k?{i}.{r}"))
    }),
    ("keys that stay", |i, _| key(&format!("k{i}"))),
    ("keys of each segment", |i, r| {
        key(&format!("k{i}?{r}")) + &segment(i, r)
    }),
    ("keys of one path", |i, r| {
        key(&format!("k?{i}.{r}")) + &segment(i, r)
    }),
    ("keys of one path, each for two", |i, r| {
        key(&format!("k?{i}.{r}")) + &segment(i, r) + &segment(i, r + 1)
    }),
    ("one key for every other segment", |i, r| {
        key(&format!("k{}?{r}", i % 2)) + &segment(i, r)
    }),
    ("formats of keys", |i, r| {
        format!("#EXT-X-KEY:METHOD=X,KEYFORMAT=\"f{i}\",URI=\"k{i}?{r}\"\n") + &segment(i, r)
    }),
    ("maps of one segment", |i, r| {
        format!("#EXT-X-MAP:URI=\"m{i}?{r}\"\n")
    }),
    ("ranges of one map", |i, r| {
        format!("#EXT-X-MAP:URI=\"m?{r}\",BYTERANGE=\"9@{i}\"\n") + &segment(i, r)
    }),
    ("ranges of one file", |i, r| {
        format!("#EXT-X-BYTERANGE:9@{}\n#EXTINF:1,\nf.ts?{r}\n", i * 9)
    }),
    ("ranges that follow each other", |_, _| {
        "#EXT-X-BYTERANGE:9\n#EXTINF:1,\nf.ts\n".to_owned()
    }),
    ("dates", |i, r| {
        format!(
            "#EXT-X-PROGRAM-DATE-TIME:2020-01-01T{:02}:{:02}:00Z\n",
            i / 60 % 24,
            i % 60
        ) + &segment(i, r)
    }),
    ("date ranges", |i, r| {
        format!("#EXT-X-DATERANGE:ID=\"{i}\",X-ASSET-URI=\"a{i}.m3u8?{r}\"\n")
    }),
    ("variables", |i, r| {
        format!(
            "#EXT-X-DEFINE:NAME=\"v{i}\",VALUE=\"{{$v{}}}{r}\"\n#EXTINF:1,\n{{$v{i}}}.ts\n",
            i / 2
        )
    }),
    ("variables of the query", |i, _| {
        format!("#EXT-X-DEFINE:QUERYPARAM=\"q{i}\"\n#EXTINF:1,\n{{$q{i}}}.ts\n")
    }),
    ("partial segments", |i, r| {
        format!("#EXT-X-PART:DURATION=1,URI=\"p{i}?{r}\"\n")
    }),
    ("segments with tokens", |i, r| segment(i, r)),
    ("segments with other names", |i, r| {
        format!("#EXTINF:1,\nx{r}/{i}.ts\n")
    }),
    ("segments that stay", |i, _| format!("#EXTINF:1,\n{i}.ts\n")),
    ("one segment again and again", |_, r| {
        format!("#EXTINF:1,\nslate.ts?{r}\n")
    }),
    ("segments in reverse", |i, r| {
        format!(
            "#EXTINF:1,\n{}.ts\n",
            if r % 2 == 0 { i } else { 100_000 - i }
        )
    }),
    ("segments that are missing", |i, r| {
        "#EXT-X-GAP\n".to_owned() + &segment(i, r)
    }),
    ("what is refused", |i, r| key(&format!("skd://{i}?{r}"))),
];

fn key(uri: &str) -> String {
    format!("#EXT-X-KEY:METHOD=AES-128,URI=\"{uri}\"\n")
}

fn segment(i: usize, revision: usize) -> String {
    format!("#EXTINF:1,\ns{i}.ts?{revision}\n")
}

fn wanted(media: crate::hls::MediaPlaylist, place: u64) -> Vec<Wanted> {
    let first = media.facts.media_sequence;
    let placed = |number: u64| place.saturating_add(number.wrapping_sub(first));
    let entries = media.entries.into_iter().filter(|entry| !entry.gap);
    let wanted = entries.map(|entry| Wanted {
        kind: match entry.role {
            crate::hls::EntryRole::Segment => Kind::Segment,
            crate::hls::EntryRole::Part => Kind::Part,
            crate::hls::EntryRole::Init => Kind::Init,
            crate::hls::EntryRole::Key => Kind::Key,
        },
        url: entry.url,
        range: entry.range,
        sequence: placed(entry.sequence),
        last_use: placed(entry.last_use),
        part: 0,
        duration: entry.duration,
        hinted: false,
    });
    wanted.collect()
}

/// A stream, and what is done with revisions of its playlists.
struct Stream {
    plan: Plan,
    now: Instant,
    exchange: i64,
}

impl Stream {
    fn new() -> Self {
        Self {
            plan: Plan::new(&Limits::default()),
            now: crate::clock::instant(),
            exchange: 0,
        }
    }

    fn lists(&mut self, playlist: PlaylistId, wanted: Vec<Wanted>, step: crate::hls::Step) {
        self.exchange += 1;
        self.now += Duration::from_secs(1);
        let listing = Listing {
            duration: duration(&wanted),
            playlist,
            exchange: self.exchange,
            from_us: self.exchange * 1_000_000,
            target_duration_us: 1_000_000,
            wanted,
            step,
            ended: false,
        };
        self.plan.revision(&listing, self.now);
    }

    /// Asks for all that there is; every other request fails, and some hosts want to be left alone.
    fn fetch(&mut self, good: impl Fn(u64) -> Done) {
        let held = |url: &Url, now: Instant| {
            let is_held = url.query().is_some_and(|query| query.ends_with('7'));
            is_held.then_some(now + Duration::from_secs(1))
        };
        loop {
            let job = self.plan.next(self.now, |_| false, held);
            let Some(job) = job else {
                let is_more = self.plan.next_due().is_some_and(|due| due <= self.now);
                if is_more {
                    continue;
                }
                return;
            };
            let done = good(job.number);
            self.plan
                .done(&job, done, Some(Digest::default()), self.now);
        }
    }
}

/// Steps of four revisions of a playlist that has so many.
fn steps_of_revisions(lines: Lines, count: usize) -> u64 {
    // As many parameters as there is anything of, for what asks for them.
    let has_query = lines(0, 0).contains("QUERYPARAM");
    let parameters = (0..count)
        .filter(|_| has_query)
        .map(|i| format!("q{i}={i}"));
    let parameters: Vec<String> = parameters.collect();
    let base = format!("http://h/live/p.m3u8?{}", parameters.join("&"));
    let base = Url::parse(&base).unwrap();
    let (mut reader, mut windows, mut stream) =
        (MediaReader::default(), Windows::default(), Stream::new());
    steps_of(|| {
        for revision in 0..4_usize {
            let all: String = (0..count).map(|i| lines(i, revision)).collect();
            let head = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:5\n";
            let text = bytes::Bytes::from(format!("{head}{all}{}", segment(count, revision)));
            let media = reader.read(&text, &base, &Variables::default());
            read_interstitials(&text, &base, &media.variables);
            let now_us = revision as i64 * 1_000_000;
            let lie = windows.place(Window::from_playlist(&media), now_us, 1_000_000);
            let wanted = wanted(media, lie.place);
            stream.lists(0, wanted, lie.step);
            stream.fetch(|number| match number % 2 {
                0 => Done::Good,
                _ => Done::Failed,
            });
        }
        stream.lists(0, Vec::new(), crate::hls::Step::Restarted);
    })
}

#[test]
fn steps_grow_as_what_a_playlist_has_does() {
    for (what, lines) in KINDS {
        assert_grows(what, |count| steps_of_revisions(lines, count));
    }
}

#[test]
fn steps_grow_as_the_playlists_of_a_stream_do() {
    let steps = |count: usize| {
        let mut stream = Stream::new();
        let url = |text: String| Arc::new(Url::parse(&text).unwrap());
        let wanted = |kind, text: String| Wanted {
            kind,
            url: url(text),
            range: None,
            sequence: 5,
            last_use: 5,
            part: 0,
            duration: Duration::from_secs(1),
            hinted: false,
        };
        steps_of(|| {
            for revision in 0..3 {
                for playlist in 0..count {
                    // A key that all of them share, and a segment of a host that wants to be left alone.
                    let shared = wanted(Kind::Key, "http://h/k".to_owned());
                    let own = format!("http://h/{playlist}.ts?{revision}7");
                    let both = vec![shared, wanted(Kind::Segment, own)];
                    stream.lists(playlist, both, crate::hls::Step::Slid);
                }
                stream.fetch(|_| Done::Failed);
            }
            for playlist in 0..count {
                stream.plan.remove(playlist, stream.now);
            }
        })
    };
    assert_grows("playlists", steps);
}

#[test]
fn what_is_listed_is_bounded_in_bytes_by_whoever_lists_it_and_the_newest_is_kept() {
    let limits = Limits {
        memory: 0,
        ..Limits::default()
    };
    let most = limits.listed_bytes();
    let mut plan = Plan::new(&limits);
    let now = crate::clock::instant();
    let long = "x".repeat(8000);
    let mut lists = |playlist: PlaylistId, revision: usize| {
        let wanted = (0..1500).map(|n| Wanted {
            kind: Kind::Segment,
            url: Arc::new(Url::parse(&format!("http://h/{long}/{n}.ts?{revision}")).unwrap()),
            range: None,
            sequence: n,
            last_use: n,
            part: 0,
            duration: Duration::from_secs(1),
            hinted: false,
        });
        let listing = Listing {
            playlist,
            exchange: 1,
            from_us: 0,
            target_duration_us: 1_000_000,
            wanted: wanted.collect(),
            duration: Duration::from_secs(1500),
            step: crate::hls::Step::Slid,
            ended: false,
        };
        let changes = plan.revision(&listing, now);
        let first = plan.playlists[&playlist].listed.first();
        let first = first.map_or(1500, |listed| listed.wanted.sequence);
        (changes.too_many, first as usize, plan.bytes)
    };
    // The same of several is in memory for each of them.
    let (none, first, _) = lists(0, 1);
    assert_eq!((none, first), (0, 0));
    let (some, first, bytes) = lists(1, 1);
    assert!(some > 0 && some < 1500, "{some}");
    assert_eq!(first, some, "the oldest are left out");
    assert!(bytes <= most && bytes > most - 9000, "{bytes} of {most}");
    assert_eq!(lists(2, 1), (1500, 1500, bytes));
    // What is dropped makes room.
    plan.remove(0, now);
    assert!(plan.bytes < most / 2);
    for playlist in [1, 2] {
        plan.remove(playlist, now);
    }
    assert_eq!((plan.bytes, plan.items.len() - plan.late.len()), (0, 0));
}
