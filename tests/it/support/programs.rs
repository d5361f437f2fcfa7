//! The real `isrecorder`, in a folder of its own.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::session::Session;

/// What takes longer than this is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// A recording, before it starts.
pub struct Recorder {
    folder: TempDir,
    command: Command,
}

/// A recording under way.
pub struct Recording {
    folder: TempDir,
    child: Child,
    stdout: Output,
    stderr: Output,
}

/// A recording that is over.
pub struct Finished {
    folder: TempDir,
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Recorder {
    /// Of a URL, polled as fast as can be; run in a temporary folder, so that sessions go there.
    pub fn new(url: impl AsRef<str>) -> Self {
        Self::bare().args(["--poll", "0.2", url.as_ref()])
    }

    /// Without any argument.
    pub fn bare() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_isrecorder"));
        command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        Self { folder, command }
    }

    /// In the folder of a recording before.
    pub fn after(before: Finished, url: impl AsRef<str>) -> Self {
        Self::new(url).within(before)
    }

    /// In the folder of a recording before.
    pub fn within(mut self, before: Finished) -> Self {
        self.command.current_dir(before.folder.path());
        self.folder = before.folder;
        self
    }

    pub fn args<'a>(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.command.args(arguments);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// As `nohup` starts it.
    pub fn without_hang_up(self) -> Self {
        self.after_shell("trap '' HUP")
    }

    /// Where a shell has done something first.
    pub fn after_shell(self, first: &str) -> Self {
        self.started_by("sh", &["-c", &format!("{first}; exec \"$0\" \"$@\"")])
    }

    /// With `strace` at it, which writes to a file. It is its own parent: signals and exit code
    /// are those of the recorder.
    #[allow(dead_code)]
    pub fn traced(self, arguments: &[&str], file: &Path) -> Self {
        let always = ["-D", "-f", "-y", "-qq", "-s", "0", "--seccomp-bpf", "-o"];
        let file = file.to_str().unwrap();
        let all: Vec<&str> = always
            .into_iter()
            .chain([file])
            .chain(arguments.iter().copied())
            .collect();
        self.started_by("strace", &all)
    }

    fn started_by(mut self, program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .arg(self.command.get_program())
            .args(self.command.get_args())
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        self.command = command;
        self
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn start(mut self) -> Recording {
        let mut child = self.command.spawn().unwrap();
        let stdout = Output::of(child.stdout.take().unwrap());
        let stderr = Output::of(child.stderr.take().unwrap());
        Recording {
            folder: self.folder,
            child,
            stdout,
            stderr,
        }
    }

    /// From its start to its own end.
    pub fn run(self) -> Finished {
        self.start().finish()
    }
}

/// What a program writes, as it comes.
struct Output {
    text: Arc<Mutex<Vec<u8>>>,
    reading: Option<JoinHandle<()>>,
}

impl Output {
    fn of(mut pipe: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&text);
        let reading = std::thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(length @ 1..) = pipe.read(&mut some) {
                shared.lock().unwrap().extend_from_slice(&some[..length]);
            }
        });
        Self {
            text,
            reading: Some(reading),
        }
    }

    fn so_far(&self) -> String {
        String::from_utf8_lossy(&self.text.lock().unwrap()).into_owned()
    }

    /// All of it, of a program that has ended.
    fn whole(&mut self) -> String {
        self.reading.take().unwrap().join().unwrap();
        self.so_far()
    }
}

impl Recording {
    pub fn sessions(&self) -> PathBuf {
        self.folder.path().join("sessions")
    }

    /// Waits until `condition` holds.
    pub fn until(&mut self, what: &str, mut condition: impl FnMut() -> bool) {
        let deadline = now() + PATIENCE;
        while !condition() {
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none(),
                "it ended ({ended:?}) before: {what}; it said: {}",
                self.said()
            );
            assert!(now() < deadline, "it never came: {what}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until it has said something on standard error.
    pub fn until_it_says(&mut self, words: &str) {
        let text = Arc::clone(&self.stderr.text);
        self.until(words, || {
            String::from_utf8_lossy(&text.lock().unwrap()).contains(words)
        });
    }

    /// The same, twice.
    pub fn until_it_says_twice(&mut self, words: &str) {
        let text = Arc::clone(&self.stderr.text);
        self.until(words, || {
            let said = String::from_utf8_lossy(&text.lock().unwrap()).into_owned();
            said.matches(words).count() > 1
        });
    }

    /// Waits until it has said something on standard output.
    pub fn until_it_prints(&mut self, words: &str) {
        let text = Arc::clone(&self.stdout.text);
        self.until(words, || {
            String::from_utf8_lossy(&text.lock().unwrap()).contains(words)
        });
    }

    /// What it has said on standard error.
    pub fn said(&self) -> String {
        self.stderr.so_far()
    }

    /// What it has said on standard output.
    pub fn printed(&self) -> String {
        self.stdout.so_far()
    }

    /// Waits until a query about what is committed gives a number of at least `least`.
    pub fn until_at_least(&mut self, least: i64, sql: &str) {
        let database = self.sessions().join("session1/session.db");
        self.until(sql, || count(&database, sql).is_some_and(|n| n >= least));
    }

    /// Its number, as the system knows it.
    #[allow(dead_code)]
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// The most memory that it has had so far, in bytes, as the kernel counts it.
    #[cfg(target_os = "linux")]
    pub fn most_memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib: usize = line
            .unwrap()
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap();
        kib * 1024
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
    }

    /// Ctrl+C, and its end.
    pub fn interrupt(self) -> Finished {
        self.signal(Signal::INT);
        self.finish()
    }

    /// `kill -9`, and its end.
    pub fn kill(self) -> Finished {
        self.signal(Signal::KILL);
        self.finish()
    }

    /// Waits for its end.
    pub fn finish(mut self) -> Finished {
        let deadline = now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if now() >= deadline {
                let _ = self.child.kill();
                panic!(
                    "it does not end by itself; it said: {}",
                    self.stderr.so_far()
                );
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        Finished {
            status,
            stdout: self.stdout.whole(),
            stderr: self.stderr.whole(),
            folder: std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap()),
        }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        // Of a test that failed; it has ended otherwise.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Finished {
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The session of a recording that ended well, or with nothing in it, checked.
    pub fn session(self) -> Session {
        let is_empty = self.stderr.contains("isrecorder: nothing was recorded: ");
        let code = if is_empty { 1 } else { 0 };
        assert_eq!(self.status.code(), Some(code), "{}", self.stderr);
        let length = self
            .stdout
            .lines()
            .find_map(|line| line.strip_prefix("Record length 0:"));
        let length = length.and_then(|length| length.split_once(':'));
        let (minutes, seconds) = length.unwrap_or_else(|| panic!("{}", self.stdout));
        let said_s = minutes.parse::<f64>().unwrap() * 60.0 + seconds.parse::<f64>().unwrap();
        let session = self.killed_session();
        let last = "SELECT stopped_us - started_us FROM run ORDER BY id DESC LIMIT 1";
        let length_s = session.number(last) as f64 / 1e6;
        assert!((said_s - length_s).abs() < 0.0011, "{said_s} {length_s}");
        assert!(!session.path().join("session.db-wal").exists());
        assert!(!session.path().join("chunks/.tmp").exists());
        assert_eq!(session.number("SELECT count(*) FROM pending"), 0);
        assert_eq!(
            session.number("SELECT count(*) FROM run WHERE stopped_us IS NULL"),
            0
        );
        session
    }

    /// The session of a recording that ended in any way, checked.
    pub fn killed_session(self) -> Session {
        let session = Session::open(self.folder, "session1");
        session.check_invariants();
        session
    }
}

/// `None`: it cannot be asked now.
fn count(database: &Path, sql: &str) -> Option<i64> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let db = Connection::open_with_flags(database, flags).ok()?;
    db.busy_timeout(Duration::from_secs(5)).ok()?;
    db.query_row(sql, [], |row| row.get(0)).ok()
}

/// For deadlines.
#[allow(clippy::disallowed_methods)]
fn now() -> Instant {
    Instant::now()
}
