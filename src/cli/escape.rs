//! Text of strangers on a terminal: control characters are shown, not obeyed.

use std::fmt::Write as _;
use std::io::{self, Write};

/// `text` in one line, with control characters as `\n`, `\u{1b}` and so on.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) {
            // Writing to a String does not fail.
            let _ = write!(escaped, "{}", c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    escaped
}

/// Also what turns the direction of writing around.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Writes a line to standard error; that it cannot be written is no error.
pub fn to_stderr(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", escape(line));
}

/// Writes a line to standard output; that it cannot be written is no error.
pub fn to_stdout(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{}", escape(line)).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_a_terminal() {
        assert_eq!(
            escape("a\x1b[31m\r\nb\u{9b}\u{202e}ä\t"),
            "a\\u{1b}[31m\\r\\nb\\u{9b}\\u{202e}ä\\t"
        );
    }
}
