//! What a recording met that has nothing in it.

use crate::analysis::faults;
use crate::recorder;
use crate::session::{LastFault, ReadError, Reader, SessionFolder, UNANSWERED, seconds};
use crate::shown::escaped;

/// Streams that are named.
const MOST_NAMED: usize = 5;

/// Of the last run of a session, in which so many `bytes` came, as a sentence.
pub(crate) fn sentence(folder: &SessionFolder, bytes: u64) -> Result<String, ReadError> {
    let reader = Reader::open(folder)?;
    let since_us = reader.runs()?.last().map_or(0, |run| run.started_us);
    since(&reader, since_us, bytes)
}

/// The same of all runs of a session; `None`: something was recorded.
pub(crate) fn of_session(reader: &Reader) -> Result<Option<String>, ReadError> {
    if !reader.revised_playlists()?.is_empty() || !reader.raw_streams()?.0.is_empty() {
        return Ok(None);
    }
    since(reader, i64::MIN, 0).map(Some)
}

fn since(reader: &Reader, since_us: i64, bytes: u64) -> Result<String, ReadError> {
    let met = reader.last_faults(since_us)?;
    let met: Vec<String> = match met.is_empty() {
        false => met.iter().map(line).collect(),
        true => (reader.left_unanswered(since_us)?.iter())
            .map(hanging)
            .collect(),
    };
    Ok(text(&met, bytes))
}

fn text(met: &[String], bytes: u64) -> String {
    if met.is_empty() {
        let why = match bytes {
            0 => "no playlist and no media came before the end".to_owned(),
            bytes => format!("{bytes} bytes came, too few to be kept (--min-part)"),
        };
        return format!("nothing was recorded: {why}");
    }
    let mut told: Vec<String> = met.iter().take(MOST_NAMED).cloned().collect();
    let more = met.len().saturating_sub(MOST_NAMED);
    if more > 0 {
        told.push(format!("and {more} streams more"));
    }
    format!("nothing was recorded: {}", told.join("; "))
}

fn line(met: &LastFault) -> String {
    let error = met.error.as_deref();
    let what = match (met.status, error) {
        (_, Some(error)) => error.to_owned(),
        (Some(status), None) => recorder::of_status(status),
        (None, None) => faults::in_short(None, met.outcome, None),
    };
    let times = match met.times {
        1 => "once".to_owned(),
        times => format!("{times} times"),
    };
    let advice = recorder::advice(&met.url, met.status, met.outcome, error);
    let advice = advice.map_or_else(String::new, |advice| format!(" ({advice})"));
    escaped(&format!(
        "{}: {what}, {times}{advice}",
        without_query(&met.url)
    ))
}

/// A request that had no answer in the end, and for how many microseconds.
fn hanging((url, for_us): &(String, i64)) -> String {
    let seconds = seconds(*for_us);
    escaped(&format!(
        "{}: {UNANSWERED} for {seconds:.1} s",
        without_query(url)
    ))
}

fn without_query(url: &str) -> &str {
    url.split('?').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Outcome;

    fn met(status: u16, times: i64) -> LastFault {
        LastFault {
            url: "http://h/live.m3u8?token=secret".to_owned(),
            status: Some(status),
            outcome: Outcome::Complete,
            error: None,
            times,
        }
    }

    #[test]
    fn each_stream_says_what_it_met_and_no_secret() {
        let told = text(&[met(503, 1), met(401, 7)].map(|met| line(&met)), 0);
        assert!(
            told.starts_with("nothing was recorded: http://h/live.m3u8: HTTP 503 Service Unavailable, once; http://h/live.m3u8: HTTP 401 Unauthorized, 7 times (needs a login: "),
            "{told}"
        );
        assert!(!told.contains("secret"));
    }

    #[test]
    fn many_streams_are_counted() {
        let all: Vec<String> = (0..7).map(|_| line(&met(404, 2))).collect();
        assert!(text(&all, 0).ends_with("; and 2 streams more"));
        assert!(text(&[], 0).contains("no playlist and no media came"));
        assert!(text(&[], 9).contains("9 bytes came, too few"));
    }
}
