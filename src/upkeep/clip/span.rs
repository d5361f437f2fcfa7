//! Which span is wanted, whether the session has it, and the lives of the recorder within it.

use std::thread;
use std::time::Duration;

use super::outcome::{ClipError, Clipped};
use crate::clock;
use crate::session::error::ReadError;
use crate::session::moment::{rfc3339, seconds};
use crate::session::read::facts::Run;
use crate::session::read::reader::Reader;

/// Which part of a session is wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Where it begins, in microseconds of Unix time.
    pub from_us: i64,
    /// Where it ends, likewise.
    pub to_us: i64,
    /// The only stream that is wanted; `None`: all of them.
    pub stream: Option<String>,
}

/// What was listed and has not landed is waited for that long, and looked at so often.
const LANDING: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(100);

/// Whether a session has what is wanted. `recording`: somebody records it.
pub(super) fn check(reader: &Reader, wanted: &Wanted, recording: bool) -> Result<(), ClipError> {
    let runs = reader.runs()?;
    let zero_us = runs.first().map_or(0, |run| run.started_us);
    let begin_us = reader.kept_from_us()?.unwrap_or(zero_us).max(zero_us);
    let end_us = match recording {
        true => clock::system_us().saturating_sub(reader.wall_ahead_us()?),
        false => runs.last().map_or(zero_us, Run::end_us),
    };
    let at = |us: i64| {
        let session_time = seconds(us.saturating_sub(zero_us));
        format!("{session_time} s, {}", rfc3339(us))
    };
    let (from_us, to_us) = (wanted.from_us, wanted.to_us);
    let why = if to_us <= from_us {
        format!(
            "--to ({}) is not behind --from ({})",
            at(to_us),
            at(from_us)
        )
    } else if from_us < begin_us {
        format!("--from ({}) is before what the session has", at(from_us))
    } else if to_us > end_us && recording {
        format!("--to ({}) has not been yet", at(to_us))
    } else if to_us > end_us {
        format!("--to ({}) is behind the end", at(to_us))
    } else {
        return streams(reader, wanted);
    };
    let (begin, end) = (at(begin_us), at(end_us));
    Err(ClipError::Wanted(format!(
        "{why}; there is something from {begin} until {end}"
    )))
}

fn streams(reader: &Reader, wanted: &Wanted) -> Result<(), ClipError> {
    let Some(name) = &wanted.stream else {
        return Ok(());
    };
    let streams = reader.streams()?;
    if streams.iter().any(|stream| stream.name == *name) {
        return Ok(());
    }
    let names: Vec<&str> = streams.iter().map(|stream| stream.name.as_str()).collect();
    let names = names.join(", ");
    Err(ClipError::Wanted(format!(
        "no stream {name:?}; there are: {names}"
    )))
}

/// Waits until what was listed by the end of a span has landed, ten seconds at most, and notes what has not.
pub(super) fn wait(
    reader: &Reader,
    wanted: &Wanted,
    recording: bool,
    done: &mut Clipped,
) -> Result<(), ReadError> {
    let until = clock::instant() + LANDING;
    loop {
        let seen_us = reader
            .runs()?
            .last()
            .map_or(i64::MAX, |run| match run.stopped_us {
                Some(_) => i64::MAX,
                None => run.seen_us,
            });
        (done.not_landed, done.growing) = pending(reader, wanted)?;
        let is_there = seen_us >= wanted.to_us && done.not_landed == 0;
        if !recording || is_there || clock::instant() >= until {
            return Ok(());
        }
        thread::sleep(LOOK);
    }
}

/// How much is listed by the end of the span and has not landed, and how many parts of raw streams grow.
fn pending(reader: &Reader, wanted: &Wanted) -> Result<(u64, u64), ReadError> {
    let sql = "SELECT r.kind = 'main', count(p.resource_id) FROM pending p JOIN resource r ON r.id = p.resource_id
                 JOIN stream s ON s.id = r.stream_id
                WHERE p.from_us <= ?1 AND (?2 IS NULL OR s.name = ?2) GROUP BY 1";
    let rows = reader.list(sql, (wanted.to_us, &wanted.stream), |row| {
        Ok((row.get::<_, bool>(0)?, row.get::<_, i64>(1)?))
    })?;
    let count = |grows: bool| {
        let of_it = rows.iter().filter(|(is_main, _)| *is_main == grows);
        of_it.map(|(_, count)| count.unsigned_abs()).sum()
    };
    Ok((count(false), count(true)))
}

/// What of a stream is listed by the end of the span and has not landed: resources, and since when each is the answer.
#[cfg(feature = "archive")]
pub(super) fn owed(reader: &Reader, wanted: &Wanted) -> Result<Vec<(i64, i64)>, ReadError> {
    let sql =
        "SELECT p.resource_id, p.from_us FROM pending p JOIN resource r ON r.id = p.resource_id
                 JOIN stream s ON s.id = r.stream_id
                WHERE p.from_us <= ?1 AND (?2 IS NULL OR s.name = ?2) ORDER BY 1";
    reader.list(sql, (wanted.to_us, &wanted.stream), |row| {
        Ok((row.get(0)?, row.get(1)?))
    })
}

/// The lives of the recorder within a span; where it begins in a hole, first one that ends at once.
pub(in crate::upkeep) fn runs(runs: &[Run], wanted: &Wanted) -> Vec<Run> {
    let (from_us, to_us) = (wanted.from_us, wanted.to_us);
    let within = runs.iter().filter(|run| {
        let is_over = run.end_us() < from_us;
        !is_over && run.started_us <= to_us
    });
    let mut cut: Vec<Run> = within.map(|run| cut(run, wanted)).collect();
    if cut.first().is_none_or(|run| run.started_us > from_us) {
        let before = runs.iter().rev().find(|run| run.end_us() < from_us);
        let ended = before.and_then(|run| run.ended.clone());
        let begun = Run {
            started_us: from_us,
            seen_us: from_us,
            stopped_us: Some(from_us),
            ended: Some(ended.unwrap_or_else(|| "killed".to_owned())),
            program: before
                .or(runs.first())
                .map_or_else(String::new, |run| run.program.clone()),
        };
        cut.insert(0, begun);
    }
    // A hole at the end belongs to the span, too: the last answers hold in it.
    if let Some(last) = cut.last().filter(|last| last.end_us() < to_us).cloned() {
        cut.push(Run {
            started_us: to_us,
            seen_us: to_us,
            stopped_us: Some(to_us),
            ended: Some("stopped".to_owned()),
            ..last
        });
    }
    cut
}

/// One of them, cut to the span.
fn cut(run: &Run, wanted: &Wanted) -> Run {
    let end_us = run.end_us();
    let ended = match (end_us > wanted.to_us, &run.ended) {
        (true, _) => "stopped".to_owned(),
        (false, Some(ended)) => ended.clone(),
        // Nobody records the clip: a recorder that was killed is noted as --resume would.
        (false, None) => "killed".to_owned(),
    };
    Run {
        started_us: run.started_us.max(wanted.from_us),
        seen_us: run.seen_us.clamp(wanted.from_us, wanted.to_us),
        stopped_us: Some(end_us.min(wanted.to_us)),
        ended: Some(ended),
        program: run.program.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(started_us: i64, stopped_us: i64) -> Run {
        Run {
            started_us,
            seen_us: stopped_us,
            stopped_us: Some(stopped_us),
            ended: Some("duration".to_owned()),
            program: "isrecorder".to_owned(),
        }
    }

    fn lives(all: &[Run], from_us: i64, to_us: i64) -> Vec<(i64, i64, String)> {
        let wanted = Wanted {
            from_us,
            to_us,
            stream: None,
        };
        let cut = runs(all, &wanted).into_iter();
        cut.map(|run| (run.started_us, run.end_us(), run.ended.unwrap_or_default()))
            .collect()
    }

    #[test]
    fn runs_are_cut_to_the_span_and_holes_stay_holes() {
        let all = [run(0, 100), run(200, 300)];
        let of = |from, to| lives(&all, from, to);
        let life = |from, to, ended: &str| (from, to, ended.to_owned());
        assert_eq!(of(10, 20), [life(10, 20, "stopped")]);
        assert_eq!(
            of(10, 250),
            [life(10, 100, "duration"), life(200, 250, "stopped")]
        );
        assert_eq!(
            of(150, 250),
            [life(150, 150, "duration"), life(200, 250, "stopped")]
        );
        assert_eq!(
            of(10, 150),
            [life(10, 100, "duration"), life(150, 150, "stopped")]
        );
        assert_eq!(
            of(120, 150),
            [life(120, 120, "duration"), life(150, 150, "stopped")]
        );
        assert_eq!(
            of(0, 300),
            [life(0, 100, "duration"), life(200, 300, "duration")]
        );
    }
}
