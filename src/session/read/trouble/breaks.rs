//! How and when a response broke in its body, out of what the session has of it. Pure.

use std::time::Duration;

use crate::session::model::{Kind, Outcome};

/// The error of the last part of a raw stream's response that ended in good order: a fault all the same, since such a
/// stream has no end, though all of the response came.
pub const ENDED: &str = "the stream ended; it has no end of its own, and is asked for again";

/// The error of the part of a raw stream at which its recorder was stopped, or the stream taken out.
pub const STOPPED: &str = "the recorder was stopped";

/// The error of a body that brought nothing for so long begins so.
const SILENT: &str = "nothing came for ";
/// No `--stall` is longer.
const LONGEST_SILENCE_S: f64 = 1e9;

/// The error of a response that brought nothing for so long.
pub fn silence(stall: Duration) -> String {
    format!("{SILENT}{} s", stall.as_secs_f64())
}

/// For how many seconds nothing came, where an error says that.
fn silent_s(outcome: Outcome, error: Option<&str>) -> Option<f64> {
    let error = error.filter(|_| outcome == Outcome::BodyTimeout)?;
    let seconds: f64 = error
        .strip_prefix(SILENT)?
        .strip_suffix(" s")?
        .parse()
        .ok()?;
    (0.0..LONGEST_SILENCE_S)
        .contains(&seconds)
        .then_some(seconds)
}

/// How a raw stream broke, where that has words of its own: `ended by the origin`, `silent for 20 s`.
pub fn break_words(status: Option<u16>, outcome: Outcome, error: Option<&str>) -> Option<String> {
    match (status, outcome) {
        // Of a raw stream: all was well with what came, but for its end.
        (Some(..400), Outcome::Complete) => Some("ended by the origin".to_owned()),
        _ => silent_s(outcome, error).map(|seconds| format!("silent for {seconds} s")),
    }
}

/// When a response broke, in microseconds of Unix time, that lasted from `began_us` for `receive_us`: at its end; one that
/// fell silent, with its last byte, which came `last_us` after its beginning. `None`: it did not break in its body.
pub(super) fn broken_at_us(
    kind: Kind,
    (status, outcome, error): (Option<u16>, Outcome, Option<&str>),
    (began_us, receive_us, last_us): (i64, Option<i64>, i64),
) -> Option<i64> {
    let is_broken = match outcome {
        Outcome::Complete => error == Some(ENDED),
        Outcome::NotAPlaylist => false,
        _ => kind == Kind::Main || is_cut(outcome),
    };
    let is_answer = status.is_some_and(|status| status < 400);
    let receive_us = receive_us.filter(|_| is_answer && is_broken)?;
    let came_us = match (silent_s(outcome, error), outcome) {
        (Some(seconds), _) => {
            let silent_us = crate::clock::micros(Duration::from_secs_f64(seconds));
            receive_us.saturating_sub(silent_us)
        }
        (None, Outcome::BodyTimeout) => last_us.min(receive_us),
        (None, _) => receive_us,
    };
    // A file that somebody else wrote may say anything.
    Some(began_us.saturating_add(came_us.max(0)))
}

/// Whether the end of a body was the moment of the fault: of others all of it came.
fn is_cut(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Short
            | Outcome::Long
            | Outcome::Reset
            | Outcome::Protocol
            | Outcome::BodyTimeout
            | Outcome::TooLarge
            | Outcome::Disk
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_break_has_its_words() {
        fn words(status: u16, outcome: Outcome, error: Option<&str>) -> Option<String> {
            break_words(Some(status), outcome, error)
        }
        let ended = words(200, Outcome::Complete, Some(ENDED));
        assert_eq!(ended.as_deref(), Some("ended by the origin"));
        for (stall, told) in [(20_000, "silent for 20 s"), (700, "silent for 0.7 s")] {
            let error = silence(Duration::from_millis(stall));
            let silent = words(200, Outcome::BodyTimeout, Some(&error));
            assert_eq!(silent.as_deref(), Some(told));
        }
        assert_eq!(words(200, Outcome::Reset, Some("reset")), None);
        assert_eq!(words(404, Outcome::Complete, None), None);
    }

    #[test]
    fn a_break_is_where_the_last_byte_was() {
        let at = |outcome, error, receive_us| {
            broken_at_us(
                Kind::Main,
                (Some(200), outcome, error),
                (1_000_000, receive_us, 0),
            )
        };
        assert_eq!(
            at(Outcome::Reset, Some("reset"), Some(60_000_000)),
            Some(61_000_000)
        );
        assert_eq!(
            at(Outcome::Complete, Some(ENDED), Some(60_000_000)),
            Some(61_000_000)
        );
        let silent = silence(Duration::from_secs(20));
        assert_eq!(
            at(Outcome::BodyTimeout, Some(&silent), Some(60_000_000)),
            Some(41_000_000)
        );
        assert_eq!(
            at(Outcome::Complete, None, Some(5)),
            None,
            "a list of streams"
        );
        assert_eq!(at(Outcome::Refused, None, None), None);
    }

    #[test]
    fn so_does_whatever_is_cut_in_its_body_and_nothing_else() {
        let at = |kind, status, outcome| {
            let broke = (Some(status), outcome, None);
            broken_at_us(kind, broke, (1_000_000, Some(12_000_000), 3_000_000))
        };
        for kind in [Kind::Media, Kind::Segment, Kind::Key] {
            for (outcome, at_us) in [
                (Outcome::Reset, 13_000_000),
                (Outcome::Short, 13_000_000),
                // Its last byte came long before it was given up.
                (Outcome::BodyTimeout, 4_000_000),
            ] {
                assert_eq!(at(kind, 200, outcome), Some(at_us), "{outcome:?}");
                assert_eq!(
                    at(kind, 503, outcome),
                    None,
                    "it was an error from its head on"
                );
            }
            for outcome in [Outcome::Complete, Outcome::NotAPlaylist, Outcome::Encoding] {
                assert_eq!(at(kind, 200, outcome), None, "{outcome:?}");
            }
        }
    }

    #[test]
    fn a_silence_that_somebody_else_wrote_is_no_nonsense() {
        for error in [
            "nothing came for -1 s",
            "nothing came for NaN s",
            "nothing came for 1e300 s",
            "nothing came for  s",
        ] {
            assert_eq!(
                break_words(Some(200), Outcome::BodyTimeout, Some(error)),
                None,
                "{error}"
            );
        }
        let long = "nothing came for 99999999 s";
        let at = broken_at_us(
            Kind::Main,
            (Some(200), Outcome::BodyTimeout, Some(long)),
            (7, Some(i64::MAX), 0),
        );
        assert!(at > Some(7));
        let at = broken_at_us(
            Kind::Main,
            (Some(200), Outcome::BodyTimeout, Some(long)),
            (7, Some(5), 0),
        );
        assert_eq!(at, Some(7), "not before it began");
    }
}
