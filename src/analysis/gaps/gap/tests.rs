use super::*;

/// A gap of which nothing is known.
fn none() -> Gap {
    Gap {
        from: Advance::default(),
        to: Some(Advance::default()),
        until_us: 0,
        is_left: false,
        uncertain_us: [None; 2],
        threshold_us: 0,
        unit: Unit::Segments,
        polls: PollTrouble::default(),
        not_running_us: 0,
        noticed: Vec::new(),
        polls_are_gone: false,
        never_listed: None,
        not_seen: None,
    }
}

/// A gap in which no poll but one brought the text of before again.
fn failing(polls: PollTrouble) -> Gap {
    Gap {
        until_us: 20_000_000,
        uncertain_us: [None, Some(20_000_000)],
        threshold_us: 6_000_000,
        polls: PollTrouble {
            polls: 20,
            failed: 19,
            ..polls
        },
        ..none()
    }
}

#[test]
fn only_a_long_sleep_makes_a_gap_the_recorders() {
    let gap = |lengths: &[Option<i64>]| Gap {
        from: Advance {
            target_duration_us: Some(8_000_000),
            ..Advance::default()
        },
        to: None,
        until_us: 20_000_000,
        threshold_us: 12_000_000,
        noticed: lengths
            .iter()
            .map(|length_us| NoticeEvent {
                kind: Notice::Suspended,
                at_us: 5,
                length_us: *length_us,
                detail: String::new(),
            })
            .collect(),
        ..none()
    };
    for (lengths, is_down) in [
        (&[Some(200_000)][..], false),
        (&[Some(6_000_000)], false),
        (&[Some(6_000_001)], true),
        (&[Some(4_000_000), Some(4_000_000)], true),
        (&[Some(-9_000_000)], false),
        (&[None, None], true),
        (&[], false),
    ] {
        let gap = gap(lengths);
        assert_eq!(gap.recorder_was_down(), is_down, "{lengths:?}");
        assert!(!gap.recorder_paused());
    }
}

#[test]
fn a_gap_that_is_not_over_is_the_origins_for_certain_up_to_the_last_poll() {
    const S: i64 = 1_000_000;
    // Its host asked for patience at 6 s, and was left alone until the recording ended.
    let gap = |last_us: i64, to| Gap {
        from: Advance {
            target_duration_us: Some(2 * S),
            ..Advance::default()
        },
        to,
        until_us: 24 * S,
        threshold_us: 3 * S,
        polls: PollTrouble {
            polls: 4,
            pause_us: 24 * S - last_us,
            pauses: vec![(S, 2 * S), (last_us, 24 * S)].into(),
            ..PollTrouble::default()
        },
        noticed: vec![NoticeEvent {
            kind: Notice::LeftAlone,
            at_us: last_us,
            length_us: None,
            detail: "h:80".to_owned(),
        }],
        ..none()
    };
    assert_eq!(gap(2 * S, None).whose(), Whose::Unsure);
    assert_eq!(gap(2 * S, None).known_us(), 2 * S);
    assert_eq!(
        gap(6 * S, None).whose(),
        Whose::Origin,
        "it was late by then"
    );
    assert_eq!(gap(6 * S, None).known_us(), 6 * S);
    // What came then says until when it was not there.
    assert_eq!(gap(2 * S, Some(Advance::default())).known_us(), 24 * S);
}

#[test]
fn between_parts_what_the_recorder_did_not_ask_for_is_its_own() {
    let gap = |unit, pause_us| Gap {
        from: Advance {
            target_duration_us: Some(4_000_000),
            part_target_us: Some(500_000),
            ..Advance::default()
        },
        until_us: 1_900_000,
        threshold_us: 1_000_000,
        unit,
        polls: PollTrouble {
            polls: 2,
            pause_us,
            ..PollTrouble::default()
        },
        ..none()
    };
    assert!(!gap(Unit::Parts, 250_000).is_recorders());
    assert!(!gap(Unit::Parts, 250_000).recorder_paused());
    assert!(gap(Unit::Parts, 1_000_000).is_recorders());
    assert!(gap(Unit::Parts, 1_000_000).recorder_paused());
    assert!(!gap(Unit::Segments, 1_000_000).is_recorders());
    assert_eq!(gap(Unit::Parts, 0).polls_between(), 1);
}

#[test]
fn a_gap_in_which_the_recorder_stood_still_is_its_own_as_far_as_it_did() {
    let gap = |stood: &[(i64, i64)]| Gap {
        until_us: 10_000_000,
        uncertain_us: [None, Some(0)],
        threshold_us: 3_000_000,
        noticed: stood
            .iter()
            .map(|(at_us, length_us)| NoticeEvent {
                kind: Notice::Stalled,
                at_us: *at_us,
                length_us: Some(*length_us),
                detail: String::new(),
            })
            .collect(),
        ..none()
    };
    assert!(gap(&[(1_000_000, 7_000_000)]).is_recorders());
    assert!(gap(&[(1_000_000, 3_000_000), (5_000_000, 4_000_000)]).is_recorders());
    for (stood, is_certain) in [
        // Most of what it stood still was before it.
        (&[(-5_000_000, 8_000_000)][..], true),
        (&[(1_000_000, 6_000_000)], true),
        (&[], true),
    ] {
        let gap = gap(stood);
        assert!(!gap.is_recorders(), "{stood:?}");
        assert_eq!(gap.is_origins_for_certain(), is_certain, "{stood:?}");
    }
    // Of what is left it is not known when it ended.
    let unsure = Gap {
        uncertain_us: [None, Some(1_000_000)],
        ..gap(&[(1_000_000, 6_000_000)])
    };
    assert!(!unsure.is_recorders() && !unsure.is_origins_for_certain());
}

#[test]
fn a_hang_that_was_answered_in_the_end_is_the_origins() {
    let gap = |held_us, length_us| Gap {
        until_us: length_us,
        uncertain_us: [None, Some(length_us)],
        threshold_us: 3_000_000,
        polls: PollTrouble {
            polls: 1,
            held_us,
            pause_us: 600_000,
            ..PollTrouble::default()
        },
        ..none()
    };
    assert_eq!(gap(11_900_000, 12_500_000).whose(), Whose::Origin);
    assert_eq!(gap(3_000_000, 12_500_000).whose(), Whose::Unsure);
    assert_eq!(gap(3_000_000, 12_500_000).unasked_us(), None);
    // It was seen that late since nobody asked earlier.
    let seldom = gap(0, 3_334_000);
    assert_eq!(seldom.whose(), Whose::Unsure);
    assert_eq!(seldom.unasked_us(), Some(600_000));
    let stood = Gap {
        noticed: vec![NoticeEvent {
            kind: Notice::Stalled,
            at_us: 1_000_000,
            length_us: Some(9_000_000),
            detail: String::new(),
        }],
        ..gap(11_900_000, 12_500_000)
    };
    assert_eq!(stood.whose(), Whose::Unsure);
}

#[test]
fn players_go_without_whosever_that_is_but_the_recorders() {
    // No connection came about, and nothing else was answered.
    let dead = |pause_us| {
        failing(PollTrouble {
            pause_us,
            ..PollTrouble::default()
        })
    };
    assert_eq!(dead(1_000_000).whose(), Whose::Unsure);
    assert!(dead(1_000_000).players_went_without());
    assert!(!dead(15_000_000).players_went_without(), "nobody asked");
    let short = Gap {
        until_us: 6_500_000,
        ..dead(1_000_000)
    };
    assert!(!short.players_went_without(), "it may be none");
    let slept = Gap {
        not_running_us: 15_000_000,
        ..dead(1_000_000)
    };
    assert!(!slept.players_went_without());
}

#[test]
fn a_gap_is_the_origins_for_certain_up_to_its_last_error_and_no_further() {
    let gap = |rebuffed_us| {
        failing(PollTrouble {
            rebuffed_us,
            ..PollTrouble::default()
        })
    };
    assert!(gap(Some(19_000_000)).is_origins_for_certain());
    assert!(
        !gap(Some(5_000_000)).is_origins_for_certain(),
        "an error at first, and nothing known since"
    );
    assert!(
        !gap(None).is_origins_for_certain(),
        "the network may have been the recorder's"
    );
}

#[test]
fn who_waits_for_a_playlist_that_comes_slowly_asks() {
    // Each poll takes 4.4 s, and the next one is made then.
    let gap = |awaited_until_us| Gap {
        until_us: 4_550_000,
        uncertain_us: [None, Some(4_550_000)],
        threshold_us: 3_000_000,
        polls: PollTrouble {
            polls: 1,
            pause_us: 100_000,
            awaited_until_us,
            ..PollTrouble::default()
        },
        ..none()
    };
    assert_eq!(gap(Some(4_450_000)).whose(), Whose::Origin);
    assert_eq!(gap(Some(1_000_000)).whose(), Whose::Unsure);
    assert_eq!(gap(None).whose(), Whose::Unsure);
}

#[test]
fn what_was_refused_before_and_after_the_recorder_stood_still_is_the_origins() {
    const S: i64 = 1_000_000;
    // It stood still for 3 s of 32: a poll was late by as much, and nothing was asked meanwhile.
    let gap = |length_s: i64, (at_s, stood_s): (i64, i64), failed: bool| Gap {
        from: Advance {
            target_duration_us: Some(2 * S),
            ..Advance::default()
        },
        until_us: length_s * S,
        uncertain_us: [None, Some(length_s * S)],
        threshold_us: 3 * S,
        polls: PollTrouble {
            polls: 58,
            failed: if failed { 57 } else { 0 },
            lag_us: stood_s * S - 50_000,
            pause_us: stood_s * S + 400_000,
            between_us: stood_s * S + 400_000,
            rebuffed_us: failed.then_some((length_s - 1) * S),
            pauses: vec![(at_s * S - 400_000, (at_s + stood_s) * S)].into(),
            late: vec![(at_s * S + 50_000, (at_s + stood_s) * S)].into(),
            ..PollTrouble::default()
        },
        noticed: vec![NoticeEvent {
            kind: Notice::Stalled,
            at_us: at_s * S,
            length_us: Some(stood_s * S),
            detail: String::new(),
        }],
        ..none()
    };
    for (length_s, stood, whose) in [
        (32, (21, 3), Whose::Origin),
        (14, (4, 5), Whose::Origin),
        // What is left of it is allowed.
        (9, (1, 5), Whose::Unsure),
        (9, (1, 6), Whose::Recorder),
    ] {
        let gap = gap(length_s, stood, true);
        assert!(gap.recorder_was_late());
        assert_eq!(gap.whose(), whose, "{length_s} {stood:?}");
        assert_eq!(gap.players_went_without(), whose == Whose::Origin);
    }
    assert_eq!(gap(32, (21, 3), true).missed_us(), 3_400_000);
    // Nobody knows who did not answer, and players had nothing.
    assert_eq!(gap(32, (21, 3), false).whose(), Whose::Unsure);
    assert!(gap(32, (21, 3), false).players_went_without());
}

#[test]
fn of_a_gap_in_which_the_recorder_began_anew_the_rest_is_the_origins() {
    const S: i64 = 1_000_000;
    let gap = |rebuffed_s: Option<i64>| Gap {
        from: Advance {
            target_duration_us: Some(2 * S),
            ..Advance::default()
        },
        until_us: 30 * S,
        threshold_us: 3 * S,
        not_running_us: 5 * S,
        polls: PollTrouble {
            polls: 50,
            failed: 49,
            rebuffed_us: rebuffed_s.map(|s| s * S),
            pause_us: 5_500_000,
            pauses: vec![(19_500_000, 25 * S)].into(),
            ..PollTrouble::default()
        },
        ..none()
    };
    assert_eq!(
        gap(Some(29)).whose(),
        Whose::Origin,
        "refused on both sides"
    );
    assert_eq!(gap(Some(19)).whose(), Whose::Origin, "refused before");
    // That it brought nothing new is known up to there.
    assert_eq!(gap(Some(19)).known_us(), 19 * S);
    let away_us = 5_500_000;
    assert_eq!(gap(Some(29)).known_us(), 29 * S - away_us);
    assert_eq!(gap(Some(2)).whose(), Whose::Unsure);
    assert_eq!(gap(None).whose(), Whose::Unsure);
}

#[test]
fn a_playlist_that_stood_still_for_longer_than_an_outage_did_not_go_on_with_its_end() {
    let gap = Gap {
        from: Advance {
            target_duration_us: Some(2_000_000),
            ..Advance::default()
        },
        until_us: 46_000_000,
        ..none()
    };
    assert!(gap.ends_with(45_800_000));
    assert!(gap.ends_with(43_000_000), "it was polled then");
    assert!(!gap.ends_with(25_800_000));
}
