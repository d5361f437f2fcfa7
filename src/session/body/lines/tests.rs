//! Large playlists in lines.

use super::*;
use proptest::prelude::*;

/// Keeps lines as the database does, and puts bodies together again.
#[derive(Default)]
struct Kept {
    log: LineLog,
    lines: Vec<String>,
}

impl Kept {
    /// Number of bytes that the body cost, after checking that it comes back.
    fn keep(&mut self, body: &str) -> usize {
        let Some(split) = self.log.split(body) else {
            return body.len();
        };
        self.log.keep(&split);
        let pieces = split.pieces;
        assert_eq!(
            pieces.last_line,
            if pieces.new.is_empty() {
                pieces.last_line
            } else {
                self.lines.len() as i64 + pieces.new.len() as i64 - 1
            }
        );
        self.lines
            .extend(pieces.new.iter().map(|l| (*l).to_owned()));
        let middle = self.lines[pieces.first_line as usize..=pieces.last_line as usize].concat();
        assert_eq!(format!("{}{}{}", pieces.head, middle, pieces.tail), body);
        pieces.head.len() + pieces.tail.len() + pieces.new.concat().len()
    }
}

fn window(first: usize, count: usize, end: &str) -> String {
    let mut text =
        format!("#EXTM3U\r\n#EXT-X-TARGETDURATION:6\r\n#EXT-X-MEDIA-SEQUENCE:{first}\r\n");
    for n in first..first + count {
        text += &format!("#EXTINF:6.0,\r\nlive/segment{n}.ts\r\n");
    }
    text + end
}

#[test]
fn a_playlist_that_grows_costs_its_new_lines() {
    let mut kept = Kept::default();
    kept.keep(&window(0, 1000, ""));
    for n in 1001..1050 {
        assert!(kept.keep(&window(0, n, "")) < 150);
    }
    assert!(kept.keep(&window(0, 1049, "#EXT-X-ENDLIST")) < 150);
}

#[test]
fn a_window_that_slides_costs_its_head_and_its_new_lines() {
    let mut kept = Kept::default();
    kept.keep(&window(0, 1000, ""));
    for n in 1..50 {
        assert!(kept.keep(&window(n * 2, 1000, "#comment\r\n")) < 200);
    }
}

#[test]
fn a_short_window_that_slides_costs_its_head_and_its_new_lines() {
    let mut kept = Kept::default();
    kept.keep(&window(0, 6, ""));
    for n in 1..50 {
        assert!(kept.keep(&window(n, 6, "")) < 120);
    }
}

#[test]
fn a_playlist_that_only_grows_has_no_head() {
    let mut log = LineLog::starting_at(1);
    for count in 6..50 {
        let body = window(0, count, "#EXT-X-ENDLIST");
        let split = log.split(&body).unwrap();
        log.keep(&split);
        let pieces = split.pieces;
        assert_eq!((pieces.head, pieces.first_line), ("", 1));
        assert_eq!(pieces.tail, "#EXT-X-ENDLIST");
    }
}

#[test]
fn an_edge_that_lags_behind_costs_its_head() {
    let mut kept = Kept::default();
    kept.keep(&window(10, 1000, ""));
    assert!(kept.keep(&window(9, 1000, "")) < 200);
    assert!(kept.keep(&window(11, 1000, "")) < 200);
}

#[test]
fn tokens_that_change_cost_the_whole_text() {
    let mut kept = Kept::default();
    let one = window(0, 100, "").replace(".ts", ".ts?token=a");
    let two = window(1, 100, "").replace(".ts", ".ts?token=b");
    kept.keep(&one);
    kept.keep(&two);
    kept.keep(&one);
}

#[test]
fn the_lines_of_a_segment_count_as_one() {
    let body = "#EXTM3U\n#EXT-X-KEY:k\n#EXTINF:1,\n#EXT-X-BYTERANGE:1\na\n\nb\n#EXTINF:2,\n#EXTINF:3,\nc\n#EXTINF:4,\n#x";
    let (found, last) = rows(body).unwrap();
    assert_eq!(
        found,
        [
            "#EXTM3U\n",
            "#EXT-X-KEY:k\n",
            "#EXTINF:1,\n#EXT-X-BYTERANGE:1\na\n",
            "\n",
            "b\n",
            "#EXTINF:2,\n",
            "#EXTINF:3,\nc\n",
            "#EXTINF:4,\n#x",
        ]
    );
    assert_eq!(last, Some(7));
    let long = format!("#EXTINF:1,\n{}a\n", "#x\n".repeat(2 * MOST_LINES));
    assert_eq!(rows(&long).unwrap().0.len(), MOST_LINES + 3);
}

#[test]
fn a_body_that_is_not_kept_changes_nothing() {
    let mut kept = Kept::default();
    kept.keep(&window(0, 100, ""));
    let other = "#EXTM3U\n#EXTINF:1,\nx.ts\n".repeat(100);
    assert!(kept.log.split(&other).unwrap().cost() > other.len() as u64);
    assert!(kept.keep(&window(1, 100, "")) < 200);
}

#[test]
fn many_lines_that_are_smaller_than_their_rows_are_no_rows() {
    let log = LineLog::starting_at(1);
    let tiny = |count: usize| "#EXTM3U\n".to_owned() + &"a\n".repeat(count);
    assert!(log.split(&tiny(FEW_ROWS - 2)).is_some());
    assert!(log.split(&tiny(FEW_ROWS + 2)).is_none());
    let segments = "#EXTINF:1,\na\n".repeat(2 * FEW_ROWS);
    assert!(log.split(&segments).is_some());
}

#[test]
fn what_is_remembered_of_a_window_is_about_its_text() {
    let mut kept = Kept::default();
    for n in 0..50 {
        let text = window(n, 1000, "");
        kept.keep(&text);
        assert!(kept.log.bytes() < 2 * text.len());
    }
}

proptest! {
    #[test]
    fn every_body_comes_back(bodies in prop::collection::vec("((#EXTINF:1|#EXTINF:2|#x|a|b|c|d|)\r?\n){0,24}(a|#e)?", 1..12)) {
        let mut kept = Kept::default();
        for body in bodies {
            kept.keep(&body);
        }
    }
}
