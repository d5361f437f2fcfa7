//! Record the replay and compare: a faulty origin is recorded as A, A is replayed at the
//! recorded pace, and the replay is recorded as B. All that B was told is what A holds for that moment.
//!
//! The origin goes by the polls that it has answered, not by a clock, and each answer of the replay
//! says to which session time it belongs: so nothing here depends on how busy the machine is. A busy one
//! polls less often, and meets fewer of A's answers; how many is printed.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::replay::Replayer;
use crate::support::programs::Recording;
use crate::support::session::Session;
use crate::support::{Ask, End, Origin, Recorder, Reply, Window, ts};

/// How many polls of the playlist meet the same window.
const POLLS: usize = 5;
/// The window with which the channel ends.
const END: u64 = 7;
/// Session times are told in milliseconds.
const TOLD_US: i64 = 1_000;
/// Of a body that came within so long no times are kept (docs/ref/http.md).
const AT_ONCE_US: i64 = 20_000;

/// A channel with a new segment every five polls, and every fault that there is.
fn faulty(ask: &Ask) -> Reply {
    // What breaks a new connection is a fault, and no crossing.
    let segment = || Reply::segment(ts(ask.path()).repeat(20)).with("Connection", "close");
    match (ask.path(), ask.nth) {
        ("/start.m3u8", _) => Reply::redirect(302, "/live.m3u8"),
        ("/live.m3u8", 7..9) => Reply::html(503).with("Retry-After", "1"),
        ("/live.m3u8", 16..19) => Reply::html(200),
        ("/live.m3u8", 24..27) => Reply::playlist(""),
        ("/live.m3u8", poll) => {
            let sequence = ((poll / POLLS) as u64).min(END);
            Reply::playlist(Window::new(sequence, 3).ended_if(sequence == END).text())
        }
        // Not of those that are listed from the start: a recorder that starts half a second
        // after its replayer, on a busy machine, finds them already mended.
        ("/seg3.ts", 0) => Reply::not_found(),
        ("/seg4.ts", 0) => segment().ending(End::Cut(5000)),
        ("/seg5.ts", _) => segment().ending(End::Drip(Duration::from_millis(1200))),
        ("/seg6.ts", 0) => Reply::nothing(End::Closed),
        ("/seg7.ts", 0) => segment().ending(End::Reset(700)),
        _ => segment(),
    }
}

/// An exchange.
#[derive(Debug, Clone)]
struct Told {
    id: i64,
    resource: String,
    status: i64,
    outcome: String,
    bytes: i64,
    body: Option<Vec<u8>>,
    /// From when on it is the answer, in microseconds of session time.
    from_us: i64,
    /// How long it took, from the request on.
    took_us: i64,
    /// How long its body took.
    receive_us: i64,
}

impl Told {
    fn is_same(&self, other: &Self) -> bool {
        let what = |t: &Self| (t.resource.clone(), t.status, t.outcome.clone());
        // How much was read before a reset was noticed is chance.
        what(self) == what(other) && (self.outcome == "reset" || self.body == other.body)
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.from_us as f64 / 1e6;
        let Self {
            resource,
            status,
            outcome,
            bytes,
            ..
        } = self;
        write!(
            f,
            "{resource} {status} {outcome}, {bytes} bytes, from {seconds:.3} s"
        )
    }
}

/// What a session tells, in order. A 304 says what it confirms.
fn story(session: &Session) -> Vec<Told> {
    let rows = session.rows(
        "SELECT e.id, substr(r.name, -length('start.m3u8')), ifnull(c.status, ifnull(e.status, 0)), e.outcome,
                ifnull(b.size, 0), b.sha256, e.from_us - ?1,
                ifnull(e.wait_us, 0) + ifnull(e.receive_us, 0), ifnull(e.receive_us, 0)
           FROM exchange e JOIN resource r ON r.id = e.resource_id
           LEFT JOIN exchange c ON c.id = e.confirms_id
           LEFT JOIN body b ON b.id = ifnull(c.body_id, e.body_id)
          WHERE e.outcome <> 'crossed' AND e.own_reason IS NULL
          ORDER BY e.id"
            .replace("?1", &session.zero_us().to_string())
            .as_str(),
        |row| {
            let name: String = row.get(1)?;
            Ok(Told {
                id: row.get(0)?,
                resource: name.rsplit('/').next().unwrap_or_default().to_owned(),
                status: row.get(2)?,
                outcome: row.get(3)?,
                bytes: row.get(4)?,
                body: row.get(5)?,
                from_us: row.get(6)?,
                took_us: row.get(7)?,
                receive_us: row.get(8)?,
            })
        },
    );
    assert!(!rows.is_empty());
    rows
}

/// The chapters of each resource: exchanges in a row that say the same are one.
fn chapters(story: &[Told]) -> BTreeMap<&str, Vec<&Told>> {
    let mut chapters: BTreeMap<&str, Vec<&Told>> = BTreeMap::new();
    for told in story {
        let of_it = chapters.entry(told.resource.as_str()).or_default();
        if !of_it.last().is_some_and(|last| last.is_same(told)) {
            of_it.push(told);
        }
    }
    chapters
}

#[test]
fn a_recorded_replay_tells_the_same_story() {
    let origin = Origin::new(faulty);
    let a = Recorder::new(origin.url("/start.m3u8")).run().session();
    // Meanwhile, the same without the faults.
    let healed = replay(&a, &origin, &["--faults", "none"]);
    let faithful = replay(&a, &origin, &["--network", "recorded"]);
    let (b, c) = (faithful.1.finish().session(), healed.1.finish().session());
    let is_good = |t: &Told| t.outcome == "complete" && matches!(t.status, 200 | 302);
    for told in story(&c) {
        assert!(is_good(&told), "left without a good answer: {told}");
    }
    let told_a = story(&a);
    holds_all_faults(&told_a);
    each_answer_is_that_of_its_moment(&b, &told_a);
    the_order_is_the_same(&story(&b), &told_a);
}

/// Each answer of the replay is what `a` holds for the session time that the answer names.
fn each_answer_is_that_of_its_moment(b: &Session, a: &[Told]) {
    let mut moments = 0;
    for told in story(b) {
        let of_it: Vec<&Told> = a.iter().filter(|t| t.resource == told.resource).collect();
        let Some(seconds) = b.header(told.id, "x-isrecorder-session-time") else {
            // Closed before any answer.
            let is_known = of_it.iter().any(|t| t.is_same(&told));
            assert!(told.status == 0 && is_known, "{told}");
            continue;
        };
        let at_us = (seconds.parse::<f64>().unwrap() * 1e6).round() as i64;
        let answer = |at_us| of_it.iter().rfind(|t| t.from_us <= at_us);
        let answers = [answer(at_us), answer(at_us + TOLD_US)];
        let same = answers.into_iter().flatten().find(|t| t.is_same(&told));
        let Some(same) = same else {
            panic!("at {seconds} s: {told}, instead of {answers:?}");
        };
        // What a body took is waited for, and never less; one that came this fast came at once.
        let least_us = match same.receive_us {
            ..=AT_ONCE_US => 0,
            receive_us => receive_us - TOLD_US,
        };
        assert!(told.took_us >= least_us, "{told} in {} us", told.took_us);
        moments += 1;
    }
    assert!(moments > 0);
}

/// Of each resource `b` tells what `a` does, in its order, and both end alike.
fn the_order_is_the_same(b: &[Told], a: &[Told]) {
    let (a, b) = (chapters(a), chapters(b));
    let mut met = 0;
    for (resource, of_b) in &b {
        let mut of_a = a[resource].iter();
        for told in of_b {
            assert!(of_a.any(|t| t.is_same(told)), "not in this order: {told}");
        }
        assert_eq!(of_a.next().map(|t| t.to_string()), None, "never told");
        met += of_b.len();
    }
    let all: usize = a.values().map(Vec::len).sum();
    // The rate is for who reads the log of a run: how much was met depends on the machine.
    #[allow(clippy::print_stdout)]
    {
        println!("{met} of {all} chapters were met");
    }
}

/// Whether the origin's faults are all in a story.
fn holds_all_faults(story: &[Told]) {
    for wanted in [
        ("start.m3u8", 302, "complete"),
        ("live.m3u8", 503, "complete"),
        ("seg3.ts", 404, "complete"),
        ("seg4.ts", 200, "short"),
        ("seg5.ts", 200, "complete"),
        ("seg6.ts", 0, "short"),
        ("seg7.ts", 200, "reset"),
    ] {
        let told = |t: &Told| (t.resource.as_str(), t.status, t.outcome.as_str()) == wanted;
        assert!(story.iter().any(told), "{wanted:?} is missing");
    }
    let chapters = chapters(story);
    let is_none = |t: &&&Told| t.outcome == "not a playlist";
    let no_playlists = chapters["live.m3u8"].iter().filter(is_none);
    let sizes: Vec<i64> = no_playlists.map(|t| t.bytes).collect();
    assert_eq!(sizes, [31, 0], "bodies that are no playlists");
}

/// A recording of a replay, under way.
fn replay(session: &Session, origin: &Origin, arguments: &[&str]) -> (Replayer, Recording) {
    let sessions = session.path().parent().unwrap();
    let replayer = Replayer::start(sessions, &[arguments, &["-p", "0", "session1"]].concat());
    let port = origin.port();
    let url = format!(
        "http://{}/http/127.0.0.1:{port}/start.m3u8",
        replayer.address
    );
    let recording = Recorder::new(url).start();
    (replayer, recording)
}
