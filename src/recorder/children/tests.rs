//! Which playlists are named, renewed, watched and given up.

use super::*;
use crate::clock;

fn child(url: &str) -> Child {
    Child {
        role: ChildRole::Variant,
        url: Url::parse(url).unwrap(),
        label: url.to_owned(),
        height: None,
        bandwidth: 0,
        language: None,
    }
}

fn playlists() -> Playlists {
    Playlists::new(Stats::default(), 100)
}

#[test]
fn a_new_token_is_no_new_playlist() {
    let playlists = playlists();
    let now = clock::instant();
    let first = playlists.name(
        &[child("http://h/a.m3u8?t=1"), child("http://h/b.m3u8?t=1")],
        1,
        0,
        now,
    );
    assert_eq!(first.new.len(), 2);
    let second = playlists.name(
        &[child("http://h/a.m3u8?t=2"), child("http://h/b.m3u8?t=1")],
        2,
        0,
        now,
    );
    assert_eq!((second.new.len(), second.aliases.len()), (0, 1));
    let a = &first.new[0];
    assert_eq!(
        a.url_to_ask().as_str(),
        "http://h/a.m3u8?t=1",
        "as long as it works"
    );
    a.update(|s| s.failures = 1);
    assert_eq!(a.url_to_ask().as_str(), "http://h/a.m3u8?t=2");
}

#[test]
fn a_query_that_matters_is_another_playlist() {
    let playlists = playlists();
    let now = clock::instant();
    let two = [child("http://h/m.m3u8?v=1"), child("http://h/m.m3u8?v=2")];
    assert_eq!(playlists.name(&two, 1, 0, now).new.len(), 2);
    let other = [child("http://h/m.m3u8?v=3"), child("http://h/m.m3u8?v=2")];
    assert_eq!(playlists.name(&other, 2, 0, now).new.len(), 1);
}

#[test]
fn what_is_named_no_more_is_watched_for_a_while() {
    let playlists = playlists();
    let now = clock::instant();
    let old = playlists
        .name(&[child("http://h/1/a.m3u8")], 1, 0, now)
        .new
        .remove(0);
    let second = playlists.name(&[child("http://h/2/a.m3u8")], 2, 0, now);
    assert_eq!(second.renewals, 1);
    assert!(!old.is_over(now + Duration::from_secs(17)));
    assert!(old.is_over(now + Duration::from_secs(18)));
}

#[test]
fn names_that_are_made_up_at_each_request_come_to_stand_for_the_first() {
    let playlists = playlists();
    let now = clock::instant();
    let named = |request: i64| {
        let of_viewer = |name: &str| Child {
            label: name.to_owned(),
            ..child(&format!("http://h/{request}/{name}.m3u8"))
        };
        let children = [of_viewer("high"), of_viewer("low")];
        let named = playlists.name(&children, request, 0, now);
        for new in &named.new {
            new.update(|s| s.ever_good = true);
        }
        named
    };
    for request in 1..=4 {
        assert_eq!(named(request).new.len(), 2, "{request}");
    }
    let fifth = named(5);
    assert_eq!((fifth.new.len(), fifth.renewals), (0, 4));
    let stands: Vec<&str> = fifth.aliases.iter().map(|(p, _)| p.url.path()).collect();
    assert_eq!(stands, ["/1/high.m3u8", "/1/low.m3u8"]);
    let first = Arc::clone(&fifth.aliases[0].0);
    assert!(
        !first.is_over(now + Duration::from_secs(60)),
        "it is polled on"
    );
    first.update(|s| s.failures = 1);
    assert_eq!(
        named(6).aliases[0].0.url.path(),
        "/2/high.m3u8",
        "the next that answers"
    );
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
        .name(&[child("http://h/a.m3u8")], 1, 0, now)
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
    assert!(!over(&[main.clone(), live.clone(), ended(9)], now));
    assert!(!over(&[main.clone(), ended(5)], now), "false ends exist");
    assert!(over(&[main.clone(), ended(6), vod.clone()], now));
    assert!(over(&[main.clone(), vod, broken.clone()], now));
    assert!(!over(&[broken], now), "it may come yet");
    assert!(!over(&[main], now));
}
