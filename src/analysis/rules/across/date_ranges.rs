//! X06 dateranges: playlists that have date ranges have the same ones, with the same values (RFC 8216bis 6.2.4).

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use super::disputes::Names;
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::date_range::DateRange;
use crate::analysis::rules::playlist::{Playlist, without_query};
use crate::hls::unix_us;

/// A text with more date ranges is not compared.
const MOST: usize = 256;
/// What reaches less far into a window has passed, in microseconds: dates are rounded, and windows begin at moments of their own.
const PASSED_US: i64 = 1_000_000;
/// What a value is shown of.
const LONGEST: usize = 64;

/// A date range of a text: all of its tags together.
#[derive(Debug, Default, PartialEq)]
struct Listed {
    attributes: BTreeMap<String, String>,
    start_us: Option<i64>,
    end_us: Option<i64>,
}

/// A date range, and since when it is listed so, in microseconds of Unix time.
type Since = (Rc<Listed>, i64);

/// The date ranges of a text, and what is known of those of earlier texts. Moments in microseconds of Unix time.
#[derive(Debug, Clone, Default)]
pub(super) struct Ranges {
    /// Of its tags.
    hash: u64,
    listed: Rc<BTreeMap<String, Since>>,
    /// Hashes of the IDs that are listed no more, and since when: of the newest.
    gone: Rc<BTreeMap<u64, i64>>,
    /// When its text was seen.
    seen_us: i64,
    /// When its first segment begins, by its dates.
    begins_us: Option<i64>,
    /// For so long others may be behind, in microseconds.
    target_us: i64,
    /// It has had some.
    has_some: bool,
    /// They are too many.
    is_partial: bool,
}

/// Who has date ranges: what a playlist is in its multivariant playlist.
#[derive(Debug, Clone, Copy, Default)]
pub struct Role {
    /// It is a variant, and no rendition of sound or pictures plays beside one: who plays it has nothing else.
    pub plays_alone: bool,
}

/// How two playlists have other date ranges. Side 0 and side 1.
#[derive(Debug)]
pub struct Differs {
    id: String,
    what: What,
}

#[derive(Debug)]
enum What {
    /// The side that has not the one that the other has.
    Missing(usize),
    /// The side that never had any.
    None(usize),
    /// An attribute, and what it is.
    Value(String, [Option<String>; 2]),
}

impl Ranges {
    /// Of a text, behind another one of its playlist.
    pub(super) fn of(playlist: &Playlist, before: Option<&Self>, seen_us: i64) -> Self {
        let spans = playlist.date_ranges.iter();
        let tags = spans.filter_map(|span| playlist.text.get(span.clone()));
        let mut hasher = DefaultHasher::new();
        tags.clone().for_each(|tag| tag.hash(&mut hasher));
        let mut now = Self {
            hash: hasher.finish(),
            seen_us,
            begins_us: begins_us(playlist),
            target_us: playlist.target_us.unwrap_or(0),
            ..before.cloned().unwrap_or_default()
        };
        if before.is_some_and(|before| before.hash == now.hash) {
            return now;
        }
        now.is_partial = playlist.date_ranges.len() > MOST;
        let listed = match now.is_partial {
            true => BTreeMap::new(),
            false => read(tags),
        };
        now.list(listed);
        now
    }

    /// What it listed is gone, or stays as it was since; what is listed now is new, or another.
    fn list(&mut self, listed: BTreeMap<String, Listed>) {
        let seen_us = self.seen_us;
        self.has_some |= !listed.is_empty();
        let old = std::mem::take(&mut self.listed);
        let gone = old.keys().filter(|id| !listed.contains_key(*id));
        let gone = gone.map(|id| (hashed(id), seen_us));
        let are: HashSet<u64> = listed.keys().map(|id| hashed(id)).collect();
        let earlier = self.gone.iter().map(|(id, since_us)| (*id, *since_us));
        let earlier = earlier.filter(|(id, _)| !are.contains(id));
        let mut gone: Vec<(u64, i64)> = gone.chain(earlier).collect();
        gone.sort_by_key(|(_, since_us)| std::cmp::Reverse(*since_us));
        gone.truncate(MOST);
        self.gone = Rc::new(gone.into_iter().collect());
        let since = listed.into_iter().map(|(id, range)| {
            let known = old.get(&id).filter(|(known, _)| **known == range);
            let known = known.map(|(known, since_us)| (Rc::clone(known), *since_us));
            (id, known.unwrap_or_else(|| (Rc::new(range), seen_us)))
        });
        self.listed = Rc::new(since.collect());
    }

    /// What of it others may not have yet, or have no more.
    fn has_settled(&self, since_us: i64, other: &Self) -> bool {
        let settled_us = since_us.saturating_add(self.target_us.max(other.target_us));
        self.seen_us >= settled_us && other.seen_us >= settled_us
    }

    /// What it has differently from another one, each for a target duration. `roles`: its own, and the other's.
    pub(super) fn compared(&self, other: &Self, roles: [Role; 2]) -> Vec<Differs> {
        let are_empty = self.listed.is_empty() && other.listed.is_empty();
        if self.hash == other.hash || are_empty || self.is_partial || other.is_partial {
            return Vec::new();
        }
        let mut found = Vec::new();
        for (side, (has, lacks)) in [(1, (self, other)), (0, (other, self))] {
            let role = roles.get(side).copied().unwrap_or_default();
            if !lacks.has_some {
                // It must have them where nothing that plays beside it has.
                found.extend(
                    has.missing_in(lacks)
                        .next()
                        .filter(|_| role.plays_alone)
                        .map(|id| Differs {
                            id: id.to_owned(),
                            what: What::None(side),
                        }),
                );
                continue;
            }
            found.extend(has.missing_in(lacks).map(|id| Differs {
                id: id.to_owned(),
                what: What::Missing(side),
            }));
        }
        let both = self.listed.iter();
        let both = both.filter_map(|(id, own)| Some((id, own, other.listed.get(id)?)));
        found.extend(both.filter_map(|(id, (own, own_us), (theirs, theirs_us))| {
            let is_settled = self.has_settled((*own_us).max(*theirs_us), other);
            let (name, values) = own.other_value(theirs).filter(|_| is_settled)?;
            Some(Differs {
                id: id.clone(),
                what: What::Value(name, values),
            })
        }));
        found
    }

    /// IDs that another one has not had for long enough, of date ranges that reach into its window or lie behind it.
    fn missing_in<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a str> {
        let listed = self.listed.iter();
        let missing = listed.filter(move |(id, (range, since_us))| {
            let gone_us = other.gone.get(&hashed(id)).copied().unwrap_or(i64::MIN);
            let reaches = other
                .begins_us
                .zip(range.end_us.or(range.start_us))
                .is_some_and(|(begins_us, until_us)| {
                    until_us > begins_us.saturating_add(PASSED_US)
                });
            !other.listed.contains_key(*id)
                && reaches
                && self.has_settled(gone_us.max(*since_us), other)
        });
        missing.map(|(id, _)| id.as_str())
    }
}

fn hashed(id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    hasher.finish()
}

fn read<'a>(tags: impl Iterator<Item = &'a [u8]>) -> BTreeMap<String, Listed> {
    let mut all: BTreeMap<String, Listed> = BTreeMap::new();
    for tag in tags {
        let range = DateRange::read(tag);
        let Some(id) = range.id() else { continue };
        let listed = all.entry(id.to_owned()).or_default();
        listed.start_us = listed.start_us.or(range.start_us);
        let end_us = range.end_us.or_else(|| {
            let start_us = listed.start_us?;
            Some(start_us.saturating_add(range.duration_us?))
        });
        listed.end_us = listed.end_us.or(end_us);
        listed.attributes.extend(range.attributes);
    }
    // Of one without its first tag only a part is said (4.4.5.1).
    all.retain(|_, range| range.start_us.is_some());
    all
}

/// When its first segment begins by its dates.
fn begins_us(playlist: &Playlist) -> Option<i64> {
    let mut before_us: i64 = 0;
    for segment in &playlist.segments {
        if let Some(date_us) = segment.date_us {
            return Some(date_us.saturating_sub(before_us));
        }
        before_us = before_us.saturating_add(segment.duration_us);
    }
    None
}

impl Listed {
    /// The first attribute that another one has not, or with another value.
    fn other_value(&self, other: &Self) -> Option<(String, [Option<String>; 2])> {
        let names: HashSet<&String> = self
            .attributes
            .keys()
            .chain(other.attributes.keys())
            .collect();
        let mut names: Vec<&String> = names.into_iter().collect();
        names.sort();
        names.into_iter().find_map(|name| {
            let values = [self.attributes.get(name), other.attributes.get(name)];
            let is_other = match values {
                [Some(one), Some(other)] => !is_same(name, one, other),
                _ => true,
            };
            let short = |value: &String| value.chars().take(LONGEST).collect();
            is_other.then(|| (name.clone(), values.map(|value| value.map(short))))
        })
    }
}

/// Values are compared as what they are: `60` and `60.0` are one, and so is one moment in two time zones. Tokens are nothing that a
/// player sees.
fn is_same(name: &str, one: &str, other: &str) -> bool {
    if one == other || one.contains("{$") || other.contains("{$") {
        return true;
    }
    match name {
        "START-DATE" | "END-DATE" => {
            let (one, other) = (unix_us(one.as_bytes()), unix_us(other.as_bytes()));
            one.is_some() && one == other
        }
        "X-ASSET-URI" | "X-ASSET-LIST" => {
            without_query(one.as_bytes()) == without_query(other.as_bytes())
        }
        _ => {
            let number = |text: &str| text.parse::<f64>().ok();
            number(one).is_some() && number(one) == number(other)
        }
    }
}

impl Differs {
    /// Differences of one date range are one.
    pub(super) fn part(&self) -> u64 {
        hashed(&self.id)
    }

    /// The one that lacks it.
    pub(super) fn side(&self) -> usize {
        match self.what {
            What::Missing(side) | What::None(side) => side,
            What::Value(..) => 1,
        }
    }

    /// The two sides the other way round.
    pub(super) fn turned(mut self) -> Self {
        match &mut self.what {
            What::Missing(side) | What::None(side) => *side = 1 - *side,
            What::Value(_, values) => values.reverse(),
        }
        self
    }

    /// The sentence about one side.
    pub(super) fn tell(&self, side: usize, names: &Names<'_>) -> Broken {
        let (id, odd, others) = (&self.id, names.odd, &names.others);
        let (has, do_not) = match names.are_many {
            true => ("have", "have not"),
            false => ("has", "has not"),
        };
        let text = match &self.what {
            What::None(lacks) if *lacks == side => {
                format!("{odd} has no date ranges at all, and {others} {has} {id:?}")
            }
            What::None(_) => {
                format!("{odd} has date range {id:?}, and {others} {has} no date ranges at all")
            }
            What::Missing(lacks) if *lacks == side => {
                format!("{odd} has no date range {id:?}, which {others} {has}")
            }
            What::Missing(_) => format!("{odd} has date range {id:?}, which {others} {do_not}"),
            What::Value(name, values) => {
                let of = |side: usize| match values.get(side).and_then(Option::as_ref) {
                    Some(value) => format!("{value:?}"),
                    None => "not there".to_owned(),
                };
                let (own, theirs) = (of(side), of(1 - side));
                format!("{name} of date range {id:?} is {own} in {odd}, {theirs} in {others}")
            }
        };
        let broken = Broken::new("X06", text).with("id", id.as_str());
        match &self.what {
            What::Value(name, values) => broken
                .with("attribute", name.as_str())
                .with("value", values.get(side).cloned().flatten())
                .with("other_value", values.get(1 - side).cloned().flatten()),
            _ => broken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    /// A window of four segments of 2 s that begins at a second, with tags.
    fn text(second: i64, tags: &[&str]) -> Playlist {
        let mut text = format!(
            "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:{second:02}Z\n"
        );
        for tag in tags {
            text.push_str(&format!("#EXT-X-DATERANGE:{tag}\n"));
        }
        for number in 0..4 {
            text.push_str(&format!("#EXTINF:2,\ns{number}.ts\n"));
        }
        Playlist::read(text.into())
    }

    /// What a playlist shows whose texts came at these seconds.
    fn shown(texts: &[(i64, &[&str])]) -> Ranges {
        let mut last: Option<Ranges> = None;
        for (second, tags) in texts {
            last = Some(Ranges::of(
                &text(*second, tags),
                last.as_ref(),
                second * SECOND,
            ));
        }
        last.unwrap()
    }

    fn told(one: &Ranges, other: &Ranges, plays_alone: bool) -> Vec<String> {
        let names = Names {
            odd: "low",
            others: "high".to_owned(),
            are_many: false,
        };
        let differs = one.compared(other, [Role { plays_alone }; 2]).into_iter();
        differs
            .map(|differs| differs.tell(1, &names).text)
            .collect()
    }

    const AD: &str = "ID=\"ad\",START-DATE=\"1970-01-01T00:00:20Z\",DURATION=8";
    const OTHER: &str = "ID=\"other\",START-DATE=\"1970-01-01T00:00:02Z\",DURATION=1";

    #[test]
    fn all_have_the_same_date_ranges_within_a_target_duration() {
        let high = shown(&[(10, &[AD]), (12, &[AD])]);
        let low = |tags: &[&str]| shown(&[(10, &[OTHER]), (12, tags)]);
        assert_eq!(told(&high, &low(&[AD]), false), Vec::<String>::new());
        assert_eq!(
            told(&high, &low(&[]), false),
            ["low has no date range \"ad\", which high has"]
        );
        let new = shown(&[(10, &[]), (12, &[AD])]);
        assert_eq!(
            told(&new, &low(&[]), false),
            Vec::<String>::new(),
            "it has just come"
        );
        let behind = shown(&[(9, &[OTHER]), (11, &[])]);
        assert_eq!(
            told(&high, &behind, false),
            Vec::<String>::new(),
            "that may be an older text"
        );
        let taken_back = shown(&[(10, &[AD]), (12, &[])]);
        assert_eq!(told(&high, &taken_back, false), Vec::<String>::new());
        let later = shown(&[(10, &[AD]), (12, &[]), (14, &[OTHER])]);
        let stays = shown(&[(10, &[AD]), (14, &[AD, OTHER])]);
        assert_eq!(
            told(&stays, &later, false),
            ["low has no date range \"ad\", which high has"]
        );
    }

    #[test]
    fn what_has_passed_may_go() {
        let old = "ID=\"old\",START-DATE=\"1970-01-01T00:00:02Z\",DURATION=3";
        let high = shown(&[(10, &[old]), (14, &[old, OTHER])]);
        let low = shown(&[(10, &[OTHER]), (14, &[OTHER])]);
        assert_eq!(told(&high, &low, false), Vec::<String>::new());
    }

    #[test]
    fn one_that_never_had_any_may_be_played_beside_one_that_has() {
        let high = shown(&[(10, &[AD]), (12, &[AD])]);
        let low = shown(&[(10, &[]), (12, &[])]);
        assert_eq!(told(&high, &low, false), Vec::<String>::new());
        assert_eq!(
            told(&high, &low, true),
            ["low has no date ranges at all, and high has \"ad\""]
        );
    }

    #[test]
    fn values_are_the_same() {
        let high = shown(&[(10, &[AD]), (14, &[AD, OTHER])]);
        let low = |tag: &str| shown(&[(10, &[tag]), (14, &[tag, OTHER])]);
        let same = "DURATION=8.0,ID=\"ad\",START-DATE=\"1970-01-01T01:00:20+01:00\"";
        assert_eq!(told(&high, &low(same), false), Vec::<String>::new());
        assert_eq!(
            told(&high, &low(&AD.replace("=8", "=9")), false),
            ["DURATION of date range \"ad\" is \"9\" in low, \"8\" in high"]
        );
        assert_eq!(
            told(&high, &low(&AD.replace(",DURATION=8", "")), false),
            ["DURATION of date range \"ad\" is not there in low, \"8\" in high"]
        );
        let changed = shown(&[(10, &[AD]), (14, &[&AD.replace("=8", "=9")])]);
        assert_eq!(
            told(&high, &changed, false),
            Vec::<String>::new(),
            "it has just changed"
        );
    }
}
