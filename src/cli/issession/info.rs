//! `issession info`: what is in a session, at a glance.

use std::path::Path;

use clap::Args;
use serde::Serialize;

use super::session::SessionArgument;
use crate::analysis::adjacent::{Search, Threshold};
use crate::analysis::faults;
use crate::analysis::outages::search::WaitCount;
use crate::cli::arguments::durations::bytes;
use crate::cli::exit::{Failure, say};
use crate::replayer::request::timeline::{format_time, format_utc};
use crate::session::{
    FaultCount, Moment, Notice, NoticeEvent, ReadError, Reader, Run, StreamInfo, seconds,
};
use crate::shown;
use crate::upkeep::{Counts, Keys, Overview, Sizes, State};

/// Runs that are shown, the last ones: a service that is restarted has thousands.
const MOST_RUNS: usize = 20;
/// Kinds of faults that are shown.
const MOST_FAULTS: usize = 20;

/// Which session, and in what form.
#[derive(Debug, Args)]
pub(super) struct InfoArguments {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    session: SessionArgument,
}

impl InfoArguments {
    /// Prints it.
    pub(super) fn run(&self, folder: &Path) -> Result<(), Failure> {
        let folder = self.session.find(folder)?;
        let reader = Reader::open(&folder)?;
        let search = Search::new(&reader, Threshold::default())?;
        let mut not_asked_for = 0;
        search.disk_holes(&[], |_, _, names| {
            not_asked_for += names.len() as u64;
            Ok::<(), ReadError>(())
        })?;
        let info = Info {
            session: folder.name(),
            path: folder.path().display().to_string(),
            overview: Overview::read(&folder)?,
            waits: search.long_waits()?,
            not_asked_for,
        };
        match self.json {
            true => say(shown::json(&info.json()).map_err(Failure::failed)?),
            false => info.lines().iter().for_each(say),
        }
        Ok(())
    }
}

struct Info {
    session: String,
    path: String,
    overview: Overview,
    waits: Vec<WaitCount>,
    /// Segments that were listed while the recorder's disk was full, and not asked for in time.
    not_asked_for: u64,
}

/// `docs/ref/info.md` describes it.
#[derive(Serialize)]
struct Json<'a> {
    session: &'a str,
    path: &'a str,
    format_version: i32,
    state: State,
    recorded: Moment,
    length_seconds: f64,
    /// Null: all is kept.
    kept_from: Option<Moment>,
    /// Null: it is no clip.
    clip_of: Option<&'a str>,
    streams: &'a [StreamInfo],
    runs: Vec<RunJson<'a>>,
    #[serde(flatten)]
    counts: Counts,
    keys: Keys,
    faults: Vec<FaultJson>,
    long_waits: &'a [WaitCount],
    /// Bodies that a repair has marked.
    lost: usize,
    not_kept: Vec<FaultJson>,
    not_asked_for: u64,
    noticed: Vec<NoticedJson>,
    #[serde(flatten)]
    sizes: Sizes,
}

#[derive(Serialize)]
struct RunJson<'a> {
    started: Moment,
    seen: Moment,
    stopped: Option<Moment>,
    ended: Option<&'a str>,
    program: &'a str,
}

impl<'a> RunJson<'a> {
    fn new(run: &'a Run, zero_us: i64) -> Self {
        Self {
            started: Moment::new(run.started_us, zero_us),
            seen: Moment::new(run.seen_us, zero_us),
            stopped: run.stopped_us.map(|us| Moment::new(us, zero_us)),
            ended: run.ended.as_deref(),
            program: &run.program,
        }
    }
}

#[derive(Serialize)]
struct FaultJson {
    kind: &'static str,
    status: Option<u16>,
    outcome: &'static str,
    /// As people read it.
    detail: String,
    times: i64,
}

impl From<&FaultCount> for FaultJson {
    fn from(fault: &FaultCount) -> Self {
        Self {
            kind: fault.kind.as_str(),
            status: fault.status,
            outcome: fault.outcome.as_str(),
            detail: faults::in_short(fault.status, fault.outcome, fault.error.as_deref()),
            times: fault.times,
        }
    }
}

/// What the recorder noticed about itself, of one kind.
#[derive(Serialize)]
struct NoticedJson {
    kind: &'static str,
    times: usize,
    /// For how long in all, or by how much clocks were set.
    seconds: f64,
}

impl Info {
    fn noticed(&self) -> Vec<NoticedJson> {
        let mut all: Vec<&NoticeEvent> = self.overview.notices.iter().collect();
        all.sort_by_key(|notice| notice.kind);
        let kinds = all.chunk_by(|one, other| one.kind == other.kind);
        kinds.filter_map(noticed).collect()
    }

    fn zero_us(&self) -> i64 {
        self.overview.runs.first().map_or(0, |run| run.started_us)
    }

    fn length_us(&self) -> i64 {
        let end_us = self.overview.runs.last().map_or(0, Run::end_us);
        end_us.saturating_sub(self.zero_us())
    }

    /// What the recorder itself did not keep as it came, and faults of the origin.
    fn faults(&self) -> (Vec<FaultCount>, Vec<FaultCount>) {
        let all = self.overview.faults.iter().cloned();
        all.partition(|fault| fault.outcome.is_recorders())
    }

    /// From which session time on everything is kept; 0: all is.
    fn kept_from_us(&self) -> i64 {
        let kept_us = self.overview.kept_from_us;
        kept_us.map_or(0, |us| us.saturating_sub(self.zero_us()).max(0))
    }

    fn json(&self) -> Json<'_> {
        let overview = &self.overview;
        let zero_us = self.zero_us();
        let kept_us = self.kept_from_us();
        let kept_from = Moment::new(zero_us.saturating_add(kept_us), zero_us);
        let runs = overview.runs.iter();
        let (not_kept, faults) = self.faults();
        Json {
            session: &self.session,
            path: &self.path,
            format_version: overview.format_version,
            state: overview.state,
            recorded: Moment::new(zero_us, zero_us),
            length_seconds: seconds(self.length_us()),
            kept_from: (kept_us > 0).then_some(kept_from),
            clip_of: overview.clip_of.as_deref(),
            streams: &overview.streams,
            runs: runs.map(|run| RunJson::new(run, zero_us)).collect(),
            counts: overview.counts,
            keys: overview.keys,
            faults: faults.iter().map(FaultJson::from).collect(),
            long_waits: &self.waits,
            lost: overview.lost,
            not_kept: not_kept.iter().map(FaultJson::from).collect(),
            not_asked_for: self.not_asked_for,
            noticed: self.noticed(),
            sizes: overview.sizes,
        }
    }

    fn lines(&self) -> Vec<String> {
        let Overview { counts, sizes, .. } = &self.overview;
        let mut lines = vec![
            format!("Session   {} ({})", self.session, self.path),
            format!("Format    {}", self.overview.format_version),
            format!("State     {}", state(self.overview.state)),
            format!("Recorded  {}", format_utc(self.zero_us())),
            format!("Length    {}", format_time(self.length_us())),
        ];
        let kept_us = self.kept_from_us();
        if kept_us > 0 {
            lines.push(format!("Kept      from {} on", format_time(kept_us)));
        }
        if let Some(clip_of) = &self.overview.clip_of {
            lines.push(format!("Origin    {clip_of}"));
        }
        let streams = self.overview.streams.iter();
        lines.extend(streams.map(|stream| format!("Stream    {}  {}", stream.name, stream.url)));
        lines.extend(self.run_lines());
        lines.push(format!(
            "Requests  {}, {} of {}, {}",
            shown::counted(counts.exchanges, "exchange"),
            shown::counted(counts.revisions, "revision"),
            shown::counted(
                i64::try_from(counts.playlists).unwrap_or(i64::MAX),
                "media playlist"
            ),
            shown::counted(counts.chunks, "chunk file"),
        ));
        lines.push(format!("Keys      {}", keys(self.overview.keys)));
        let (not_kept, faults) = self.faults();
        lines.extend(fault_lines(&faults));
        lines.extend(wait_lines(&self.waits));
        lines.extend(not_kept_lines(&not_kept));
        if self.not_asked_for > 0 {
            lines.push(format!(
                "Not kept  by the recorder, as its disk was full: {} that it did not ask for in time",
                shown::counted(self.not_asked_for, "segment")
            ));
        }
        lines.extend(lost_line(self.overview.lost));
        lines.extend(self.noticed().iter().map(noticed_line));
        let files = |count: u64| shown::counted(i64::try_from(count).unwrap_or(i64::MAX), "file");
        let unfinished = match sizes.unfinished_files {
            0 => String::new(),
            count => format!(
                ", unfinished downloads {} in {}",
                bytes(sizes.unfinished_bytes),
                files(count)
            ),
        };
        lines.push(format!(
            "Size      session.db {}, chunks {} in {}{unfinished}",
            bytes(sizes.database_bytes),
            bytes(sizes.chunks_bytes),
            files(sizes.chunks_files),
        ));
        lines
    }

    fn run_lines(&self) -> Vec<String> {
        let runs = &self.overview.runs;
        let left_out = runs.len().saturating_sub(MOST_RUNS);
        let mut lines = Vec::new();
        if left_out > 0 {
            lines.push(format!(
                "Runs      {left_out} earlier ones are not shown; --json has them"
            ));
        }
        for (number, run) in (1..).zip(runs).skip(left_out) {
            let is_last = number == runs.len();
            lines.push(format!(
                "Run       {number}: {} to {} ({}), {}, {}",
                format_utc(run.started_us),
                format_utc(run.end_us()),
                format_time(run.end_us().saturating_sub(run.started_us)),
                ended(run, is_last.then_some(self.overview.state)),
                run.program,
            ));
        }
        lines
    }
}

/// How a run ended; `state`: it is the last one, and that is the session's.
fn ended(run: &Run, state: Option<State>) -> &str {
    match (&run.ended, run.stopped_us, state) {
        (_, None, Some(State::Recording)) => "goes on",
        (_, None, Some(State::DiskFull)) => "disk full",
        (Some(ended), _, _) => ended,
        (None, _, _) => "killed",
    }
}

fn state(state: State) -> &'static str {
    match state {
        State::Stopped => "not being recorded",
        State::Recording => "being recorded now",
        State::Killed => {
            "not being recorded; its recorder was killed (issession repair SESSION closes it)"
        }
        State::DiskFull => {
            "not being recorded; its recorder ended on a full disk (issession repair SESSION closes it)"
        }
    }
}

/// Whoever is given a session with keys can decrypt its media.
fn keys(keys: Keys) -> String {
    match (keys.count, keys.zeros) {
        (0, _) => "none recorded".to_owned(),
        (count, zeros) if count == zeros => {
            format!("{}, nothing but zeros", shown::counted(count as i64, "key"))
        }
        (count, 0) => format!(
            "{}: whoever has this session can decrypt its media",
            shown::counted(count as i64, "key")
        ),
        (count, zeros) => format!(
            "{}: whoever has this session can decrypt its media; {zeros} more are nothing but zeros",
            shown::counted((count - zeros) as i64, "key")
        ),
    }
}

fn fault_lines(faults: &[FaultCount]) -> Vec<String> {
    let total = faults
        .iter()
        .fold(0_i64, |sum, fault| sum.saturating_add(fault.times));
    if total == 0 {
        return vec!["Faults    none".to_owned()];
    }
    let mut lines = vec![format!("Faults    {total}")];
    // A reset before the status and one behind it read alike.
    let mut alike: Vec<(String, i64)> = Vec::new();
    for fault in faults {
        let what = faults::in_short(fault.status, fault.outcome, fault.error.as_deref());
        let what = format!("{}: {what}", fault.kind.noun(fault.is_raw));
        match alike.iter_mut().find(|(known, _)| *known == what) {
            Some((_, times)) => *times = times.saturating_add(fault.times),
            None => alike.push((what, fault.times)),
        }
    }
    let left_out = alike.len().saturating_sub(MOST_FAULTS);
    let told = alike.iter().take(MOST_FAULTS);
    lines.extend(told.map(|(what, times)| format!("          {what} x {times}")));
    if left_out > 0 {
        lines.push(format!(
            "          and {left_out} other kinds; --json has them"
        ));
    }
    lines
}

/// Files that are gone, or were not as they came, when the session was repaired.
fn lost_line(lost: usize) -> Option<String> {
    let bodies = match lost {
        1 => "1 body".to_owned(),
        lost => format!("{lost} bodies"),
    };
    (lost > 0)
        .then(|| format!("Lost      {bodies}, as a repair has marked (issession check names them)"))
}

/// What was no fault, but waited for too long: outages have it, too.
fn wait_lines(waits: &[WaitCount]) -> Vec<String> {
    let total = waits
        .iter()
        .fold(0, |sum: u64, wait| sum.saturating_add(wait.times));
    if total == 0 {
        return Vec::new();
    }
    let mut lines = vec![format!(
        "Waits     {}, {} (adjacent-find --faults says when)",
        shown::counted(total, "long wait"),
        if total == 1 {
            "which is no fault"
        } else {
            "which are no faults"
        }
    )];
    lines.extend(waits.iter().map(|wait| {
        let WaitCount {
            noun, what, times, ..
        } = wait;
        format!("          {noun}: {what} x {times}")
    }));
    lines
}

/// What came and is not in the session, through no fault of the origin.
fn not_kept_lines(not_kept: &[FaultCount]) -> Vec<String> {
    let line = |fault: &FaultCount| {
        let (noun, outcome) = (fault.kind.noun(fault.is_raw), fault.outcome);
        let times = fault.times;
        format!("Not kept  by the recorder, as it came: {noun}: {outcome} x {times}")
    };
    not_kept.iter().take(MOST_FAULTS).map(line).collect()
}

/// `None`: there is none.
fn noticed(of_kind: &[&NoticeEvent]) -> Option<NoticedJson> {
    let lengths_us = of_kind.iter().filter_map(|notice| notice.length_us);
    let length_us = lengths_us.fold(0, |sum: i64, us| sum.saturating_add(us.saturating_abs()));
    Some(NoticedJson {
        kind: of_kind.first()?.kind.as_str(),
        times: of_kind.len(),
        seconds: seconds(length_us),
    })
}

fn noticed_line(noticed: &NoticedJson) -> String {
    let NoticedJson {
        kind,
        times,
        seconds,
    } = noticed;
    let notice = Notice::parse(kind);
    let what = notice.map_or(*kind, Notice::words);
    if notice == Some(Notice::LeftAlone) {
        return format!(
            "Noticed   by the recorder: {what} (Retry-After) x {times}, {seconds:.1} s in all"
        );
    }
    format!("Noticed   by the recorder, of itself: {what} x {times}, {seconds:.1} s in all")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Kind, Outcome};

    #[test]
    fn a_run_says_how_it_ended() {
        let run = |ended: Option<&str>, stopped_us| Run {
            started_us: 0,
            seen_us: 5,
            stopped_us,
            ended: ended.map(str::to_owned),
            program: String::new(),
        };
        let open = run(None, None);
        assert_eq!(ended(&open, Some(State::Recording)), "goes on");
        assert_eq!(ended(&open, Some(State::Killed)), "killed");
        assert_eq!(ended(&open, Some(State::DiskFull)), "disk full");
        let closed = run(Some("duration"), Some(5));
        assert_eq!(ended(&closed, Some(State::Stopped)), "duration");
        assert_eq!(ended(&closed, Some(State::Recording)), "duration");
        assert_eq!(ended(&run(Some("killed"), Some(5)), None), "killed");
    }

    #[test]
    fn keys_that_are_zeros_are_told_apart() {
        let told = |count, zeros| keys(Keys { count, zeros });
        assert_eq!(told(0, 0), "none recorded");
        assert_eq!(told(1, 1), "1 key, nothing but zeros");
        assert!(told(2, 0).starts_with("2 keys: whoever"));
        assert!(told(3, 1).starts_with("2 keys: whoever"));
    }

    #[test]
    fn what_the_recorder_could_not_keep_is_no_fault() {
        let full = FaultCount {
            is_raw: false,
            kind: Kind::Segment,
            status: Some(200),
            outcome: Outcome::Disk,
            error: None,
            times: 3,
        };
        assert_eq!(
            not_kept_lines(&[full]),
            ["Not kept  by the recorder, as it came: segment: disk x 3"]
        );
        assert!(not_kept_lines(&[]).is_empty());
    }

    #[test]
    fn faults_that_read_alike_are_one_line() {
        let reset = |status, times| FaultCount {
            is_raw: true,
            kind: Kind::Main,
            status,
            outcome: Outcome::Reset,
            error: None,
            times,
        };
        assert_eq!(
            fault_lines(&[reset(Some(200), 2), reset(None, 1)]),
            ["Faults    3", "          raw stream: reset x 3"]
        );
    }

    #[test]
    fn faults_are_counted_and_the_most_frequent_are_named() {
        assert_eq!(fault_lines(&[]), ["Faults    none"]);
        let mut all = vec![FaultCount {
            is_raw: false,
            kind: Kind::Media,
            status: Some(503),
            outcome: Outcome::Complete,
            error: None,
            times: 3,
        }];
        assert_eq!(
            fault_lines(&all),
            ["Faults    3", "          media playlist: HTTP 503 x 3"]
        );
        all.extend((400..430).map(|status| FaultCount {
            is_raw: false,
            kind: Kind::Segment,
            status: Some(status),
            outcome: Outcome::Complete,
            error: None,
            times: 1,
        }));
        let lines = fault_lines(&all);
        assert_eq!(lines.len(), MOST_FAULTS + 2);
        assert!(
            lines.last().unwrap().contains("11 other kinds"),
            "{lines:?}"
        );
    }
}
