//! What rules mean, by facts made up.

use super::super::parse;
use super::*;
use proptest::prelude::*;

fn facts() -> Facts {
    Facts {
        kind: Kind::Segment,
        url: Url::parse("https://cdn.example/live/hi/seg%207.ts?token=x").unwrap(),
        revision: None,
        session_us: 25_000_000,
        began_us: 20_000_000,
        sequences: vec![(107, 107)],
        first_sequence: Some(100),
        variants: vec![VariantFacts {
            position: 2,
            height: Some(720),
            is_highest: true,
            is_lowest: false,
        }],
    }
}

fn rules(texts: &[&str], seed: u64) -> Rules {
    let rules = texts.iter().map(|text| parse(text).unwrap().rule);
    Rules::new(rules.collect(), seed)
}

fn means(text: &str, facts: &Facts) -> bool {
    !rules(&[text], 0).faults_for(facts).is_nothing()
}

#[test]
fn what_a_rule_means() {
    let cases = [
        ("any", true),
        ("segment", true),
        ("init,segment", true),
        ("media", false),
        ("any path=/live/hi/*", true),
        ("any path=live/hi/*", true),
        ("any path=*.ts", true),
        ("any path=*/{hi,lo}/*", true),
        ("any path=*.mp4", false),
        ("any path=https://cdn.example/*.ts", true),
        ("any path=https://other.example/*", false),
        ("any sn=107", true),
        ("any sn=100-110", true),
        ("any sn=100-110/7", true),
        ("any sn=100-110/6", false),
        ("any sn=108-", false),
        ("any sn=+7", true),
        ("any sn=+0-", true),
        ("any sn=+8-", false),
        ("any variant=2", true),
        ("any variant=720p", true),
        ("any variant=highest", true),
        ("any variant=1", false),
        ("any variant=lowest", false),
        ("any from=25", true),
        ("any from=25.001", false),
        ("any from=+5", true),
        ("any from=+6", false),
        ("any from=20 for=5", false),
        ("any from=20 for=5.001", true),
        ("any from=1 for=5 every=20", true),
        ("any from=1 for=4 every=20", false),
        ("any chance=100%", true),
        ("any chance=0%", false),
    ];
    for (text, wanted) in cases {
        assert_eq!(
            means(&format!("{text} delay=1"), &facts()),
            wanted,
            "{text}"
        );
    }
}

#[test]
fn an_initialization_section_has_the_numbers_that_it_applies_to() {
    let init = Facts {
        sequences: vec![(100, 105), (200, 203)],
        ..facts()
    };
    for (range, wanted) in [
        ("103", true),
        ("106-199", false),
        ("190-", true),
        ("4-/100", true),
    ] {
        assert_eq!(
            means(&format!("any sn={range} delay=1"), &init),
            wanted,
            "{range}"
        );
    }
}

#[test]
fn a_playlist_is_held_as_it_was_when_the_window_began() {
    let playlist = Facts {
        kind: Kind::Media,
        ..facts()
    };
    let held = |text: &str, facts: &Facts| rules(&[text], 0).faults_for(facts).held_us;
    assert_eq!(held("any from=10 stall", &playlist), Some(10_000_000));
    assert_eq!(held("any from=+2 stall", &playlist), Some(22_000_000));
    assert_eq!(
        held("any from=3 for=4 every=10 stall", &playlist),
        Some(23_000_000)
    );
    assert_eq!(held("any stall", &playlist), Some(0));
    assert_eq!(
        held("any stall", &facts()),
        None,
        "a segment does not stall"
    );
}

#[test]
fn the_first_rule_that_says_something_is_the_one() {
    let faults = rules(
        &[
            "segment delay=1",
            "media status=500",
            "segment status=404 delay=2",
            "segment rate=5k status=503",
        ],
        0,
    )
    .faults_for(&facts());
    assert_eq!(faults.delay, Some(Duration::from_secs(1)));
    assert_eq!(faults.rate, Some(5000));
    assert_eq!(
        faults.notes,
        [
            "rule 1: delayed by 1 s",
            "rule 3: status 404",
            "rule 4: 5000 bit/s"
        ]
    );
}

#[test]
fn chance_is_a_matter_of_seed_rule_and_url() {
    let drawn = |seed: u64| -> Vec<bool> {
        let rules = rules(&["any chance=20% delay=1"], seed);
        let asked = (0..500).map(|n| Facts {
            url: Url::parse(&format!("http://h/{n}.ts")).unwrap(),
            ..facts()
        });
        asked
            .map(|facts| !rules.faults_for(&facts).is_nothing())
            .collect()
    };
    assert_eq!(drawn(7), drawn(7));
    assert_ne!(drawn(7), drawn(8));
    let hit = drawn(7).iter().filter(|hit| **hit).count();
    assert!((70..130).contains(&hit), "{hit}");
}

proptest! {
    #[test]
    fn ranges_are_what_counting_says(first in 0_u64..30, length in proptest::option::of(0_u64..30), step in 1_u64..9, from in 0_u64..60, more in 0_u64..9) {
        let last = length.map(|length| first + length);
        let sequences = Sequences { relative: false, first, last, step };
        let counted = (first..=last.unwrap_or(200)).step_by(usize::try_from(step).unwrap())
            .any(|n| (from..=from + more).contains(&n));
        prop_assert_eq!(sequences.has_one_in(from, from + more), counted);
    }

    #[test]
    fn an_open_window_began_before_and_is_not_over(session_us in 0_i64..10_i64.pow(9), from in 0_u64..500, lasts in 1_u64..50, more in 1_u64..50) {
        let window = Window {
            relative: false,
            from: Duration::from_secs(from),
            lasts: Some(Duration::from_secs(lasts)),
            every: Some(Duration::from_secs(lasts + more)),
        };
        if let Some(began_us) = window.began_us(session_us, 0) {
            prop_assert!(began_us <= session_us);
            prop_assert!(session_us - began_us < micros(Duration::from_secs(lasts)));
            prop_assert_eq!((began_us - micros(Duration::from_secs(from))) % micros(Duration::from_secs(lasts + more)), 0);
        }
    }
}
