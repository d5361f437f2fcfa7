//! Rules that match nothing of a session, whenever who asks: a name that is wrong, as a rule. Pure.

use url::Url;

use super::rule::{Rule, Rules, VariantFacts};
use crate::clock::micros;
use crate::session::Kind;

/// Looks for something in a session that each rule may mean.
#[derive(Debug)]
pub(crate) struct Candidates<'a> {
    rules: &'a [Rule],
    /// Which rules mean something, by kind and path.
    met: Vec<bool>,
}

/// What a session has.
#[derive(Debug, Default)]
pub(crate) struct Extent {
    /// The first and the last media sequence number; `None`: that is not known.
    pub sequences: Option<(u64, u64)>,
    /// Variants that a multivariant playlist names.
    pub variants: Vec<VariantFacts>,
    /// How long it is, in microseconds; `None`: it is being recorded.
    pub length_us: Option<i64>,
}

impl Rules {
    /// A search that has seen nothing yet.
    pub(crate) fn candidates(&self) -> Candidates<'_> {
        Candidates {
            rules: &self.rules,
            met: vec![false; self.rules.len()],
        }
    }
}

impl Candidates<'_> {
    /// A resource, as what it may be taken for.
    pub(crate) fn see(&mut self, kinds: &[Kind], url: &Url) {
        for (rule, met) in self.rules.iter().zip(&mut self.met) {
            let is_kind =
                rule.kinds.is_empty() || kinds.iter().any(|kind| rule.kinds.contains(kind));
            *met |= is_kind && rule.path.as_ref().is_none_or(|glob| glob.matches(url));
        }
    }

    /// Whether nothing more need be seen.
    pub(crate) fn are_all_met(&self) -> bool {
        self.met.iter().all(|met| *met)
    }

    /// Of each rule that can do nothing, which one, and why.
    pub(crate) fn idle(&self, extent: &Extent) -> Vec<String> {
        let rules = (1..).zip(self.rules).zip(&self.met);
        let told = rules.filter_map(|((number, rule), met)| {
            let why = match met {
                false => Some("nothing that was recorded is of that kind and path".to_owned()),
                true => rule.idle(extent),
            };
            Some(format!(
                "rule {number} matches nothing in this session: {}",
                why?
            ))
        });
        told.collect()
    }
}

impl Rule {
    /// Why it can do nothing, whatever URLs there are.
    fn idle(&self, extent: &Extent) -> Option<String> {
        if let Some(sequences) = self.sequences {
            let (first, last) = extent.sequences?;
            let (from, to) = match sequences.relative {
                true => (0, last.saturating_sub(first)),
                false => (first, last),
            };
            if !sequences.has_one_in(from, to) {
                return Some(format!("its media sequence numbers are {first} to {last}"));
            }
        }
        if self
            .variant
            .is_some_and(|variant| !variant.is_one_of(&extent.variants))
        {
            let count = extent.variants.len();
            return Some(format!("none of its variants is that one, of {count}"));
        }
        let begins_us = micros(self.window.from);
        let length_us = extent.length_us?;
        let is_late = !self.window.relative && begins_us >= length_us;
        is_late.then(|| "it begins behind the end".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replayer::inject::parse;

    /// What is said of these rules in a session of three segments, of two variants, of 20 s.
    fn told(rules: &[&str]) -> Vec<String> {
        let rules = rules.iter().map(|text| parse(text).unwrap().rule);
        let rules = Rules::new(rules.collect(), 0);
        let mut candidates = rules.candidates();
        for n in 7..10 {
            let url = Url::parse(&format!("http://h/live/seg{n}.ts?token=1")).unwrap();
            candidates.see(&[Kind::Segment], &url);
        }
        let url = Url::parse("http://h/live/a.m3u8").unwrap();
        candidates.see(&[Kind::Main, Kind::Media], &url);
        let variant = |position, height| VariantFacts {
            position,
            height: Some(height),
            is_highest: position == 1,
            is_lowest: position == 2,
        };
        candidates.idle(&Extent {
            sequences: Some((7, 9)),
            variants: vec![variant(1, 720), variant(2, 360)],
            length_us: Some(20_000_000),
        })
    }

    #[test]
    fn rules_that_may_match_are_not_told() {
        let all = [
            "segment sn=9 status=404",
            "segment sn=+2 status=404",
            "any path=*/live/*.ts status=404",
            "segment path=http://h/live/* variant=360p status=404",
            "media variant=lowest from=19 stall",
            "media from=+900 stall",
        ];
        assert!(told(&all).is_empty(), "{:?}", told(&all));
    }

    #[test]
    fn what_can_never_match_is_told_with_its_number_and_why() {
        for (rule, why) in [
            (
                "segment path=*/life/* status=404",
                "nothing that was recorded is of that kind and path",
            ),
            (
                "key status=404",
                "nothing that was recorded is of that kind and path",
            ),
            (
                "segment sn=10- status=404",
                "its media sequence numbers are 7 to 9",
            ),
            (
                "segment sn=+3 status=404",
                "its media sequence numbers are 7 to 9",
            ),
            (
                "segment variant=3 status=404",
                "none of its variants is that one, of 2",
            ),
            (
                "segment variant=1080p status=404",
                "none of its variants is that one, of 2",
            ),
            ("media from=20 stall", "it begins behind the end"),
        ] {
            let wanted = format!("rule 2 matches nothing in this session: {why}");
            assert_eq!(told(&["segment status=404", rule]), [wanted], "{rule}");
        }
    }
}
