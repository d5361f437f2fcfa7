//! Whole screens, as a person sees them.

use super::*;
use crate::cli::output::live::row::Pasts;
use crate::recorder::GapTally;

/// 03:12:30Z, one hour after the session began.
const NOW_US: i64 = 1_795_230_750_000_000;

fn row(label: &str, word: Word, seconds_ago: f64, what: &str) -> Row {
    Row {
        key: (0, None),
        label: label.to_owned(),
        condition: Condition {
            word,
            since_us: NOW_US - (seconds_ago * 1e6) as i64,
            what: what.to_owned(),
        },
        faults: 0,
        gaps: 0,
        chunks: 1234,
        bytes: 380_530_000,
        revisions: 1234,
        past: Pasts::default(),
        rate: 1_210_000,
    }
}

fn fine(label: &str) -> Row {
    row(label, Word::Advances, 1.2, "")
}

fn screen(rows: Vec<Row>) -> Screen {
    Screen {
        own: Vec::new(),
        totals: Totals {
            playlists: 12,
            polls: 50_000,
            revisions: 9000,
            chunks: 8800,
            bytes: 41_380_000_000,
            faults: 97,
            gaps: GapTally {
                count: 3,
                ..GapTally::default()
            },
            ..Totals::default()
        },
        rows,
        length_us: 3_600_000_000,
        now_us: NOW_US,
        zero_us: NOW_US - 3_600_000_000,
    }
}

fn shown(screen: &Screen, height: u16, width: u16) -> String {
    let lines = screen.lines(height, width);
    assert!(lines.len() < usize::from(height).max(2), "{lines:?}");
    for line in &lines {
        assert!(line.text.width() < usize::from(width), "{line:?}");
    }
    lines
        .iter()
        .map(|line| format!("{}\n", line.text))
        .collect()
}

fn night() -> Screen {
    let mut down = row("saal7", Word::Fails, 41.2, "HTTP 503 x 82");
    (down.faults, down.rate) = (82, 0);
    let mut still = row("ch-five", Word::NoAdvance, 26.1, "target 2.0 s, 720p");
    still.gaps = 1;
    let back = row("radio", Word::Again, 12.0, "refused x 9 for 4.5 s");
    let mut over = row("old", Word::Ended, 900.0, "");
    over.rate = 0;
    screen(vec![
        fine("hall1"),
        back,
        still,
        over,
        down,
        row("late", Word::ChunksFail, 3.0, "HTTP 404 x 2"),
    ])
}

#[test]
fn what_is_wrong_is_on_top_with_since_when_and_why() {
    let expected = "
 FAILS       saal7     41.2 s 03:11:48Z HTTP 503 x 82
 NO ADVANCE  ch-five   26.1 s 03:12:03Z target 2.0 s, 720p
 CHUNKS FAIL late       3.0 s 03:12:27Z HTTP 404 x 2
 again       radio     12.0 s 03:12:18Z refused x 9 for 4.…
 advances    hall1      1.2 s ago  faults 0    gaps 0
 ended       old      0:15:00 ago  faults 0    gaps 0
 1:00:00  faults 97  gaps 3  4.84 MB/s over 30 s  41.38 GB
";
    assert_eq!(shown(&night(), 24, 60), expected[1..]);
}

#[test]
fn in_forty_five_columns() {
    let expected = "
 FAILS       saal7     41.2 s HTTP 503 x 82
 NO ADVANCE  ch-five   26.1 s target 2.0 s,…
 CHUNKS FAIL late       3.0 s HTTP 404 x 2
 again       radio     12.0 s refused x 9 f…
 advances    hall1      1.2 s ago  faults 0
 ended       old      0:15:00 ago  faults 0
 1:00:00  faults 97  gaps 3
";
    assert_eq!(shown(&night(), 24, 45), expected[1..]);
}

#[test]
fn in_eighty_columns() {
    let expected = "
 FAILS       saal7     41.2 s since 03:11:48Z HTTP 503 x 82  faults 82  gaps 0
 NO ADVANCE  ch-five   26.1 s since 03:12:03Z target 2.0 s, 720p  faults 0
 CHUNKS FAIL late       3.0 s since 03:12:27Z HTTP 404 x 2  faults 0  gaps 0
 again       radio     12.0 s since 03:12:18Z refused x 9 for 4.5 s  faults 0
 advances    hall1      1.2 s ago  faults 0    gaps 0     1.21 MB/s
 ended       old      0:15:00 ago  faults 0    gaps 0         0 B/s
 1:00:00  faults 97  gaps 3  4.84 MB/s over 30 s  41.38 GB  chunks 8800
";
    assert_eq!(shown(&night(), 24, 80), expected[1..]);
}

#[test]
fn in_a_hundred_and_twenty_columns() {
    let expected = "
 FAILS       saal7     41.2 s since 03:11:48Z (0:59:18) HTTP 503 x 82  faults 82  gaps 0  0 B/s
 NO ADVANCE  ch-five   26.1 s since 03:12:03Z (0:59:33) target 2.0 s, 720p  faults 0  gaps 1  1.21 MB/s
 CHUNKS FAIL late       3.0 s since 03:12:27Z (0:59:57) HTTP 404 x 2  faults 0  gaps 0  1.21 MB/s
 again       radio     12.0 s since 03:12:18Z (0:59:48) refused x 9 for 4.5 s  faults 0  gaps 0  1.21 MB/s
 advances    hall1      1.2 s ago  faults 0    gaps 0     1.21 MB/s  chunks 1234    380.53 MB  revisions 1234
 ended       old      0:15:00 ago  faults 0    gaps 0         0 B/s  chunks 1234    380.53 MB  revisions 1234
 1:00:00  faults 97  gaps 3  4.84 MB/s over 30 s  41.38 GB  chunks 8800  playlists 12  revisions 9000  polls 50000
";
    assert_eq!(shown(&night(), 24, 120), expected[1..]);
}

/// Two hundred streams, of which so many are in trouble.
fn many(in_trouble: usize) -> Screen {
    let rows = (0..200).map(|n| match n {
        n if n < in_trouble => row(
            &format!("ch{n:03}"),
            Word::Fails,
            200.0 - n as f64,
            "refused",
        ),
        n => fine(&format!("ch{n:03}")),
    });
    screen(rows.collect())
}

#[test]
fn two_hundred_streams_in_ten_rows() {
    let fine: String = (0..10)
        .map(|n| format!(" advances    ch{n:03}    1.2 s ago  faults 0    gaps 0\n"))
        .collect();
    let sums = " 190 more: all advance\n 1:00:00  faults 97  gaps 3  242.00 MB/s over 30 s\n";
    assert_eq!(shown(&many(0), 50, 60), format!("{fine}{sums}"));
    let expected = "
 FAILS       ch000  0:03:20 03:09:10Z refused  faults 0
 FAILS       ch001  0:03:19 03:09:11Z refused  faults 0
 advances    ch002    1.2 s ago  faults 0    gaps 0
 advances    ch003    1.2 s ago  faults 0    gaps 0
 advances    ch004    1.2 s ago  faults 0    gaps 0
 advances    ch005    1.2 s ago  faults 0    gaps 0
 advances    ch006    1.2 s ago  faults 0    gaps 0
 193 more: all advance
 1:00:00  faults 97  gaps 3  242.00 MB/s over 30 s
";
    assert_eq!(shown(&many(2), 10, 60), expected[1..]);
}

#[test]
fn what_is_wrong_takes_the_room_that_there_is() {
    let lines = shown(&many(30), 50, 80);
    assert_eq!(lines.matches("FAILS").count(), 30);
    assert!(lines.contains("\n 170 more: all advance\n"), "{lines}");
    let lines = shown(&many(30), 24, 80);
    assert_eq!(lines.matches("FAILS").count(), 21);
    assert!(
        lines.contains("\n 179 more: 9 fail, 170 advance\n"),
        "{lines}"
    );
    let tone = many(30).lines(24, 80)[21].tone;
    assert_eq!(tone, Tone::Bad);
}

#[test]
fn a_terminal_of_a_few_rows_has_the_sum() {
    for (height, expected) in [
        (1, " 1:00:00  faults 97  gaps 3\n"),
        (2, " 1:00:00  faults 97  gaps 3\n"),
        (
            3,
            " all 200: 1 fail, 199 advance\n 1:00:00  faults 97  gaps 3\n",
        ),
    ] {
        assert_eq!(shown(&many(1), height, 40), expected);
    }
    for width in 0..12 {
        for height in 0..12 {
            for line in night().lines(height, width) {
                assert!(line.text.width() <= usize::from(width));
            }
        }
    }
}

#[test]
fn names_of_any_script_stand_in_their_columns() {
    let screen = screen(vec![
        row("東京ニュース第一放送", Word::Fails, 5.0, "reset"),
        fine("cafe\u{301} e\u{301}te\u{301}"),
        fine("ok"),
        fine("\u{1b}[31mred\u{202e}"),
    ]);
    let expected = "
 FAILS       東京ニュー…    5.0 s 03:12:25Z reset  faults 0
 advances    cafe\u{301} e\u{301}te\u{301}       1.2 s ago  faults 0    gaps 0
 advances    ok             1.2 s ago  faults 0    gaps 0
 advances    \\u{1b}[31m…    1.2 s ago  faults 0    gaps 0
 1:00:00  faults 97  gaps 3  4.84 MB/s over 30 s  41.38 GB
";
    assert_eq!(shown(&screen, 24, 60), expected[1..]);
}

#[test]
fn what_is_the_recorders_own_is_first_and_called_so() {
    let mut screen = night();
    screen.own.push(Condition {
        word: Word::Recorder,
        since_us: NOW_US - 9_000_000,
        what: "its disk is full: no chunk is kept, since".to_owned(),
    });
    let lines = screen.lines(24, 80);
    assert_eq!(
        lines[0].text,
        " RECORDER    its disk is full: no chunk is kept, since 03:12:21Z"
    );
    assert_eq!(lines[0].tone, Tone::Own);
    assert!(lines[1].text.starts_with(" FAILS "));
}

#[test]
fn colour_is_beside_the_word_and_never_instead() {
    let lines = night().lines(24, 80);
    let tones: Vec<Tone> = lines.iter().map(|line| line.tone).collect();
    let (bad, watch) = (Tone::Bad, Tone::Watch);
    let expected = [
        bad,
        bad,
        watch,
        watch,
        Tone::Plain,
        Tone::Faint,
        Tone::Plain,
    ];
    assert_eq!(tones, expected);
    assert!(lines[0].painted(true).starts_with("\u{1b}[31m"));
    assert_eq!(lines[0].painted(false), lines[0].text);
    assert_eq!(lines[4].painted(true), lines[4].text);
}
