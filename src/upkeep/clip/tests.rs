//! Clips of sessions that were written by hand: within the span nothing is answered otherwise.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::time::Duration;

use proptest::prelude::*;
use url::Url;

use super::*;
use crate::hls::{ByteRange, Variables};
use crate::session::keep::named::Named;
use crate::session::write::keep::tests::history::{
    Channel, History, MAIN, Poll, RADIO, SECOND, channel, poll,
};
use crate::session::write::keep::{Keep, Keeper};
use crate::session::{Blocked, Body, Directives, Faults, Found, Query, digest};
use crate::upkeep::check::check;

mod trouble;

/// So long ago players may have read a playlist of which they ask for something.
const BACK: i64 = 5;

/// A session as a player sees it.
pub(crate) struct Player<'a> {
    pub(crate) reader: &'a Reader,
    /// The end of the span: what is told of later moments is one thing.
    pub(crate) to_us: i64,
}

pub(crate) type Asked = (String, Option<ByteRange>);

impl Player<'_> {
    fn query<'q>(&self, (url, range): &'q Asked, at_us: i64, faults: Faults) -> Query<'q> {
        Query {
            url,
            range: range.map(|r| (r.first, Some(r.first + r.length - 1))),
            at_us,
            recording: false,
            faults,
        }
    }

    /// Whatever can be asked for at a moment: what was typed, and what answers to that name.
    fn reached(&self, at_us: i64, faults: Faults) -> BTreeSet<Asked> {
        let mut reached = BTreeSet::new();
        let mut queue = vec![(MAIN.to_owned(), None), (RADIO.to_owned(), None)];
        while let Some(asked) = queue.pop() {
            if !reached.insert(asked.clone()) {
                continue;
            }
            let Ok(Found::Answer(answer)) =
                self.reader.answer_to(&self.query(&asked, at_us, faults))
            else {
                continue;
            };
            let base = Url::parse(&answer.resource.url).unwrap();
            let headers = self.reader.headers(&answer.exchange).unwrap();
            let place = headers.get("location").and_then(|to| base.join(to).ok());
            queue.extend(place.map(|place| (place.into(), None)));
            if let Some(Body::Bytes(text)) = self.reader.body_of(answer.exchange.id).unwrap()
                && answer.resource.kind.is_playlist()
            {
                let named = Named::read(&text, &base, Variables::default);
                queue.extend(
                    named
                        .urls
                        .into_iter()
                        .map(|(url, range)| (url.into(), range)),
                );
            }
        }
        reached
    }

    fn later(&self, us: Option<i64>) -> Option<i64> {
        us.filter(|us| *us <= self.to_us)
    }

    fn told(&self, answer: &crate::session::Answer) -> String {
        let content = self
            .reader
            .body_of(answer.exchange.id)
            .unwrap()
            .map(|body| match body {
                Body::Bytes(bytes) => digest(&bytes),
                Body::Chunk(chunk) => {
                    let mut content = Vec::new();
                    { chunk.file }.read_to_end(&mut content).unwrap();
                    digest(&content)
                }
            });
        let mut answer = answer.clone();
        answer.until_us = self.later(answer.until_us);
        let headers = self.reader.headers(&answer.exchange).unwrap();
        format!("{answer:?} {headers:?} {content:?}")
    }

    fn answer(&self, asked: &Asked, at_us: i64, faults: Faults) -> String {
        match self
            .reader
            .answer_to(&self.query(asked, at_us, faults))
            .unwrap()
        {
            Found::Answer(answer) => self.told(&answer),
            Found::Ranges(parts) => {
                let one = |p: &crate::session::RangePart| {
                    format!("{} {} {}", p.first, p.length, self.told(&p.answer))
                };
                parts.iter().map(one).collect::<Vec<_>>().join("; ")
            }
            Found::NotYet(us) => format!("not before {:?}", self.later(Some(us))),
            Found::Unknown => "not before None".to_owned(),
            Found::Pending => "pending".to_owned(),
        }
    }

    fn blocked(&self, asked: &Asked, at_us: i64, faults: Faults, sequence: u64) -> String {
        let directives = Directives {
            sequence: Some(sequence),
            part: None,
            by_name: true,
        };
        let blocked = self
            .reader
            .blocked(&self.query(asked, at_us, faults), directives);
        match blocked.unwrap() {
            Blocked::Until(us, _) | Blocked::Never(us) | Blocked::Fault(us, _)
                if us > self.to_us =>
            {
                "later".to_owned()
            }
            blocked => format!("{blocked:?}"),
        }
    }

    /// All that is answered within a span to those who ask for what is reached in it.
    pub(crate) fn answers(
        &self,
        reached: &BTreeMap<(i64, bool), BTreeSet<Asked>>,
        last: u64,
    ) -> BTreeMap<String, String> {
        let mut answers = BTreeMap::new();
        for ((at_us, is_healed), all) in reached {
            let faults = match is_healed {
                true => Faults::Healed,
                false => Faults::Recorded,
            };
            for (url, range) in all {
                let mark = if url.contains('?') { '&' } else { '?' };
                let added = format!("{url}{mark}added=1");
                for asked in [(url.clone(), *range), (added, *range)] {
                    let name = format!("{at_us} {faults:?} {asked:?}");
                    if url.ends_with(".m3u8") {
                        for ahead in 0..4 {
                            let blocked = self.blocked(&asked, *at_us, faults, last + ahead);
                            answers.insert(format!("{name} {ahead}"), blocked);
                        }
                    }
                    answers.insert(name, self.answer(&asked, *at_us, faults));
                }
            }
        }
        answers
    }
}

/// What can be reached at some moments of a span.
pub(crate) fn reached(
    player: &Player<'_>,
    (from_us, to_us): (i64, i64),
) -> BTreeMap<(i64, bool), BTreeSet<Asked>> {
    let mut all = BTreeMap::new();
    let mut moments: Vec<i64> = (0..12)
        .map(|n| from_us + (to_us - from_us) * n / 11)
        .collect();
    moments.push(from_us + 1);
    for at_us in moments {
        for is_healed in [false, true] {
            let faults = if is_healed {
                Faults::Healed
            } else {
                Faults::Recorded
            };
            let reached = [0, 2, BACK]
                .into_iter()
                .flat_map(|back| player.reached(at_us - back * SECOND, faults));
            all.insert((at_us, is_healed), reached.collect());
        }
    }
    all
}

fn wanted(from_us: i64, to_us: i64) -> Wanted {
    Wanted {
        from_us,
        to_us,
        stream: None,
    }
}

fn clip_of(history: &History, name: &str, wanted: &Wanted) -> Result<SessionFolder, ClipError> {
    let sessions = Sessions::new(history.folder.path().parent().unwrap());
    clip(&history.folder, &sessions, name, wanted)?;
    Ok(sessions.find(name).unwrap())
}

/// Clips, compares and checks.
fn is_the_same(history: &History, (from_us, to_us): (i64, i64)) {
    let reader = Reader::open(&history.folder).unwrap();
    let player = Player {
        reader: &reader,
        to_us,
    };
    let all = reached(&player, (from_us, to_us));
    let last = history.first.saturating_sub(2) + history.channel.window;
    let before = player.answers(&all, last);
    let folder = clip_of(history, "clip", &wanted(from_us, to_us)).unwrap();
    let report = check(&folder, true);
    assert!(report.ok, "{:?}", report.problems);
    let reader = Reader::open(&folder).unwrap();
    assert_eq!(reader.runs().unwrap()[0].started_us, from_us);
    let player = Player {
        reader: &reader,
        to_us,
    };
    for (asked, answer) in player.answers(&all, last) {
        assert_eq!(Some(&answer), before.get(&asked), "{asked}");
    }
}

fn keeper(history: &History) -> Keeper {
    let keep = Keep {
        time: Some(Duration::from_secs(1)),
        ..Keep::default()
    };
    Keeper::new(keep, &history.store).unwrap()
}

pub(crate) fn polls() -> impl Strategy<Value = Vec<Poll>> {
    let one = prop_oneof![14 => poll(), 1 => Just(Poll::Hole)];
    prop::collection::vec(one, 8..32)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn within_its_span_a_clip_answers_as_its_session_does(
        channel in channel(),
        (late, raw) in any::<(bool, bool)>(),
        polls in polls(),
        kept in prop::option::of(0..60_i64),
        span in (0..1000_i64, 1..1000_i64),
    ) {
        let mut history = History::new(Channel { late, raw, ..channel });
        for poll in polls {
            history.poll(poll);
        }
        history.now_us += SECOND;
        history.end();
        let length = history.now_us - history.zero_us;
        let mut begin_us = history.zero_us;
        if let Some(percent) = kept {
            begin_us += length * percent / 100;
            let mut own = keeper(&history);
            history.keep_from(&mut own, begin_us);
        }
        let left = history.now_us - begin_us;
        let from_us = begin_us + left * span.0 / 1001;
        let to_us = from_us + 1 + (history.now_us - from_us - 1) * span.1 / 1000;
        is_the_same(&history, (from_us, to_us));
    }
}

pub(crate) fn after(channel: Channel, polls: &[Poll]) -> History {
    let mut history = History::new(channel);
    for poll in polls {
        history.poll(*poll);
    }
    history.now_us += SECOND;
    history.end();
    history
}

#[test]
fn a_span_of_nothing_but_a_hole_answers_what_held_before() {
    let mut polls = vec![Poll::Advance(1); 6];
    polls.push(Poll::Hole);
    polls.extend([Poll::Advance(1); 3]);
    let history = after(Channel::default(), &polls);
    let begun_us = history.zero_us + 8 * SECOND;
    is_the_same(&history, (begun_us, begun_us + 3 * SECOND));
}

#[test]
fn what_was_not_in_the_session_is_refused_with_what_there_is() {
    let history = after(Channel::default(), &[Poll::Advance(1); 6]);
    let (zero_us, end_us) = (history.zero_us, history.now_us);
    let refused = |from_us, to_us, stream: Option<&str>| {
        let wanted = Wanted {
            stream: stream.map(str::to_owned),
            ..wanted(from_us, to_us)
        };
        clip_of(&history, "clip", &wanted).unwrap_err().to_string()
    };
    assert!(refused(zero_us + 5, zero_us + 5, None).contains("is not behind --from"));
    assert!(
        refused(zero_us - 1, zero_us + 5, None)
            .contains("is before what the session has; there is something from 0 s")
    );
    assert!(
        refused(zero_us, end_us + 1, None)
            .contains("is behind the end; there is something from 0 s")
    );
    assert!(
        refused(zero_us, end_us, Some("other")).contains("no stream \"other\"; there are: main")
    );
    assert!(
        !history
            .folder
            .path()
            .parent()
            .unwrap()
            .join("clip")
            .exists()
    );
}

#[test]
fn a_clip_has_little_more_than_its_span() {
    let history = after(Channel::default(), &[Poll::Advance(1); 200]);
    let middle_us = history.zero_us + 100 * SECOND;
    let folder = clip_of(&history, "clip", &wanted(middle_us, middle_us + 5 * SECOND)).unwrap();
    let reader = Reader::open(&folder).unwrap();
    let count = |sql: &str| -> i64 { reader.list(sql, [], |row| row.get(0)).unwrap()[0] };
    let exchanges = count("SELECT count(id) FROM exchange");
    // Of each second a poll, a segment, and now and then one that was missing at first.
    assert!((10..40).contains(&exchanges), "{exchanges}");
    assert!(count("SELECT count(id) FROM resource") < 30);
    assert!(count("SELECT count(id) FROM body") < 40);
}

#[test]
fn a_clip_of_one_stream_has_nothing_of_the_others() {
    let channel = Channel {
        raw: true,
        ..Channel::default()
    };
    let history = after(channel, &[Poll::Advance(1); 20]);
    for (stream, url) in [("main", MAIN), ("radio", RADIO)] {
        let wanted = Wanted {
            stream: Some(stream.to_owned()),
            ..wanted(history.zero_us + 5 * SECOND, history.now_us)
        };
        let folder = clip_of(&history, stream, &wanted).unwrap();
        assert!(check(&folder, true).ok);
        let reader = Reader::open(&folder).unwrap();
        let streams = reader.streams().unwrap();
        assert_eq!(streams.len(), 1);
        assert_eq!(streams[0].url, url);
        let has = |url: &str| {
            let found = reader.answer(url, None, wanted.to_us, false);
            matches!(found.unwrap(), Found::Answer(_))
        };
        assert_eq!(
            (has(MAIN), has(RADIO)),
            (stream == "main", stream == "radio")
        );
        let others =
            "SELECT count(id) FROM resource WHERE stream_id NOT IN (SELECT id FROM stream)";
        assert_eq!(
            reader.list(others, [], |row| row.get::<_, i64>(0)).unwrap(),
            [0]
        );
    }
}

#[test]
fn what_the_session_has_lost_is_lost_in_the_clip_and_told() {
    let history = after(Channel::default(), &[Poll::Advance(1); 10]);
    let db = &history.store.db;
    let last = "SELECT path FROM body WHERE path IS NOT NULL ORDER BY id DESC LIMIT 1";
    let last: String = db.query_row(last, [], |row| row.get(0)).unwrap();
    std::fs::remove_file(history.folder.chunks().join(&last)).unwrap();
    let sessions = Sessions::new(history.folder.path().parent().unwrap());
    let span = wanted(history.zero_us + 5 * SECOND, history.now_us);
    let done = clip(&history.folder, &sessions, "clip", &span).unwrap();
    assert_eq!(done.lost, 1);
    let report = check(&sessions.find("clip").unwrap(), true);
    assert!(report.ok, "{:?}", report.problems);
    assert!(
        report.notes.iter().any(|note| note.contains(&last)),
        "{:?}",
        report.notes
    );
}

#[test]
fn a_clip_of_a_clip_names_the_first_session() {
    let history = after(Channel::default(), &[Poll::Advance(1); 20]);
    let begin_us = history.zero_us;
    clip_of(
        &history,
        "one",
        &wanted(begin_us + 5 * SECOND, begin_us + 15 * SECOND),
    )
    .unwrap();
    let sessions = Sessions::new(history.folder.path().parent().unwrap());
    let one = sessions.find("one").unwrap();
    let span = wanted(begin_us + 7 * SECOND, begin_us + 9 * SECOND);
    let done = clip(&one, &sessions, "two", &span).unwrap();
    let begin = format!("clip of {}, from 7 s to 9 s (", history.folder.name());
    assert!(done.origin.starts_with(&begin), "{}", done.origin);
    let two = Reader::open(&sessions.find("two").unwrap()).unwrap();
    assert_eq!(two.clip_of().unwrap(), Some(done.origin));
}

#[test]
fn no_question_of_a_clip_looks_at_all_rows() {
    let history = History::new(Channel::default());
    let plan = |sql: &str| -> Vec<String> {
        let mut plan = history
            .store
            .db
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap();
        let values = vec![1; plan.parameter_count()];
        let steps = plan.query_map(rusqlite::params_from_iter(values), |row| row.get(3));
        steps.unwrap().map(Result::unwrap).collect()
    };
    let mut asked = 0;
    for sql in looks::queries() {
        let steps = plan(&sql);
        let scans = steps
            .iter()
            .filter(|s| s.starts_with("SCAN ") && !s.contains("subquery"));
        let scans: Vec<_> = scans.filter(|s| *s != "SCAN CONSTANT ROW").collect();
        assert!(scans.is_empty(), "{sql}: {steps:?}");
        asked += 1;
    }
    assert!(asked > 10);
}
