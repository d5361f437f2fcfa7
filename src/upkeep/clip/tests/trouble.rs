//! What went wrong within a span: a clip of it tells of the same as its session.

use std::collections::BTreeMap;

use super::*;
use crate::session::id::ExchangeId;
use crate::session::{AttemptEnd, Fault, KnownPlaylists};

/// How an exchange goes wrong: outcome, status, error, and microseconds of wait, of the body, and until it failed.
type Ill = (
    &'static str,
    Option<u16>,
    Option<&'static str>,
    (Option<i64>, Option<i64>, Option<i64>),
);

/// Without a response, before the head, in the body, and with an error for a head.
const ILLS: [Ill; 14] = [
    (
        "refused",
        None,
        Some("connection refused"),
        (None, None, Some(3_000)),
    ),
    (
        "unresolved",
        None,
        Some("no such host"),
        (None, None, Some(9_000)),
    ),
    (
        "tls",
        None,
        Some("certificate expired"),
        (None, None, Some(70_000)),
    ),
    (
        "unreachable",
        None,
        Some("no route to host"),
        (None, None, Some(500_000)),
    ),
    (
        "connect timeout",
        None,
        Some("no connection in 2 s"),
        (None, None, Some(2_000_000)),
    ),
    (
        "response timeout",
        None,
        Some("unanswered for 3 s"),
        (None, None, Some(3_000_000)),
    ),
    (
        "reset",
        None,
        Some("connection reset by peer"),
        (None, None, Some(40_000)),
    ),
    (
        "short",
        None,
        Some("closed before an answer"),
        (None, None, Some(40_000)),
    ),
    (
        "protocol",
        None,
        Some("no HTTP"),
        (None, None, Some(40_000)),
    ),
    (
        "reset",
        Some(200),
        Some("connection reset by peer"),
        (Some(20_000), Some(600_000), None),
    ),
    (
        "short",
        Some(200),
        Some("10 of 20 bytes"),
        (Some(20_000), None, None),
    ),
    (
        "body timeout",
        Some(200),
        Some("nothing came for 2 s"),
        (Some(20_000), Some(2_100_000), None),
    ),
    ("complete", Some(404), None, (Some(20_000), None, None)),
    (
        "complete",
        Some(503),
        None,
        (Some(900_000), Some(300_000), None),
    ),
];

/// Makes something of a session go wrong: what told of nothing new. `kinds`: of one in so many of them each.
fn spoil(history: &History, kinds: &[usize]) {
    let db = &history.store.db;
    let plain = "SELECT e.id FROM exchange e LEFT JOIN revision v ON v.exchange_id = e.id
                  WHERE v.exchange_id IS NULL AND ifnull(e.status, 0) NOT IN (302, 304)
                    AND e.id NOT IN (SELECT confirms_id FROM exchange WHERE confirms_id IS NOT NULL) ORDER BY e.id";
    let mut plain = db.prepare(plain).unwrap();
    let plain: Vec<ExchangeId> = plain
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let spoilt = "UPDATE exchange SET outcome = ?2, status = ?3, error = ?4, wait_us = ?5, receive_us = ?6, failed_us = ?7,
                    body_id = NULL, header_set_id = NULL, header_values = NULL,
                    from_us = iif(from_us < requested_us, from_us, requested_us + coalesce(?5, ?7)) WHERE id = ?1";
    for (id, kind) in plain.iter().zip(kinds.iter().cycle()) {
        let Some((outcome, status, error, (wait_us, receive_us, failed_us))) = ILLS.get(*kind)
        else {
            continue;
        };
        let values = rusqlite::params![id, outcome, status, error, wait_us, receive_us, failed_us];
        db.execute(spoilt, values).unwrap();
    }
}

/// What is told of each exchange that began and was over within a span, by its number; and how many faults are counted of all.
fn told(
    folder: &SessionFolder,
    (from_us, to_us): (i64, i64),
) -> (BTreeMap<ExchangeId, Vec<String>>, i64) {
    let reader = Reader::open(folder).unwrap();
    let within = "SELECT id FROM exchange WHERE requested_us >= ?1
                    AND requested_us + coalesce(wait_us + ifnull(receive_us, 0), failed_us, 0) <= ?2";
    let within = reader.list(within, [from_us, to_us], |row| row.get(0));
    let mut told: BTreeMap<ExchangeId, Vec<String>> = within
        .unwrap()
        .into_iter()
        .map(|id| (id, Vec::new()))
        .collect();
    let mut tell = |id: ExchangeId, what: String| {
        if let Some(told) = told.get_mut(&id) {
            told.push(what);
        }
    };
    let raw = reader.raw_streams().unwrap();
    let each = |fault: Fault, again_us: Option<i64>| -> Result<(), ReadError> {
        let again_us = again_us.filter(|us| *us <= to_us);
        tell(fault.exchange_id, format!("{fault:?} {again_us:?}"));
        Ok(())
    };
    reader
        .faults_between((1, ExchangeId::MAX), &raw, each)
        .unwrap();
    // Of the next request, which a clip does not have where it is the answer only behind it: when and how each that a clip has ended.
    let answers = "SELECT id, requested_us + ifnull(wait_us, 0) FROM exchange WHERE from_us <= ?1";
    let answers: Vec<(ExchangeId, i64)> = reader
        .list(answers, [to_us], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    let mut known = KnownPlaylists::default();
    let mut behind = 0;
    loop {
        let some = reader.attempts_after(behind, &raw, &mut known).unwrap();
        let Some(last) = some.last() else { break };
        behind = last.exchange_id;
        for mut attempt in some {
            if let AttemptEnd::Failed(failed) = &mut attempt.end {
                let is_there = |at_us| {
                    let mut same = answers.iter().filter(|(_, us)| *us == at_us);
                    same.any(|(id, _)| *id > attempt.exchange_id)
                };
                failed.next = failed.next.filter(|next| is_there(next.at_us));
            }
            tell(attempt.exchange_id, format!("{attempt:?}"));
        }
    }
    for stream in reader.streams().unwrap() {
        for attempt in reader.raw_attempts(stream.id, 0, usize::MAX >> 1).unwrap() {
            tell(attempt.exchange_id, format!("{attempt:?}"));
        }
    }
    for one in reader.indexed_behind(0, usize::MAX >> 1).unwrap() {
        tell(one.id, format!("{one:?}"));
    }
    let counts = reader.fault_counts().unwrap();
    (told, counts.iter().map(|count| count.times).sum())
}

/// Clips, and compares what is told.
fn goes_wrong_as_in_its_session(history: &History, span: (i64, i64)) {
    let (session, _) = told(&history.folder, span);
    let folder = clip_of(history, "clip", &wanted(span.0, span.1)).unwrap();
    let (clip, _) = told(&folder, span);
    for (id, told) in &clip {
        assert_eq!(session.get(id), Some(told), "{span:?}");
    }
    for (id, told) in &session {
        assert_eq!(clip.get(id), Some(told), "{span:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn what_goes_wrong_within_its_span_a_clip_tells_as_its_session_does(
        channel in channel(),
        raw in any::<bool>(),
        polls in polls(),
        kinds in prop::collection::vec(0..3 * ILLS.len(), 5..40),
        span in (0..1000_i64, 1..1000_i64),
    ) {
        let history = after(Channel { raw, ..channel }, &polls);
        spoil(&history, &kinds);
        let left = history.now_us - history.zero_us;
        let from_us = history.zero_us + left * span.0 / 1001;
        let to_us = from_us + 1 + (history.now_us - from_us - 1) * span.1 / 1000;
        goes_wrong_as_in_its_session(&history, (from_us, to_us));
    }
}

#[test]
fn each_kind_of_fault_is_one_in_a_clip_of_all_of_a_session_too() {
    for (kind, ill) in ILLS.iter().enumerate() {
        let polls = [[Poll::Advance(1); 3], [Poll::Unchanged; 3]]
            .concat()
            .repeat(3);
        let channel = Channel {
            raw: true,
            ..Channel::default()
        };
        let history = after(channel, &polls);
        spoil(&history, &[ILLS.len(), ILLS.len(), kind]);
        let span = (history.zero_us, history.now_us);
        goes_wrong_as_in_its_session(&history, span);
        let (_, of_session) = told(&history.folder, span);
        let sessions = Sessions::new(history.folder.path().parent().unwrap());
        let (_, of_clip) = told(&sessions.find("clip").unwrap(), span);
        assert!(of_session > 3, "{ill:?}");
        assert_eq!(of_clip, of_session, "{ill:?}");
    }
}

#[test]
fn a_body_that_breaks_behind_its_end_is_no_fault_of_a_clip_and_a_request_that_never_is_answered_is()
{
    let history = after(Channel::default(), &[Poll::Unchanged; 6]);
    for (kind, is_fault) in [(9, false), (13, true), (5, true), (0, true)] {
        spoil(&history, &[kind]);
        let sql = "SELECT max(requested_us) + max(ifnull(wait_us, 0)) + 1000 FROM exchange WHERE id = (SELECT max(id) FROM exchange)";
        let to_us: i64 = history
            .store
            .db
            .query_row(sql, [], |row| row.get(0))
            .unwrap();
        let to_us = to_us.min(history.now_us);
        let name = format!("clip{kind}");
        let folder = clip_of(&history, &name, &wanted(history.zero_us, to_us)).unwrap();
        let reader = Reader::open(&folder).unwrap();
        let last = reader
            .indexed_behind(0, usize::MAX >> 1)
            .unwrap()
            .pop()
            .unwrap();
        assert_eq!(last.is_fault, is_fault, "{kind}");
    }
}
