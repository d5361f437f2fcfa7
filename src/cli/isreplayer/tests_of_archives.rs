//! Answers out of an archive, compared with those of the session that it was made of: over HTTP, at moments around each seam.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http_body_util::BodyExt as _;
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::archive::tests::{archive, archive_until};
use crate::archive::{ArchiveVolumes, Cache};
use crate::clock::Clock;
use crate::hls::replay_path;
use crate::replayer::respond::Responds;
use crate::replayer::response::reply::Reply;
use crate::replayer::{Archive, Options, Replay};
use crate::session::Reader;
use crate::session::source::Volumes;
use crate::session::write::keep::tests::history::{Channel, History, Poll, RADIO, SECOND, channel};
use crate::store::testing::{Fails, Objects};
use crate::upkeep::clip::tests::{Asked, Player, after, polls, reached};

/// As in the tests of archives.
const VOLUME: i64 = 5 * SECOND;
const LARGE: u64 = 1_000_000_000;

/// A session, and an archive of it, replayed side by side on one clock, which stands still but for who waits.
struct Both {
    // In this order: the store is let go of outside of the runtime.
    runtime: Runtime,
    uncut: Arc<Replay>,
    archive: Arc<Archive>,
    _volumes: Arc<ArchiveVolumes>,
    clock: Clock,
    zero_us: i64,
}

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().start_paused(true).build().unwrap()
}

fn volumes(objects: &Objects, stream: Option<&str>, cache_bytes: u64) -> Arc<ArchiveVolumes> {
    let cache = Cache::open(None, cache_bytes).unwrap();
    let store = objects.store(Fails::Never);
    Arc::new(ArchiveVolumes::open(store, stream, cache).unwrap())
}

fn opened(runtime: &Runtime, volumes: &Arc<ArchiveVolumes>, clock: Clock) -> Arc<Archive> {
    // On its clock.
    let _context = runtime.enter();
    let volumes = Arc::clone(volumes) as Arc<dyn Volumes>;
    Arc::new(Archive::open(volumes, clock, None, Options::default()).unwrap())
}

impl Both {
    fn new(history: &History, objects: &Objects, cache_bytes: u64) -> Self {
        let runtime = runtime();
        let clock = runtime.block_on(async { Clock::start() });
        let volumes = volumes(objects, Some("main"), cache_bytes);
        let uncut = Replay::open(history.folder.clone(), clock, Options::default()).unwrap();
        Self {
            uncut: Arc::new(uncut),
            archive: opened(&runtime, &volumes, clock),
            _volumes: volumes,
            runtime,
            clock,
            zero_us: history.zero_us,
        }
    }

    /// The path of what is at a path at a moment.
    fn path_at(&self, moment_us: i64, is_healed: bool, path: &str) -> String {
        let now_us = self.runtime.block_on(async { self.clock.now_us() });
        let zero_ms = (now_us - (moment_us - self.zero_us)).div_euclid(1000);
        let faults = if is_healed { ",none" } else { "" };
        format!("/@{zero_ms}{faults}{path}")
    }

    /// Both answer the same; what that is.
    fn same(&self, moment_us: i64, is_healed: bool, path: &str, range: Option<&str>) -> Told {
        let asked = self.path_at(moment_us, is_healed, path);
        self.runtime.block_on(async {
            // At one time.
            let one = Responds::receive(&*self.uncut, parts(&asked, range));
            let other = Responds::receive(&*self.archive, parts(&asked, range));
            let before = told(Responds::respond(&self.uncut, &one).await).await;
            let after = told(Responds::respond(&self.archive, &other).await).await;
            let at = moment_us - self.zero_us;
            assert_eq!(after, before, "{asked} {range:?} at {at}");
            before
        })
    }

    fn same_of(&self, moment_us: i64, is_healed: bool, (url, range): &Asked) {
        let path = replay_path(&url.parse().unwrap()).unwrap();
        let range = range.map(|one| format!("bytes={}-{}", one.first, one.first + one.length - 1));
        let answer = self.same(moment_us, is_healed, &path, range.as_deref());
        let Some(next) = answer.next_sequence() else {
            return;
        };
        for ahead in [0, 1] {
            let held = format!("{path}?_HLS_msn={}", next + ahead);
            self.same(moment_us, is_healed, &held, None);
        }
        self.same(moment_us, is_healed, &format!("{path}?added=1"), None);
    }

    /// What players reach within a span, at all moments of it that are tried.
    fn is_the_same(&self, history: &History, span: (i64, i64)) {
        let reader = Reader::open(&history.folder).unwrap();
        let player = Player {
            reader: &reader,
            to_us: span.1,
        };
        for ((at_us, is_healed), all) in reached(&player, span) {
            let all: BTreeSet<Asked> = all.into_iter().filter(|(url, _)| url != RADIO).collect();
            for asked in &all {
                self.same_of(at_us, is_healed, asked);
            }
            for path in [
                "/stream.m3u8",
                "/main/stream.m3u8",
                "/http/h:80/live/never.ts",
            ] {
                self.same(at_us, is_healed, path, None);
            }
        }
    }
}

/// What a client sees of an answer.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    status: Option<u16>,
    fields: Vec<(String, String)>,
    body: String,
    exchange: Option<i64>,
    done: Vec<String>,
    resets: bool,
}

impl Told {
    /// The media sequence number behind the last one, of a playlist that requests may wait for.
    fn next_sequence(&self) -> Option<u64> {
        let text = &self.body;
        text.contains("CAN-BLOCK-RELOAD").then_some(())?;
        let (_, behind) = text.split_once("#EXT-X-MEDIA-SEQUENCE:")?;
        let first: u64 = behind.lines().next()?.parse().ok()?;
        Some(first + text.matches("#EXTINF").count() as u64)
    }
}

fn parts(path: &str, range: Option<&str>) -> Parts {
    let mut request = http::Request::builder().uri(path);
    if let Some(range) = range {
        request = request.header("range", range);
    }
    request.body(()).unwrap().into_parts().0
}

async fn told(reply: Reply) -> Told {
    let (exchange, resets) = (reply.exchange, reply.resets);
    let done = reply.done.iter().map(ToString::to_string).collect();
    let Some(response) = reply.response else {
        return Told {
            status: None,
            fields: Vec::new(),
            body: String::new(),
            exchange,
            done,
            resets,
        };
    };
    let status = response.status().as_u16();
    let fields = response.headers().iter().map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.to_string(), value)
    });
    let mut fields: Vec<(String, String)> = fields.collect();
    fields.sort();
    // What is sent before it breaks counts, too.
    let mut body = response.into_body();
    let mut text = String::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => {
                let bytes = frame.into_data().unwrap_or_default();
                text += &String::from_utf8_lossy(&bytes);
            }
            Err(_) => text += " and breaks off",
        }
    }
    Told {
        status: Some(status),
        fields,
        // A session has a name, an archive is one.
        body: text.replace("session session1", "the archive"),
        exchange,
        done,
        resets,
    }
}

/// Where volumes meet.
fn seams(history: &History) -> Vec<i64> {
    let first = (history.zero_us / VOLUME + 1) * VOLUME;
    (0..)
        .map(|number| first + number * VOLUME)
        .take_while(|us| *us < history.now_us)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]
    #[test]
    fn an_archive_answers_as_its_session_does(
        channel in channel(),
        (late, raw) in any::<(bool, bool)>(),
        polls in polls(),
        looks in prop::collection::vec(0..32_usize, 0..3),
        which in 0..1000_usize,
    ) {
        let objects = Objects::default();
        let mut history = History::new(Channel { late, raw, ..channel });
        for (number, poll) in polls.iter().enumerate() {
            history.poll(*poll);
            if looks.contains(&number) {
                let end_us = history.now_us;
                let seen = "UPDATE run SET seen_us = ?1 WHERE stopped_us IS NULL";
                history.store.db.execute(seen, [end_us]).unwrap();
                archive_until(&history.folder, &objects, Fails::Never, Some(end_us - SECOND)).unwrap();
            }
        }
        history.now_us += SECOND;
        history.end();
        archive(&history.folder, &objects);
        let both = Both::new(&history, &objects, LARGE);
        both.is_the_same(&history, (history.zero_us, history.now_us));
        let seams = seams(&history);
        if let Some(seam) = seams.get(which % seams.len().max(1)) {
            both.is_the_same(&history, (seam - 1500, seam + 1500));
        }
        let end_us = history.now_us;
        both.same(end_us + 60 * SECOND, false, "/stream.m3u8", None);
        both.same(history.zero_us - SECOND, false, "/stream.m3u8", None);
    }
}

#[test]
fn a_cache_that_is_too_small_for_all_of_it_holds_what_is_asked_for_last() {
    let objects = Objects::default();
    let history = after(Channel::default(), &[Poll::Advance(1); 40]);
    archive(&history.folder, &objects);
    let both = Both::new(&history, &objects, 10_000);
    both.is_the_same(&history, (history.zero_us, history.now_us));
}

#[test]
fn a_volume_that_is_damaged_is_a_hole_and_the_rest_goes_on() {
    let objects = Objects::default();
    let history = after(Channel::default(), &[Poll::Advance(1); 30]);
    archive(&history.folder, &objects);
    let keys = objects.keys();
    let databases: Vec<&String> = keys.iter().filter(|key| key.ends_with(".db.zst")).collect();
    // One volume alone is known in part by what the next one has of the time before it.
    for database in &databases[2..4] {
        let other: Vec<u8> = objects.get(database).iter().map(|byte| byte ^ 1).collect();
        objects.put(database, other);
    }
    let both = Both::new(&history, &objects, LARGE);
    let seams = seams(&history);
    let media = "/http/h:80/live/a.m3u8";
    let told = |moment_us| {
        let asked = both.path_at(moment_us, false, media);
        both.runtime.block_on(async {
            let request = Responds::receive(&*both.archive, parts(&asked, None));
            told(Responds::respond(&both.archive, &request).await).await
        })
    };
    // As the last answer before.
    let before = told(seams[1] - 1);
    assert_eq!(told(seams[1] + SECOND).exchange, before.exchange);
    assert_eq!(before.status, Some(200));
    both.same(seams[1] - 1, false, media, None);
    both.is_the_same(&history, (seams[3], history.now_us));
}

#[test]
fn what_is_archived_later_appears_by_itself() {
    let objects = Objects::default();
    let mut history = History::new(Channel::default());
    let seen = "UPDATE run SET seen_us = ?1 WHERE stopped_us IS NULL";
    for _ in 0..12 {
        history.poll(Poll::Advance(1));
    }
    history.store.db.execute(seen, [history.now_us]).unwrap();
    archive_until(
        &history.folder,
        &objects,
        Fails::Never,
        Some(history.now_us),
    )
    .unwrap();
    let both = Both::new(&history, &objects, LARGE);
    let first_us = seams(&history).last().unwrap() + VOLUME;
    for _ in 0..12 {
        history.poll(Poll::Advance(1));
    }
    let asked = |moment_us| {
        let asked = both.path_at(moment_us, false, "/http/h:80/live/a.m3u8");
        both.runtime.block_on(async {
            let request = Responds::receive(&*both.archive, parts(&asked, None));
            told(Responds::respond(&both.archive, &request).await).await
        })
    };
    assert_eq!(asked(first_us - VOLUME - SECOND).status, Some(200));
    let early = asked(first_us + SECOND);
    assert_eq!(early.status, Some(503), "{early:?}");
    assert!(
        early
            .body
            .contains("nothing of that moment is archived yet"),
        "{early:?}"
    );
    history.end();
    archive(&history.folder, &objects);
    // A listing of today is held for the length of a volume.
    both.runtime
        .block_on(async { tokio::time::advance(Duration::from_secs(6)).await });
    assert_eq!(asked(first_us + SECOND).status, Some(200));
    both.is_the_same(&history, (history.zero_us, history.now_us));
}

#[test]
fn streams_of_an_archive_are_beneath_their_names() {
    let objects = Objects::default();
    let channel = Channel {
        raw: true,
        ..Channel::default()
    };
    let history = after(channel, &[Poll::Advance(1); 12]);
    archive(&history.folder, &objects);
    let runtime = runtime();
    let clock = runtime.block_on(async { Clock::start() });
    let volumes = volumes(&objects, None, LARGE);
    let archive = opened(&runtime, &volumes, clock);
    let ask = |path: &str| {
        runtime.block_on(async {
            let request = Responds::receive(&*archive, parts(path, None));
            told(Responds::respond(&archive, &request).await).await
        })
    };
    let index = ask("/");
    assert!(index.body.contains("main: main/stream.m3u8"), "{index:?}");
    assert_eq!(ask("/stream.m3u8").status, Some(302));
    runtime.block_on(async { tokio::time::advance(Duration::from_secs(5)).await });
    let main = ask("/main/stream.m3u8");
    assert!(main.body.contains("\nhttp/h:80/live/a.m3u8"), "{main:?}");
    assert_eq!(ask("/main/http/h:80/live/a.m3u8").status, Some(200));
    for path in ["/main/dvr.m3u8", "/radio/stream.ts", "/main/-/v1/session"] {
        let told = ask(path);
        assert_eq!(told.status, Some(501), "{path}");
        assert!(told.body.contains("issession fetch"), "{told:?}");
    }
    let none = ask("/http/h:80/live/a.m3u8");
    assert_eq!(none.status, Some(404));
    assert!(none.body.contains("each beneath its name"), "{none:?}");
}
