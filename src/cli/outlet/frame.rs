//! How lines are drawn in place of those before. Pure.
//!
//! Between two frames the cursor stands where the view begins. A terminal that becomes narrower wraps lines anew, or
//! cuts them off, each in its own way; it keeps the cursor at its character all the same. So nothing has to be counted
//! when the view is taken away: all that is behind the cursor goes. (`indicatif` counts lines, and leaves some behind.)

/// ECMA-48: to the first column; erase to the end of the line, of the screen. DEC: lines do not wrap, they do.
const HOME: &str = "\r";
const ERASE_LINE: &str = "\x1b[K";
const ERASE_BELOW: &str = "\x1b[J";
const TOP: &str = "\x1b[H";
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";

/// Draws `lines` over what was drawn before, if anything was.
pub(in crate::cli) fn frame(lines: &[String]) -> String {
    let Some(up) = lines.len().checked_sub(1) else {
        return taken_away();
    };
    // What is behind the last character is erased first: at the right margin that character would go.
    let drawn: Vec<String> = lines
        .iter()
        .map(|line| format!("{ERASE_LINE}{line}"))
        .collect();
    let drawn = drawn.join("\r\n");
    // In front of the last line, so that nothing of lines that were more is left; not behind it.
    let (above, last) = drawn.rsplit_once("\r\n").unwrap_or(("", &drawn));
    let newline = if above.is_empty() { "" } else { "\r\n" };
    let up = match up {
        0 => String::new(),
        up => format!("\x1b[{up}A"),
    };
    format!("{HOME}{NO_WRAP}{above}{newline}{ERASE_BELOW}{last}{WRAP}{HOME}{up}")
}

/// Nothing is left of it, and the cursor is where it began.
pub(in crate::cli) fn taken_away() -> String {
    format!("{HOME}{ERASE_BELOW}")
}

/// Whether lines of so many columns each, wrapped anew, fill the screen: then the terminal may have lost the place at which
/// the view begins, and all that is seen is of it.
pub(in crate::cli) fn fills(columns: &[usize], (height, width): (usize, usize)) -> bool {
    let rows = columns
        .iter()
        .map(|columns| columns.div_ceil(width.max(1)).max(1));
    rows.sum::<usize>() >= height
}

/// The screen is empty.
pub(in crate::cli) fn cleared() -> String {
    format!("{TOP}{ERASE_BELOW}")
}

/// What was said, above `lines`.
pub(in crate::cli) fn above(said: &str, lines: &[String]) -> String {
    let drawn = match lines {
        [] => String::new(),
        lines => frame(lines),
    };
    format!("{}{said}{drawn}", taken_away())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU16;

    fn terminal(rows: u16, columns: u16) -> vt100::Parser {
        let size = |n| NonZeroU16::new(n).unwrap();
        vt100::Parser::new(size(rows), size(columns), 100)
    }

    fn shown(terminal: &vt100::Parser) -> Vec<String> {
        let (_, columns) = terminal.screen().size();
        let rows = terminal.screen().rows(0, columns.get());
        let mut rows: Vec<String> = rows.map(|row| row.trim_end().to_owned()).collect();
        while rows.last().is_some_and(String::is_empty) {
            rows.pop();
        }
        rows
    }

    fn lines(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_frame_is_drawn_over_the_one_before_and_leaves_nothing_of_it() {
        let mut terminal = terminal(6, 20);
        terminal.process(b"$ isrecorder\r\n");
        for texts in [
            &["a long line", "b", "c"] as &[&str],
            &["a", "bb"],
            &["one"],
            &["1", "2", "3", "4"],
        ] {
            terminal.process(frame(&lines(texts)).as_bytes());
            assert_eq!(shown(&terminal), [&["$ isrecorder"], texts].concat());
            assert_eq!(terminal.screen().cursor_position(), (1, 0));
        }
        terminal.process(taken_away().as_bytes());
        assert_eq!(shown(&terminal), ["$ isrecorder"]);
    }

    #[test]
    fn what_fills_a_screen_that_became_narrower_goes_as_a_whole() {
        assert!(fills(&[110, 110, 100], (5, 60)));
        assert!(!fills(&[60, 60, 0], (5, 60)) && fills(&[1; 5], (5, 60)));
        let mut terminal = terminal(5, 20);
        terminal.process(b"the end of a line\r\nthat was wrapped\r\n");
        let view = lines(&["view 1", "view 2"]);
        terminal.process(format!("{}{}", cleared(), frame(&view)).as_bytes());
        assert_eq!(shown(&terminal), ["view 1", "view 2"]);
    }

    #[test]
    fn what_is_said_stands_above_whole_and_scrolls() {
        let mut terminal = terminal(4, 10);
        let view = lines(&["view 1", "view 2"]);
        terminal.process(frame(&view).as_bytes());
        for n in 0..5 {
            let said = format!("a line of {n} words\r\n");
            terminal.process(above(&said, &view).as_bytes());
        }
        let expected = ["a line of", "4 words", "view 1", "view 2"];
        assert_eq!(shown(&terminal), expected);
        terminal.process(above("done\r\n", &[]).as_bytes());
        assert_eq!(shown(&terminal), ["a line of", "4 words", "done"]);
    }
}
