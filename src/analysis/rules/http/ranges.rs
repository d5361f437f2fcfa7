//! H12 range: what is answered to a request for a range (RFC 9110 14, RFC 8216bis 4.4.4.2).

use super::answer::Answered;
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::registry::Severity;
use crate::session::Outcome;

pub(super) fn judge(answered: &Answered<'_>, out: &mut Vec<Broken>) {
    let exchange = answered.exchange;
    let Some(range) = exchange
        .range
        .filter(|_| answered.is_media() && exchange.outcome != Outcome::Aborted)
    else {
        return;
    };
    let kind = exchange.kind.as_str();
    let asked = format!("bytes {}-{}", range.first, range.end().saturating_sub(1));
    match exchange.status {
        // A server may ignore what is asked for (RFC 9110 14.2); where it is all of the file, nothing is lost.
        Some(200) if range.first > 0 || exchange.wire_bytes > range.length => {
            let text =
                format!("{asked} of a {kind} were asked for, and all of its file was answered");
            let broken = Broken::new("H12", text).severity(Severity::Should);
            out.push(broken.kind("whole"));
        }
        Some(206) => {
            let told = answered.field("content-range");
            let answered = told.and_then(span);
            let is_right = answered.is_some_and(|(first, last)| {
                first == range.first && last < range.end() && last >= first
            });
            if !is_right {
                let told = told.unwrap_or("none");
                let text =
                    format!("{asked} of a {kind} were asked for, and Content-Range is {told}");
                out.push(Broken::new("H12", text));
            }
        }
        _ => {}
    }
}

/// First and last byte of `bytes 0-99/1000`.
fn span(value: &str) -> Option<(u64, u64)> {
    let (unit, range) = value.trim().split_once(' ')?;
    let (range, _) = range.trim().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    Some((first.trim().parse().ok()?, last.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use crate::analysis::rules::http::testing::{broken, good, headers};
    use crate::analysis::rules::registry::Severity;
    use crate::hls::ByteRange;
    use crate::session::{Kind, SeenExchange};

    /// What is told of an answer to a request for bytes 100 to 199.
    fn told(
        status: i64,
        content_range: Option<&str>,
        wire_bytes: u64,
    ) -> Vec<(&'static str, Option<Severity>)> {
        let exchange = SeenExchange {
            range: Some(ByteRange {
                first: 100,
                length: 100,
            }),
            status: u16::try_from(status).ok(),
            wire_bytes,
            ..good(Kind::Segment, "http://localhost/all.ts")
        };
        let mut fields = vec![("content-type", "video/mp2t")];
        fields.extend(content_range.map(|value| ("content-range", value)));
        let found = broken(&[(exchange, headers(&fields))]);
        found
            .iter()
            .map(|broken| (broken.rule, broken.severity))
            .collect()
    }

    #[test]
    fn what_is_asked_for_is_answered() {
        assert_eq!(told(206, Some("bytes 100-199/1000"), 100), []);
        assert_eq!(
            told(206, Some("bytes 100-149/150"), 50),
            [],
            "the file ends there"
        );
        assert_eq!(told(206, Some("bytes 100-199/*"), 100), []);
        assert_eq!(
            told(404, None, 0).first().map(|(rule, _)| *rule),
            Some("H01")
        );
    }

    #[test]
    fn another_range_and_the_whole_file_are_told() {
        for wrong in [
            Some("bytes 0-99/1000"),
            Some("bytes 100-200/1000"),
            Some("100-199"),
            None,
        ] {
            assert_eq!(told(206, wrong, 100), [("H12", None)], "{wrong:?}");
        }
        assert_eq!(told(200, None, 1000), [("H12", Some(Severity::Should))]);
    }
}
