//! A day in minutes: six renditions whose segments come as fast as they are fetched.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::support::{Ask, Origin, Recorder, Recording, Reply, Window, rounds, ts};

const RENDITIONS: u64 = 6;
/// Segments that a playlist lists; the next are there when all of them were asked for.
const WINDOW: u64 = 20;
/// The recorder is looked at so often.
const LOOK_EVERY: Duration = Duration::from_millis(500);
const MOST_WAL: u64 = 16 * 1024 * 1024;

/// Segments of each rendition that were asked for so far.
type Asked = Arc<[AtomicU64; RENDITIONS as usize]>;

fn reply(ask: &Ask, asked: &Asked, last: u64) -> Reply {
    let path = ask.path();
    if path == "/main.m3u8" {
        let variant = |n| format!("#EXT-X-STREAM-INF:BANDWIDTH={}\n{n}/live.m3u8\n", n + 1);
        let variants: String = (0..RENDITIONS).map(variant).collect();
        return Reply::playlist(format!("#EXTM3U\n{variants}"));
    }
    let rendition = path[1..]
        .split('/')
        .next()
        .and_then(|n| n.parse::<usize>().ok());
    let count = &asked[rendition.unwrap()];
    if path.ends_with(".m3u8") {
        let first = count.load(Ordering::SeqCst) / WINDOW * WINDOW;
        let first = first.min(last - WINDOW);
        let ended = first + WINDOW == last;
        let window = Window::new(first, WINDOW).named(|n| format!("{}/seg{n}.ts", n / 1000));
        return Reply::playlist(window.ended_if(ended).text());
    }
    if ask.nth == 0 {
        count.fetch_add(1, Ordering::SeqCst);
    }
    Reply::segment(ts(path))
}

/// What a process has: memory in KiB, open files, threads.
fn look(recording: &Recording) -> Option<[u64; 3]> {
    let process = format!("/proc/{}", recording.process());
    let status = fs::read_to_string(format!("{process}/status")).ok()?;
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let files = fs::read_dir(format!("{process}/fd")).ok()?.count() as u64;
    Some([number("VmRSS:")?, files, number("Threads:")?])
}

/// What bursts of requests take goes away again; what leaks stays. So the least of both halves is compared: how much there
/// is at most depends on how many requests a loaded machine has in flight.
fn grows_nowhere(looks: &[[u64; 3]]) {
    let least = |of: &[[u64; 3]], n: usize| of.iter().map(|look| look[n]).min().unwrap();
    let (early, late) = looks.split_at(looks.len() / 2);
    // What a program takes once, in the second half of a short run perhaps.
    let once = [16 * 1024, 8, 16];
    for (n, what) in ["memory, KiB", "open files", "threads"]
        .into_iter()
        .enumerate()
    {
        let (early, late) = (least(early, n), least(late, n));
        println!("{what}: at least {early} in the first half, {late} in the second");
        assert!(
            late <= early + early / 4 + once[n],
            "{what} grows: {early}, {late}"
        );
    }
}

#[test]
fn a_day_by_chance_in_minutes_misses_nothing_and_grows_nowhere() {
    let chunks = rounds(600, 250_000) as u64;
    let last = chunks / RENDITIONS / WINDOW * WINDOW;
    let asked: Asked = Arc::default();
    let counts = Arc::clone(&asked);
    let origin = Origin::new(move |ask| reply(ask, &counts, last));
    let mut recording = Recorder::new(origin.url("/main.m3u8")).start();
    let wal = recording.sessions().join("session1/session.db-wal");
    let (mut looks, mut most_wal) = (Vec::new(), 0);
    let total = || asked.iter().map(|n| n.load(Ordering::SeqCst)).sum::<u64>();
    // The first looks would be at a program that is still being loaded.
    recording.until("the first segments", || total() >= WINDOW);
    while total() < last * RENDITIONS {
        looks.extend(look(&recording));
        most_wal = most_wal.max(fs::metadata(&wal).map_or(0, |facts| facts.len()));
        let (process, before) = (recording.process(), total());
        let on = before + WINDOW;
        recording.until("more segments", || total() >= on.min(last * RENDITIONS));
        // To look, not to wait for anything.
        std::thread::sleep(LOOK_EVERY);
        assert_eq!(process, recording.process());
    }
    let session = recording.finish().session();
    let there = "SELECT count(DISTINCT resource_id) FROM exchange e JOIN resource r ON r.id = e.resource_id
                  WHERE r.kind = 'segment' AND e.outcome = 'complete' AND e.status = 200 AND e.body_id IS NOT NULL";
    assert_eq!(session.number(there) as u64, last * RENDITIONS);
    grows_nowhere(&looks);
    println!("{} chunks, WAL at most {most_wal} bytes", last * RENDITIONS);
    assert!(most_wal <= MOST_WAL, "{most_wal}");
}
