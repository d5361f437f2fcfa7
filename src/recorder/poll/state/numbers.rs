//! Numbers of a playlist, and whether they went back: an encoder that starts anew counts from the beginning. Pure.

use crate::hls::{MediaFacts, Step};

/// The numbers of a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// `EXT-X-MEDIA-SEQUENCE`; `None`: it has none that has 64 bits.
    media: Option<u64>,
    /// `EXT-X-DISCONTINUITY-SEQUENCE`, 0 without one.
    discontinuity: u64,
}

impl Numbers {
    pub(crate) fn new(facts: &MediaFacts) -> Self {
        Self {
            media: facts.numbered.then_some(facts.media_sequence),
            discontinuity: facts.discontinuity_sequence,
        }
    }
}

/// Takes in the numbers of a revision; which went back, in words. An older state, of an edge that lags behind, is none of them.
pub(crate) fn went_back(known: &mut Option<Numbers>, now: Numbers, step: Step) -> Option<String> {
    if step == Step::Behind {
        return None;
    }
    let before = known.replace(now)?;
    let back = |was: u64, is: u64| (is < was).then(|| format!("from {was} to {is}"));
    let media = before
        .media
        .zip(now.media)
        .and_then(|(was, is)| back(was, is));
    let media = media.map(|span| format!("EXT-X-MEDIA-SEQUENCE went back {span}"));
    let discontinuity = back(before.discontinuity, now.discontinuity);
    let why = match step {
        Step::Restarted => ": the encoder started anew",
        _ => ", though its segments go on",
    };
    match (media, discontinuity) {
        (None, None) => None,
        (Some(media), None) => Some(format!("{media}{why}")),
        (Some(media), Some(span)) => {
            Some(format!("{media}, EXT-X-DISCONTINUITY-SEQUENCE {span}{why}"))
        }
        (None, Some(span)) => Some(format!(
            "EXT-X-DISCONTINUITY-SEQUENCE went back {span}{why}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(media: u64, discontinuity: u64) -> Numbers {
        Numbers {
            media: Some(media),
            discontinuity,
        }
    }

    /// Behind 13 with 3 discontinuities.
    fn told(now: Numbers, step: Step) -> Option<String> {
        went_back(&mut Some(numbers(13, 3)), now, step)
    }

    #[test]
    fn each_number_that_goes_back_is_told_and_what_that_means() {
        let anew = ": the encoder started anew";
        let went = "EXT-X-MEDIA-SEQUENCE went back from 13 to 0";
        let both = format!("{went}, EXT-X-DISCONTINUITY-SEQUENCE from 3 to 0{anew}");
        assert_eq!(told(numbers(0, 0), Step::Restarted), Some(both));
        let one = format!("{went}{anew}");
        assert_eq!(told(numbers(0, 3), Step::Restarted), Some(one));
        let other = "EXT-X-DISCONTINUITY-SEQUENCE went back from 3 to 2, though its segments go on";
        assert_eq!(told(numbers(14, 2), Step::Slid).as_deref(), Some(other));
        let on = "EXT-X-MEDIA-SEQUENCE went back from 13 to 12, though its segments go on";
        assert_eq!(told(numbers(12, 3), Step::Same).as_deref(), Some(on));
    }

    #[test]
    fn what_goes_on_lags_behind_or_has_no_numbers_has_not_gone_back() {
        assert_eq!(told(numbers(14, 3), Step::Slid), None);
        assert_eq!(told(numbers(20, 4), Step::Restarted), None);
        let none = Numbers {
            media: None,
            discontinuity: 3,
        };
        assert_eq!(told(none, Step::Restarted), None);
        let mut known = None;
        assert_eq!(went_back(&mut known, numbers(7, 0), Step::First), None);
        assert_eq!(went_back(&mut known, numbers(5, 0), Step::Behind), None);
        assert_eq!(known, Some(numbers(7, 0)), "the newest is compared with");
    }
}
