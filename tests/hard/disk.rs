//! A disk that fills and is freed: a small tmpfs, in a mount namespace of its own.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::support::programs::Finished;
use crate::support::{Ask, Origin, Recorder, Reply, Window, rounds, ts};

const S: i64 = 1_000_000;

/// Runs this test again where temporary files are on a disk of so many MiB; `true`: it was.
fn on_small_disk(name: &str, mebibytes: u32) -> bool {
    if std::env::var_os("ON_SMALL_DISK").is_some() {
        return false;
    }
    let disk = tempfile::tempdir().unwrap();
    let mut unshare = Command::new("unshare");
    match rustix::process::getuid().is_root() {
        true => unshare.arg("-m"),
        false => unshare.arg("-Urm"),
    };
    let mount =
        format!("mount -t tmpfs -o size={mebibytes}m tmpfs \"$TMPDIR\" && exec \"$0\" \"$@\"");
    let output = unshare
        .args(["sh", "-c", &mount])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env("ON_SMALL_DISK", "1")
        .env("TMPDIR", disk.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
    true
}

/// Some 100 kB a second.
fn live(ask: &Ask) -> Reply {
    match ask.path() {
        "/live.m3u8" => Reply::playlist(Window::new(ask.nth as u64 / 2, 4).text()),
        path => Reply::segment(ts(path).repeat(70)),
    }
}

/// Takes all the room that is left.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    let zeros = vec![0; 1024 * 1024];
    for size in [zeros.len(), 4096] {
        while file.write_all(&zeros[..size]).is_ok() {}
    }
}

/// Unix time in microseconds.
#[allow(clippy::disallowed_methods)]
fn now_us() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_micros() as i64
}

#[test]
fn a_disk_that_fills_and_is_freed_ends_nothing_and_leaves_marked_holes_by_chance() {
    const NAME: &str =
        "disk::a_disk_that_fills_and_is_freed_ends_nothing_and_leaves_marked_holes_by_chance";
    if on_small_disk(NAME, 32) {
        return;
    }
    let origin = Origin::new(live);
    let recorder = Recorder::new(origin.url("/live.m3u8"));
    let filler = recorder.folder().join("filler");
    let mut recording = recorder.start();
    let mut times = Vec::new();
    for round in 1..=rounds(2, 20) as i64 {
        let chunks = "SELECT count(*) FROM body WHERE path IS NOT NULL";
        recording.until_at_least(3 * round, chunks);
        let filling_us = now_us();
        fill(&filler);
        let full_us = now_us();
        // Rows go on: what is seen here is committed.
        let begun = "SELECT count(*) FROM event WHERE kind = 'disk full'";
        recording.until_at_least(round, begun);
        let later = format!(
            "SELECT count(*) >= 8 FROM exchange WHERE lag_us IS NOT NULL AND requested_us > {full_us}"
        );
        recording.until_at_least(1, &later);
        fs::remove_file(&filler).unwrap();
        let freed_us = now_us();
        let over = format!("{begun} AND length_us IS NOT NULL");
        recording.until_at_least(round, &over);
        let stored = format!(
            "SELECT count(*) FROM exchange WHERE requested_us > {freed_us} AND body_id IN (SELECT id FROM body WHERE path IS NOT NULL)"
        );
        recording.until_at_least(1, &stored);
        times.push((filling_us, full_us, freed_us));
    }
    check(recording.interrupt(), &times);
}

/// When the disk was about to be full, when it was, and when it was freed, of each round.
fn check(finished: Finished, times: &[(i64, i64, i64)]) {
    let said = finished.stdout.clone();
    let summary = format!("The recorder itself: its disk was full x {}, ", times.len());
    assert!(said.contains(&summary), "{said}");
    let session = finished.session();
    let holes: Vec<(i64, i64)> = session.rows(
        "SELECT at_us, length_us FROM event WHERE kind = 'disk full' ORDER BY at_us",
        |row| Ok((row.get(0)?, row.get(1)?)),
    );
    assert_eq!(holes.len(), times.len(), "{holes:?} {times:?}");
    for ((at_us, length_us), (filling_us, full_us, freed_us)) in holes.into_iter().zip(times) {
        assert!(
            (*filling_us..full_us + S).contains(&at_us),
            "{at_us} {times:?}"
        );
        let end_us = at_us + length_us;
        assert!(
            (*freed_us..freed_us + S).contains(&end_us),
            "{end_us} {times:?}"
        );
        let stored: i64 = session.number(&format!(
            "SELECT min(requested_us) FROM exchange e JOIN body b ON b.id = e.body_id
              WHERE b.path IS NOT NULL AND e.requested_us > {freed_us}"
        ));
        assert!(stored - freed_us < 5 * S, "{stored} {times:?}");
        let taken = session.number(&format!(
            "SELECT count(*) FROM exchange e JOIN body b ON b.id = e.body_id
              WHERE b.path IS NOT NULL AND e.requested_us > {at_us} AND e.requested_us < {freed_us}"
        ));
        assert_eq!(taken, 0, "the reserve is for rows");
        let asked = session.number(&format!(
            "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id
              WHERE r.kind = 'segment' AND e.requested_us BETWEEN {} AND {}",
            at_us + S,
            freed_us - 1
        ));
        assert_eq!(asked, 0, "nothing is asked for that cannot be kept");
    }
    let text = Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
        .args(["-t", "0"])
        .arg(session.path())
        .output()
        .unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(
        text.contains("The recorder's disk was full here, from 0:"),
        "{text}"
    );
}

/// Some megabyte a second.
fn heavy(ask: &Ask) -> Reply {
    match ask.path() {
        "/live.m3u8" => Reply::playlist(Window::new(ask.nth as u64 / 2, 4).text()),
        path => Reply::segment(ts(path).repeat(2000)),
    }
}

/// How many volumes are in a folder.
fn volumes(folder: &Path) -> usize {
    let of = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => volumes(&path),
            false => usize::from(path.extension().is_some_and(|end| end == "json")),
        }
    };
    fs::read_dir(folder).map_or(0, |all| all.map(of).sum())
}

#[test]
fn a_disk_that_is_full_of_what_the_archive_does_not_have_is_freed_as_soon_as_it_has_it() {
    const NAME: &str =
        "disk::a_disk_that_is_full_of_what_the_archive_does_not_have_is_freed_as_soon_as_it_has_it";
    if on_small_disk(NAME, 96) {
        return;
    }
    // On another disk, where a file stands in the way of chunks at first.
    let archive = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let in_the_way = archive.path().join("chunks");
    fs::write(&in_the_way, "").unwrap();
    let url = format!("file://{}", archive.path().display());
    let origin = Origin::new(heavy);
    let recorder = Recorder::new(origin.url("/live.m3u8"));
    let recorder = recorder.args(["--archive", &url, "--volume", "2s", "--keep", "1s"]);
    let filler = recorder.folder().join("filler");
    let mut recording = recorder.start();
    recording.until_at_least(20, "SELECT count(*) FROM body WHERE path IS NOT NULL");
    recording.until_it_says("; --keep removes nothing that is not there");
    fill(&filler);
    recording.until_it_says(
        "the disk is full, and --keep removes nothing that is not in the archive yet",
    );
    assert_eq!(volumes(archive.path()), 0);
    fs::remove_file(&in_the_way).unwrap();
    // What no request that is under way can need any more goes 80 s behind.
    for count in [2, 20, 40] {
        recording.until("volumes", || volumes(archive.path()) >= count);
    }
    recording.until_it_says("there is room again");
    let finished = recording.interrupt();
    assert!(filler.exists());
    assert!(
        finished.stdout.contains("has all of it"),
        "{}",
        finished.stdout
    );
    let checked = Command::new(env!("CARGO_BIN_EXE_issession"))
        .args(["check", &url, "--hashes"])
        .output()
        .unwrap();
    assert!(
        checked.status.success(),
        "{}",
        String::from_utf8_lossy(&checked.stdout)
    );
}

#[test]
fn a_disk_without_room_for_a_reserve_is_waited_for_all_the_same() {
    const NAME: &str = "disk::a_disk_without_room_for_a_reserve_is_waited_for_all_the_same";
    if on_small_disk(NAME, 1) {
        return;
    }
    let origin = Origin::new(live);
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_it_says("nothing can be held in reserve");
    recording.until_it_says("the disk is full; no bodies are kept");
    let polls = origin.count("/live.m3u8");
    recording.until("polls go on", || origin.count("/live.m3u8") > polls + 5);
    let grown = Command::new("mount")
        .args(["-o", "remount,size=32m"])
        .arg(std::env::temp_dir())
        .status();
    assert!(grown.unwrap().success());
    recording.until_it_says("there is room again");
    recording.until_at_least(3, "SELECT count(*) FROM body WHERE path IS NOT NULL");
    let session = recording.interrupt().session();
    let holes = "SELECT count(*) FROM event WHERE kind = 'disk full' AND length_us > 0";
    assert_eq!(session.number(holes), 1);
}

#[test]
fn a_chunk_larger_than_a_file_may_be_is_lost_alone() {
    let origin = Origin::new(|ask| match ask.path() {
        "/live.m3u8" => Reply::playlist(Window::new(ask.nth as u64 / 2, 4).text()),
        "/seg1.ts" => Reply::segment(ts("large").repeat(15_000)),
        path => Reply::segment(ts(path)),
    });
    // In blocks of 512 bytes; the segment has more.
    let recorder = Recorder::new(origin.url("/live.m3u8")).after_shell("ulimit -f 15000");
    let mut recording = recorder.start();
    recording.until_at_least(1, "SELECT count(*) FROM exchange WHERE outcome = 'disk'");
    recording.until_at_least(6, "SELECT count(*) FROM body WHERE path IS NOT NULL");
    let session = recording.interrupt().session();
    let lost: Vec<String> = session.list(
        "SELECT DISTINCT r.name FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE e.outcome = 'disk'",
    );
    assert_eq!(lost, ["seg1.ts"]);
    assert_eq!(
        session.number("SELECT count(*) FROM event WHERE kind = 'disk full'"),
        0
    );
}

#[test]
fn what_left_its_playlist_while_the_disk_was_full_is_the_recorders_loss_in_all_that_is_told() {
    const NAME: &str = "disk::what_left_its_playlist_while_the_disk_was_full_is_the_recorders_loss_in_all_that_is_told";
    if on_small_disk(NAME, 16) {
        return;
    }
    // It keeps nothing that it does not list.
    let first = Arc::new(AtomicU64::new(0));
    let listed = Arc::clone(&first);
    let origin = Origin::new(move |ask| match ask.path() {
        "/live.m3u8" => {
            let from = ask.nth as u64 / 2;
            listed.store(from, Ordering::Relaxed);
            Reply::playlist(Window::new(from, 4).text())
        }
        path => {
            let number = path.trim_start_matches("/seg").trim_end_matches(".ts");
            let is_listed = number.parse::<u64>().unwrap() >= listed.load(Ordering::Relaxed);
            match is_listed {
                true => Reply::segment(ts(path).repeat(70)),
                false => Reply::not_found(),
            }
        }
    });
    let recorder = Recorder::new(origin.url("/live.m3u8"));
    let filler = recorder.folder().join("filler");
    let mut recording = recorder.start();
    recording.until_at_least(3, "SELECT count(*) FROM body WHERE path IS NOT NULL");
    fill(&filler);
    recording.until_it_says("the disk is full; no bodies are kept until there is room");
    let polls = origin.count("/live.m3u8");
    recording.until("segments leave", || origin.count("/live.m3u8") > polls + 20);
    fs::remove_file(&filler).unwrap();
    recording.until_it_says("there is room again");
    let polls = origin.count("/live.m3u8");
    recording.until("what is late is given up", || {
        origin.count("/live.m3u8") > polls + 60
    });
    let finished = recording.interrupt();
    let (out, log) = (finished.stdout.clone(), finished.stderr.clone());
    assert!(!out.contains("  segment: HTTP 404"), "{out}");
    assert!(
        !log.contains("could not be had") && !log.contains("HTTP 404"),
        "{log}"
    );
    assert!(
        !out.contains("  1 segment") && !out.contains(" segments lost: "),
        "{out}"
    );
    let errors: Vec<&str> = log
        .lines()
        .filter(|line| line.contains(" ERROR "))
        .collect();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    let own = out
        .lines()
        .find(|line| line.contains(" lost, since it did not keep them"));
    let own = own.unwrap_or_else(|| panic!("{out}"));
    let lost: u64 = own.split_whitespace().nth(3).unwrap().parse().unwrap();
    let session = finished.session();
    let program = |program: &str, arguments: &[&str]| {
        let output = Command::new(program)
            .args(arguments)
            .arg(session.path())
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let report = program(env!("CARGO_BIN_EXE_isreport"), &[]);
    assert!(
        report.contains(&format!("lacks {lost} segments")),
        "{report}"
    );
    // Those whose bodies were cut short by the full disk were asked for.
    let cut = session.number(
        "SELECT count(DISTINCT resource_id) FROM exchange e WHERE outcome = 'disk' AND NOT EXISTS
           (SELECT 1 FROM exchange g WHERE g.resource_id = e.resource_id AND g.status = 200 AND g.outcome = 'complete')",
    );
    let unasked = lost - u64::try_from(cut).unwrap();
    let faults = program(env!("CARGO_BIN_EXE_adjacent-find"), &["--faults"]);
    let told = format!(" {unasked} segments not asked for");
    assert!(faults.contains(&told), "{faults} {lost} {cut}");
    let info = program(env!("CARGO_BIN_EXE_issession"), &["info"]);
    let told = format!("disk was full: {unasked} segments that it did not ask for in time");
    assert!(info.contains(&told), "{info} {lost} {cut}");
}

#[test]
fn a_disk_that_is_still_full_at_the_end_is_told_as_the_recorders_with_how_long_it_was() {
    const NAME: &str =
        "disk::a_disk_that_is_still_full_at_the_end_is_told_as_the_recorders_with_how_long_it_was";
    if on_small_disk(NAME, 16) {
        return;
    }
    let origin = Origin::new(live);
    let recorder = Recorder::new(origin.url("/live.m3u8"));
    let filler = recorder.folder().join("filler");
    let mut recording = recorder.start();
    recording.until_at_least(3, "SELECT count(*) FROM body WHERE path IS NOT NULL");
    fill(&filler);
    recording.until_at_least(1, "SELECT count(*) FROM event WHERE kind = 'disk full'");
    // What cannot be kept is not asked for: what was under way comes to its end, and no other segment is begun.
    let segments = || {
        origin
            .asks()
            .iter()
            .filter(|ask| ask.path().ends_with(".ts"))
            .count()
    };
    let polls = origin.count("/live.m3u8");
    recording.until("what was under way is over", || {
        origin.count("/live.m3u8") > polls + 4
    });
    let (begun, polls) = (segments(), origin.count("/live.m3u8"));
    recording.until("polls go on", || origin.count("/live.m3u8") > polls + 40);
    assert_eq!(
        segments(),
        begun,
        "nothing is asked for that cannot be kept"
    );
    recording.until_it_says("while the recorder's disk was full: it is lost");
    let finished = recording.interrupt();
    let (out, log) = (finished.stdout.clone(), finished.stderr.clone());
    let session = finished.session();
    let length_us = "SELECT length_us FROM event WHERE kind = 'disk full'";
    let seconds = format!("{:.1} s", session.number(length_us) as f64 / 1e6);
    assert!(session.number(length_us) > S, "{out}");
    let told = format!("The recorder itself: its disk was full x 1, {seconds} in all");
    assert!(out.contains(&told), "{out}");
    // One count, wherever it is told.
    let not_kept = session
        .number("SELECT count(*) FROM exchange WHERE outcome = 'disk' AND own_reason IS NULL");
    let came = format!("segment: disk x {not_kept}, not kept as it came");
    assert!(not_kept == 0 || out.contains(&came), "{out}");
    assert!(log.contains("bodies that were not kept so far: "), "{log}");
    assert!(
        out.contains(" segments lost, since it did not keep them, or did not ask for them on a full disk: 127.0.0.1 "),
        "{out}"
    );
    assert!(!out.contains("  segments lost: "), "{out}");
    let program = |program: &str, arguments: &[&str]| {
        let output = Command::new(program)
            .args(arguments)
            .arg(session.path())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let faults = program(env!("CARGO_BIN_EXE_adjacent-find"), &["--faults"]);
    let (first, _) = faults.split_once('\n').unwrap();
    assert!(
        first.starts_with("the recorder's disk was full ") && first.contains(" not asked for: "),
        "{faults}"
    );
    let report = program(env!("CARGO_BIN_EXE_isreport"), &[]);
    let recorder = report
        .lines()
        .find(|line| line.starts_with("The recorder: "));
    let recorder = recorder.unwrap_or_else(|| panic!("{report}"));
    assert!(
        recorder.contains(" by its own doing; ")
            && recorder.ends_with(&format!("its disk was full 1 time ({seconds}).")),
        "{recorder}"
    );
    let info = program(env!("CARGO_BIN_EXE_issession"), &["info"]);
    let noticed =
        format!("Noticed   by the recorder, of itself: its disk was full x 1, {seconds} in all");
    assert!(info.contains(&noticed), "{info}");
}
