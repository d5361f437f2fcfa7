//! Origins that mean harm, or might as well: whatever they answer is a row, nothing gets out of
//! `chunks/`, memory stays bounded, and a second stream in the same process loses nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::support::{Ask, Finished, Origin, Recorder, Reply, Session, Window, ts};

mod addresses;
mod answers;
mod bodies;
mod compressed;
mod floods;
mod names;
mod redirects;
mod rows;
mod schemes;
mod secrets;
mod texts;

/// What the recorder may take at most, in bytes.
const MEMORY: usize = 200 * 1000 * 1000;

/// A channel of one second's segments that nobody disturbs: one more with each poll.
fn good(ask: &Ask) -> Reply {
    match ask.path() {
        "/good.m3u8" => Reply::playlist(Window::new(ask.nth as u64, 3).text()),
        path => Reply::segment(ts(path)),
    }
}

/// A case: what is answered at its URL, and what its first row must be.
struct Case {
    name: String,
    reply: Box<dyn Fn(&Ask) -> Reply + Send + Sync>,
    /// Status (0: none) and outcome.
    row: (i64, &'static str),
    /// What is kept of the body, where that matters.
    body: Option<Vec<u8>>,
}

impl Case {
    fn new(name: &str, row: (i64, &'static str), reply: Reply) -> Self {
        Self::scripted(name, row, move |_| reply.clone())
    }

    fn scripted(
        name: &str,
        row: (i64, &'static str),
        reply: impl Fn(&Ask) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.replace(' ', "-"),
            reply: Box::new(reply),
            row,
            body: None,
        }
    }

    fn keeping(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }
}

/// What the resource of a case is to the playlist that lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum As {
    Segment,
    Key,
    Init,
    Playlist,
}

/// Cases as resources of one stream beside a good one, in one process.
struct Trial {
    role: As,
    cases: Vec<Case>,
    arguments: Vec<&'static str>,
}

impl Trial {
    fn new(role: As, cases: Vec<Case>) -> Self {
        let quick = ["--max-time", "8", "--stall", "2", "--limit", "answer=5"];
        let many = [
            "--limit",
            "downloads=64",
            "--limit",
            "downloads-per-playlist=64",
        ];
        Self {
            role,
            cases,
            arguments: [&quick[..], &many[..]].concat(),
        }
    }

    fn with(mut self, arguments: &[&'static str]) -> Self {
        self.arguments.extend(arguments);
        self
    }

    /// What lists all of them.
    fn listing(&self) -> String {
        let mut text = match self.role {
            As::Playlist => "#EXTM3U\n".to_owned(),
            _ => "#EXTM3U\n#EXT-X-TARGETDURATION:1\n".to_owned(),
        };
        for (n, case) in self.cases.iter().enumerate() {
            let uri = format!("/case/{}", case.name);
            text += &match self.role {
                As::Segment => format!("#EXTINF:1,\n{uri}\n"),
                As::Key => {
                    format!("#EXT-X-KEY:METHOD=AES-128,URI=\"{uri}\"\n#EXTINF:1,\ns{n}.ts\n")
                }
                As::Init => format!("#EXT-X-MAP:URI=\"{uri}\"\n#EXTINF:1,\ns{n}.ts\n"),
                As::Playlist => format!("#EXT-X-STREAM-INF:BANDWIDTH=1\n{uri}\n"),
            };
        }
        text
    }

    /// Records until each case has its row, then compares.
    fn run(self) -> (Session, Origin) {
        let count = self.cases.len();
        assert!(count > 0);
        let listing = self.listing();
        let names: BTreeMap<String, usize> = (0..count)
            .map(|n| (self.cases[n].name.clone(), n))
            .collect();
        assert_eq!(names.len(), count, "a name stands for two cases");
        let cases = Arc::new(self.cases);
        let served = Arc::clone(&cases);
        let evil = Origin::new(move |ask: &Ask| {
            let case = ask
                .path()
                .strip_prefix("/case/")
                .and_then(|name| names.get(name));
            match (case, ask.path()) {
                (Some(n), _) => (served[*n].reply)(ask),
                (None, "/evil.m3u8") => Reply::playlist(listing.clone()),
                (None, path) => Reply::segment(ts(path)),
            }
        });
        let good = Origin::new(good);
        let urls = [
            format!("evil={}", evil.url("/evil.m3u8")),
            format!("good={}", good.url("/good.m3u8")),
        ];
        let mut recording = Recorder::bare()
            .args(["--poll", "0.2"])
            .args(self.arguments.iter().copied())
            .args(urls.iter().map(String::as_str))
            .start();
        // Each case has its row, in what is committed; what odd texts list has rows under the same path.
        let asked: Vec<String> = (cases.iter())
            .map(|case| format!("'{}'", evil.url(&format!("/case/{}", case.name))))
            .collect();
        let rows = format!(
            "SELECT count(DISTINCT resource_id) FROM exchange e
               JOIN resource r ON r.id = e.resource_id
              WHERE e.head_id IS NULL AND e.outcome <> 'crossed' AND r.url IN ({})",
            asked.join(", ")
        );
        recording.until_at_least(count as i64, &rows);
        assert!(
            recording.most_memory() < MEMORY,
            "{} bytes",
            recording.most_memory()
        );
        let finished = recording.interrupt();
        assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
        let steers = finished
            .stderr
            .chars()
            .find(|c| c.is_control() && *c != '\n');
        assert_eq!(steers, None, "{}", finished.stderr);
        let session = check(finished, &good);
        let mut wrong = Vec::new();
        for case in cases.iter() {
            let url = evil.url(&format!("/case/{}", case.name));
            if let Err(what) = compare(&session, case, &url) {
                wrong.push(format!("{}: {what}", case.name));
            }
        }
        assert!(
            wrong.is_empty(),
            "{} of {count}:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
        (session, evil)
    }
}

fn compare(session: &Session, case: &Case, url: &str) -> Result<(), String> {
    // The last hop of its first chain.
    let rows: Vec<(i64, i64, String, Option<String>)> = session.rows(
        &format!(
            "SELECT e.id, ifnull(e.status, 0), e.outcome, e.error FROM exchange e
              WHERE ifnull(e.head_id, e.id) = (SELECT min(f.id) FROM exchange f
                     JOIN resource r ON r.id = f.resource_id WHERE r.url = '{url}' AND f.outcome <> 'crossed')
              ORDER BY e.id DESC LIMIT 1"
        ),
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
    );
    let Some((id, status, outcome, error)) = rows.first() else {
        return Err("no row".to_owned());
    };
    if (*status, outcome.as_str()) != case.row {
        return Err(format!(
            "{status} {outcome} ({error:?}), not {:?}",
            case.row
        ));
    }
    if outcome != "complete" && error.is_none() {
        return Err("nothing says what was wrong".to_owned());
    }
    match &case.body {
        Some(body) if session.body(*id) != *body => Err("other bytes".to_owned()),
        _ => Ok(()),
    }
}

/// The session of a recording that a good stream was part of: sound, inside its folder, and
/// complete as far as that stream goes.
fn check(finished: Finished, good: &Origin) -> Session {
    let session = finished.session();
    let asked = good.count("/good.m3u8") as i64;
    let of_good = |what: &str| {
        session.number(&format!(
            "SELECT count(*) FROM exchange e JOIN resource r ON r.id = e.resource_id
               JOIN stream s ON s.id = r.stream_id WHERE s.name = 'good' AND ({what})"
        ))
    };
    assert_eq!(of_good("e.outcome <> 'complete' OR e.status <> 200"), 0);
    assert_eq!(
        of_good("r.kind IN ('main', 'media')"),
        asked,
        "each poll is a row"
    );
    assert_eq!(
        session.revisions("good.m3u8").len() as i64,
        asked,
        "each changed"
    );
    let files: BTreeMap<String, Vec<u8>> = session.chunk_files().into_iter().collect();
    // The last polls' segments may not have been asked for when it was stopped.
    for n in 0..(asked as u64).saturating_sub(2) {
        let path = format!("/seg{n}.ts");
        let kept = session.answer(&good.url(&path), i64::MAX);
        assert_eq!(kept, Some(ts(&path)), "{path} of the good stream");
    }
    assert!(files.values().all(|content| content.len() < 100_000_000));
    stays_inside(&session);
    session
}

/// Nothing is in the session's folder but what belongs there, and nothing beside it.
fn stays_inside(session: &Session) {
    let entries = |path: &std::path::Path| -> Vec<String> {
        let all = std::fs::read_dir(path).unwrap();
        let mut names: Vec<String> = all
            .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(
        entries(session.path()),
        ["chunks", "session.db", "session.sum"]
    );
    let sessions = session.path().parent().unwrap();
    assert_eq!(entries(sessions), ["session1"]);
    assert_eq!(entries(sessions.parent().unwrap()), ["sessions"]);
}
