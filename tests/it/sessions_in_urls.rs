//! Origins that begin a session for each viewer, in the URL of each playlist, and end it after a while.

use std::collections::{HashMap, HashSet};
use std::process::Command;
use std::sync::{Arc, Mutex};

use crate::support::{Ask, End, Origin, Recorder, Reply, Session, Stage, Window, ts};

/// A channel with a box office: each look at `/main.m3u8` sells a new ticket, with which so many polls of
/// playlists are admitted, of whatever ticket, from when it was sold.
#[derive(Clone)]
struct Office {
    tickets: Arc<Mutex<HashMap<String, u64>>>,
    polls: Stage,
    admits: u64,
    audio: bool,
}

impl Office {
    fn new(admits: u64) -> Self {
        Self {
            tickets: Arc::default(),
            polls: Stage::default(),
            admits,
            audio: false,
        }
    }

    fn reply(&self, ask: &Ask) -> Reply {
        let path: Vec<&str> = ask.path().trim_start_matches('/').split('/').collect();
        match path.as_slice() {
            ["main.m3u8"] => self.sell(&format!("t{}x", ask.nth)),
            [ticket, list] if list.ends_with(".m3u8") => self.admit(ticket),
            _ => Reply::segment(ts(path.last().unwrap())),
        }
    }

    fn sell(&self, ticket: &str) -> Reply {
        let mut tickets = self.tickets.lock().unwrap();
        tickets.insert(ticket.to_owned(), self.polls.at());
        let audio = match self.audio {
            true => format!(
                "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"de\",LANGUAGE=\"de\",URI=\"{ticket}/de.m3u8\"\n"
            ),
            false => String::new(),
        };
        Reply::playlist(format!(
            "#EXTM3U\n{audio}#EXT-X-STREAM-INF:BANDWIDTH=800000,RESOLUTION=640x360\n{ticket}/v.m3u8\n"
        ))
    }

    fn admit(&self, ticket: &str) -> Reply {
        let sold = self.tickets.lock().unwrap().get(ticket).copied();
        let polls = self.polls.at() + 1;
        self.polls.go(polls);
        match sold {
            Some(sold) if polls <= sold + self.admits => {
                Reply::playlist(Window::new(polls / 4, 4).text())
            }
            _ => Reply::html(410),
        }
    }
}

/// The tickets that were shown, in order, each once where it was shown several times in a row.
fn shown(origin: &Origin, list: &str) -> Vec<String> {
    let asks = origin.asks();
    let suffix = format!("/{list}");
    let tickets = asks
        .iter()
        .filter_map(|ask| ask.path().strip_suffix(&suffix));
    let mut tickets: Vec<String> = tickets.map(|path| path[1..].to_owned()).collect();
    tickets.dedup();
    tickets
}

/// Each revision of the channel answers for a name of it at its own moment.
fn plays_on_under(session: &Session, origin: &Origin, name: &str) {
    let revisions: Vec<(i64, i64)> = session.rows(
        "SELECT v.exchange_id, e.from_us FROM revision v JOIN exchange e ON e.id = v.exchange_id
          WHERE v.media_sequence IS NOT NULL AND e.outcome = 'complete' ORDER BY e.from_us",
        |row| Ok((row.get(0)?, row.get(1)?)),
    );
    let url = origin.url(name);
    for (id, from_us) in revisions {
        let answer = session.answer(&url, from_us);
        assert_eq!(answer, Some(session.body(id)), "{name}, exchange {id}");
    }
}

#[test]
fn a_session_that_ends_is_renewed_and_replays_as_one_channel() {
    let office = Office::new(14);
    let script = office.clone();
    let origin = Origin::new(move |ask| script.reply(ask));
    let url = origin.url("/main.m3u8");
    let mut recording = Recorder::bare().args([url.as_str()]).start();
    recording.until("polls with a fourth ticket", || {
        shown(&origin, "v.m3u8").len() >= 4 && office.polls.at() > 50
    });
    let session = recording.interrupt().session();

    let shown = shown(&origin, "v.m3u8");
    let mut distinct = shown.clone();
    distinct.sort();
    distinct.dedup();
    let sold = office.tickets.lock().unwrap().len();
    assert!(
        distinct.len() <= shown.len() && shown.len() <= distinct.len() + 2,
        "{shown:?}"
    );
    assert!(distinct.len() <= 8, "{shown:?} of {sold}");
    let playlists =
        "SELECT count(DISTINCT playlist_id) FROM revision WHERE media_sequence IS NOT NULL";
    assert_eq!(session.number(playlists), 1);
    // The first name, one in between, the last one: each is the whole channel.
    for name in [&shown[0], &shown[1], shown.last().unwrap()] {
        plays_on_under(&session, &origin, &format!("/{name}/v.m3u8"));
    }
    let unused = (0..sold).map(|n| format!("t{n}x"));
    for name in unused.filter(|name| !shown.contains(name)) {
        plays_on_under(&session, &origin, &format!("/{name}/v.m3u8"));
    }
    // Whatever a revision lists is there under the name that it has there.
    let listed: Vec<(String, i64)> = session.rows(
        "SELECT r.url, e.from_us FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE r.kind = 'media' AND e.status = 200",
        |row| Ok((row.get(0)?, row.get(1)?)),
    );
    let last_us = listed.iter().map(|(_, us)| *us).max().unwrap();
    for (url, from_us) in listed.into_iter().filter(|(_, us)| *us < last_us) {
        let text = String::from_utf8(session.answer(&url, from_us).unwrap()).unwrap();
        let folder = url.trim_end_matches("v.m3u8");
        for name in text.lines().filter(|line| line.ends_with(".ts")) {
            let found = session.answer(&format!("{folder}{name}"), session.end_us());
            assert_eq!(found, Some(ts(name)), "{folder}{name}");
        }
    }
    let segments = origin.asks();
    let segments = segments.iter().filter(|ask| ask.path().ends_with(".ts"));
    let asked = segments.clone().count();
    let names: HashSet<&str> = segments
        .map(|ask| ask.path().rsplit('/').next().unwrap())
        .collect();
    assert!(
        asked <= names.len() * 2,
        "{asked} requests for {}",
        names.len()
    );
}

#[test]
fn no_second_session_is_begun_while_the_first_one_plays() {
    let office = Office::new(u64::MAX / 2);
    let script = office.clone();
    let origin = Origin::new(move |ask| script.reply(ask));
    let url = origin.url("/main.m3u8");
    let mut recording = Recorder::bare().args([url.as_str()]).start();
    recording.until("polls", || office.polls.at() >= 30);
    let session = recording.interrupt().session();
    assert_eq!(shown(&origin, "v.m3u8"), ["t0x"]);
    let looks = origin.count("/main.m3u8") as u64;
    assert!(
        (2..office.polls.at() / 3).contains(&looks),
        "ever more seldom: {looks}"
    );
    plays_on_under(&session, &origin, "/t1x/v.m3u8");
}

#[test]
fn the_multivariant_playlist_is_asked_at_once_when_all_variants_have_gone() {
    let office = Office {
        audio: true,
        ..Office::new(40)
    };
    let script = office.clone();
    let origin = Origin::new(move |ask| script.reply(ask));
    let url = origin.url("/main.m3u8");
    let mut recording = Recorder::bare().args([url.as_str()]).start();
    recording.until("two renewals", || office.polls.at() > 110);
    let session = recording.interrupt().session();
    // Of picture and sound hardly more than one poll each is in vain before the next look.
    let answers: Vec<(bool, i64)> = session.rows(
        "SELECT r.kind = 'main', e.status FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE r.kind IN ('main', 'media') ORDER BY e.id",
        |row| Ok((row.get(0)?, row.get(1)?)),
    );
    let between = answers.split(|(is_look, _)| *is_look);
    let in_vain: Vec<usize> = between
        .map(|polls| polls.iter().filter(|(_, status)| *status == 410).count())
        .collect();
    assert!(in_vain.iter().all(|polls| *polls <= 4), "{in_vain:?}");
    assert!(in_vain.iter().sum::<usize>() >= 2, "{in_vain:?}");
    assert!(session.number("SELECT count(*) FROM revision WHERE ended IS NOT NULL") > 20);
    let names = "SELECT count(DISTINCT playlist_id) FROM revision WHERE media_sequence IS NOT NULL";
    assert_eq!(session.number(names), 2, "video and sound");
}

#[test]
fn a_ban_for_good_makes_no_storm() {
    let stage = Stage::default();
    let page = stage.clone();
    let origin = Origin::new(move |ask| match (ask.path(), page.at()) {
        ("/main.m3u8", _) => Reply::playlist(format!(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{0}/low.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2\n{0}/high.m3u8\n",
            ask.nth
        )),
        (path, 0) if path.ends_with(".m3u8") => {
            Reply::playlist(Window::new(ask.nth as u64 / 4, 3).text())
        }
        (path, _) if path.ends_with(".m3u8") => Reply::html(403),
        (path, _) => Reply::segment(ts(path)),
    });
    let url = origin.url("/main.m3u8");
    let mut recording = Recorder::bare().args([url.as_str()]).start();
    recording.until_at_least(2, "SELECT count(*) FROM segments");
    stage.go(1);
    let forbidden = "SELECT count(*) FROM exchange WHERE status = 403";
    recording.until_at_least(1, forbidden);
    let looks = origin.count("/main.m3u8");
    recording.until("looks", || origin.count("/main.m3u8") >= looks + 8);
    let session = recording.interrupt().session();
    // Their distances double up to one target duration, which is a second.
    let us: Vec<i64> = session.list(
        "SELECT e.requested_us FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE r.kind = 'main' AND e.requested_us >
                (SELECT min(requested_us) FROM exchange WHERE status = 403) ORDER BY e.id",
    );
    let apart: Vec<i64> = us.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(apart[4..].iter().all(|us| *us > 950_000), "{apart:?}");
    let polls = session.number(forbidden) as usize;
    assert!(
        polls < us.len() * 8,
        "{polls} polls in vain, {} looks",
        us.len()
    );
}

#[test]
fn a_channel_that_moves_to_a_name_that_stays_is_followed_although_the_old_one_answers() {
    let stage = Stage::default();
    let page = stage.clone();
    let origin = Origin::new(move |ask| match (ask.path(), page.at()) {
        ("/main.m3u8", at) => Reply::playlist(format!(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=800000\nhouse{at}/v.m3u8\n"
        )),
        ("/house0/v.m3u8", _) => Reply::playlist(Window::new(3, 4).text()),
        ("/house1/v.m3u8", _) => Reply::playlist(Window::new(ask.nth as u64 / 4 + 5, 4).text()),
        (path, _) => Reply::segment(ts(path)),
    });
    let url = origin.url("/main.m3u8");
    let mut recording = Recorder::bare().args([url.as_str()]).start();
    recording.until_at_least(4, "SELECT count(*) FROM segments");
    stage.go(1);
    recording.until("the new house", || origin.count("/house1/v.m3u8") >= 6);
    let old = origin.count("/house0/v.m3u8");
    recording.until_at_least(3, "SELECT count(*) FROM revision WHERE media_sequence >= 5");
    assert_eq!(origin.count("/house0/v.m3u8"), old, "one session at a time");
    recording.interrupt().session();
}

#[test]
fn a_variant_that_has_gone_alone_makes_nobody_look_for_others() {
    let origin = Origin::new(|ask| match ask.path() {
        "/main.m3u8" => Reply::playlist(format!(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{0}/low.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=2000\n{0}/high.m3u8\n",
            ask.nth
        )),
        path if path.ends_with("high.m3u8") => Reply::html(404),
        path if path.ends_with(".m3u8") => {
            Reply::playlist(Window::new(ask.nth as u64 / 4, 3).text())
        }
        path => Reply::segment(ts(path)),
    });
    let url = origin.url("/main.m3u8");
    let mut recording = Recorder::bare().args([url.as_str()]).start();
    recording.until("polls", || origin.count("/0/low.m3u8") >= 30);
    recording.interrupt().session();
    let looks = origin.count("/main.m3u8");
    assert!(looks < 10, "{looks}");
}

#[test]
fn a_redirect_to_a_new_session_names_other_playlists_by_the_same_text() {
    let office = Office::new(14);
    let script = office.clone();
    let origin = Origin::new(move |ask: &Ask| match ask.path() {
        "/channel" => {
            let ticket = format!("t{}x", ask.nth);
            script.sell(&ticket);
            Reply::redirect(302, &format!("/{ticket}/main.m3u8"))
        }
        path if path.ends_with("/main.m3u8") => Reply::playlist(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=800000,RESOLUTION=640x360\nv.m3u8\n",
        ),
        _ => script.reply(ask),
    });
    let url = origin.url("/channel");
    let mut recording = Recorder::bare().args([url.as_str()]).start();
    recording.until("polls with a third ticket", || {
        shown(&origin, "v.m3u8").len() >= 3 && office.polls.at() > 40
    });
    let session = recording.interrupt().session();
    let shown = shown(&origin, "v.m3u8");
    assert!(shown.len() <= 5, "{shown:?}");
    for ticket in 0..origin.count("/channel") - 1 {
        plays_on_under(&session, &origin, &format!("/t{ticket}x/v.m3u8"));
    }
}

#[test]
fn a_session_that_nobody_would_have_kept_is_tried_and_its_failure_is_the_recorders_own() {
    let stage = Stage::default();
    let (page, beat) = (stage.clone(), Stage::default());
    let origin = Origin::new(move |ask| match (ask.path(), page.at()) {
        ("/main.m3u8", 1) => Reply::html(403),
        ("/main.m3u8", _) => Reply::playlist(format!(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=800000\n{}/v.m3u8\n",
            ask.nth
        )),
        (path, 1) if path.ends_with(".m3u8") => Reply::html(403),
        (path, _) if path.ends_with(".m3u8") => {
            beat.go(beat.at() + 1);
            Reply::playlist(Window::new(beat.at() / 4, 4).text())
        }
        (path, _) => Reply::segment(ts(path)),
    });
    let url = origin.url("/main.m3u8");
    let mut recording = Recorder::bare().args([url.as_str()]).start();
    recording.until("looks that are seconds apart", || {
        origin.count("/main.m3u8") >= 5
    });
    let polls = origin.count("/0/v.m3u8");
    recording.until("more polls", || origin.count("/0/v.m3u8") > polls + 6);
    stage.go(1);
    let own = "SELECT count(*) FROM exchange WHERE own_reason = 'too late'";
    recording.until_at_least(1, own);
    let looks = origin.count("/main.m3u8");
    recording.until("looks in vain", || origin.count("/main.m3u8") > looks + 4);
    stage.go(2);
    let back = "SELECT count(*) FROM revision WHERE ended = 0 AND seen_us >
        (SELECT max(requested_us) FROM exchange WHERE status = 403)";
    recording.until_at_least(1, back);
    let session = recording.interrupt().session();

    // It is asked once a target duration meanwhile, although it fails itself.
    let us: Vec<i64> = session.list(
        "SELECT e.requested_us FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE r.kind = 'main' AND e.status = 403 ORDER BY e.id",
    );
    let apart: Vec<i64> = us.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(apart[2..].iter().all(|us| *us > 950_000), "{apart:?}");
    // What the origin did is told, under whatever name the playlist was polled; what only the recorder did is not.
    // A look at a newer name is the recorder's own, too, and no fault.
    let own = session
        .number("SELECT count(*) FROM exchange WHERE own_reason IS NOT NULL AND status = 403");
    let media = session.number(
        "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE r.kind = 'media' AND e.status = 403",
    );
    assert!(own >= 1 && media > own, "{own} of {media}");
    let output = Command::new(env!("CARGO_BIN_EXE_adjacent-find"))
        .arg(session.path())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let failed = format!("{} of ", media - own);
    let told = said
        .lines()
        .any(|line| line.contains(&failed) && line.contains("HTTP 403"));
    assert!(told, "{failed}: {said}");
}

#[test]
fn of_a_renewed_channel_the_last_hours_can_be_kept() {
    let office = Office::new(14);
    let script = office.clone();
    let origin = Origin::new(move |ask| script.reply(ask));
    let url = origin.url("/main.m3u8");
    let keep = ["--keep", "2s", url.as_str()];
    let mut recording = Recorder::bare().args(keep).start();
    recording.until("polls with a fifth ticket", || {
        shown(&origin, "v.m3u8").len() >= 5 && office.polls.at() > 65
    });
    let gone = "SELECT count(*) FROM event WHERE id = 0 AND kind = 'kept from' AND at_us >
        (SELECT min(started_us) FROM run) + 4000000";
    recording.until_at_least(1, gone);
    let session = recording.interrupt().session();
    let shown = shown(&origin, "v.m3u8");
    let last = session.answer(
        &origin.url(&format!("/{}/v.m3u8", shown.last().unwrap())),
        i64::MAX,
    );
    assert!(last.is_some());
    let main = session.answer(&url, i64::MAX).unwrap();
    let main = String::from_utf8(main).unwrap();
    let named = main.lines().last().unwrap();
    assert_eq!(
        session.answer(&origin.url(&format!("/{named}")), i64::MAX),
        last
    );
}

#[test]
fn what_crosses_under_a_new_name_is_asked_on_account_of_what_named_it() {
    let origin = Origin::new(|ask: &Ask| match (ask.path(), ask.nth) {
        ("/main.m3u8", nth) => Reply::playlist(format!(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n/door{}/v.m3u8\n",
            nth.min(1)
        )),
        ("/door0/v.m3u8", 3..) => Reply::html(403),
        ("/door1/v.m3u8", 2..) if ask.carried > 0 => Reply::nothing(End::Closed),
        (path, nth) if path.ends_with("/v.m3u8") => {
            Reply::playlist(Window::new(nth as u64 / 2, 3).text())
        }
        (path, _) => Reply::segment(ts(path)),
    });
    let mut recording = Recorder::new(origin.url("/main.m3u8")).start();
    recording.until_at_least(
        2,
        "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id
          WHERE e.outcome = 'crossed' AND r.name = 'door1/v.m3u8'",
    );
    let session = recording.interrupt().session();
    let others = "SELECT count(*) FROM exchange c WHERE c.outcome = 'crossed' AND c.referrer_id IS NOT (
        SELECT e.referrer_id FROM exchange e WHERE e.resource_id = c.resource_id AND e.outcome <> 'crossed'
         ORDER BY e.id LIMIT 1)";
    assert_eq!(session.number(others), 0);
}

/// A channel that stands still under its first name, and newer names of it, one at each look at `/main.m3u8`.
#[derive(Default)]
struct Still {
    first: Option<String>,
    polls: u64,
    looks: u64,
    at: u64,
}

impl Still {
    /// It goes on under its first name after so many looks at newer ones, which are `ahead`, or behind.
    fn reply(&mut self, ask: &Ask, (goes_on_after, ahead): (u64, bool)) -> Reply {
        let path: Vec<&str> = ask.path().trim_start_matches('/').split('/').collect();
        match path.as_slice() {
            ["main.m3u8"] => Reply::playlist(format!(
                "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=800000,RESOLUTION=640x360\nt{}x/v.m3u8\n",
                ask.nth
            )),
            [ticket, list] if list.ends_with(".m3u8") => {
                let first = self.first.get_or_insert_with(|| (*ticket).to_owned());
                if first == ticket {
                    self.polls += 1;
                    let moves = self.at < 3 || self.looks >= goes_on_after;
                    self.at += u64::from(moves && self.polls.is_multiple_of(4));
                    return Reply::playlist(Window::new(10 + self.at, 4).text());
                }
                self.looks += 1;
                let at = if ahead { 15 + self.looks / 4 } else { 8 };
                Reply::playlist(Window::new(at, 4).text())
            }
            _ => Reply::segment(ts(path.last().unwrap())),
        }
    }
}

/// An origin that does so, and how far it has come.
fn still(goes_on_after: u64, ahead: bool) -> (Origin, Arc<Mutex<Still>>) {
    let still = Arc::new(Mutex::new(Still::default()));
    let script = Arc::clone(&still);
    let origin = Origin::new(move |ask| {
        let mut still = script.lock().unwrap();
        still.reply(ask, (goes_on_after, ahead))
    });
    (origin, still)
}

#[test]
fn a_channel_that_stands_still_is_not_left_for_a_newer_session_that_is_behind() {
    let (origin, still) = still(2, false);
    let mut recording = Recorder::new(origin.url("/main.m3u8")).start();
    recording.until("that it goes on", || still.lock().unwrap().at >= 6);
    let session = recording.interrupt().session();
    let probes = "SELECT count(*) FROM exchange WHERE own_reason = 'probe'";
    assert!(session.number(probes) >= 2);
    let older = "SELECT count(*) FROM revision WHERE media_sequence < 10";
    assert_eq!(session.number(older), 0);
    let again = "SELECT count(*) FROM revision WHERE media_sequence > 13";
    assert!(session.number(again) > 0, "it was seen to go on");
}

#[test]
fn a_session_that_answers_for_ever_as_it_was_is_left_for_one_that_is_further_on() {
    let (origin, still) = still(u64::MAX, true);
    let mut recording = Recorder::new(origin.url("/main.m3u8")).start();
    recording.until("polls of it", || still.lock().unwrap().looks >= 12);
    let session = recording.interrupt().session();
    let probes = "SELECT count(*) FROM exchange WHERE own_reason = 'probe'";
    assert_eq!(session.number(probes), 0);
    let newer = "SELECT count(*) FROM revision WHERE media_sequence > 15";
    assert!(session.number(newer) > 0);
}

/// A channel whose look at the multivariant playlist names another token each time until it moves to the last stage's: then the
/// first token stands still, and `newer` answers all others.
fn moving(
    stage: &Stage,
    target: u64,
    newer: impl Fn(u64) -> Window + Send + Sync + 'static,
) -> Origin {
    let page = stage.clone();
    let looks = Stage::default();
    Origin::new(move |ask: &Ask| {
        let playlist = |window: &Window| {
            let target = format!("#EXT-X-TARGETDURATION:{target}\n");
            Reply::playlist(window.text().replace("#EXT-X-TARGETDURATION:1\n", &target))
        };
        match ask.target.as_str() {
            "/main.m3u8" => Reply::playlist(format!(
                "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=800000\nv.m3u8?t={}\n",
                page.at()
            )),
            "/v.m3u8?t=0" => playlist(&Window::new(1000, 4)),
            path if path.starts_with("/v.m3u8") => {
                looks.go(looks.at() + 1);
                playlist(&newer(looks.at()))
            }
            path => Reply::segment(ts(path)),
        }
    })
}

#[test]
fn a_newer_url_that_is_numbered_lower_and_goes_on_alone_is_gone_over_to() {
    let stage = Stage::default();
    let origin = moving(&stage, 1, |look| Window::new(100 + look, 4));
    let url = origin.url("/main.m3u8");
    let mut recording = Recorder::bare().args([url.as_str()]).start();
    recording.until_at_least(4, "SELECT count(*) FROM segments");
    stage.go(1);
    let goes_on = "SELECT count(*) FROM revision WHERE media_sequence BETWEEN 100 AND 999";
    recording.until_at_least(3, goes_on);
    let old = origin.count("/v.m3u8?t=0");
    let looks = origin.count("/v.m3u8?t=1");
    recording.until("more polls", || origin.count("/v.m3u8?t=1") > looks + 4);
    assert_eq!(origin.count("/v.m3u8?t=0"), old, "one session at a time");
    let session = recording.interrupt().session();
    let steps: Vec<String> = session.list(
        "SELECT p.step FROM placement p JOIN revision v ON v.exchange_id = p.exchange_id
          WHERE v.media_sequence BETWEEN 100 AND 999 ORDER BY p.exchange_id",
    );
    assert_eq!(steps[0], "restarted", "{steps:?}");
    assert!(!steps.contains(&"behind".to_owned()), "{steps:?}");
}

#[test]
fn a_newer_session_that_counts_for_itself_is_gone_over_to_though_each_look_names_another() {
    let (polls, still) = (Stage::default(), 12);
    let beat = polls.clone();
    let looks = Mutex::new(HashMap::new());
    let origin = Origin::new(move |ask: &Ask| match ask.target.as_str() {
        "/main.m3u8" => Reply::playlist(format!(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=800000\nv.m3u8?t={}\n",
            ask.nth
        )),
        "/v.m3u8?t=0" => {
            beat.go(beat.at() + 1);
            Reply::playlist(Window::new(1000 + beat.at().min(still) / 4, 4).text())
        }
        path if path.starts_with("/v.m3u8") => {
            let mut looks = looks.lock().unwrap();
            let look = looks.entry(path.to_owned()).or_insert(0_u64);
            *look += 1;
            Reply::playlist(Window::new(100 + *look, 4).text())
        }
        path => Reply::segment(ts(path)),
    });
    let url = origin.url("/main.m3u8");
    let args = ["--poll", "0.25", url.as_str()];
    let mut recording = Recorder::bare().args(args).start();
    recording.until("that it stands still", || polls.at() > still);
    let goes_on = "SELECT count(*) FROM revision WHERE media_sequence BETWEEN 100 AND 999";
    recording.until_at_least(3, goes_on);
    let session = recording.interrupt().session();
    let names = "SELECT count(DISTINCT polled_url.name) FROM (SELECT r.name FROM revision v
          JOIN exchange e ON e.id = v.exchange_id JOIN resource r ON r.id = e.resource_id
         WHERE v.media_sequence BETWEEN 100 AND 999) polled_url";
    assert_eq!(session.number(names), 1, "one session at a time");
}

#[test]
fn a_newer_url_that_has_the_end_of_what_stands_still_is_gone_over_to() {
    let stage = Stage::default();
    let origin = moving(&stage, 1, |_| Window::new(1000, 4).ended());
    let url = origin.url("/main.m3u8");
    let mut recording = Recorder::bare().args([url.as_str()]).start();
    recording.until_at_least(4, "SELECT count(*) FROM segments");
    stage.go(1);
    let session = recording.finish().session();
    let ended = "SELECT count(*) FROM revision WHERE ended = 1";
    assert_eq!(session.number(ended), 1, "and so has the recording");
}

#[test]
fn a_look_at_a_newer_url_takes_no_poll_of_the_one_that_works() {
    let stage = Stage::default();
    let origin = moving(&stage, 2, |_| Window::new(1000, 4));
    let url = origin.url("/main.m3u8");
    let mut recording = Recorder::bare().args([url.as_str()]).start();
    recording.until_at_least(4, "SELECT count(*) FROM segments");
    stage.go(1);
    let looks = "SELECT count(*) FROM exchange WHERE own_reason = 'probe'";
    recording.until_at_least(4, looks);
    let session = recording.interrupt().session();
    // From the end of each look until the next poll was due; polls are half a second apart.
    let due_us: Vec<i64> = session.list(
        "SELECT p.requested_us - p.lag_us - l.requested_us - l.wait_us - l.receive_us
           FROM exchange l JOIN exchange p ON p.id = (SELECT min(n.id) FROM exchange n JOIN resource r ON r.id = n.resource_id
             WHERE r.kind = 'media' AND n.id > l.id)
          WHERE l.own_reason = 'probe' ORDER BY l.id",
    );
    let at_once = due_us.iter().filter(|us| **us < 250_000).count();
    assert!(at_once * 2 >= due_us.len() && at_once > 0, "{due_us:?}");
}

#[test]
fn a_look_that_shows_what_stands_still_gives_way_to_a_newer_url_and_going_over_is_told() {
    let page = Stage::default();
    let (next, polls) = (page.clone(), Stage::default());
    let origin = Origin::new(move |ask: &Ask| match ask.target.as_str() {
        "/main.m3u8" => Reply::playlist(format!(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=800000\nv.m3u8?t={}\n",
            next.at()
        )),
        "/v.m3u8?t=0" => Reply::playlist(Window::new(1000, 4).text()),
        "/v.m3u8?t=1" => {
            // It stands still, too, and a newer one is named from now on.
            next.go(2);
            Reply::playlist(Window::new(1000, 4).text())
        }
        "/v.m3u8?t=2" => {
            polls.go(polls.at() + 1);
            Reply::playlist(Window::new(1001 + polls.at(), 4).text())
        }
        path => Reply::segment(ts(path)),
    });
    let url = origin.url("/main.m3u8");
    let mut recording = Recorder::bare().args([url.as_str()]).start();
    recording.until_at_least(4, "SELECT count(*) FROM segments");
    page.go(1);
    recording.until_at_least(
        2,
        "SELECT count(*) FROM revision WHERE media_sequence > 1001",
    );
    let targets: Vec<String> = origin.asks().iter().map(|ask| ask.target.clone()).collect();
    let finished = recording.interrupt();
    let log = finished.stderr.clone();
    let probe = targets.iter().position(|one| one == "/v.m3u8?t=1");
    let after = &targets[probe.unwrap()..];
    // The second look is made when what the first one brought is known.
    let named = after
        .iter()
        .enumerate()
        .filter(|(_, one)| *one == "/main.m3u8");
    let known = named.map(|(at, _)| at).nth(1).unwrap_or(after.len());
    let looks = after[known..].iter().filter(|one| *one == "/v.m3u8?t=1");
    assert_eq!(looks.count(), 0, "{targets:?}");
    let told = log.matches("goes on under a newer URL");
    assert_eq!(told.count(), 1, "{log}");
    let line = log
        .lines()
        .find(|line| line.contains("goes on under a newer URL"));
    let line = line.unwrap();
    assert!(
        line.contains("the one before has stood still since 0:00:"),
        "{line}"
    );
}

#[test]
fn that_a_channel_goes_on_under_another_url_since_the_one_before_failed_is_told() {
    let page = Stage::default();
    let next = page.clone();
    let polls = Stage::default();
    let origin = Origin::new(move |ask: &Ask| match (ask.target.as_str(), next.at()) {
        ("/main.m3u8", at) => Reply::playlist(format!(
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=800000\nv.m3u8?t={at}\n"
        )),
        ("/v.m3u8?t=0", 1) => Reply::html(403),
        (path, _) if path.starts_with("/v.m3u8") => {
            polls.go(polls.at() + 1);
            Reply::playlist(Window::new(1000 + polls.at() / 2, 4).text())
        }
        (path, _) => Reply::segment(ts(path)),
    });
    let url = origin.url("/main.m3u8");
    let mut recording = Recorder::bare().args([url.as_str()]).start();
    recording.until_at_least(4, "SELECT count(*) FROM segments");
    page.go(1);
    recording.until("polls of the newer one", || origin.count("/v.m3u8?t=1") > 3);
    let finished = recording.interrupt();
    let log = finished.stderr.clone();
    let told = log.matches("goes on under a newer URL");
    assert_eq!(told.count(), 1, "{log}");
    assert!(log.contains("the one before failed"), "{log}");
}
