//! Where a clip came from, as `event` 0 of it says: written and read in one place. Pure.

use super::moment::{rfc3339, seconds};

const BEGIN: &str = "clip of ";
const FROM: &str = ", from ";

/// The span of a session that a clip is. Of a clip of a clip the first session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClipOf {
    /// The name of the session.
    pub session: String,
    /// Session zero of that, in microseconds of Unix time.
    pub zero_us: i64,
    /// Where the clip begins, likewise.
    pub from_us: i64,
    /// Where it ends, likewise.
    pub to_us: i64,
}

impl ClipOf {
    /// As the detail of an event: `clip of evening, from 60.5 s to 65 s (2026-11-30T10:01:00.500000Z to …)`.
    pub(crate) fn text(&self) -> String {
        let session_time = |us: i64| seconds(us.saturating_sub(self.zero_us));
        format!(
            "{BEGIN}{}{FROM}{} s to {} s ({} to {})",
            self.session,
            session_time(self.from_us),
            session_time(self.to_us),
            rfc3339(self.from_us),
            rfc3339(self.to_us)
        )
    }

    /// The session that a text of [`Self::text`] names, and its session zero. `from_us`: where that clip begins.
    pub(crate) fn origin(text: &str, from_us: i64) -> Option<(String, i64)> {
        let (session, span) = text.strip_prefix(BEGIN)?.rsplit_once(FROM)?;
        let began: f64 = span.split_once(" s to ")?.0.parse().ok()?;
        // As long as a recording may be.
        let is_of_a_clock = began.is_finite() && began.abs() < 1e12;
        let began_us = is_of_a_clock.then(|| (began * 1e6).round() as i64)?;
        Some((session.to_owned(), from_us.saturating_sub(began_us)))
    }

    /// Whether the detail of an event is such a text.
    pub(crate) fn is_text(text: &str) -> bool {
        text.starts_with(BEGIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clip_of_a_clip_names_the_first_session() {
        let zero_us = 1_796_040_000_000_000;
        let first = ClipOf {
            session: "hall, from 1 s to 2 s".to_owned(),
            zero_us,
            from_us: zero_us + 60_500_001,
            to_us: zero_us + 65_000_000,
        };
        let text = first.text();
        assert!(
            text.ends_with(" from 60.500001 s to 65 s (2026-11-30T12:01:00.500001Z to 2026-11-30T12:01:05.000000Z)"),
            "{text}"
        );
        assert!(ClipOf::is_text(&text));
        assert_eq!(
            ClipOf::origin(&text, first.from_us),
            Some((first.session, zero_us))
        );
        for other in [
            "everything since then is kept",
            "clip of x",
            "clip of x, from NaN s to 1 s",
        ] {
            assert_eq!(ClipOf::origin(other, 0), None, "{other}");
        }
    }
}
