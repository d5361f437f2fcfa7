//! X05: the same moment has the same time stamps in all playlists of a channel.

use super::broken::Broken;
use super::known::{Known, name, seconds, ticks_between, timed};
use crate::media::facts::{Content, Track, TrackKind};

/// Program date times of packagers are that exact: they are counted on from a wall clock, for each playlist alone.
const DATES_US: i64 = 100_000;

/// A segment of a playlist, and when it is.
#[derive(Debug, Clone, Copy)]
pub struct Dated<'a> {
    /// The segment.
    pub known: Known<'a>,
    /// Its program date time, in microseconds of Unix time.
    pub date_us: i64,
}

/// Segments of two playlists of one channel, between discontinuities that are the same ones: what the time stamps are off each
/// other once the difference of their dates is taken away, where that is more than a frame.
pub fn judge(one: &Dated, other: &Dated) -> Option<Broken> {
    let goes_round = match (&one.known.facts.content, &other.known.facts.content) {
        (
            Content::Transport(_) | Content::Packed(_),
            Content::Transport(_) | Content::Packed(_),
        ) => true,
        (Content::Fragments(_), Content::Fragments(_)) => false,
        _ => return None,
    };
    let (a, b) = (leading(one)?, leading(other)?);
    let (first, second) = (a.times?, b.times?);
    let between = match goes_round {
        true => a.us(ticks_between(first.first_shown, second.first_shown, true)),
        false => b
            .us(second.first_shown)
            .saturating_sub(a.us(first.first_shown)),
    };
    let dates = other.date_us.saturating_sub(one.date_us);
    let off = between.saturating_sub(dates);
    let frame = a.us(first.unit).max(b.us(second.unit));
    if off.saturating_abs() <= frame + DATES_US {
        return None;
    }
    let text = format!(
        "At one program date time, the {} of one playlist and the {} of another are {} apart by their time stamps",
        name(a.kind),
        name(b.kind),
        seconds(off.saturating_abs()),
    );
    Some(Broken::new("X05", text).with("off_us", off))
}

/// What a segment's time is told by: pictures, where there are some.
fn leading<'a>(dated: &Dated<'a>) -> Option<&'a Track> {
    let has_no_time = matches!(&dated.known.facts.content, Content::Packed(facts) if facts.time.is_none())
        || matches!(&dated.known.facts.content, Content::Fragments(facts) if facts.without_time > 0);
    if has_no_time {
        return None;
    }
    let facts = dated.known.facts;
    timed(facts)
        .find(|track| track.kind == TrackKind::Video)
        .or_else(|| timed(facts).next())
}
