//! What the live view says of a stream, or of a playlist of the only stream. Pure.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::recorder::{LATELY_US, Past, PlaylistStats, Spell, StreamStats};
use crate::session::Outcome;

/// A raw stream that brings nothing for so long is silent, in microseconds.
const SILENT_US: i64 = 2_000_000;
/// A request without an answer is told after so long, whatever the target duration, in microseconds.
const LONGEST_UNTOLD_US: i64 = 5_000_000;
/// What has not advanced so long after it was first asked for stands still, in microseconds.
const LONGEST_BEGIN_US: i64 = 15_000_000;
/// Polls are never further apart than a minute. What has not been told of for longer is not known, in microseconds.
const NOT_ASKED_US: i64 = 65_000_000;

/// How a row is doing, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Word {
    /// It is the recorder that is in trouble.
    Recorder,
    /// Polls fail, or the raw stream does.
    Fails,
    /// A request has had no answer for long.
    Unanswered,
    NoAdvance,
    /// A raw stream of which nothing comes.
    Silent,
    /// Its host asked for patience, and nothing is asked of it.
    LeftAlone,
    ChunksFail,
    /// Its chunks come far slower than they are played.
    ChunksSlow,
    /// No poll has told for long.
    NotAsked,
    /// It was in trouble until a short time ago.
    Again,
    Begins,
    Advances,
    Ended,
}

/// How a line looks, where there is colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Own,
    Bad,
    Watch,
    Plain,
    Faint,
}

impl Word {
    /// Of one, and as it is written beside how many are like that.
    pub(super) fn texts(self) -> (&'static str, &'static str) {
        match self {
            Self::Recorder => ("RECORDER", "of the recorder itself"),
            Self::Fails => ("FAILS", "fail"),
            Self::Unanswered => ("UNANSWERED", "are unanswered"),
            Self::NoAdvance => ("NO ADVANCE", "do not advance"),
            Self::Silent => ("SILENT", "are silent"),
            Self::LeftAlone => ("LEFT ALONE", "are left alone"),
            Self::ChunksFail => ("CHUNKS FAIL", "lose chunks"),
            Self::ChunksSlow => ("CHUNKS SLOW", "have slow chunks"),
            Self::NotAsked => ("NOT ASKED", "are not asked"),
            Self::Again => ("again", "advance again"),
            Self::Begins => ("begins", "begin"),
            Self::Advances => ("advances", "advance"),
            Self::Ended => ("ended", "have ended"),
        }
    }

    pub(super) fn tone(self) -> Tone {
        match self {
            Self::Recorder => Tone::Own,
            Self::Fails | Self::Unanswered | Self::NoAdvance | Self::Silent => Tone::Bad,
            Self::LeftAlone | Self::ChunksFail | Self::ChunksSlow => Tone::Watch,
            Self::NotAsked | Self::Again => Tone::Watch,
            Self::Begins | Self::Advances => Tone::Plain,
            Self::Ended => Tone::Faint,
        }
    }

    /// Whether it is told of with since when and why.
    pub(super) fn is_marked(self) -> bool {
        self <= Self::Again
    }

    /// Whether it is told of for a while after it is over.
    pub(super) fn is_remembered(self) -> bool {
        self.tone() == Tone::Bad || matches!(self, Self::ChunksFail | Self::ChunksSlow)
    }
}

/// How something is doing, since when (microseconds of Unix time; 0: never), and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    pub word: Word,
    pub since_us: i64,
    pub what: String,
}

/// Which row is which, from one look to the next: the stream, and its playlist where rows are playlists.
pub(super) type Key = (usize, Option<usize>);

/// A row.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub key: Key,
    pub label: String,
    pub condition: Condition,
    pub faults: u64,
    pub gaps: u64,
    pub chunks: u64,
    pub bytes: u64,
    pub revisions: u64,
    /// Bytes a second, averaged.
    pub rate: u64,
    pub past: Pasts,
}

/// What was over last, as the log has it: polls that failed, gaps, chunks that failed, chunks that were slow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pasts {
    pub polls: Option<Past>,
    pub gap: Option<Past>,
    pub chunks: Option<Past>,
    pub slow: Option<Past>,
}

impl Pasts {
    fn from_playlist(playlist: &PlaylistStats) -> Self {
        let gap = playlist.gaps.past().map(|(since_us, until_us)| Past {
            since_us,
            until_us,
            what: String::new(),
        });
        let chunks = playlist.losing.spell().and_then(|spell| {
            Some(Past {
                since_us: spell.since_us,
                until_us: spell.good_us?,
                what: spell.told(),
            })
        });
        Self {
            polls: playlist.failing.past(),
            gap,
            chunks: chunks.or_else(|| playlist.losing.past()),
            slow: playlist.slow.past(),
        }
    }

    /// Of two playlists: what they had at once is one.
    fn and(self, other: Self) -> Self {
        Self {
            polls: both(self.polls, other.polls),
            gap: both(self.gap, other.gap),
            chunks: both(self.chunks, other.chunks),
            slow: both(self.slow, other.slow),
        }
    }

    /// What was told with a word.
    pub(super) fn of(&self, word: Word) -> Option<&Past> {
        match word {
            Word::Fails | Word::Unanswered => self.polls.as_ref(),
            Word::NoAdvance | Word::Silent => self.gap.as_ref(),
            Word::ChunksFail => self.chunks.as_ref(),
            Word::ChunksSlow => self.slow.as_ref(),
            _ => None,
        }
    }
}

fn both(one: Option<Past>, other: Option<Past>) -> Option<Past> {
    let (Some(one), Some(other)) = (&one, &other) else {
        return one.or(other);
    };
    let (last, before) = match one.until_us >= other.until_us {
        true => (one, other),
        false => (other, one),
    };
    let mut all = last.clone();
    if before.until_us > last.since_us {
        all.since_us = last.since_us.min(before.since_us);
    }
    Some(all)
}

/// One for each stream; where there is only one stream, one for each of its playlists.
pub(super) fn rows(streams: &[Arc<StreamStats>], now_us: i64) -> Vec<Row> {
    let stream = |(n, stream): (usize, &Arc<StreamStats>)| stream_row((n, None), stream, now_us);
    match streams {
        [only] => playlist_rows(only, now_us),
        many => many.iter().enumerate().map(stream).collect(),
    }
}

/// A playlist that lists others cannot advance: it is told of while it fails.
fn playlist_rows(stream: &StreamStats, now_us: i64) -> Vec<Row> {
    let playlists = stream.stats.playlists();
    let rows = playlists.iter().enumerate().filter_map(|(n, playlist)| {
        let row = row((0, Some(n)), playlist, now_us);
        let is_listing = playlist.is_multivariant.load(Ordering::Relaxed);
        (!is_listing || row.condition.word <= Word::ChunksSlow).then_some(row)
    });
    rows.collect()
}

fn row(key: Key, playlist: &PlaylistStats, now_us: i64) -> Row {
    let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    Row {
        key,
        label: playlist.label.clone(),
        condition: condition(playlist, now_us),
        faults: count(&playlist.faults),
        gaps: playlist.gaps.count(),
        chunks: count(&playlist.chunks),
        bytes: count(&playlist.bytes),
        revisions: count(&playlist.revisions),
        rate: 0,
        past: Pasts::from_playlist(playlist),
    }
}

fn stream_row(key: Key, stream: &StreamStats, now_us: i64) -> Row {
    let playlists = stream.stats.playlists();
    let rows: Vec<Row> = playlists.iter().map(|one| row(key, one, now_us)).collect();
    let pasts = rows.iter().map(|row| row.past.clone());
    let past = pasts.fold(Pasts::default(), Pasts::and);
    let sum = |count: fn(&Row) -> u64| rows.iter().map(count).sum();
    let conditions = summed(&playlists, &rows, now_us);
    let all = playlists.iter().zip(&conditions).map(|(one, condition)| {
        let is_listing = one.is_multivariant.load(Ordering::Relaxed);
        (one.label.as_str(), is_listing, condition)
    });
    Row {
        key,
        label: stream.name.clone(),
        condition: worst(&all.collect::<Vec<_>>()),
        faults: sum(|row| row.faults),
        // What its playlists had at once is one.
        gaps: stream.stats.totals().all_gaps(),
        chunks: sum(|row| row.chunks),
        bytes: sum(|row| row.bytes),
        revisions: sum(|row| row.revisions),
        rate: 0,
        past,
    }
}

/// Faults of a playlist that go on, of one kind.
type SpellOf = fn(&PlaylistStats) -> Option<Spell>;

/// How the playlists of a stream do; what fails alike, with how often it did so for all of them.
fn summed(playlists: &[Arc<PlaylistStats>], rows: &[Row], now_us: i64) -> Vec<Condition> {
    let mut all: Vec<Condition> = rows.iter().map(|row| row.condition.clone()).collect();
    let sums: [(Word, SpellOf); 2] = [
        (Word::Fails, |one| one.failing.spell()),
        (Word::ChunksFail, |one| one.losing.spell()),
    ];
    for (word, spell) in sums {
        let alike = playlists.iter().zip(&all);
        let alike = alike.filter(|(_, one)| one.word == word);
        let alike = alike.map(|(one, _)| one);
        let left_us = alike.clone().filter_map(|one| left_alone(one, now_us));
        let left_us = left_us.map(|(_, left_us)| left_us).max();
        let mut spells: Vec<Spell> = alike.filter_map(|one| spell(one)).collect();
        spells.sort_by_key(|spell| spell.since_us);
        let Some(sum) = spells.into_iter().reduce(Spell::and) else {
            continue;
        };
        for one in all.iter_mut().filter(|one| one.word == word) {
            one.what = with_patience(sum.told(), left_us);
        }
    }
    all
}

fn condition(playlist: &PlaylistStats, now_us: i64) -> Condition {
    let moment = |one: &std::sync::atomic::AtomicI64| one.load(Ordering::Relaxed);
    let (asked_us, advanced_us) = (moment(&playlist.since_us), moment(&playlist.advanced_us));
    let is = |word, since_us, what: String| Condition {
        word,
        since_us,
        what,
    };
    if playlist.is_over.load(Ordering::Relaxed) {
        return is(Word::Ended, advanced_us, String::new());
    }
    let left_alone = left_alone(playlist, now_us);
    if let Some(spell) = playlist.failing.spell() {
        let fails = told_of(Word::Fails, &spell);
        let left_us = left_alone.map(|(_, left_us)| left_us);
        let what = with_patience(fails.what, left_us);
        return Condition { what, ..fails };
    }
    if let Some(since_us) = unanswered_us(playlist, now_us) {
        return is(Word::Unanswered, since_us, String::new());
    }
    let ago_us = now_us.saturating_sub(advanced_us);
    let target_us = moment(&playlist.target_us);
    let slow = playlist.slow.spell();
    let lost = playlist.losing.spell();
    let is_lost = |spell: &Spell| {
        spell.good_us.is_none() && now_us.saturating_sub(spell.last_us) <= LATELY_US
    };
    let lost = lost.filter(is_lost);
    let is_listing = playlist.is_multivariant.load(Ordering::Relaxed);
    match (advanced_us, target_us, lost) {
        (1.., 1.., _) if playlist.gaps.since_us().is_some() => {
            let what = format!("target {:.1} s", target_us as f64 / 1e6);
            is(Word::NoAdvance, advanced_us, what)
        }
        (1.., 0, _) if ago_us > SILENT_US => {
            is(Word::Silent, advanced_us, "nothing comes".to_owned())
        }
        (0, ..) if asked_us > 0 && !is_listing && now_us - asked_us > LONGEST_BEGIN_US => {
            is(Word::NoAdvance, asked_us, "it never did".to_owned())
        }
        _ if left_alone.is_some() => {
            let (since_us, left_us) = left_alone.unwrap_or_default();
            is(Word::LeftAlone, since_us, patience(left_us))
        }
        (.., Some(spell)) => told_of(Word::ChunksFail, &spell),
        _ if slow.is_some() => {
            let spell = slow.unwrap_or_default();
            is(Word::ChunksSlow, spell.since_us, spell.what)
        }
        (1.., 1.., _) if ago_us > NOT_ASKED_US.max(3 * target_us) => {
            let what = "no poll has told whether it advances";
            is(Word::NotAsked, advanced_us, what.to_owned())
        }
        (0, ..) => is(Word::Begins, asked_us, String::new()),
        _ => is(Word::Advances, advanced_us, String::new()),
    }
}

/// What came and was not kept is nobody's fault but the recorder's.
fn told_of(word: Word, spell: &Spell) -> Condition {
    let is_recorders = |what: &String| Outcome::parse(what).is_some_and(Outcome::is_recorders);
    let (word, what) = match spell.whats.iter().all(is_recorders) {
        true => (Word::Recorder, format!("not kept: {}", spell.told())),
        false => (word, spell.told()),
    };
    Condition {
        word,
        since_us: spell.since_us,
        what,
    }
}

/// Since when its host is left alone as it asked, and for how long still, in microseconds.
fn left_alone(playlist: &PlaylistStats, now_us: i64) -> Option<(i64, i64)> {
    let (since_us, until_us) = playlist.left_alone.spell(now_us)?;
    let left_us = until_us.saturating_sub(now_us);
    (left_us > 0).then_some((since_us, left_us))
}

fn patience(left_us: i64) -> String {
    let left = (left_us as f64 / 1e6).ceil();
    format!("host asked for patience, {left:.0} s left")
}

/// What happens, and for how long its host is left alone still.
fn with_patience(what: String, left_us: Option<i64>) -> String {
    match left_us {
        Some(left_us) => format!("{what}, {}", patience(left_us)),
        None => what,
    }
}

/// Since when there is no answer, where one should have come.
fn unanswered_us(playlist: &PlaylistStats, now_us: i64) -> Option<i64> {
    let target_us = playlist.target_us.load(Ordering::Relaxed);
    let patience_us = match target_us {
        ..=0 => LONGEST_UNTOLD_US,
        _ => (target_us.saturating_mul(3) / 2).min(LONGEST_UNTOLD_US),
    };
    let asked_us = playlist.waiting.asked_us()?;
    let is_long = now_us.saturating_sub(asked_us) > patience_us;
    playlist.waiting.since_us().filter(|_| is_long)
}

/// Of a stream: the worst of what its playlists do, and since when one of them does it; labels, and whether each lists others.
fn worst(all: &[(&str, bool, &Condition)]) -> Condition {
    // Whether what lists others goes on or has ended says nothing of the stream.
    let told = all
        .iter()
        .filter(|(_, is_listing, one)| !is_listing || one.word <= Word::ChunksSlow);
    let told: Vec<_> = told.collect();
    let Some(word) = told.iter().map(|(_, _, one)| one.word).min() else {
        let since = all.first().map_or(0, |(_, _, one)| one.since_us);
        return Condition {
            word: Word::Begins,
            since_us: since,
            what: String::new(),
        };
    };
    let alike: Vec<_> = told.iter().filter(|(_, _, one)| one.word == word).collect();
    // Of those that are behind the one that is furthest; of those that ended the last one.
    let moments = alike.iter().map(|(_, _, one)| one.since_us);
    let since_us = match word {
        Word::Ended => moments.max(),
        _ => moments.min(),
    };
    let first = alike.iter().min_by_key(|(_, _, one)| one.since_us);
    let what = first.map_or_else(String::new, |(label, _, one)| {
        match (alike.len(), told.len()) {
            _ if one.what.is_empty() => String::new(),
            (_, 1) => one.what.clone(),
            (1, _) => format!("{}, {label}", one.what),
            (some, all) => format!("{}, {some} of {all} playlists", one.what),
        }
    });
    Condition {
        word,
        since_us: since_us.unwrap_or(0),
        what,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::Stats;

    const NOW_US: i64 = 1_000_000_000;

    fn playlist() -> PlaylistStats {
        let one = PlaylistStats::default();
        one.since_us.store(NOW_US - 60_000_000, Ordering::Relaxed);
        one.advanced_us.store(NOW_US - 1_000_000, Ordering::Relaxed);
        one.target_us.store(2_000_000, Ordering::Relaxed);
        one
    }

    fn told(one: &PlaylistStats) -> (Word, i64, String) {
        let Condition {
            word,
            since_us,
            what,
        } = condition(one, NOW_US);
        (word, (NOW_US - since_us) / 1_000_000, what)
    }

    #[test]
    fn what_is_worst_is_told() {
        let one = playlist();
        assert_eq!(told(&one), (Word::Advances, 1, String::new()));
        one.losing
            .fails(&["HTTP 404"], (NOW_US - 5_000_000, NOW_US - 5_000_000), 0);
        assert_eq!(told(&one), (Word::ChunksFail, 5, "HTTP 404".to_owned()));
        one.gaps.lasts((NOW_US - 3_000_000, NOW_US), true);
        let still = (Word::NoAdvance, 1, "target 2.0 s".to_owned());
        assert_eq!(told(&one), still);
        one.waiting.asks(NOW_US - 3_000_000);
        assert_eq!(told(&one), still, "it may still come");
        one.waiting.is_given_up();
        one.waiting.asks(NOW_US - 3_000_001);
        assert_eq!(told(&one), (Word::Unanswered, 3, String::new()));
        for _ in 0..3 {
            let at_us = NOW_US - 7_000_000;
            one.failing.fails(&["refused"], (at_us, at_us), i64::MAX);
        }
        assert_eq!(told(&one), (Word::Fails, 7, "refused x 3".to_owned()));
        one.is_over.store(true, Ordering::Relaxed);
        assert_eq!(told(&one).0, Word::Ended);
    }

    #[test]
    fn a_host_that_is_left_alone_is_that_and_no_playlist_that_advances() {
        let one = playlist();
        let at_us = (NOW_US - 9_000_000, NOW_US - 9_000_000);
        one.losing.fails(&["HTTP 503"], at_us, 0);
        one.left_alone
            .lasts((NOW_US - 8_000_000, NOW_US + 11_100_000));
        let told_so = "host asked for patience, 12 s left".to_owned();
        assert_eq!(told(&one), (Word::LeftAlone, 8, told_so.clone()));
        one.failing.fails(&["HTTP 503"], at_us, i64::MAX);
        let fails = format!("HTTP 503, {told_so}");
        assert_eq!(told(&one), (Word::Fails, 9, fails));
        let over = playlist();
        over.left_alone.lasts((NOW_US - 8_000_000, NOW_US));
        assert_eq!(told(&over).0, Word::Advances);
    }

    #[test]
    fn what_came_and_was_not_kept_is_the_recorders() {
        let at_us = (NOW_US - 5_000_000, NOW_US - 5_000_000);
        let one = playlist();
        one.losing.fails(&["too large"], at_us, 0);
        let own = |what: &str| (Word::Recorder, 5, format!("not kept: {what}"));
        assert_eq!(told(&one), own("too large"));
        one.failing.fails(&["disk"], at_us, 0);
        assert_eq!(told(&one), own("disk"));
        one.failing.fails(&["reset"], at_us, 0);
        let both = "disk, then reset x 2".to_owned();
        assert_eq!(
            told(&one),
            (Word::Fails, 5, both),
            "the origin has its part"
        );
    }

    #[test]
    fn what_was_not_asked_for_long_is_not_called_alive() {
        let one = playlist();
        let at_us = NOW_US - 70_000_000;
        one.advanced_us.store(at_us, Ordering::Relaxed);
        assert_eq!(told(&one).0, Word::NotAsked);
        one.target_us.store(30_000_000, Ordering::Relaxed);
        assert_eq!(told(&one).0, Word::Advances);
        one.target_us.store(0, Ordering::Relaxed);
        assert_eq!(told(&one).0, Word::Silent, "it is no playlist");
    }

    #[test]
    fn what_never_advanced_begins_for_a_while() {
        let one = playlist();
        one.advanced_us.store(0, Ordering::Relaxed);
        assert_eq!(told(&one), (Word::NoAdvance, 60, "it never did".to_owned()));
        let at_us = NOW_US - 2_000_000;
        one.since_us.store(at_us, Ordering::Relaxed);
        assert_eq!(told(&one), (Word::Begins, 2, String::new()));
    }

    #[test]
    fn faults_of_several_playlists_are_summed_as_the_log_does() {
        let stream = StreamStats {
            name: "s".to_owned(),
            stats: Stats::default(),
        };
        for (label, times) in [("a", 44), ("b", 44), ("c", 40)] {
            let one = stream.stats.add(label.to_owned());
            for _ in 0..times {
                let at_us = (NOW_US - 9_000_000, NOW_US);
                one.failing.fails(&["HTTP 503"], at_us, i64::MAX);
            }
        }
        let row = stream_row((0, None), &stream, NOW_US);
        assert_eq!(row.condition.what, "HTTP 503 x 128, 3 of 3 playlists");
        // The one that failed first may be of another host.
        for (n, left_us) in [(1, 11_100_000), (2, 4_000_000)] {
            let left_alone = &stream.stats.playlists()[n].left_alone;
            left_alone.lasts((NOW_US - 8_000_000, NOW_US + left_us));
        }
        let row = stream_row((0, None), &stream, NOW_US);
        let told = "HTTP 503 x 128, host asked for patience, 12 s left, 3 of 3 playlists";
        assert_eq!(row.condition.what, told);
    }

    #[test]
    fn a_stream_is_as_its_worst_playlists() {
        let is = |word, since_us, what: &str| Condition {
            word,
            since_us,
            what: what.to_owned(),
        };
        let main = is(Word::Advances, 0, "");
        let good = is(Word::Advances, 90, "");
        let still = is(Word::NoAdvance, 50, "target 2.0 s");
        let later = is(Word::NoAdvance, 60, "target 2.0 s");
        let ended = is(Word::Ended, 40, "");
        let of = |all: &[(&str, bool, &Condition)]| {
            let told = worst(all);
            (told.word, told.since_us, told.what)
        };
        let begun = [("main", true, &main)];
        assert_eq!(of(&begun), (Word::Begins, 0, String::new()));
        let all = [("main", true, &main), ("a", false, &good)];
        assert_eq!(of(&all), (Word::Advances, 90, String::new()));
        let all = [("a", false, &good), ("b", false, &still)];
        let one = (Word::NoAdvance, 50, "target 2.0 s, b".to_owned());
        assert_eq!(of(&all), one);
        let all = [
            ("a", false, &good),
            ("b", false, &later),
            ("c", false, &still),
        ];
        let two = "target 2.0 s, 2 of 3 playlists".to_owned();
        assert_eq!(of(&all), (Word::NoAdvance, 50, two));
        let all = [("a", false, &good), ("b", false, &ended)];
        assert_eq!(of(&all).0, Word::Advances);
        assert_eq!(of(&[("b", false, &ended)]).0, Word::Ended);
    }
}
