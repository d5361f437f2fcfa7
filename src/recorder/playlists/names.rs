//! The URLs that a playlist has had, and which of them is asked for. Pure.
//!
//! Where sessions are in URLs, each look at the multivariant playlist may name another one. A player has one of
//! them, and so has the recorder: it stays with the URL that works, and goes over to the newest where that
//! fails, where the newest one stays named, which is how channels move, or where it stands still and the newest is
//! further on, or goes on by itself, as looks at it show.

use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use crate::session::ExchangeId;

/// A URL, and the revision that named it; `None`: the user did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub url: Url,
    pub revision: Option<ExchangeId>,
}

/// The newest URL, which has not answered well yet.
#[derive(Debug)]
struct Newest {
    name: Name,
    since: Instant,
    /// When it was named last.
    again: Instant,
    /// It was named again, a target duration later.
    stays: bool,
    asked: bool,
    failed: bool,
}

/// A newer URL that is looked at while the one that works stands still, so many times by now: whether it goes on by itself only several
/// looks tell.
#[derive(Debug)]
struct LookedAt {
    name: Name,
    looks: u32,
    /// It stands still as well, or has been looked at so often: the newest is looked at in its place.
    gives_way: bool,
}

/// What a look at a newer URL shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// It is further on than the one that works.
    Ahead,
    /// It is not, and may go on by itself.
    GoesOn,
    /// It stands as still as the one that works: to look at it once more says nothing.
    Stands,
}

/// Why another URL is the one that works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GoneOver {
    /// The one before stands still.
    Stands,
    /// It failed.
    Failed,
    /// It is no longer named.
    Unnamed,
}

/// Then the newest is looked at in its place.
const MOST_LOOKS: u32 = 8;

/// The URLs of a playlist.
#[derive(Debug)]
pub(crate) struct Names {
    /// The URL that answered last; at first, the one that it was named with.
    works: Name,
    newest: Option<Newest>,
    /// The last poll that failed had asked for the newest.
    newest_failed_last: bool,
    /// It was not further on than the one that works, ...
    looked_at: Option<LookedAt>,
    /// ... or failed, as was last seen then.
    not_ahead_at: Option<Instant>,
}

impl Names {
    pub(crate) fn new(name: Name) -> Self {
        Self {
            works: name,
            newest: None,
            newest_failed_last: false,
            looked_at: None,
            not_ahead_at: None,
        }
    }

    /// The first name is that of this revision.
    pub(crate) fn begins_with(&mut self, revision: ExchangeId) {
        self.works.revision = Some(revision);
    }

    /// The URLs that count now.
    pub(crate) fn current(&self) -> impl Iterator<Item = &Url> {
        let newest = self.newest.as_ref().map(|newest| &newest.name.url);
        let looked_at = self.looked_at.as_ref().map(|one| &one.name.url);
        let looked_at = looked_at.filter(|url| newest != Some(*url));
        std::iter::once(&self.works.url)
            .chain(newest)
            .chain(looked_at)
    }

    /// Takes in the URL that a revision of the multivariant playlist names.
    pub(crate) fn named(&mut self, name: Name, now: Instant, target: Duration) {
        if name.url == self.works.url {
            (self.newest, self.looked_at) = (None, None);
            return;
        }
        match &mut self.newest {
            Some(newest) if newest.name.url == name.url => newest.named_again(now, target),
            _ => {
                self.newest = Some(Newest {
                    name,
                    since: now,
                    again: now,
                    stays: false,
                    asked: false,
                    failed: false,
                });
            }
        }
    }

    /// The multivariant playlist has come again as it was.
    pub(crate) fn named_again(&mut self, now: Instant, target: Duration) {
        if let Some(newest) = &mut self.newest {
            newest.named_again(now, target);
        }
    }

    /// The URL to ask for after so many failures in a row; `stands`: the playlist answers, and does not advance.
    pub(crate) fn to_ask(&self, failures: u32, stands: bool) -> &Name {
        let Some(newest) = &self.newest else {
            return &self.works;
        };
        let moved = self.has_moved(newest);
        let looked_at = self.looked_at.as_ref().filter(|one| !one.gives_way);
        if let (0, true, false, Some(one)) = (failures, stands, moved, looked_at) {
            return &one.name;
        }
        let is_newest = match (failures, newest.failed) {
            (0, failed) => !failed && (moved || stands),
            (_, false) => true,
            // By turns, where neither works.
            (_, true) => !self.newest_failed_last,
        };
        match is_newest {
            true => &newest.name,
            false => &self.works,
        }
    }

    /// Another token of the same path is the same playlist, as long as the one before is taken.
    fn has_moved(&self, newest: &Newest) -> bool {
        newest.stays && !is_same_path(&newest.name.url, &self.works.url)
    }

    /// Whether a URL is asked for, while another answers well, to see whether it is further on.
    pub(crate) fn is_trial(&self, asked: &Name) -> bool {
        let is_looked_at = (self.looked_at.as_ref()).is_some_and(|one| one.name == *asked);
        let newest = self.newest.as_ref();
        newest.is_some_and(|newest| {
            (is_looked_at || newest.name == *asked) && !self.has_moved(newest)
        })
    }

    /// One was looked at, in vain.
    pub(crate) fn has_looked(&mut self, now: Instant) {
        self.not_ahead_at = Some(now);
    }

    /// Whether this is another URL than the one that was looked at last.
    pub(crate) fn looks_elsewhere(&self, asked: &Name) -> bool {
        let looked_at = self.looked_at.as_ref();
        looked_at.is_none_or(|one| one.name.url != asked.url)
    }

    /// The one that was looked at is not further on than the one that works.
    pub(crate) fn is_not_ahead(&mut self, asked: &Name, look: Look, now: Instant) {
        self.has_looked(now);
        let before = self
            .looked_at
            .take()
            .filter(|one| one.name.url == asked.url);
        let looks = before.map_or(0, |one| one.looks).saturating_add(1);
        self.looked_at = Some(LookedAt {
            name: asked.clone(),
            looks,
            gives_way: look == Look::Stands || looks.is_multiple_of(MOST_LOOKS),
        });
    }

    /// It does not stand still: there is nothing to look for.
    pub(crate) fn looks_no_more(&mut self) {
        self.looked_at = None;
    }

    /// Whether a newer one may be looked at: the last look was in vain a target duration ago, or there was none.
    pub(crate) fn may_try(&self, now: Instant, target: Duration) -> bool {
        let is_long_ago = |at| now.saturating_duration_since(at) >= target;
        self.not_ahead_at.is_none_or(is_long_ago)
    }

    /// Whether a newer URL has been named just now, and not asked for.
    pub(crate) fn has_fresh(&self, now: Instant, target: Duration) -> bool {
        let newest = self.newest.as_ref();
        newest.is_some_and(|newest| !newest.asked && !newest.is_stale(now, target))
    }

    /// Whether a URL was named so long ago that a player would not ask for it any more: it would not have kept it.
    pub(crate) fn is_stale(&self, asked: &Name, now: Instant, target: Duration) -> bool {
        let newest = self.newest.as_ref();
        newest.is_some_and(|newest| newest.name == *asked && newest.is_stale(now, target))
    }

    /// A name was asked for, whatever came of it: a host that is left alone may have led nowhere.
    pub(crate) fn was_asked(&mut self, asked: &Name) {
        let newest = self.newest.as_mut();
        if let Some(newest) = newest.filter(|newest| newest.name.url == asked.url) {
            newest.asked = true;
        }
    }

    /// Whether there is another name than this one.
    pub(crate) fn has_other(&self, name: &Name) -> bool {
        self.current().any(|url| *url != name.url)
    }

    /// A poll of a name has ended; meanwhile there may be a newer one. Whether it is another one that works from now on.
    pub(crate) fn answered(&mut self, asked: &Name, good: bool) -> bool {
        let is_newest = |newest: &Newest| newest.name.url == asked.url;
        let is_other = good && self.works.url != asked.url;
        if good {
            self.works = asked.clone();
            self.newest = self.newest.take().filter(|newest| !is_newest(newest));
        }
        self.looked_at = self
            .looked_at
            .take()
            .filter(|one| one.name.url != asked.url);
        self.newest_failed_last = false;
        if let Some(newest) = self.newest.as_mut().filter(|newest| is_newest(newest)) {
            newest.failed = true;
            self.newest_failed_last = true;
        }
        is_other
    }
}

impl Newest {
    fn named_again(&mut self, now: Instant, target: Duration) {
        self.stays |= now.saturating_duration_since(self.since) >= target;
        self.again = now;
    }

    fn is_stale(&self, now: Instant, target: Duration) -> bool {
        now.saturating_duration_since(self.again) >= target
    }
}

/// Whether two URLs differ in their query at most.
pub(crate) fn is_same_path(one: &Url, other: &Url) -> bool {
    without_query(one) == without_query(other)
}

/// A URL without its query.
pub(crate) fn without_query(url: &Url) -> Url {
    let mut url = url.clone();
    url.set_query(None);
    url
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const TARGET: Duration = Duration::from_secs(6);

    fn name(path: &str, revision: ExchangeId) -> Name {
        Name {
            url: Url::parse(&format!("http://h/{path}")).unwrap(),
            revision: Some(revision),
        }
    }

    fn asked(names: &Names, failures: u32) -> String {
        let url = &names.to_ask(failures, false).url;
        format!("{}{}", url.path(), url.query().unwrap_or_default())
    }

    #[test]
    fn a_name_is_fresh_until_it_is_asked_for_whatever_comes_of_it() {
        let now = clock::instant();
        let mut names = Names::new(name("old/v", 1));
        assert!(!names.has_other(&name("old/v", 1)));
        names.named(name("new/v", 2), now, TARGET);
        assert!(names.has_fresh(now, TARGET) && names.has_other(&name("old/v", 1)));
        names.was_asked(&name("new/v", 2));
        names.named_again(now, TARGET);
        assert!(
            !names.has_fresh(now, TARGET),
            "or it would be asked for at once, for ever"
        );
        assert_eq!(asked(&names, 1), "/new/v", "in its turn it is");
    }

    #[test]
    fn the_url_that_works_is_asked_for_until_it_fails() {
        let now = clock::instant();
        let mut names = Names::new(name("1/v", 1));
        names.named(name("2/v", 2), now, TARGET);
        names.named(name("3/v", 3), now + TARGET * 2, TARGET);
        assert_eq!(asked(&names, 0), "/1/v", "it is another at each look");
        names.answered(&name("1/v", 1), false);
        assert_eq!(asked(&names, 1), "/3/v");
        names.answered(&name("3/v", 3), true);
        assert_eq!(asked(&names, 0), "/3/v", "and not the first once more");
        assert_eq!(names.to_ask(0, false).revision, Some(3));
    }

    #[test]
    fn a_name_that_works_stays_where_a_newer_one_came_meanwhile() {
        let now = clock::instant();
        let mut names = Names::new(name("1/v", 1));
        names.named(name("2/v", 2), now, TARGET);
        names.answered(&name("1/v", 1), false);
        let asked = names.to_ask(1, false).clone();
        names.named(name("3/v", 3), now, TARGET);
        names.answered(&asked, true);
        assert_eq!(names.to_ask(0, false).url.path(), "/2/v");
        assert_eq!(names.to_ask(1, false).url.path(), "/3/v");
    }

    #[test]
    fn where_neither_works_both_are_asked_for_by_turns() {
        let now = clock::instant();
        let mut names = Names::new(name("1/v", 1));
        names.named(name("2/v", 2), now, TARGET);
        for (failures, path) in [(1, "/2/v"), (2, "/1/v"), (3, "/2/v")] {
            names.answered(&names.to_ask(failures - 1, false).clone(), false);
            assert_eq!(asked(&names, failures), path, "{failures}");
        }
        names.named(name("3/v", 3), now, TARGET);
        assert!(names.has_fresh(now, TARGET));
        assert!(
            !names.has_fresh(now + TARGET, TARGET),
            "it may have run out"
        );
        assert!(names.is_stale(&name("3/v", 3), now + TARGET, TARGET));
        names.named_again(now + TARGET, TARGET);
        assert!(names.has_fresh(now + TARGET, TARGET));
        assert_eq!(asked(&names, 3), "/3/v", "a newer one at once");
    }

    #[test]
    fn a_name_that_stays_is_gone_over_to_and_one_that_fails_is_left_again() {
        let now = clock::instant();
        let mut names = Names::new(name("old/v", 1));
        names.named(name("new/v", 2), now, TARGET);
        names.named_again(now + TARGET / 2, TARGET);
        assert_eq!(asked(&names, 0), "/old/v");
        names.named_again(now + TARGET, TARGET);
        assert_eq!(asked(&names, 0), "/new/v");
        names.answered(&name("new/v", 2), false);
        assert_eq!(asked(&names, 1), "/old/v");
        names.answered(&name("old/v", 1), true);
        assert_eq!(asked(&names, 0), "/old/v");
    }

    #[test]
    fn a_token_in_the_query_is_not_gone_over_to_as_long_as_the_old_one_is_taken() {
        let now = clock::instant();
        let mut names = Names::new(name("v?t=1", 1));
        names.named(name("v?t=2", 2), now, TARGET);
        names.named_again(now + TARGET, TARGET);
        assert_eq!(asked(&names, 0), "/vt=1");
        assert_eq!(asked(&names, 1), "/vt=2");
    }

    #[test]
    fn a_newer_one_that_is_not_further_on_is_looked_at_again_after_a_target_duration() {
        let now = clock::instant();
        let mut names = Names::new(name("v?t=1", 1));
        names.named(name("v?t=2", 2), now, TARGET);
        assert!(names.may_try(now, TARGET));
        let newest = names.to_ask(0, true).clone();
        assert!(names.is_trial(&newest) && !names.is_trial(&name("v?t=1", 1)));
        names.is_not_ahead(&newest, Look::GoesOn, now);
        names.named(name("v?t=3", 3), now, TARGET);
        assert!(!names.may_try(now + TARGET / 2, TARGET), "whichever it is");
        assert!(names.may_try(now + TARGET, TARGET));
        assert_eq!(asked(&names, 1), "/vt=3", "one that fails is left at once");
        // The channel has moved there: then it is no trial.
        names.named(name("new/v", 4), now, TARGET);
        names.named_again(now + TARGET, TARGET);
        assert!(!names.is_trial(&name("new/v", 4)));
    }

    #[test]
    fn one_that_is_looked_at_is_looked_at_for_a_while_though_newer_ones_are_named() {
        let now = clock::instant();
        let mut names = Names::new(name("v?t=1", 1));
        for n in 2..20 {
            names.named(name(&format!("v?t={n}"), n), now, TARGET);
            let looked_at = names.to_ask(0, true).clone();
            assert!(names.is_trial(&looked_at), "{n}");
            let first = if n < 10 { 2 } else { 10 };
            let first = if n < 18 { first } else { 18 };
            assert_eq!(looked_at.revision, Some(first), "{n}");
            names.is_not_ahead(&looked_at, Look::GoesOn, now);
        }
        assert_eq!(names.current().count(), 3);
        assert_eq!(names.to_ask(0, false).revision, Some(1), "it works");
        assert_eq!(names.to_ask(1, false).revision, Some(19), "the newest");
        names.looks_no_more();
        assert_eq!(names.to_ask(0, true).revision, Some(19), "the next time");
        names.is_not_ahead(&name("v?t=18", 18), Look::GoesOn, now);
        names.answered(&name("v?t=18", 18), false);
        assert_eq!(
            names.to_ask(0, true).revision,
            Some(19),
            "its session is over"
        );
        names.is_not_ahead(&name("v?t=19", 19), Look::GoesOn, now);
        names.answered(&name("v?t=19", 19), true);
        assert_eq!(names.to_ask(0, true).revision, Some(19), "gone over to");
        assert_eq!(names.current().count(), 1);
    }

    #[test]
    fn a_look_that_shows_that_it_stands_still_gives_way_to_the_newest() {
        let now = clock::instant();
        let mut names = Names::new(name("v?t=1", 1));
        names.named(name("v?t=2", 2), now, TARGET);
        let first = names.to_ask(0, true).clone();
        assert!(names.looks_elsewhere(&first));
        names.is_not_ahead(&first, Look::Stands, now);
        assert!(!names.looks_elsewhere(&first));
        assert_eq!(names.to_ask(0, true), &first, "there is no newer one");
        names.is_not_ahead(&first, Look::GoesOn, now);
        names.named(name("v?t=3", 3), now, TARGET);
        assert_eq!(names.to_ask(0, true), &first, "it goes on");
        names.is_not_ahead(&first, Look::Stands, now);
        assert_eq!(names.to_ask(0, true).revision, Some(3));
        assert!(names.is_trial(&name("v?t=3", 3)));
        assert!(names.looks_elsewhere(&name("v?t=3", 3)));
        assert!(names.answered(&name("v?t=3", 3), true), "it is another one");
        assert!(!names.answered(&name("v?t=3", 3), true));
    }

    #[test]
    fn one_that_stands_still_is_left_for_a_newer_one() {
        let now = clock::instant();
        let mut names = Names::new(name("1/v", 1));
        assert_eq!(names.to_ask(0, true).url.path(), "/1/v");
        names.named(name("2/v", 2), now, TARGET);
        assert_eq!(names.to_ask(0, true).url.path(), "/2/v");
        names.named(name("1/v", 3), now, TARGET);
        assert_eq!(
            names.to_ask(0, true).url.path(),
            "/1/v",
            "there is no other"
        );
    }
}
