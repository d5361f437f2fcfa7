//! Texts, and the rules that they are.

use proptest::prelude::*;

use super::super::rule::{Sequences, VariantSelector};
use super::*;
use std::time::Duration;

fn rule(text: &str) -> Rule {
    parse(text).unwrap_or_else(|error| panic!("{error}")).rule
}

#[test]
fn words_come_in_any_order() {
    let one = rule(
        "segment,part sn=+5-9/2 variant=720p from=+1m for=10 every=30s chance=2.5% delay=250ms rate=1.5M",
    );
    assert_eq!(one.kinds, [Kind::Segment, Kind::Part]);
    let sequences = Sequences {
        relative: true,
        first: 5,
        last: Some(9),
        step: 2,
    };
    assert_eq!(one.sequences, Some(sequences));
    assert_eq!(one.variant, Some(VariantSelector::Height(720)));
    let window = Window {
        relative: true,
        from: Duration::from_secs(60),
        lasts: Some(Duration::from_secs(10)),
        every: Some(Duration::from_secs(30)),
    };
    assert_eq!((one.window, one.chance), (window, Some(0.025)));
    let actions = Actions {
        delay: Some(Duration::from_millis(250)),
        rate: Some(1_500_000),
        ..Actions::default()
    };
    assert_eq!(one.actions, actions);
    let other = rule(
        "segment,part rate=1500k delay=.25 chance=2.5% every=30 for=10s from=+60 variant=720p sn=+5-9/2",
    );
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
}

#[test]
fn each_answer_there_is() {
    let answer = |text: &str| rule(text).actions.answer.unwrap().to_string();
    assert_eq!(answer("any status=404"), "status 404");
    assert_eq!(answer("key close"), "closed without an answer");
    assert_eq!(answer("key reset"), "reset without an answer");
    assert_eq!(answer("init truncate=64k"), "closed after 64000 bytes");
    assert_eq!(answer("init reset truncate=50%"), "reset after 50 %");
    let busy = rule("media status=503 type=text/html body=\"<p>be back soon\"");
    let status = Replacement::Status {
        status: StatusCode::SERVICE_UNAVAILABLE,
        media_type: Some(HeaderValue::from_static("text/html")),
        body: Some("<p>be back soon".into()),
    };
    assert_eq!(busy.actions.answer, Some(status));
    let empty = rule("media status=200 body=\"\"").actions.answer;
    assert!(matches!(empty, Some(Replacement::Status { body: Some(body), .. }) if body.is_empty()));
}

#[test]
fn a_body_can_be_in_a_file() {
    let parsed = parse("media status=200 body=@/etc/page.html").unwrap();
    assert_eq!(
        parsed.body_file.as_deref(),
        Some(std::path::Path::new("/etc/page.html"))
    );
    let loaded = parsed.with_body(b"page".to_vec()).actions.answer;
    assert!(matches!(loaded, Some(Replacement::Status { body: Some(body), .. }) if body == "page"));
}

/// What is wrong stands in the line above its text, and the mark is below the character.
const WRONG: &[(&str, &str, &str)] = &[
    ("", "^", "begins with what"),
    ("path=a status=404", "^", "begins with what"),
    ("segment,video delay=1", "        ^", "\"video\" is none of"),
    ("segment", "       ^", "does something"),
    ("segment delay", "             ^", "=VALUE is missing"),
    ("segment delay=", "              ^", "a value is missing"),
    ("segment delay=soon", "              ^", "not a duration"),
    ("segment delay=0", "              ^", "more than zero"),
    ("segment delay=2d", "              ^", "a day at most"),
    ("segment slow=1", "        ^", "\"slow\" is none of"),
    ("segment th=1", "        ^", "\"th\" is none of"),
    (
        "segment delay=1 delay=2",
        "                ^",
        "second time",
    ),
    ("segment reset=1", "             ^", "stands alone"),
    (
        "segment sn=x reset",
        "           ^",
        "media sequence numbers",
    ),
    (
        "segment sn=+ reset",
        "            ^",
        "media sequence numbers",
    ),
    (
        "segment sn=9-5 reset",
        "             ^",
        "media sequence numbers",
    ),
    (
        "segment sn=9-/0 reset",
        "              ^",
        "media sequence numbers",
    ),
    (
        "segment variant=best reset",
        "                ^",
        "variants are",
    ),
    (
        "segment variant=0 reset",
        "                ^",
        "variants are",
    ),
    ("segment path=[a reset", "             ^", "no glob"),
    (
        "segment chance=101% reset",
        "               ^",
        "a share is",
    ),
    ("segment chance=5 reset", "               ^", "a share is"),
    ("media status=99", "             ^", "200 to 599"),
    (
        "media status=404 reset",
        "                 ^",
        "comes whole",
    ),
    ("media body=x reset", "      ^", "belong to a status"),
    (
        "media close truncate=5",
        "      ^",
        "close is without an answer",
    ),
    ("media reset rate=5k", "            ^", "no rate"),
    ("media rate=fast", "           ^", "bits per second"),
    ("media truncate=-1", "               ^", "in bytes"),
    ("media every=10 stall", "            ^", "needs for="),
    (
        "media every=10 for=10 stall",
        "            ^",
        "more than for=",
    ),
    ("media,data sn=5 reset", "           ^", "have sn="),
    ("main variant=1 reset", "     ^", "of no variant"),
    ("segment stall", "        ^", "only main and media"),
    (
        "media status=503 body=\"x",
        "                      ^",
        "no end",
    ),
];

#[test]
fn what_is_no_rule_says_what_and_where() {
    for (text, mark, what) in WRONG {
        let error = match parse(text) {
            Ok(parsed) => panic!("{text} is {parsed:?}"),
            Err(error) => error.to_string(),
        };
        let lines: Vec<_> = error.lines().collect();
        assert!(lines[0].contains(what), "{error}");
        assert_eq!(
            lines[1..],
            [format!("  {text}"), format!("  {mark}")],
            "{error}"
        );
    }
}

#[test]
fn a_mark_is_below_its_character_in_any_writing() {
    let error = parse("media path=/für\tdelay=x").unwrap_err();
    assert_eq!(error.at, 22);
    assert!(error.to_string().contains("\n  media path=/für delay=x\n"));
}

proptest! {
    #[test]
    fn any_text_is_a_rule_or_wrong_somewhere_in_it(
        text in "(any|media|segment|init) ((sn|from|for|every|delay|rate|truncate|chance|status|path|body|variant)=[+0-9a-z%/\"*{\\[-]{0,6} ?|reset |stall |close ){0,4}"
    ) {
        if let Err(error) = parse(&text) {
            prop_assert!(error.at <= text.chars().count(), "{}", error);
        }
    }

    #[test]
    fn any_text_at_all(text in "\\PC{0,40}") {
        if let Err(error) = parse(&text) {
            prop_assert!(error.at <= text.chars().count(), "{}", error);
        }
    }
}
