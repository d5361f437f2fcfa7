//! The real recorder while the kernel refuses: the k-th call of a name fails, once or from then on,
//! or the recorder is killed at it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::programs::Finished;
use crate::support::{Dice, Origin, Recorder, Session, rounds, seed, three};
use crate::trace::{self, Call};

/// Recorders at once.
const AT_ONCE: usize = 3;
/// Numbers of downloads that are aimed at: there are no more in so short a run.
const DOWNLOADS: usize = 120;

/// What the calls that fail have to do with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Aim {
    /// Downloads under way, and their way into place.
    Download,
    /// The directories that chunks are in.
    Directory,
    /// session.db, and what SQLite has beside it.
    Database,
    /// Connections to origins.
    Network,
}

/// What is done to a recorder.
#[derive(Debug, Clone)]
struct Fault {
    aim: Aim,
    call: &'static str,
    /// As strace says it: an error, or the signal that kills.
    what: &'static str,
    nth: u64,
    from_then_on: bool,
}

const KILL: &str = "signal=KILL";
const ERRORS: [&str; 5] = [
    "error=EIO",
    "error=ENOSPC",
    "error=EMFILE",
    "error=EROFS",
    KILL,
];
/// What a socket call can say.
const NETWORK_ERRORS: [&str; 3] = ["error=EMFILE", "error=ENOBUFS", KILL];

/// So many take longer to begin than a chunk takes to come.
const STREAMS: usize = 400;

/// Of these there are many in any run.
const FREQUENT: [&str; 3] = ["pwrite64", "pread64", "fcntl"];

impl Fault {
    fn rolled(dice: &mut Dice) -> Self {
        let (aim, calls): (Aim, &[&str]) = match dice.below(10) {
            0..4 => (
                Aim::Download,
                &[
                    "openat",
                    "write",
                    "fdatasync",
                    "/rename",
                    "ftruncate",
                    "close",
                    "/unlink",
                ],
            ),
            4..6 => (Aim::Directory, &["openat2", "fsync", "/mkdir", "close"]),
            6..9 => (
                Aim::Database,
                &[
                    "openat",
                    "pwrite64",
                    "fsync",
                    "pread64",
                    "ftruncate",
                    "fcntl",
                    "mmap",
                    "close",
                    "/unlink",
                ],
            ),
            _ => (Aim::Network, &["socket", "connect"]),
        };
        let errors: &[&str] = match aim {
            Aim::Network => &NETWORK_ERRORS,
            _ => &ERRORS,
        };
        let call = pick(dice, calls);
        Self {
            aim,
            call,
            what: pick(dice, errors),
            nth: 1 + dice.below(if FREQUENT.contains(&call) { 40 } else { 3 }),
            from_then_on: dice.below(2) == 0,
        }
    }

    fn arguments(&self, folder: &Path) -> Vec<String> {
        self.arguments_at(folder, &self.paths())
    }

    /// The same, aimed at these paths of the session.
    fn arguments_at<P: AsRef<str>>(&self, folder: &Path, paths: &[P]) -> Vec<String> {
        let then = if self.from_then_on { "+" } else { "" };
        let mut arguments = vec![
            "-e".to_owned(),
            format!("trace={}", self.call),
            "-e".to_owned(),
            format!("inject={}:{}:when={}{then}", self.call, self.what, self.nth),
        ];
        // As the recorder writes a path, and as the kernel does behind a descriptor.
        for path in paths {
            let relative = format!("sessions/session1{}", path.as_ref());
            let absolute = folder.join(&relative).display().to_string();
            arguments.extend(["-P".to_owned(), relative, "-P".to_owned(), absolute]);
        }
        arguments
    }

    fn paths(&self) -> Vec<String> {
        match self.aim {
            Aim::Download => (1..DOWNLOADS)
                .flat_map(|n| {
                    [
                        format!("/chunks/.tmp/{n}"),
                        format!("/chunks/.tmp/{n}.notes"),
                    ]
                })
                // Files are named behind its descriptor.
                .chain(["/chunks/.tmp".to_owned()])
                .collect(),
            Aim::Directory => [
                "",
                "/one",
                "/many",
                "/many/a",
                "/many/a/0",
                "/many/b",
                "/many/b/0",
                "/plain",
            ]
            .map(|folder| format!("/chunks{folder}"))
            .to_vec(),
            Aim::Database => ["", "-wal", "-shm", "-journal"]
                .map(|beside| format!("/session.db{beside}"))
                .to_vec(),
            Aim::Network => Vec::new(),
        }
    }
}

fn pick<'a>(dice: &mut Dice, all: &[&'a str]) -> &'a str {
    all[dice.below(all.len() as u64) as usize]
}

/// A recording under a fault.
struct Outcome {
    fault: Fault,
    /// The calls that were made to fail.
    failed: Vec<Call>,
    finished: Finished,
}

fn recorder(origin: &Origin) -> Recorder {
    let arguments = three::arguments(origin);
    Recorder::bare()
        .args(arguments.iter().map(String::as_str))
        .args(["-s", "session1"])
}

fn recorded(origin: &Origin, fault: Fault) -> Outcome {
    let recorder = recorder(origin).args(["--duration", "0.8"]);
    let file = recorder.folder().join("trace");
    let arguments = fault.arguments(recorder.folder());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let finished = recorder.traced(&arguments, &file).run();
    let mut failed = trace::read(&file);
    failed.retain(Call::is_injected);
    Outcome {
        fault,
        failed,
        finished,
    }
}

impl Outcome {
    /// The exit codes that are right; `None`: it was killed.
    fn expected(&self) -> &'static [Option<i32>] {
        let hit = |calls: &[&str]| self.failed.iter().any(|c| c.is(calls));
        match (self.fault.aim, self.fault.what) {
            (_, KILL) => &[None, Some(0)],
            // A chunk that is to be placed waits for a descriptor, until the recorder is to stop.
            (Aim::Download, "error=EMFILE") if hit(&["rename", "renameat", "renameat2"]) => {
                &[Some(0), Some(1)]
            }
            // A chunk is lost, or a poll: it goes on.
            (Aim::Download | Aim::Network, _) => &[Some(0)],
            (Aim::Directory, "error=EIO" | "error=EROFS") if hit(&["fsync"]) => &[Some(1)],
            (Aim::Database, "error=EIO" | "error=EROFS") if hit(&["pwrite64", "fsync"]) => {
                &[Some(1)]
            }
            // A chunk is lost where it was to be placed; to be synced, it is waited for, until it is to stop.
            (Aim::Directory, _) if hit(&["openat2", "fsync"]) => &[Some(0), Some(1)],
            (Aim::Directory, _) => &[Some(0)],
            // SQLite can do without, or it cannot.
            (Aim::Database, _) if self.failed.is_empty() => &[Some(0)],
            (Aim::Database, _) => &[Some(0), Some(1)],
        }
    }

    /// Checked; then taken up again without a fault, and checked again. How it ended.
    fn check(self, origin: &Origin) -> String {
        let code = self.finished.status.code();
        let stderr = &self.finished.stderr;
        let context = format!(
            "seed {}: {:?}, {:?}, {code:?}: {stderr}",
            seed(),
            self.fault,
            self.failed
        );
        assert!(!stderr.contains("panicked"), "{context}");
        let is_session = has_schema(&self.finished);
        // Where nothing could be asked there is nothing to be pleased about.
        let is_empty = stderr.contains("isrecorder: nothing was recorded");
        let expected = self.expected().contains(&code) || (is_empty && code == Some(1));
        assert!(expected || (!is_session && code == Some(1)), "{context}");
        if code == Some(1) {
            let lines = stderr
                .lines()
                .filter(|line| line.starts_with("isrecorder: "));
            assert_eq!(lines.count(), 1, "{context}");
        }
        let kill = if self.fault.what == KILL {
            "kill"
        } else {
            "fault"
        };
        let hit = if self.failed.is_empty() && code.is_some() {
            "none"
        } else {
            kill
        };
        let summary = format!("{:?}: {hit}, exit code {code:?}", self.fault.aim);
        if !is_session {
            assert_ne!(code, Some(0), "{context}");
            return summary;
        }
        let session = Session::within(self.finished.folder(), "session1");
        session.check_invariants();
        three::check(&session);
        if code == Some(0) {
            check_losses(&session, origin, &context);
        }
        drop(session);
        let resumed = recorder(origin).within(self.finished);
        let resumed = resumed.args(["--resume", "--duration", "0.3"]).run();
        assert_eq!(
            resumed.status.code(),
            Some(0),
            "{context}; then {}",
            resumed.stderr
        );
        three::check(&resumed.session());
        summary
    }
}

/// What ended before its first transaction is no session.
fn has_schema(finished: &Finished) -> bool {
    let database = finished.folder().join("sessions/session1/session.db");
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    rusqlite::Connection::open_with_flags(database, flags)
        .and_then(|db| db.query_row("SELECT count(*) FROM run", [], |row| row.get::<_, i64>(0)))
        .is_ok_and(|runs| runs == 1)
}

/// What the origin was asked for has a row, and a body that is not there has a reason.
fn check_losses(session: &Session, origin: &Origin, context: &str) {
    let names: Vec<String> =
        session.list("SELECT r.name FROM exchange e JOIN resource r ON r.id = e.resource_id");
    let mut rows: BTreeMap<String, usize> = BTreeMap::new();
    for name in names {
        *rows.entry(format!("/{name}")).or_default() += 1;
    }
    for ask in origin.asks() {
        let asked = origin.count(&ask.target);
        let noted = rows.get(&ask.target).copied().unwrap_or(0);
        assert!(
            noted >= asked,
            "{}: {noted} of {asked}; {context}",
            ask.target
        );
    }
    let silent = session.number(
        "SELECT count(*) FROM exchange WHERE status = 200 AND body_id IS NULL AND (outcome = 'complete' OR error IS NULL)",
    );
    assert_eq!(silent, 0, "{context}");
}

#[test]
fn by_chance_any_call_fails_or_is_the_last_and_the_session_stays_good() {
    let mut dice = Dice::new(seed());
    let faults: Vec<Fault> = (0..rounds(32, 1_200))
        .map(|_| Fault::rolled(&mut dice))
        .collect();
    let next = AtomicUsize::new(0);
    let table: Mutex<BTreeMap<String, usize>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(fault) = faults.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let origin = Origin::new(three::reply);
                    let line = recorded(&origin, fault.clone()).check(&origin);
                    *table.lock().unwrap().entry(line).or_default() += 1;
                    // It may have ended before it asked.
                    let mut asked = TcpStream::connect(("127.0.0.1", origin.port())).unwrap();
                    asked.write_all(b"GET /k HTTP/1.1\r\n\r\n").unwrap();
                    asked.read_exact(&mut [0; 12]).unwrap();
                }
            });
        }
    });
    for (line, count) in table.lock().unwrap().iter() {
        println!("{count:5} {line}");
    }
}

/// While the first stream's chunk waits for a descriptor, most of the others have not begun.
#[test]
fn a_recorder_that_waits_before_all_streams_have_begun_ends_when_its_time_is_over() {
    let fault = Fault {
        aim: Aim::Directory,
        call: "openat2",
        what: "error=EMFILE",
        // The first opens .tmp.
        nth: 2,
        from_then_on: true,
    };
    let origin = Origin::new(three::reply);
    let others: Vec<String> = (0..STREAMS)
        .map(|n| format!("s{n}={}", origin.url("/one/live.m3u8")))
        .collect();
    let recorder = recorder(&origin)
        .args(others.iter().map(String::as_str))
        .args(["--duration", "0.8"]);
    let arguments = fault.arguments_at(recorder.folder(), &["/chunks"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let file = recorder.folder().join("trace");
    let finished = recorder.traced(&arguments, &file).run();
    assert!(
        finished.stderr.contains("too many open files"),
        "{}",
        finished.stderr
    );
    assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
    Session::within(finished.folder(), "session1").check_invariants();
}
