//! X05: the same moment has the same time stamps in all playlists of a channel.

use std::collections::VecDeque;

use super::known::{Known, is_damaged, seconds, ticks_between, timed};
use crate::analysis::finding::Evidence;
use crate::analysis::rules::across::disputes::{Difference, Names};
use crate::analysis::rules::broken::Broken;
use crate::media::facts::{Content, Track, TrackKind};
use crate::session;

/// Program date times of packagers are that exact: they are counted on from a wall clock, for each playlist alone.
const DATES_US: i64 = 100_000;
/// A difference that changes by less is the same.
const STEADY_US: i64 = 20_000;
/// Rounding of time stamps.
const ROUNDING_US: i64 = 1_000;
/// What is more segments away has perhaps other time stamps by now.
const NEAR: i64 = 3;
/// Segments of a playlist that are remembered.
const MOST: usize = 128;

/// When a segment is, by its date and by its time stamps.
#[derive(Debug, Clone)]
pub struct Stamp {
    /// Its program date time, in microseconds of Unix time.
    pub date_us: i64,
    /// EXTINF, in microseconds.
    pub extinf_us: i64,
    /// Its media sequence number.
    pub sequence: u64,
    /// Its discontinuity number.
    pub discontinuity: u64,
    /// Its absolute URL.
    pub url: String,
    /// When it was listed, and the exchange that brought it.
    pub at: Evidence,
    /// The rules tell that its time stamps jump (M06).
    pub jumps: bool,
    pub(super) is_damaged: bool,
    pub(super) is_transport: bool,
    /// The track that its time is told by: pictures, where there are some.
    pub(super) track: Track,
    goes_round: bool,
}

/// What is known of a segment beside its bytes.
#[derive(Debug)]
pub struct Listed {
    /// Its program date time, in microseconds of Unix time.
    pub date_us: i64,
    /// Its discontinuity number.
    pub discontinuity: u64,
    /// Its absolute URL.
    pub url: String,
    /// When it was listed, and the exchange that brought it.
    pub at: Evidence,
}

impl Stamp {
    /// `None`: its bytes do not tell when it is.
    pub fn of(known: &Known<'_>, listed: Listed) -> Option<Self> {
        let content = &known.facts.content;
        let goes_round = match content {
            Content::Packed(facts) if facts.time.is_none() => return None,
            Content::Fragments(facts) if facts.without_time > 0 => return None,
            Content::Transport(_) | Content::Packed(_) => true,
            Content::Fragments(_) => false,
            _ => return None,
        };
        let mut tracks = timed(known.facts);
        let video = timed(known.facts).find(|track| track.kind == TrackKind::Video);
        Some(Self {
            date_us: listed.date_us,
            extinf_us: known.extinf_us,
            sequence: known.sequence,
            discontinuity: listed.discontinuity,
            url: listed.url,
            at: listed.at,
            jumps: false,
            is_damaged: is_damaged(known.facts),
            is_transport: matches!(content, Content::Transport(_)),
            track: Track {
                keys: Box::default(),
                ..video.or_else(|| tracks.next())?.clone()
            },
            goes_round,
        })
    }

    /// From its first picture, in the order of decoding, to that of another one, in microseconds; to a frame it is the same: 0. `None`: they have
    /// no pictures that can be compared.
    pub(super) fn apart_us(&self, other: &Self) -> Option<i64> {
        let (a, b) = (self.track.times?, other.track.times?);
        let is_alike = self.goes_round == other.goes_round
            && self.track.kind == TrackKind::Video
            && other.track.kind == TrackKind::Video;
        // Of an open GOP pictures before the first one are shown earlier.
        let us = self.us_to(other, a.first_shown, b.first_shown);
        let frame_us = self.track.us(a.unit).max(other.track.us(b.unit));
        let is_same = us.saturating_abs() <= frame_us.saturating_add(ROUNDING_US);
        (is_alike && frame_us > 0).then_some(if is_same { 0 } else { us })
    }

    /// From a time of its own to one of another, in microseconds.
    fn us_to(&self, other: &Self, own: i64, theirs: i64) -> i64 {
        match self.goes_round {
            true => self.track.us(ticks_between(own, theirs, true)),
            false => other.track.us(theirs).saturating_sub(self.track.us(own)),
        }
    }

    fn until_us(&self) -> i64 {
        self.date_us.saturating_add(self.extinf_us)
    }

    /// For so long both are there at one date, in microseconds; less than 0: they are not.
    fn overlap_us(&self, other: &Self) -> i64 {
        let until_us = self.until_us().min(other.until_us());
        until_us.saturating_sub(self.date_us.max(other.date_us))
    }
}

/// The newest segments of a playlist whose dates and time stamps go on.
#[derive(Debug, Default)]
pub struct Stamps {
    newest: VecDeque<Stamp>,
    /// When a jump of its dates or its numbers was seen last, in microseconds of Unix time.
    jumped_us: Option<i64>,
}

impl Stamps {
    /// Dates or numbers jump (T01, T12): what comes is not compared with what was there before.
    pub fn jump(&mut self, at_us: i64) {
        self.newest.clear();
        self.jumped_us = Some(at_us);
    }

    /// The newest segment.
    pub fn newest(&self) -> Option<&Stamp> {
        self.newest.back()
    }

    /// Takes in a segment.
    pub fn push(&mut self, stamp: Stamp) {
        if self.newest.len() >= MOST {
            self.newest.pop_front();
        }
        self.newest.push_back(stamp);
    }

    /// The segment of the same date, between the same discontinuities.
    pub fn beside(&self, stamp: &Stamp) -> Option<&Stamp> {
        let is_there = |other: &&Stamp| {
            other.discontinuity == stamp.discontinuity
                && other.overlap_us(stamp) >= other.extinf_us.min(stamp.extinf_us) / 2
        };
        let found = self.newest.iter().filter(is_there);
        found.max_by_key(|other| other.overlap_us(stamp))
    }

    /// The segment that is nearest to one of another playlist (its date, and how long it is, in microseconds), between the same discontinuities.
    /// `None`: it has none near it, since it is in an outage, or has left.
    pub fn near(&self, (date_us, length_us): (i64, i64), discontinuity: u64) -> Option<&Stamp> {
        let away_us = |other: &Stamp| other.date_us.saturating_sub(date_us).saturating_abs();
        let is_near = |other: &&Stamp| {
            let longest_us = other.extinf_us.max(length_us);
            other.discontinuity == discontinuity
                && away_us(other) <= longest_us.saturating_mul(NEAR)
        };
        let found = self.newest.iter().filter(is_near);
        found.min_by_key(|other| away_us(other))
    }

    /// Whether a segment begins where another one does, to a frame, between the same discontinuities.
    pub(super) fn begin_with(&self, stamp: &Stamp) -> bool {
        let mut own = self.newest.iter();
        own.any(|own| own.discontinuity == stamp.discontinuity && own.apart_us(stamp) == Some(0))
    }

    /// A segment that was seen then is not of before a jump: whoever has it, the others get it within a target duration.
    fn has_settled(&self, seen_us: i64, target_us: i64) -> bool {
        self.jumped_us
            .is_none_or(|us| seen_us >= us.saturating_add(target_us))
    }
}

/// Segments of two playlists of one channel at one date, side 0 and side 1, with all that is known of their playlists: what the time
/// stamps of the second are off those of the first once the difference of their dates is taken away, where that is more than a
/// frame. One alone that jumps is told by M06.
pub fn judge((first, second): (&Stamp, &Stamp), of: [&Stamps; 2], target_us: i64) -> Option<Apart> {
    let is_alike = first.goes_round == second.goes_round;
    if !is_alike || !are_settled((first, second), of, target_us) {
        return None;
    }
    let (a, b) = (first.track.times?, second.track.times?);
    let between = first.us_to(second, a.first_shown, b.first_shown);
    let dates_us = second.date_us.saturating_sub(first.date_us);
    let off_us = between.saturating_sub(dates_us);
    let frame_us = first.track.us(a.unit).max(second.track.us(b.unit));
    (off_us.saturating_abs() > frame_us.saturating_add(DATES_US)).then(|| Apart {
        kinds: [first.track.kind, second.track.kind],
        first: At::of(off_us, first, second),
        last: At::of(off_us, first, second),
    })
}

/// Neither of two segments is beside a jump that the other playlist may not have had yet.
pub(super) fn are_settled(
    (first, second): (&Stamp, &Stamp),
    of: [&Stamps; 2],
    target_us: i64,
) -> bool {
    let [first_of, second_of] = of;
    first.jumps == second.jumps
        && first_of.has_settled(second.at.at_us, target_us)
        && second_of.has_settled(first.at.at_us, target_us)
}

/// Two playlists whose time stamps are apart. Side 0 and side 1.
#[derive(Debug)]
pub struct Apart {
    kinds: [TrackKind; 2],
    first: At,
    last: At,
}

/// By how much, and where.
#[derive(Debug)]
struct At {
    /// Side 1 is so much late, in microseconds.
    off_us: i64,
    sequences: [u64; 2],
    urls: [String; 2],
}

impl At {
    fn of(off_us: i64, first: &Stamp, second: &Stamp) -> Self {
        Self {
            off_us,
            sequences: [first.sequence, second.sequence],
            urls: [first.url.clone(), second.url.clone()],
        }
    }

    /// By how much a side is late.
    fn late_us(&self, side: usize) -> i64 {
        match side {
            0 => self.off_us.saturating_neg(),
            _ => self.off_us,
        }
    }

    fn sequence(&self, side: usize) -> u64 {
        self.sequences.get(side).copied().unwrap_or_default()
    }

    fn url(&self, side: usize) -> &str {
        self.urls.get(side).map_or("", String::as_str)
    }
}

impl Difference for Apart {
    fn rule(&self) -> &'static str {
        "X05"
    }

    fn side(&self) -> usize {
        // Sound is late against pictures.
        usize::from(self.kinds != [TrackKind::Audio, TrackKind::Video])
    }

    fn tell(&self, side: usize, names: &Names<'_>) -> Broken {
        let kind = |side: usize| self.kinds.get(side).copied().unwrap_or(TrackKind::Other);
        let (own, theirs) = (shown(kind(side)), shown(kind(1 - side)));
        let against = match (kind(side) == kind(1 - side), kind(side)) {
            (false, _) => theirs.0,
            (true, TrackKind::Video) => "those",
            (true, _) => "that",
        };
        let late_us = self.first.late_us(side);
        let mut text = format!(
            "{} of {} {} {} {} against {against} of {} at segment {}",
            own.0,
            names.odd,
            own.1,
            seconds(late_us.saturating_abs()),
            late(late_us),
            names.others,
            self.first.sequence(side),
        );
        text += &self.change(side);
        Broken::new("X05", text)
            .with("media_sequence", self.first.sequence(side))
            .with("other_media_sequence", self.first.sequence(1 - side))
            .with("url", self.first.url(side))
            .with("other_url", self.first.url(1 - side))
            .with("late_seconds", session::seconds(late_us))
            .with("last_media_sequence", self.last.sequence(side))
            .with(
                "last_late_seconds",
                session::seconds(self.last.late_us(side)),
            )
    }

    fn again(&mut self, now: Self) {
        self.last = now.last;
    }
}

impl Apart {
    /// What became of it.
    fn change(&self, side: usize) -> String {
        let (was_us, is_us) = (self.first.late_us(side), self.last.late_us(side));
        let by_us = is_us
            .saturating_abs()
            .saturating_sub(was_us.saturating_abs());
        let length = seconds(is_us.saturating_abs());
        if was_us.signum() != is_us.signum() {
            let sequence = self.last.sequence(side);
            return format!(", and {length} {} at segment {sequence}", late(is_us));
        }
        match by_us {
            STEADY_US.. => format!(", growing to {length}"),
            _ if by_us <= -STEADY_US => format!(", shrinking to {length}"),
            _ => String::new(),
        }
    }
}

fn shown(kind: TrackKind) -> (&'static str, &'static str) {
    match kind {
        TrackKind::Video => ("the pictures", "are"),
        TrackKind::Audio | TrackKind::Other => ("the sound", "is"),
    }
}

fn late(us: i64) -> &'static str {
    match us < 0 {
        true => "early",
        false => "late",
    }
}

#[cfg(test)]
pub(super) mod testing {
    use super::*;
    use crate::media::facts::{TRANSPORT_SECOND, Times};

    /// A segment of 4 s of a transport stream, with a date and a time stamp in milliseconds.
    pub fn stamp(kind: TrackKind, number: u64, date_ms: i64, shown_ms: i64) -> Stamp {
        let ticks = shown_ms * 90;
        let times = Times {
            first_decode: ticks,
            last_decode: ticks,
            end_earliest: ticks,
            end_latest: ticks,
            first_shown: ticks,
            earliest_shown: ticks,
            latest_shown: ticks,
            longest: 3600,
            unit: 3600,
            units: 1,
            breaks: Default::default(),
        };
        Stamp {
            date_us: date_ms * 1000,
            extinf_us: 4_000_000,
            sequence: number,
            discontinuity: 0,
            url: format!("http://localhost/{number}.ts"),
            at: Evidence {
                at_us: date_ms * 1000,
                exchange: Some(1),
            },
            jumps: false,
            is_damaged: false,
            is_transport: true,
            track: Track {
                id: 256,
                kind,
                format: 27,
                codec: None,
                timescale: TRANSPORT_SECOND,
                times: Some(times),
                begins: None,
                keys: Box::default(),
                bytes: 1000,
            },
            goes_round: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::stamp;
    use super::*;

    const TARGET_US: i64 = 4_000_000;

    /// What is told where the sound begins so many milliseconds late, segment by segment.
    fn told(late: &[i64]) -> Option<String> {
        let stamps = Stamps::default();
        let mut apart: Option<Apart> = None;
        for (number, late) in (10..).zip(late) {
            let date = i64::try_from(number).unwrap() * 4000;
            let sound = stamp(TrackKind::Audio, number, date, date + late);
            let pictures = stamp(TrackKind::Video, number, date, date);
            let now = judge((&pictures, &sound), [&stamps, &stamps], TARGET_US);
            apart = match (apart.take(), now) {
                (Some(mut apart), Some(now)) => {
                    apart.again(now);
                    Some(apart)
                }
                (before, now) => before.or(now),
            };
        }
        let names = Names {
            odd: "audio",
            others: "high".to_owned(),
            are_many: false,
        };
        apart.map(|apart| apart.tell(apart.side(), &names).text)
    }

    #[test]
    fn the_direction_and_the_growth_are_told() {
        assert_eq!(
            told(&[0, 80, 140]),
            None,
            "a frame, and dates are that exact"
        );
        let first = "the sound of audio is 0.160 s late against the pictures of high at segment 11";
        assert_eq!(told(&[0, 160, 160]).as_deref(), Some(first));
        let grows = format!("{first}, growing to 0.540 s");
        assert_eq!(told(&[0, 160, 540]), Some(grows));
        let shrinks = format!("{first}, shrinking to 0.140 s");
        assert_eq!(told(&[0, 160, 141, 50]).as_deref(), Some(first));
        assert_eq!(
            told(&[0, 200, 145]).unwrap(),
            shrinks.replace("0.160", "0.200").replace("0.140", "0.145")
        );
        assert_eq!(
            told(&[0, 160, -300]),
            Some(format!("{first}, and 0.300 s early at segment 12"))
        );
        assert_eq!(
            told(&[-300]).as_deref(),
            Some("the sound of audio is 0.300 s early against the pictures of high at segment 10")
        );
    }

    #[test]
    fn segments_of_one_date_are_compared() {
        let mut stamps = Stamps::default();
        for number in 0..5 {
            let date = i64::try_from(number).unwrap() * 4000;
            stamps.push(stamp(TrackKind::Video, number, date, date));
        }
        let at = |date| {
            let found = stamps.beside(&stamp(TrackKind::Video, 90, date, 0));
            found.map(|found| found.sequence)
        };
        assert_eq!(at(8000), Some(2));
        assert_eq!(at(9000), Some(2));
        assert_eq!(at(11_000), Some(3));
        assert_eq!(at(20_000), None, "it is not known yet");
        let other = Stamp {
            discontinuity: 1,
            ..stamp(TrackKind::Video, 90, 8000, 0)
        };
        assert!(stamps.beside(&other).is_none());
    }

    #[test]
    fn what_is_far_away_is_not_near() {
        let mut stamps = Stamps::default();
        stamps.push(stamp(TrackKind::Video, 7, 4000, 4000));
        stamps.push(stamp(TrackKind::Video, 8, 8000, 8000));
        let near = |ms: i64| {
            stamps
                .near((ms * 1000, 4_000_000), 0)
                .map(|one| one.sequence)
        };
        assert_eq!(near(5000), Some(7));
        assert_eq!(near(20_000), Some(8));
        assert_eq!(near(20_001), None);
        assert!(stamps.near((4_000_000, 4_000_000), 1).is_none());
    }

    #[test]
    fn a_jump_of_one_of_them_is_no_difference_until_both_had_the_time() {
        let mut stamps = [Stamps::default(), Stamps::default()];
        let at = |ms, shown| stamp(TrackKind::Video, 7, ms, shown);
        let off = |stamps: &[Stamps; 2], ms| {
            let pair = (&at(ms, 0), &at(ms, 9000));
            judge(pair, [&stamps[0], &stamps[1]], TARGET_US).is_some()
        };
        assert!(off(&stamps, 20_000));
        stamps[0].jump(20_000_000);
        assert!(!off(&stamps, 20_000) && !off(&stamps, 23_000) && off(&stamps, 24_000));
        let jumps = Stamp {
            jumps: true,
            ..at(30_000, 9000)
        };
        let of = [&stamps[0], &stamps[1]];
        assert!(judge((&at(30_000, 0), &jumps), of, TARGET_US).is_none());
        let both = Stamp {
            jumps: true,
            ..at(30_000, 0)
        };
        assert!(judge((&both, &jumps), of, TARGET_US).is_some());
    }
}
