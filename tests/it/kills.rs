//! A recorder that is killed or stopped at any moment, again and again, and taken up again.

// What was measured.
#![allow(clippy::print_stdout)]

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::programs::Finished;
use crate::support::seen::Seen;
use crate::support::session::Session;
use crate::support::{
    Ask, Dice, End, Origin, Recorder, Recording, Reply, Window, rounds, seed, three,
};

/// A session is given up for a new one after so many kills, so that looking at it costs little.
const KILLS_OF_A_SESSION: usize = 50;

/// When the origin was first asked since it was last told to forget.
#[derive(Default, Clone)]
struct FirstAsk(Arc<Mutex<Option<Instant>>>);

impl FirstAsk {
    fn note(&self) {
        self.0.lock().unwrap().get_or_insert_with(now);
    }

    fn forget(&self) {
        *self.0.lock().unwrap() = None;
    }

    fn at(&self) -> Option<Instant> {
        *self.0.lock().unwrap()
    }
}

/// A recorder of all three streams: of a new session, or in that of a recording before.
fn recorder(origin: &Origin, before: Option<Finished>) -> Recorder {
    let arguments = three::arguments(origin);
    let recorder = Recorder::bare().args(arguments.iter().map(String::as_str));
    match before {
        Some(before) => recorder.within(before).args(["--resume", "-s", "session1"]),
        None => recorder.args(["-s", "session1"]),
    }
}

/// Lets it run for a while that the dice say, looking at what it commits.
fn watch(recording: &mut Recording, dice: &mut Dice, seen: &mut Seen) {
    let until = now() + Duration::from_millis(dice.below(700));
    let database = recording.sessions().join("session1/session.db");
    while now() < until {
        seen.look(&database);
        // That the moment is any is the point.
        std::thread::sleep(Duration::from_millis(dice.below(30)));
    }
}

#[test]
fn by_chance_killed_at_any_moment_and_taken_up_it_loses_nothing_that_was_committed() {
    let mut dice = Dice::new(seed());
    let first_ask = FirstAsk::default();
    let asked = first_ask.clone();
    let origin = Origin::new(move |ask| {
        asked.note();
        three::reply(ask)
    });
    let (mut before, mut seen) = (None, Seen::default());
    let (mut slowest, mut exchanges) = (Duration::ZERO, 0);
    for kill in 0..rounds(8, 1_000) {
        if kill % KILLS_OF_A_SESSION == 0 {
            exchanges += seen.count();
            (before, seen) = (None, Seen::default());
        }
        let resumes = before.is_some();
        first_ask.forget();
        let started = now();
        let mut recording = recorder(&origin, before.take()).start();
        if dice.below(4) > 0 || !resumes {
            recording.until("its first poll", || first_ask.at().is_some());
        }
        watch(&mut recording, &mut dice, &mut seen);
        let killed = recording.kill();
        assert_eq!(
            killed.status.code(),
            None,
            "seed {}: {}",
            seed(),
            killed.stderr
        );
        if let (true, Some(at)) = (resumes, first_ask.at()) {
            slowest = slowest.max(at - started);
        }
        let session = Session::within(killed.folder(), "session1");
        session.check_invariants();
        three::check(&session);
        seen.check(&session.path().join("session.db"));
        before = Some(killed);
    }
    exchanges += seen.count();
    assert!(exchanges > 0);
    println!("{exchanges} exchanges seen; from a restart to the first poll at most {slowest:?}");
    let stopped = recorder(&origin, before).args(["--duration", "1"]).run();
    let session = stopped.session();
    three::check(&session);
    seen.check(&session.path().join("session.db"));
}

#[test]
fn what_a_killed_run_had_copied_of_a_part_is_in_nobodys_way() {
    let origin = Origin::new(three::reply);
    let mut recording = recorder(&origin, None).start();
    let temporary = recording.sessions().join("session1/chunks/.tmp");
    recording.until_at_least(1, "SELECT count(*) FROM pending p JOIN resource r ON r.id = p.resource_id WHERE r.kind = 'main'");
    recording.until_it_says("it is a stream of ts");
    let is_long = |entry: std::fs::DirEntry| {
        let notes = entry.path().with_extension("notes").exists();
        notes && entry.metadata().is_ok_and(|facts| facts.len() > 10_000)
    };
    recording.until("a part", || {
        temporary.read_dir().unwrap().flatten().any(is_long)
    });
    let killed = recording.kill();
    // Its name is a number that no exchange has.
    std::fs::write(temporary.join(i64::MAX.to_string()), "half").unwrap();
    let resumed = recorder(&origin, Some(killed))
        .args(["--duration", "1"])
        .run();
    let session = resumed.session();
    three::check(&session);
    let adopted = "SELECT count(*) FROM exchange WHERE error = 'the recorder was killed' AND body_id NOT NULL";
    assert_eq!(session.number(adopted), 1);
}

#[test]
fn by_chance_stopped_at_any_moment_it_ends_well_and_leaves_nothing_to_recover() {
    let mut dice = Dice::new(seed());
    let mut slowest = Duration::ZERO;
    for _ in 0..rounds(8, 100) {
        let hangs = dice.below(4) == 0;
        let origin = Origin::new(move |ask| match ask.path() {
            "/one/seg2.ts" if hangs => three::reply(ask).ending(End::Hang(3)),
            _ => three::reply(ask),
        });
        let mut recording = recorder(&origin, None).start();
        recording.until("its first poll", || !origin.asks().is_empty());
        let mut seen = Seen::default();
        watch(&mut recording, &mut dice, &mut seen);
        let asked = now();
        recording.signal(Signal::TERM);
        let stopped = recording.finish();
        slowest = slowest.max(now() - asked);
        let session = stopped.session();
        three::check(&session);
        seen.check(&session.path().join("session.db"));
        assert_eq!(session.one::<String>("PRAGMA journal_mode"), "delete");
        assert_eq!(session.one::<String>("SELECT ended FROM run"), "stopped");
    }
    println!("from the signal to the end at most {slowest:?}");
}

#[test]
fn a_row_without_company_is_committed_all_the_same() {
    let origin = Origin::new(|ask: &Ask| match (ask.path(), ask.nth) {
        ("/live.m3u8", 0) => Reply::playlist(Window::new(0, 1).text()),
        ("/live.m3u8", 1) => Reply::html(503),
        ("/live.m3u8", _) => Reply::nothing(End::Silent),
        (path, _) => Reply::segment(path.as_bytes()),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until("a poll that is not answered", || {
        origin.count("/live.m3u8") == 3
    });
    recording.until_at_least(1, "SELECT count(*) FROM exchange WHERE status = 503");
    let polls = origin.count("/live.m3u8");
    assert_eq!(polls, 3, "nothing else came to be committed with it");
    recording.interrupt().session();
}

/// For what is measured and reported, and for the random moments.
#[allow(clippy::disallowed_methods)]
fn now() -> Instant {
    Instant::now()
}
