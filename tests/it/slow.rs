//! Segments that come far slower than they are played, or not at all: told while that is so, counted when it is over, and no
//! other one is held up by them.

use std::time::Duration;

use crate::support::{Ask, End, Origin, Recorder, Reply, Stage, Window, ts};

/// Live from the first poll on; from stage 1 to 2 segments end so.
fn tram(stage: &Stage, end: End) -> Origin {
    let at = stage.clone();
    Origin::new(move |ask: &Ask| match (ask.path(), at.at()) {
        ("/tram.m3u8", _) => Reply::playlist(Window::new(ask.nth as u64 / 2, 6).text()),
        (path, 1) => Reply::segment(ts(path).repeat(20)).ending(end),
        (path, _) => Reply::segment(ts(path).repeat(20)),
    })
}

/// The number in front of some words in a line.
fn number_before(line: &str, words: &str) -> Option<u64> {
    let (before, _) = line.split_once(words)?;
    before.split_whitespace().next_back()?.parse().ok()
}

fn until_it_is_well(stage: &Stage, recording: &mut crate::support::Recording) {
    recording.until_at_least(3, "SELECT count(*) FROM revision");
    stage.go(1);
}

#[test]
fn slow_segments_are_told_while_they_come_and_counted_alike_by_all_programs() {
    let stage = Stage::default();
    let origin = tram(&stage, End::Drip(Duration::from_secs(8)));
    let mut recording = Recorder::new(origin.url("/tram.m3u8")).start();
    until_it_is_well(&stage, &mut recording);
    recording.until_it_says(": slow: ");
    stage.go(2);
    recording.until_it_says(": good again after ");
    let finished = recording.interrupt();
    let (log, summary) = (finished.stderr.clone(), finished.stdout.clone());
    let line = |words: &str| log.lines().find(|line| line.contains(words)).unwrap();
    let begin = line(": slow: ");
    assert!(begin.contains("segment \"seg"), "{begin}");
    assert!(begin.ends_with(" s for 1.0 s"), "{begin}");
    assert_eq!(log.matches(": slow: ").count(), 1, "{log}");
    let end = line(": good again after ");
    assert!(end.contains(" took too long (slow)"), "{end}");
    let told = |summary: &str, words| summary.lines().find_map(|line| number_before(line, words));
    let slow = told(&summary, " downloads, for up to ");
    assert!(slow.is_some_and(|slow| slow > 1), "{summary}");
    assert!(summary.contains("  slow: "), "{summary}");
    assert!(summary.contains("See its faults: "), "{summary}");
    assert!(!summary.contains(" lost"), "{summary}");
    let session = finished.session();
    let found = session.told_by(env!("CARGO_BIN_EXE_adjacent-find"), &["--faults"]);
    assert!(found.starts_with("slow for "), "{found}");
    assert!(found.contains(", then all came: "), "{found}");
    assert_eq!(told(&found, " requests; host "), slow, "{found}");
    assert_eq!(told(&found, " long waits"), slow, "{found}");
    let info = session.told_by(env!("CARGO_BIN_EXE_issession"), &["info"]);
    assert!(info.contains("Faults    none\n"), "{info}");
    assert_eq!(told(&info, " long waits, "), slow, "{info}");
    assert!(info.contains("          segment: slow x "), "{info}");
}

#[test]
fn what_is_missing_at_the_end_is_counted_whatever_became_of_it() {
    let stage = Stage::default();
    let origin = tram(&stage, End::Silent);
    let mut recording = Recorder::new(origin.url("/tram.m3u8")).start();
    until_it_is_well(&stage, &mut recording);
    recording.until_it_says(": unanswered for ");
    // More than may be under way at once, were they not slow.
    let begun = origin.asks().len();
    let asked = || {
        let asks = origin.asks();
        asks.iter()
            .skip(begun)
            .filter(|ask| ask.path().starts_with("/seg"))
            .count()
    };
    recording.until("others are asked for", || asked() > 6);
    let finished = recording.interrupt();
    let (log, summary) = (finished.stderr.clone(), finished.stdout.clone());
    assert!(!log.contains("wants to be left alone"), "{log}");
    assert!(
        summary.contains(" s into slow chunks: unanswered"),
        "{summary}"
    );
    let counts = summary.lines().filter_map(|line| {
        let ways = [
            " segments lost: ",
            " segments cut off",
            " segment cut off",
            " segments not asked",
            " segment not asked",
        ];
        ways.iter().find_map(|way| number_before(line, way))
    });
    let missing: u64 = counts.sum();
    let session = finished.session();
    let report = session.told_by(env!("CARGO_BIN_EXE_isreport"), &[]);
    let not_judged = report
        .lines()
        .find(|line| line.starts_with("Not judged: media of "));
    let not_judged = not_judged.and_then(|line| number_before(line, " segments ("));
    assert_eq!(Some(missing), not_judged, "{summary}{report}");
}
