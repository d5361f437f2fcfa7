//! Times in which something was so, of several playlists at once: those that overlap are one event, told once. Pure.

use std::collections::HashSet;

/// A time in which something was so. Moments in microseconds of Unix time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// Of which playlist it is, by any number that is its own. Two of one are two events, however close.
    pub of: i64,
    /// When it began.
    pub from_us: i64,
    /// When it was over.
    pub until_us: i64,
    /// What it cost: segments that were never listed, say.
    pub lost: u64,
}

/// Spans that are one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// When the first of them began.
    pub from_us: i64,
    /// When the last of them was over.
    pub until_us: i64,
    /// How many playlists they are of.
    pub playlists: u64,
    /// What it cost the playlist that lost most: playlists of a stream have the same programme.
    pub lost: u64,
}

impl Event {
    /// How long it was, in microseconds.
    pub fn length_us(&self) -> i64 {
        self.until_us.saturating_sub(self.from_us).max(0)
    }
}

/// What events come to. Times in microseconds.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// How much time they cover: what two of them cover counts once.
    pub length_us: i64,
    /// The longest one.
    pub longest_us: i64,
    /// What all of them cost.
    pub lost: u64,
}

/// The events of one stream, in the order in which they began. A span is of the event before it where they overlap and that
/// has none of the same playlist: of playlists that are late by turns each time is an event of its own.
pub fn united(mut spans: Vec<Span>) -> Vec<Event> {
    spans.sort_unstable_by_key(|span| (span.from_us, span.until_us, span.of, span.lost));
    let mut events: Vec<Event> = Vec::new();
    let mut playlists = HashSet::new();
    for span in spans {
        if let Some(event) = events.last_mut()
            && span.from_us < event.until_us
            && playlists.insert(span.of)
        {
            event.until_us = event.until_us.max(span.until_us);
            event.playlists += 1;
            event.lost = event.lost.max(span.lost);
            continue;
        }
        playlists.clear();
        playlists.insert(span.of);
        events.push(Event {
            from_us: span.from_us,
            until_us: span.until_us.max(span.from_us),
            playlists: 1,
            lost: span.lost,
        });
    }
    events
}

/// Sums up events as [`united`] gives them.
pub fn sum(events: &[Event]) -> Sum {
    let mut covered_until_us = i64::MIN;
    events.iter().fold(Sum::default(), |sum, event| {
        let from_us = event.from_us.max(covered_until_us);
        let length_us = event.until_us.saturating_sub(from_us).max(0);
        covered_until_us = covered_until_us.max(event.until_us);
        Sum {
            count: sum.count + 1,
            length_us: sum.length_us.saturating_add(length_us),
            longest_us: sum.longest_us.max(event.length_us()),
            lost: sum.lost.saturating_add(event.lost),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span(of: i64, from_us: i64, until_us: i64, lost: u64) -> Span {
        Span {
            of,
            from_us,
            until_us,
            lost,
        }
    }

    #[test]
    fn one_freeze_of_two_variants_is_one_event() {
        let both = vec![span(2, 100, 8_700, 4), span(1, 0, 8_500, 3)];
        let event = Event {
            from_us: 0,
            until_us: 8_700,
            playlists: 2,
            lost: 4,
        };
        assert_eq!(united(both), [event]);
    }

    #[test]
    fn what_only_touches_is_two_and_what_one_playlist_does_twice_as_well() {
        let touch = [span(1, 0, 5, 0), span(2, 5, 9, 0)];
        assert_eq!(united(touch.to_vec()).len(), 2);
        // Each segment is late, in both variants.
        let slow: Vec<Span> = (0..10)
            .flat_map(|n| {
                [
                    span(1, n * 40, n * 40 + 40, 0),
                    span(2, n * 40 + 3, n * 40 + 43, 0),
                ]
            })
            .collect();
        let events = united(slow);
        assert_eq!(events.len(), 10);
        let all = sum(&events);
        assert_eq!((all.length_us, all.longest_us), (403, 43));
    }

    #[test]
    fn sums_are_of_events_and_time_counts_once() {
        let spans = vec![
            span(1, 0, 100, 5),
            span(2, 0, 8, 0),
            span(2, 8, 16, 2),
            span(1, 200, 210, 1),
        ];
        let wanted = Sum {
            count: 3,
            length_us: 110,
            longest_us: 100,
            lost: 8,
        };
        assert_eq!(sum(&united(spans)), wanted);
        assert_eq!(sum(&[]), Sum::default());
    }

    proptest! {
        #[test]
        fn events_cover_what_spans_do_whatever_their_order(
            given in prop::collection::vec((0..4_i64, 0..60_i64, 0..20_i64, 0..9_u64), 0..30),
            turn in 0..30_usize,
        ) {
            let mut spans: Vec<Span> = given.iter().map(|(of, from, length, lost)| span(*of, *from, from + length, *lost)).collect();
            let events = united(spans.clone());
            let covered = (0..80).filter(|at| spans.iter().any(|s| s.from_us <= *at && *at < s.until_us)).count();
            prop_assert_eq!(sum(&events).length_us, covered as i64);
            let most = (0..4).map(|of| spans.iter().filter(|s| s.of == of).count()).max().unwrap_or(0);
            prop_assert!((most..=spans.len()).contains(&events.len()));
            prop_assert!(events.windows(2).all(|two| two[0].from_us <= two[1].from_us));
            let turn = turn % spans.len().max(1);
            spans.rotate_left(turn);
            prop_assert_eq!(united(spans), events);
        }

        #[test]
        fn absurd_moments_are_no_nonsense(given in prop::collection::vec((any::<i64>(), any::<i64>(), any::<i64>(), any::<u64>()), 0..20)) {
            let spans = given.into_iter().map(|(of, from, until, lost)| span(of, from, until, lost)).collect();
            let all = sum(&united(spans));
            prop_assert!(all.length_us >= 0 && all.longest_us <= all.length_us.max(0));
        }
    }
}
