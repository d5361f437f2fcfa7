//! From when on an exchange is the answer for its URL (`from_us`): the table of `docs/design/timeline.md`.
//!
//! Recorders say on what account they asked ([`Availability`]); the store alone knows what the resource answered
//! before, and turns that into a moment. What a revision lists is told its moment before its row is written:
//! [`Availability::decided`] gives that moment once, to both.

/// When something was requested, and how long its response took to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timing {
    /// In microseconds of Unix time.
    pub requested_us: i64,
    /// Requested to first byte of the response, in microseconds; `None`: there was none.
    pub wait_us: Option<i64>,
}

impl Timing {
    /// When the response began; when it was requested, if there was none.
    pub(crate) fn response_us(self) -> i64 {
        self.requested_us.saturating_add(self.wait_us.unwrap_or(0))
    }
}

/// From when on an exchange is the answer: as far as those who asked know. All moments are microseconds of Unix time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// The first on account of a listing: from then.
    Listed(i64),
    /// A later poll: from when its response began; when it was requested, if there was none.
    Response,
    /// A retry: from when it was requested.
    Request,
    /// A hop of a redirect: [`Self::Listed`] if it is the first of its resource, else [`Self::Response`].
    FirstElseResponse(i64),
    /// On account of no listing, from then: what it lists has been told that moment.
    Decided(i64),
}

impl Availability {
    /// A poll. `listed_us`: from when on what named the playlist is the answer, until a poll of it has counted.
    pub(crate) fn poll(listed_us: Option<i64>) -> Self {
        match listed_us {
            Some(listed_us) => Self::Listed(listed_us),
            None => Self::Response,
        }
    }

    /// A hop of a poll's redirect. `head_us`: when the response of the head began; `was_passed`: the chain of the poll
    /// before had the URL.
    pub(crate) fn poll_hop(listed_us: Option<i64>, head_us: i64, was_passed: bool) -> Self {
        match listed_us {
            Some(listed_us) => Self::FirstElseResponse(listed_us),
            None if was_passed => Self::Response,
            None => Self::Listed(head_us),
        }
    }

    /// A segment, key or other. `failures`: of tries before on account of the same listing, those that were the
    /// recorder's own doing not counted.
    pub(crate) fn download(listed_us: i64, failures: u32) -> Self {
        match failures {
            0 => Self::Listed(listed_us),
            _ => Self::Request,
        }
    }

    /// What was announced, and asked for before it was listed: from when its response began, or from `listed_us` on, when the
    /// revision is the answer that lists it, where that is earlier.
    pub(crate) fn announced(began_us: i64, listed_us: Option<i64>) -> Self {
        Self::Listed(listed_us.map_or(began_us, |listed_us| listed_us.min(began_us)))
    }

    /// A hop to which a redirect led from this one, the head of its chain. `head_requested_us`: when that was requested.
    pub(crate) fn hop(self, head_requested_us: i64) -> Self {
        Self::FirstElseResponse(match self {
            Self::Listed(from_us) | Self::FirstElseResponse(from_us) | Self::Decided(from_us) => {
                from_us
            }
            Self::Response | Self::Request => head_requested_us,
        })
    }

    /// The moment that is known before the row is written, and what the row is written with so that it has that moment,
    /// too. `before_us`: that of what was decided before, since it never goes back.
    ///
    /// The row has a later moment only where its resource had other answers meanwhile: by another playlist that leads
    /// to the same URL. What is listed is never there later than the revision that lists it.
    pub(crate) fn decided(self, timing: Timing, before_us: i64) -> (i64, Self) {
        let from_us = self.known_us(timing).max(before_us);
        let decided = match self {
            Self::Listed(_) => Self::Listed(from_us),
            Self::FirstElseResponse(_) => Self::FirstElseResponse(from_us),
            Self::Response | Self::Request | Self::Decided(_) => Self::Decided(from_us),
        };
        (from_us, decided)
    }

    /// The moment, where the resource has no answers that come into it.
    pub(crate) fn known_us(self, timing: Timing) -> i64 {
        match self {
            Self::Listed(from_us) | Self::FirstElseResponse(from_us) | Self::Decided(from_us) => {
                from_us
            }
            Self::Response => timing.response_us(),
            Self::Request => timing.requested_us,
        }
    }

    /// The moment, as it stands in the row. `before_us`: the latest of the exchanges of the resource that landed
    /// before, those that crossed the end of a connection left out; `zero_us`: session zero.
    pub(crate) fn answer_from_us(
        self,
        timing: Timing,
        before_us: Option<i64>,
        zero_us: i64,
    ) -> i64 {
        let own_us = match (self, before_us) {
            (Self::FirstElseResponse(_), Some(_)) => Self::Response.known_us(timing),
            _ => self.known_us(timing),
        };
        listed_us(own_us.max(before_us.unwrap_or(zero_us)), zero_us)
    }

    /// Whether what was listed need not be waited for any more, once this has landed.
    pub(crate) fn is_of_listing(self) -> bool {
        matches!(self, Self::Listed(_) | Self::FirstElseResponse(_))
    }
}

/// From when on what the user typed is there: from session zero, since the origin would have said so then too. `None`:
/// from when its response begins, since a session that goes on had other answers before.
pub(crate) fn stream_us(goes_on: bool, zero_us: i64) -> Option<i64> {
    (!goes_on).then_some(zero_us)
}

/// From when on something is there that was listed at a moment: nothing is before session zero.
pub(crate) fn listed_us(from_us: i64, zero_us: i64) -> i64 {
    from_us.max(zero_us)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZERO_US: i64 = 1_000;
    /// When the revision is the answer that listed what is asked for.
    const LISTED_US: i64 = 2_000;
    const REQUESTED_US: i64 = 3_000;
    const RESPONSE_US: i64 = 3_400;
    const ANSWERED: Timing = Timing {
        requested_us: REQUESTED_US,
        wait_us: Some(RESPONSE_US - REQUESTED_US),
    };
    const WITHOUT_RESPONSE: Timing = Timing {
        requested_us: REQUESTED_US,
        wait_us: None,
    };
    /// The latest answer of the resource before.
    const BEFORE_US: i64 = 2_500;

    /// The row of an exchange whose resource has no others.
    fn first(availability: Availability) -> i64 {
        availability.answer_from_us(ANSWERED, None, ZERO_US)
    }

    /// The row of an exchange whose resource has others.
    fn later(availability: Availability) -> i64 {
        availability.answer_from_us(ANSWERED, Some(BEFORE_US), ZERO_US)
    }

    /// A row of the table: its two columns, and what is to hold.
    type Row = (&'static str, &'static str, fn());

    const TABLE: [Row; 8] = [
        (
            "the very first of a stream",
            "session zero: the origin would have said so then too",
            || {
                let listed_us = stream_us(false, ZERO_US);
                assert_eq!(listed_us, Some(ZERO_US));
                assert_eq!(first(Availability::poll(listed_us)), ZERO_US);
            },
        ),
        (
            "the first of a stream in a later run",
            "when its response began",
            || {
                let listed_us = stream_us(true, ZERO_US);
                assert_eq!(later(Availability::poll(listed_us)), RESPONSE_US);
            },
        ),
        (
            "the first of a resource on account of a listing",
            "when the revision that listed it is the answer",
            || {
                assert_eq!(first(Availability::poll(Some(LISTED_US))), LISTED_US);
                assert_eq!(first(Availability::download(LISTED_US, 0)), LISTED_US);
                // It left, and is listed anew.
                let anew_us = BEFORE_US + 1;
                assert_eq!(later(Availability::download(anew_us, 0)), anew_us);
            },
        ),
        (
            "a later poll of a playlist",
            "when its response began",
            || {
                assert_eq!(later(Availability::poll(None)), RESPONSE_US);
            },
        ),
        (
            "a retry of a segment, key or other",
            "when it was requested; where all tries before were the recorder's own doing (`too often`, `put off`), as \
             the first",
            || {
                assert_eq!(later(Availability::download(LISTED_US, 1)), REQUESTED_US);
                assert_eq!(later(Availability::download(LISTED_US, 2)), REQUESTED_US);
                let own_doing = Some(LISTED_US);
                let again = Availability::download(LISTED_US, 0);
                assert_eq!(
                    again.answer_from_us(ANSWERED, own_doing, ZERO_US),
                    LISTED_US
                );
            },
        ),
        (
            "what was announced and asked for early",
            "when its response began; with the revision that lists it, where that is earlier",
            || {
                assert_eq!(
                    first(Availability::announced(RESPONSE_US, None)),
                    RESPONSE_US
                );
                let later_us = Some(RESPONSE_US + 1);
                assert_eq!(
                    first(Availability::announced(RESPONSE_US, later_us)),
                    RESPONSE_US
                );
                let listed = Availability::announced(RESPONSE_US, Some(LISTED_US));
                assert_eq!(first(listed), LISTED_US);
                assert!(listed.is_of_listing());
            },
        ),
        (
            "a hop of a redirect",
            "as if it were asked on account of the head: with the head where the chain before did not have it, else when \
             its response began",
            || {
                let head_us = REQUESTED_US - 100;
                let listed = Availability::poll_hop(Some(LISTED_US), head_us, false);
                assert_eq!(first(listed), LISTED_US);
                assert_eq!(later(listed), RESPONSE_US);
                let new = Availability::poll_hop(None, head_us, false);
                assert_eq!((first(new), later(new)), (head_us, head_us));
                let passed = Availability::poll_hop(None, head_us, true);
                assert_eq!(later(passed), RESPONSE_US);
                // Downloads: the chain before had it where the resource has answers.
                let of_first = Availability::download(LISTED_US, 0).hop(head_us);
                assert_eq!((first(of_first), later(of_first)), (LISTED_US, RESPONSE_US));
                let of_retry = Availability::download(LISTED_US, 1).hop(head_us);
                assert_eq!((first(of_retry), later(of_retry)), (head_us, RESPONSE_US));
            },
        ),
        (
            "without any response (refused, timed out)",
            "when it was requested, where no rule above says otherwise",
            || {
                let row =
                    |a: Availability| a.answer_from_us(WITHOUT_RESPONSE, Some(BEFORE_US), ZERO_US);
                assert_eq!(row(Availability::poll(None)), REQUESTED_US);
                assert_eq!(row(Availability::download(LISTED_US, 1)), REQUESTED_US);
                let hop = Availability::poll_hop(Some(LISTED_US), 0, false);
                assert_eq!(row(hop), REQUESTED_US);
                let first = Availability::download(LISTED_US, 0);
                assert_eq!(
                    first.answer_from_us(WITHOUT_RESPONSE, None, ZERO_US),
                    LISTED_US
                );
            },
        ),
    ];

    #[test]
    fn each_row_of_the_table_of_the_design_page_holds() {
        let page = include_str!("../../docs/design/timeline.md");
        let (_, table) = page
            .split_once("| exchange | is the answer from |\n| --- | --- |\n")
            .unwrap();
        let rows: Vec<(&str, &str)> = table
            .lines()
            .map_while(|line| {
                line.strip_prefix("| ")?
                    .strip_suffix(" |")?
                    .split_once(" | ")
            })
            .collect();
        let tested: Vec<(&str, &str)> = TABLE.iter().map(|row| (row.0, row.1)).collect();
        assert_eq!(tested, rows, "the table of docs/design/timeline.md");
        for (_, _, holds) in TABLE {
            holds();
        }
    }

    /// Of each kind, on each side of the moments above.
    fn all() -> impl Iterator<Item = Availability> {
        let moments = [0, LISTED_US, REQUESTED_US, RESPONSE_US, RESPONSE_US + 1];
        let with_moment = moments.into_iter().flat_map(|us| {
            [
                Availability::Listed(us),
                Availability::FirstElseResponse(us),
                Availability::Decided(us),
            ]
        });
        with_moment.chain([Availability::Response, Availability::Request])
    }

    #[test]
    fn it_never_goes_back_and_nothing_is_before_session_zero() {
        for availability in all() {
            for before_us in [None, Some(0), Some(BEFORE_US), Some(RESPONSE_US + 2)] {
                let from_us = availability.answer_from_us(ANSWERED, before_us, ZERO_US);
                assert!(from_us >= before_us.unwrap_or(ZERO_US), "{availability:?}");
                assert!(from_us >= ZERO_US, "{availability:?}");
            }
        }
        assert_eq!(listed_us(0, ZERO_US), ZERO_US);
        assert_eq!(listed_us(LISTED_US, ZERO_US), LISTED_US);
    }

    #[test]
    fn what_a_revision_lists_is_told_the_moment_of_its_row() {
        for availability in all() {
            for before_us in [i64::MIN, BEFORE_US, RESPONSE_US + 2] {
                let (listed_us, decided) = availability.decided(ANSWERED, before_us);
                assert!(listed_us >= before_us, "{availability:?}");
                // Another wait than was known would change nothing: the moment has been handed on.
                let row_us = decided.answer_from_us(WITHOUT_RESPONSE, None, i64::MIN);
                assert_eq!(row_us, listed_us, "{availability:?}");
                assert_eq!(decided.is_of_listing(), availability.is_of_listing());
                let alone_us = availability.answer_from_us(ANSWERED, None, i64::MIN);
                assert_eq!(listed_us, alone_us.max(before_us), "{availability:?}");
            }
        }
    }

    #[test]
    fn what_a_revision_lists_is_never_there_later_than_the_revision() {
        // Each waits for its response before it lists anything; the other answer may lie anywhere.
        for availability in all().filter(|a| a.known_us(ANSWERED) <= RESPONSE_US) {
            let (listed_us, decided) = availability.decided(ANSWERED, i64::MIN);
            for other_us in [0, LISTED_US, BEFORE_US, RESPONSE_US, RESPONSE_US + 2] {
                let row_us = decided.answer_from_us(ANSWERED, Some(other_us), i64::MIN);
                assert!(row_us >= listed_us, "{availability:?} beside {other_us}");
            }
        }
    }

    #[test]
    fn a_hop_is_asked_for_on_account_of_its_head() {
        let hop = |head: Availability| head.hop(REQUESTED_US);
        let listed = Availability::FirstElseResponse(LISTED_US);
        assert_eq!(hop(Availability::Listed(LISTED_US)), listed);
        assert_eq!(hop(listed), listed);
        assert_eq!(hop(Availability::Decided(LISTED_US)), listed);
        let own = Availability::FirstElseResponse(REQUESTED_US);
        assert_eq!(hop(Availability::Response), own);
        assert_eq!(hop(Availability::Request), own);
    }

    #[test]
    fn only_what_was_asked_for_on_account_of_a_listing_ends_the_wait_for_it() {
        assert!(Availability::Listed(LISTED_US).is_of_listing());
        assert!(Availability::FirstElseResponse(LISTED_US).is_of_listing());
        for other in [
            Availability::Response,
            Availability::Request,
            Availability::Decided(LISTED_US),
        ] {
            assert!(!other.is_of_listing(), "{other:?}");
        }
    }
}
