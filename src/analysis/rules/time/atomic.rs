//! T16 atomic: a text that was answered while it was written (RFC 8216bis 6.2.1).

use super::change::Change;
use crate::analysis::rules::broken::Broken;
use crate::hls::lines;

pub(super) fn judge(change: &Change<'_>, out: &mut Vec<Broken>) {
    let (before, now) = (&change.before.text, &change.now.text);
    if change.is_old || before.is_empty() {
        return;
    }
    let Some(rest) = now
        .strip_prefix(before.as_slice())
        .filter(|rest| !rest.is_empty())
    else {
        return;
    };
    // What is appended to is whole: its lines are, and each EXTINF has its segment.
    let is_inside_a_line =
        !before.ends_with(b"\n") && !rest.starts_with(b"\n") && !rest.starts_with(b"\r");
    if is_inside_a_line || lacks_a_segment(before) {
        let text = format!(
            "the text before was the first {} of {} bytes: it was answered while it was written",
            before.len(),
            now.len()
        );
        out.push(Broken::new("T16", text));
    }
}

/// Its last EXTINF is followed by no URI.
fn lacks_a_segment(text: &[u8]) -> bool {
    let mut is_open = false;
    for line in lines(text) {
        match line.tag() {
            Some(tag) if tag.name == b"#EXTINF" => is_open = true,
            Some(_) => {}
            None => is_open &= line.text.is_empty() || line.text.starts_with(b"#"),
        }
    }
    is_open
}

#[cfg(test)]
mod tests {
    use crate::analysis::rules::time::testing::{SIX, found, window};
    use crate::hls::Step;

    fn cut(at: usize) -> Vec<&'static str> {
        let whole = window(7, &SIX);
        let mut rules = found(&whole[..at], &whole, Step::Slid);
        rules.retain(|rule| *rule == "T16");
        rules
    }

    #[test]
    fn a_text_that_is_cut_is_the_beginning_of_the_next_one() {
        let whole = window(7, &SIX);
        let at = |what: &str| whole.find(what).unwrap();
        assert_eq!(cut(at("c.ts") + 2), ["T16"], "inside a name");
        assert_eq!(cut(at("c.ts")), ["T16"], "behind an EXTINF");
        assert_eq!(cut(whole.len() - 7), ["T16"], "in front of the last name");
        assert_eq!(cut(at("c.ts") + 5), [""; 0], "behind a segment");
        assert_eq!(
            cut(at("c.ts") + 4),
            [""; 0],
            "in front of the end of its line"
        );
        assert_eq!(cut(whole.len()), [""; 0], "it is the same");
        let crlf = whole.replace('\n', "\r\n");
        let end = crlf.find("c.ts").unwrap() + 4;
        assert!(!found(&crlf[..end], &crlf, Step::Slid).contains(&"T16"));
        // Tags may stand for a segment that follows.
        let open = format!("{whole}#EXT-X-PROGRAM-DATE-TIME:2026-11-29T10:00:24Z\n");
        let more = format!("{open}#EXTINF:4.0,\ng.ts\n");
        assert!(!found(&open, &more, Step::Slid).contains(&"T16"));
    }
}
