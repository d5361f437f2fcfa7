//! Names of segments that are listed again while they are listed still.

use super::*;

impl Planned {
    /// Takes everything there is to fetch; what each brings.
    fn fetch_bytes(&mut self, bytes: impl Fn(&str) -> u8) -> Vec<String> {
        let mut asked = Vec::new();
        while let Some(job) = self.next() {
            let uri = name(&job.url);
            let sha256 = [bytes(&uri); 32];
            self.plan.done(&job, Done::Good, Some(sha256), self.now);
            asked.push(uri);
        }
        asked
    }

    /// A window of a ring of names.
    fn lists_ring(&mut self, id: PlaylistId, places: std::ops::Range<u64>, ring: u64) -> Changes {
        let names: Vec<String> = places.clone().map(|n| format!("{}.ts", n % ring)).collect();
        let listed: Vec<(u64, &str)> = places.zip(names.iter().map(String::as_str)).collect();
        self.lists(id, &listed)
    }
}

#[test]
fn a_name_that_is_used_again_while_it_is_listed_is_fetched_again_for_its_new_listing() {
    // Shorter than the window, by far and by one, and just as long: it leaves and is back in one text.
    for ring in [2, 5, 6] {
        let mut plan = Planned::new();
        plan.lists_ring(0, 0..6, ring);
        assert_eq!(
            plan.fetch_all().len() as u64,
            ring,
            "once for all of a text"
        );
        for first in 1..20 {
            let changes = plan.lists_ring(0, first..first + 6, ring);
            let new = format!("{}.ts", (first + 5) % ring);
            let pending: Vec<_> = changes
                .pending
                .iter()
                .map(|(key, _)| name(&key.url))
                .collect();
            assert_eq!(pending, std::slice::from_ref(&new), "ring of {ring}");
            let job = plan.next().unwrap();
            let listed = Availability::Listed(plan.exchange * 6_000_000);
            assert_eq!((name(&job.url), job.availability), (new, listed));
            assert_eq!((job.sequence, job.referrer), (first + 5, plan.exchange));
            plan.plan.done(&job, Done::Good, None, plan.now);
            assert_eq!(plan.fetch_all(), [""; 0]);
            // A text that says the same has nothing fetched.
            plan.lists_ring(0, first..first + 6, ring);
            assert_eq!(plan.fetch_all(), [""; 0]);
        }
    }
}

#[test]
fn edges_that_lag_behind_have_no_name_of_a_ring_fetched_again() {
    let mut plan = Planned::new();
    plan.lists_ring(0, 0..6, 4);
    plan.fetch_all();
    for first in 1..9 {
        plan.lists_ring(0, first..first + 6, 4);
        assert_eq!(plan.fetch_all().len(), 1);
        let behind = (first - 1..first + 5)
            .map(|n| segment(n, &format!("{}.ts", n % 4)))
            .collect();
        plan.revision(0, behind, Step::Behind, false);
        assert_eq!(plan.fetch_all(), [""; 0]);
    }
}

#[test]
fn what_two_playlists_list_is_fetched_once_by_its_name_and_again_when_that_is_used_again() {
    let mut plan = Planned::new();
    for first in 0..10 {
        plan.lists_ring(0, first..first + 6, 4);
        let own = plan.fetch_all().len();
        assert_eq!(own, if first == 0 { 4 } else { 1 });
        // The other one follows at once.
        plan.now -= Duration::from_secs(6);
        plan.lists_ring(1, first..first + 6, 4);
        assert_eq!(plan.fetch_all(), [""; 0], "at {first}");
    }
    // Unique names cost nothing more, though one lists them long after the other.
    let mut plan = Planned::new();
    for first in 0..10 {
        plan.lists_ring(0, first + 2..first + 8, 1000);
        plan.lists_ring(1, first..first + 6, 1000);
        let asked = plan.fetch_all().len();
        assert_eq!(asked, if first == 0 { 8 } else { 1 });
    }
}

#[test]
fn a_name_that_left_one_of_two_playlists_and_is_back_there_is_used_again_though_the_other_lists_it_still()
 {
    let mut plan = Planned::new();
    plan.lists(0, &[(0, "a.ts"), (1, "b.ts")]);
    plan.lists(1, &[(0, "a.ts"), (1, "b.ts")]);
    plan.fetch_all();
    plan.lists(0, &[(1, "b.ts")]);
    plan.lists(0, &[(1, "b.ts"), (2, "a.ts")]);
    assert_eq!(plan.fetch_all(), ["a.ts"]);
}

#[test]
fn what_is_under_way_or_to_be_tried_again_when_its_name_is_used_again_is_asked_for_anew() {
    let mut plan = Planned::new();
    plan.lists(0, &[(0, "a.ts"), (1, "b.ts"), (2, "c.ts")]);
    let jobs: Vec<Job> = std::iter::from_fn(|| plan.next()).collect();
    let of = |uri: &str| jobs.iter().find(|job| name(&job.url) == uri).unwrap();
    plan.plan.done(of("b.ts"), Done::Failed, None, plan.now);
    plan.plan.done(of("c.ts"), Done::Good, None, plan.now);
    let more = [
        (0, "a.ts"),
        (1, "b.ts"),
        (2, "c.ts"),
        (3, "a.ts"),
        (4, "b.ts"),
    ];
    plan.lists(0, &more);
    let listed = Availability::Listed(plan.exchange * 6_000_000);
    let retried = plan.next().unwrap();
    assert_eq!(
        (name(&retried.url).as_str(), retried.availability),
        ("b.ts", listed)
    );
    assert!(plan.next().is_none(), "the other is under way");
    plan.plan.done(of("a.ts"), Done::Good, None, plan.now);
    let again = plan.next().unwrap();
    assert_eq!(
        (name(&again.url).as_str(), again.availability),
        ("a.ts", listed)
    );
    plan.plan.done(&again, Done::Good, None, plan.now);
    plan.plan.done(&retried, Done::Good, None, plan.now);
    plan.now += Duration::from_secs(60);
    assert!(plan.next().is_none() && plan.plan.is_idle());
}

#[test]
fn a_slate_that_stays_the_same_is_compared_ever_less_often() {
    let mut plan = Planned::new();
    plan.lists(0, &[(0, "slate.ts"), (1, "slate.ts"), (2, "slate.ts")]);
    assert_eq!(plan.fetch_bytes(|_| 7), ["slate.ts"]);
    let mut asked = Vec::new();
    for n in 3..60 {
        plan.lists(
            0,
            &[(n - 2, "slate.ts"), (n - 1, "slate.ts"), (n, "slate.ts")],
        );
        asked.extend(plan.fetch_bytes(|_| 7).iter().map(|_| n));
    }
    assert_eq!(asked, [3, 5, 9, 17, 27, 37, 47, 57]);
}

#[test]
fn one_name_that_is_written_over_for_each_segment_is_fetched_for_each() {
    let mut plan = Planned::new();
    plan.lists(0, &[(0, "now.ts"), (1, "now.ts"), (2, "now.ts")]);
    plan.fetch_bytes(|_| 0);
    for n in 3..60_u64 {
        plan.lists(0, &[(n - 2, "now.ts"), (n - 1, "now.ts"), (n, "now.ts")]);
        assert_eq!(plan.fetch_bytes(|_| n as u8), ["now.ts"]);
    }
}

#[test]
fn a_slate_that_becomes_another_is_fetched_each_time_from_then_on() {
    let mut plan = Planned::new();
    let mut asked = Vec::new();
    for n in 0..40_u64 {
        plan.lists(0, &[(n, "slate.ts"), (n + 1, "slate.ts")]);
        let other = plan.fetch_bytes(|_| if n < 20 { 1 } else { n as u8 });
        asked.extend(other.iter().map(|_| n));
    }
    let often: Vec<u64> = asked.iter().copied().filter(|n| *n > 26).collect();
    assert_eq!(often, (27..40).collect::<Vec<u64>>());
    assert!(asked.iter().filter(|n| **n < 20).count() < 8, "{asked:?}");
}

#[test]
fn parts_keys_and_what_is_announced_are_not_meant() {
    let mut plan = Planned::new();
    plan.says(&[
        segment(1, "1.mp4"),
        part(2, 0, "p.mp4"),
        wanted(Kind::Key, 1, 1, "k"),
    ]);
    plan.fetch_all();
    plan.says(&[
        segment(1, "1.mp4"),
        part(2, 0, "p.mp4"),
        part(2, 1, "p.mp4"),
        wanted(Kind::Key, 1, 2, "k"),
        segment(2, "2.mp4"),
        part(3, 0, "p.mp4"),
    ]);
    assert_eq!(plan.fetch_all(), ["2.mp4"]);
}
