//! Live channels whose names come again - a loop of slates, a ring, one name in a window of one - and which go on all the
//! same: nobody says that they stand still, and the DVR list has all of them.

use std::fmt::Write;
use std::process::Command;

use crate::replay::Replayer;
use crate::support::client::{ask, led};
use crate::support::{Ask, Origin, Recorder, Reply, ts};

/// A channel: how many segments it lists, and what it calls them by turns.
#[derive(Debug, Clone, Copy)]
struct Turns {
    count: u64,
    names: &'static [&'static str],
    dates: bool,
}

impl Turns {
    fn name(&self, segment: u64) -> &'static str {
        self.names[segment as usize % self.names.len()]
    }

    /// It moves with each request, so that nothing depends on how fast they come; its segments are short, so that no
    /// request comes before the next of them can be there.
    fn playlist(&self, first: u64) -> Reply {
        let mut text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:{first}\n");
        for n in first..first + self.count {
            if self.dates {
                let (minutes, tenths) = (n / 600, n % 600);
                let (seconds, tenth) = (tenths / 10, tenths % 10);
                writeln!(
                    text,
                    "#EXT-X-PROGRAM-DATE-TIME:2026-11-30T12:{minutes:02}:{seconds:02}.{tenth}00Z"
                )
                .unwrap();
            }
            writeln!(text, "#EXTINF:0.1,\n{}", self.name(n)).unwrap();
        }
        Reply::playlist(text)
    }
}

const ADVANCES: i64 = 16;

fn is_recorded_as_it_goes_on(turns: Turns) {
    let origin = Origin::new(move |ask: &Ask| match ask.path() {
        "/live.m3u8" => turns.playlist(10 + ask.nth as u64),
        path => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/live.m3u8")).start();
    recording.until_at_least(4, "SELECT count(*) FROM revision WHERE advance");
    let live = Replayer::start(&recording.sessions(), &["-p", "0", "session1"]);
    let listed = || live.get("/dvr.m3u8").matches("#EXTINF").count() as i64;
    let before = listed();
    recording.until_at_least(ADVANCES, "SELECT count(*) FROM revision WHERE advance");
    recording.until("the live list grows by as much", || {
        listed() >= before + ADVANCES - 4
    });
    let finished = recording.interrupt();
    let told = format!("{}{}", finished.stdout, finished.stderr);
    assert!(!told.contains("gap"), "{turns:?}: {told}");
    assert!(!told.contains("advance"), "{turns:?}: {told}");

    let session = finished.session();
    session.check_invariants();
    let revisions = session.number("SELECT count(*) FROM revision");
    let advances = session.number("SELECT count(*) FROM revision WHERE advance");
    assert_eq!(advances, revisions, "{turns:?}: each of them moved");
    let places: Vec<i64> = session.list(
        "SELECT coalesce(corrected_place, place) - media_sequence FROM placement
            JOIN revision USING (exchange_id)",
    );
    assert!(places.iter().all(|off| *off == 0), "{turns:?}: {places:?}");
    let found = |program: &str, format: &[&str]| {
        let mut command = Command::new(program);
        let output = command.args(format).arg(session.path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let pauses = found(env!("CARGO_BIN_EXE_adjacent-find"), &["--json"]);
    assert_eq!(pauses, "", "{turns:?}");
    let report = found(env!("CARGO_BIN_EXE_isreport"), &["--format", "json"]);
    assert!(report.contains("\"rule\""), "its media are none: {report}");
    for rule in ["T01", "T02", "T04", "T07"] {
        assert!(
            !report.contains(&format!("\"{rule}\"")),
            "{turns:?}: {report}"
        );
    }

    let replayer = Replayer::start(session.path().parent().unwrap(), &["-p", "0", "session1"]);
    let list = replayer.get("/dvr.m3u8");
    let paths = list.lines().filter(|line| line.contains("exchange/"));
    let mut count = 0;
    for (n, path) in (10..).zip(paths) {
        let name = turns.name(n);
        let answer = get(&replayer, &led("/dvr.m3u8", path));
        assert!(
            answer.contains(&format!("/{name}")),
            "{turns:?}, segment {n}"
        );
        count += 1;
    }
    assert_eq!(count, turns.count as i64 + advances - 1, "{turns:?}");
}

fn get(replayer: &Replayer, path: &str) -> String {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut ask(&replayer.address, path), &mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn a_loop_of_slates_goes_on_with_dates_and_without() {
    let looped: &[&str] = &["slate.ts", "x.ts", "slate.ts", "slate.ts", "slate.ts"];
    for (count, names, dates) in [
        (5, looped, false),
        (5, looped, true),
        (5, &looped[..4], false),
        (4, looped, false),
        (5, &["a.ts", "slate.ts", "slate.ts"][..], false),
    ] {
        is_recorded_as_it_goes_on(Turns {
            count,
            names,
            dates,
        });
    }
}

#[test]
fn a_ring_as_long_as_the_window_goes_on_and_so_does_one_name_in_a_window_of_one() {
    let ring: &[&str] = &["r0.ts", "r1.ts", "r2.ts", "r3.ts", "r4.ts"];
    for (count, names) in [(5, ring), (1, &["one.ts"][..]), (1, &ring[..2])] {
        is_recorded_as_it_goes_on(Turns {
            count,
            names,
            dates: false,
        });
    }
}
