//! Which playlists are named, renewed, watched and given up.

use super::*;
use crate::clock;
use crate::recorder::http::fetch::Hop;

fn child(url: &str) -> Child {
    Child {
        role: ChildRole::Variant,
        url: Url::parse(url).unwrap(),
        label: url.to_owned(),
        described: url.to_owned(),
        height: None,
        bandwidth: 0,
        language: None,
        group: String::new(),
    }
}

fn playlists() -> Playlists {
    Playlists::new(Stats::default(), 100, None)
}

#[test]
fn a_new_token_is_no_new_playlist() {
    let playlists = playlists();
    let now = clock::instant();
    let first = playlists.take_in_names(
        &[child("http://h/a.m3u8?t=1"), child("http://h/b.m3u8?t=1")],
        1,
        0,
        now,
    );
    assert_eq!(first.new.len(), 2);
    let second = playlists.take_in_names(
        &[child("http://h/a.m3u8?t=2"), child("http://h/b.m3u8?t=1")],
        2,
        0,
        now,
    );
    assert_eq!((second.new.len(), second.aliases.len()), (0, 1));
    let a = &first.new[0];
    assert_eq!(
        a.name_to_ask(now).url.as_str(),
        "http://h/a.m3u8?t=1",
        "as long as it works"
    );
    a.update(|s| s.failures = 1);
    assert_eq!(a.name_to_ask(now).url.as_str(), "http://h/a.m3u8?t=2");
}

#[test]
fn a_query_that_matters_is_another_playlist() {
    let playlists = playlists();
    let now = clock::instant();
    let two = [child("http://h/m.m3u8?v=1"), child("http://h/m.m3u8?v=2")];
    assert_eq!(playlists.take_in_names(&two, 1, 0, now).new.len(), 2);
    let other = [child("http://h/m.m3u8?v=3"), child("http://h/m.m3u8?v=2")];
    assert_eq!(playlists.take_in_names(&other, 2, 0, now).new.len(), 1);
}

#[test]
fn what_the_user_left_out_is_no_other_name_of_what_is_recorded() {
    let now = clock::instant();
    let (high, low) = ("http://h/v.m3u8?q=2", "http://h/v.m3u8?q=1");
    let described = |url: &str| Child {
        described: "720p".to_owned(),
        ..child(url)
    };
    // The two change places; then the one that was left out is the only one.
    for left_out in [vec![described(high)], vec![]] {
        let playlists = playlists();
        playlists.leave_out(&[described(low)]);
        let first = playlists.take_in_names(&[described(high)], 1, 0, now).new;
        playlists.leave_out(&left_out);
        let second = playlists.take_in_names(&[described(low)], 2, 0, now);
        assert_eq!((second.new.len(), second.aliases.len()), (1, 0));
        assert_ne!(second.new[0].id, first[0].id);
    }
    // A new token beside one of the same path that is left out takes its place as anything else does.
    let playlists = playlists();
    playlists.leave_out(&[described("http://h/v.m3u8?q=1&t=1")]);
    playlists.take_in_names(&[described("http://h/v.m3u8?q=2&t=1")], 1, 0, now);
    playlists.leave_out(&[described("http://h/v.m3u8?q=1&t=2")]);
    let second = playlists.take_in_names(&[described("http://h/v.m3u8?q=2&t=2")], 2, 0, now);
    assert_eq!((second.new.len(), second.aliases.len()), (0, 1));
}

#[test]
fn what_is_named_no_more_is_watched_for_a_while() {
    let playlists = playlists();
    let now = clock::instant();
    let old = playlists
        .take_in_names(&[child("http://h/1/a.m3u8")], 1, 0, now)
        .new
        .remove(0);
    let second = playlists.take_in_names(&[child("http://h/2/a.m3u8")], 2, 0, now);
    assert_eq!(second.renewals, 1);
    assert!(!old.is_over(now + Duration::from_secs(17)));
    assert!(old.is_over(now + Duration::from_secs(18)));
}

/// What a viewer is named at a request.
fn of_viewer(request: i64, name: &str) -> Child {
    Child {
        described: name.to_owned(),
        ..child(&format!("http://h/{request}/{name}.m3u8"))
    }
}

#[test]
fn names_that_are_made_up_at_each_request_are_those_of_the_first() {
    let playlists = playlists();
    let now = clock::instant();
    let named = |request: i64| {
        let children = [of_viewer(request, "high"), of_viewer(request, "low")];
        playlists.take_in_names(&children, request, 0, now)
    };
    let first = named(1);
    assert_eq!((first.new.len(), first.renewals), (2, 0));
    let high = &first.new[0];
    for request in 2..=5 {
        let next = named(request);
        assert_eq!((next.new.len(), next.renewals), (0, request as u32 - 1));
        let stands = next.aliases.iter().map(|(p, url)| (p.id, url.path()));
        let path = format!("/{request}/high.m3u8");
        assert_eq!(stands.clone().next(), Some((high.id, path.as_str())));
        assert_eq!(high.name_to_ask(now).url.path(), "/1/high.m3u8");
    }
    assert!(
        !high.is_over(now + Duration::from_secs(60)),
        "it is polled on"
    );
    high.asked(&high.name_to_ask(now), false);
    high.update(|s| s.failures = 1);
    let newest = high.name_to_ask(now);
    assert_eq!(
        (newest.url.path(), newest.revision),
        ("/5/high.m3u8", Some(5))
    );
    high.asked(&newest, true);
    high.update(|s| s.failures = 0);
    assert_eq!(high.name_to_ask(now), newest, "and so from then on");
    assert_eq!(named(5).aliases.len(), 2, "known by its newest name");
    playlists.named_again(now);
    assert_eq!(
        named(6).renewals,
        1,
        "names that stayed for once are not made up"
    );
}

#[test]
fn what_stands_elsewhere_under_the_same_description_takes_its_place_if_it_is_the_only_one() {
    let playlists = playlists();
    let now = clock::instant();
    let names = |request: i64, names: &[&str]| {
        let children: Vec<Child> = names.iter().map(|n| of_viewer(request, n)).collect();
        let named = playlists.take_in_names(&children, request, 0, now);
        let aliases = named.aliases.iter().map(|(p, _)| p.id).collect::<Vec<_>>();
        (aliases, named.new.len())
    };
    assert_eq!(names(1, &["a", "b"]), (vec![], 2));
    assert_eq!(names(2, &["b", "a"]), (vec![1, 0], 0));
    assert_eq!(names(3, &["b", "c"]), (vec![1], 1), "a is gone, c is new");
}

#[test]
fn what_has_ended_is_not_gone_on_with_under_another_name() {
    let playlists = playlists();
    let now = clock::instant();
    let first = playlists
        .take_in_names(&[of_viewer(1, "a")], 1, 0, now)
        .new
        .remove(0);
    first.update(|s| s.ended_since = Some(now));
    assert_eq!(
        playlists
            .take_in_names(&[of_viewer(2, "a")], 2, 0, now)
            .new
            .len(),
        1
    );
    let vod = playlists.take_in_names(&[of_viewer(2, "a"), of_viewer(2, "v")], 3, 0, now);
    vod.new[0].update(|s| s.on_demand = true);
    let again = playlists.take_in_names(&[of_viewer(2, "a"), of_viewer(3, "v")], 4, 0, now);
    assert_eq!(
        (again.new.len(), again.aliases.len()),
        (0, 1),
        "it was fetched"
    );
}

#[tokio::test]
async fn a_new_url_wakes_who_needs_one_and_gone_playlists_wake_who_names_them() {
    let playlists = playlists();
    let main = playlists.root(child("http://h/").url, String::new(), None);
    let now = clock::instant();
    let sound = |request| Child {
        role: ChildRole::Rendition,
        group: "AUDIO a".to_owned(),
        ..of_viewer(request, "sound")
    };
    let named = |request| {
        let children = [
            of_viewer(request, "high"),
            of_viewer(request, "low"),
            sound(request),
        ];
        playlists.take_in_names(&children, request, 0, now).new
    };
    let all = named(1);
    let goes = |which: usize| {
        all[which].update(|s| (s.gone_since, s.failures) = (Some(now), 1));
        playlists.nothing_plays()
    };
    assert!(!goes(0), "one of two variants");
    assert!(goes(1), "both");
    all[0].update(|s| (s.gone_since, s.failures) = (None, 0));
    assert!(!playlists.nothing_plays());
    assert!(!goes(2), "sound that never was there");
    all[2].update(|s| s.ever_good = true);
    assert!(playlists.nothing_plays(), "a picture without sound");
    all[2].update(|s| s.gone_since = None);
    all[2].update(|s| s.failures = 3);
    assert!(playlists.nothing_plays(), "in whatever way it fails");
    playlists.wake_first();
    main.woken().await;
    assert!(!all[1].has_fresh_name(now));
    named(2);
    all[1].woken().await;
    assert!(all[1].has_fresh_name(now) && !all[0].has_fresh_name(now));
}

#[test]
fn a_new_url_leads_no_farther_than_what_names_it() {
    let playlists = playlists();
    let main = playlists.root(child("http://h/").url, String::new(), None);
    let now = clock::instant();
    let media = playlists
        .take_in_names(&[of_viewer(1, "a")], 1, 0, now)
        .new
        .remove(0);
    assert_eq!((media.reach(), media.is_downgraded()), (Reach::Any, false));
    let mut hop = Hop::new(1, child("http://h/").url, 0);
    (hop.leads, hop.downgraded) = (Reach::Public, true);
    main.answered(&[hop]);
    playlists.take_in_names(&[of_viewer(2, "a")], 2, 0, now);
    assert_eq!(
        (media.reach(), media.is_downgraded()),
        (Reach::Public, true)
    );
    assert!(playlists.names_downgraded(media.id) && !main.is_downgraded());
}

#[test]
fn what_was_public_once_leads_to_public_addresses_only() {
    let playlists = playlists();
    let main = playlists.root(child("http://h/").url, String::new(), None);
    let hop = |leads| {
        let url = Url::parse("http://h/").unwrap();
        let mut hop = Hop::new(1, url, 0);
        hop.leads = leads;
        hop
    };
    assert_eq!((main.reach(), main.may_lead()), (Reach::Any, Reach::Any));
    main.answered(&[hop(Reach::Any), hop(Reach::Public)]);
    assert_eq!(
        (main.reach(), main.may_lead()),
        (Reach::Any, Reach::Public),
        "the user's own word is asked for again"
    );
    let now = clock::instant();
    let media = playlists
        .take_in_names(&[child("http://h/a.m3u8")], 1, 0, now)
        .new
        .remove(0);
    assert_eq!(
        (media.reach(), media.may_lead()),
        (Reach::Public, Reach::Public)
    );
    main.answered(&[hop(Reach::Public)]);
    main.answered(&[hop(Reach::Any)]);
    assert_eq!(main.reach(), Reach::Public, "its name leads elsewhere now");
    assert_eq!(main.may_lead(), Reach::Public, "and so does what it names");
    assert_eq!(playlists.may_lead(media.id), Reach::Public);
}

#[test]
fn it_is_over_when_all_have_ended_long_enough() {
    let now = clock::instant();
    let live = (
        Kind::Media,
        Standing {
            ever_good: true,
            target_duration: Some(Duration::from_secs(2)),
            ..Standing::default()
        },
    );
    let ended = |ago| {
        (
            Kind::Media,
            Standing {
                ended_since: Some(now - Duration::from_secs(ago)),
                ..live.1.clone()
            },
        )
    };
    let vod = (
        Kind::Media,
        Standing {
            on_demand: true,
            ..live.1.clone()
        },
    );
    let main = (
        Kind::Main,
        Standing {
            multivariant: true,
            ..Standing::default()
        },
    );
    let broken = (
        Kind::Media,
        Standing {
            failures: 5,
            ..Standing::default()
        },
    );
    let wait = |seconds| Some(Duration::from_secs(seconds));
    // A playlist that is taken away in place of an end has ended all the same; one that fails otherwise may be back.
    let fails = |gone: Option<u64>, since: u64| {
        let ago = |seconds| now - Duration::from_secs(seconds);
        let standing = Standing {
            failures: 9,
            failing_since: Some(ago(since)),
            gone_since: gone.map(ago),
            ..live.1.clone()
        };
        (Kind::Media, standing)
    };
    assert!(over(
        &[main.clone(), fails(Some(6), 6), ended(6)],
        None,
        now
    ));
    assert!(!over(
        &[main.clone(), fails(Some(5), 59), ended(6)],
        None,
        now
    ));
    assert!(!over(&[main.clone(), fails(None, 59), ended(6)], None, now));
    assert!(over(&[main.clone(), fails(None, 60), ended(6)], None, now));
    assert!(!over(&[fails(Some(60), 60), ended(60)], wait(61), now));
    assert!(!over(&[fails(Some(99), 99), live.clone()], None, now));
    assert!(
        !over(&[fails(Some(99), 99)], None, now),
        "nothing has ended"
    );
    assert!(!over(&[main.clone(), live.clone(), ended(9)], None, now));
    assert!(
        !over(&[main.clone(), ended(5)], None, now),
        "false ends exist"
    );
    assert!(
        !over(&[main.clone(), ended(5)], wait(2), now),
        "and no wait is shorter"
    );
    assert!(over(&[main.clone(), ended(6), vod.clone()], None, now));
    assert!(!over(
        &[main.clone(), ended(59), vod.clone()],
        wait(60),
        now
    ));
    assert!(over(&[main.clone(), ended(60), vod.clone()], wait(60), now));
    assert!(over(
        &[main.clone(), vod.clone(), broken.clone()],
        None,
        now
    ));
    assert!(
        over(&[main.clone(), vod], wait(60), now),
        "nobody waits for a VOD"
    );
    assert!(!over(&[broken], None, now), "it may come yet");
    assert!(!over(&[main], None, now));
}

#[test]
fn steps_grow_as_what_is_named_does() {
    use crate::hls::steps::{assert_grows, steps_of};
    // What a player is told of each stays the same, at another place; or its token changes.
    let moved: fn(usize, usize) -> String = |n, revision| format!("http://h/{revision}/{n}.m3u8");
    let tokens: fn(usize, usize) -> String = |n, revision| format!("http://h/{n}.m3u8?{revision}");
    let one_path: fn(usize, usize) -> String = |n, revision| format!("http://h/p?{n}.{revision}");
    for (what, url) in [
        ("other paths", moved),
        ("tokens", tokens),
        ("one path", one_path),
    ] {
        assert_grows(what, |count| {
            let playlists = Playlists::new(Stats::default(), count, None);
            let now = clock::instant();
            steps_of(|| {
                for revision in 0..3 {
                    let children: Vec<Child> = (0..count)
                        .map(|n| Child {
                            described: "same".to_owned(),
                            ..child(&url((n + revision) % count, revision))
                        })
                        .collect();
                    playlists.take_in_names(&children, revision as i64, 0, now);
                }
            })
        });
    }
}

#[test]
fn the_urls_of_all_playlists_together_are_bounded() {
    let playlists = Playlists::new(Stats::default(), 100_000, None);
    let now = clock::instant();
    let long = "x".repeat(8000);
    let named = |revision: usize| -> Vec<Child> {
        (0..2000)
            .map(|n| child(&format!("http://h/{n}.m3u8?{revision}{long}")))
            .collect()
    };
    let first = playlists.take_in_names(&named(1), 1, 0, now);
    let room = MOST_URL_BYTES / 8015;
    assert!(first.new.len() > room / 2 && first.new.len() <= room);
    assert_eq!(first.new.len() + first.too_many, 2000);
    let second = playlists.take_in_names(&named(2), 2, 0, now);
    let bytes: usize = first.new.iter().map(|playlist| playlist.url_bytes()).sum();
    assert!(bytes <= 2 * MOST_URL_BYTES, "{bytes}");
    assert!(second.too_many > 0);
}
