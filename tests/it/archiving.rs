//! `isrecorder --archive`: a recording goes into a folder while it is recorded; stores that fail hold up nothing.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::archive::{fails, files, issession, server, works};
use crate::support::session::Session;
use crate::support::{Ask, Finished, Origin, Recorder, Reply, Window, ts};

/// Advances at every other poll.
fn channel(ask: &Ask) -> Reply {
    match ask.path() {
        "/live.m3u8" => Reply::playlist(Window::new(ask.nth as u64 / 2, 4).text()),
        path => Reply::segment(ts(path)),
    }
}

struct Archive {
    folder: TempDir,
    url: String,
}

impl Archive {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("file://{}/tv", folder.path().display());
        Self { folder, url }
    }

    fn manifests(&self) -> usize {
        let streams = self.folder.path().join("tv/streams");
        match streams.is_dir() {
            true => {
                let all = files(&streams);
                all.iter()
                    .filter(|path| path.extension().is_some_and(|end| end == "json"))
                    .count()
            }
            false => 0,
        }
    }

    fn recorder(&self, origin: &Origin) -> Recorder {
        Recorder::new(origin.url("/live.m3u8")).args([
            "--archive",
            &self.url,
            "--volume",
            "2s",
            "-s",
            "tv",
        ])
    }

    /// Each volume is there once and whole, and what is fetched of a session is all that it has.
    fn has_all_of(&self, at: &Path) {
        let told = works(&mut issession(
            at,
            &["archive", "tv", &self.url, "--volume", "2s"],
        ));
        assert!(told.contains("0 volumes"), "{told}");
        let told = works(&mut issession(at, &["check", &self.url, "--hashes"]));
        assert!(told.contains("ok: 1 stream"), "{told}");
        let session = Session::within(at, "tv");
        let (from, to) = (moment(session.zero_us()), moment(session.end_us()));
        works(&mut issession(
            at,
            &["fetch", &self.url, "back", "--from", &from, "--to", &to],
        ));
        works(&mut issession(at, &["check", "back", "--hashes"]));
        let back = Session::within(at, "back");
        let ids = format!(
            "SELECT id FROM exchange WHERE from_us <= {} ORDER BY id",
            session.end_us()
        );
        assert_eq!(back.list::<i64>(&ids), session.list::<i64>(&ids));
        let runs = "SELECT started_us FROM run ORDER BY id";
        assert_eq!(back.list::<i64>(runs), session.list::<i64>(runs));
    }
}

fn moment(us: i64) -> String {
    format!("@{}.{:03}", us / 1000, us % 1000)
}

fn is_resumed(finished: Finished, archive: &Archive, origin: &Origin) -> Recorder {
    archive.recorder(origin).args(["--resume"]).within(finished)
}

#[test]
fn a_recording_is_archived_meanwhile_and_at_its_end_all_of_it_is_there() {
    let origin = Origin::new(channel);
    let archive = Archive::new();
    let mut recording = archive.recorder(&origin).args(["--metrics", "0"]).start();
    recording.until("three volumes", || archive.manifests() >= 3);
    let finished = recording.interrupt();
    assert!(
        finished.stdout.contains("has all of it"),
        "{}",
        finished.stdout
    );
    archive.has_all_of(finished.folder());
}

#[test]
fn after_a_kill_a_recording_goes_on_and_each_volume_is_there_once() {
    let origin = Origin::new(channel);
    let archive = Archive::new();
    let mut recording = archive.recorder(&origin).start();
    for volumes in [1, 3] {
        recording.until("some volumes", || archive.manifests() >= volumes);
        recording = is_resumed(recording.kill(), &archive, &origin).start();
    }
    let before = archive.manifests();
    recording.until("one more volume", || archive.manifests() > before);
    let finished = recording.interrupt();
    assert!(
        finished.stdout.contains("has all of it"),
        "{}",
        finished.stdout
    );
    archive.has_all_of(finished.folder());
}

#[test]
fn a_store_that_is_busy_is_told_once_and_holds_up_recording_and_keep_removes_nothing() {
    let origin = Origin::new(channel);
    let busy = "HTTP/1.1 503 Slow Down\r\nretry-after: 1\r\nconnection: close\r\n\r\n<Error><Code>SlowDown</Code></Error>";
    let (endpoint, heads) = server(busy);
    let arguments = [
        "--archive",
        "s3://media/tv",
        "--volume",
        "1s",
        "--keep",
        "1s",
    ];
    let mut recording = Recorder::new(origin.url("/live.m3u8"))
        .args(arguments)
        .env("AWS_ENDPOINT_URL", &endpoint)
        .env("AWS_ACCESS_KEY_ID", "AKIDTV")
        .env("AWS_SECRET_ACCESS_KEY", "secretsecret")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .start();
    recording.until_it_says("answered 503; it is tried again and again");
    recording.until("three requests", || heads.lock().unwrap().len() >= 3);
    recording.until_at_least(20, "SELECT count(*) FROM revision");
    let finished = recording.interrupt();
    assert!(finished.status.success(), "{}", finished.stderr);
    assert_eq!(
        finished.stderr.matches("answered 503").count(),
        1,
        "{}",
        finished.stderr
    );
    assert!(
        finished.stdout.contains("has nothing of it"),
        "{}",
        finished.stdout
    );
    assert!(
        finished
            .stdout
            .contains("issession archive sessions/session1 s3://media/tv --volume 1s"),
        "{}",
        finished.stdout
    );
    assert!(!finished.stderr.contains("secretsecret"));
    let session = Session::within(finished.folder(), "session1");
    assert_eq!(session.number("SELECT count(*) FROM event WHERE id = 0"), 0);
    let written = files(&finished.folder().join("sessions"));
    for file in written {
        let content = fs::read(&file).unwrap();
        assert!(
            !content.windows(12).any(|some| some == b"secretsecret"),
            "{}",
            file.display()
        );
    }
}

#[test]
fn an_archive_that_cannot_be_is_refused_before_anything_is_recorded() {
    let url = "http://127.0.0.1:9/live.m3u8";
    let archive = Archive::new();
    let told = fails(
        std::process::Command::new(env!("CARGO_BIN_EXE_isrecorder"))
            .current_dir(archive.folder.path())
            .args(["--archive", "s3://a b/c", url]),
        2,
    );
    assert!(told.contains("--archive s3://a b/c: "), "{told}");
    let told = fails(
        std::process::Command::new(env!("CARGO_BIN_EXE_isrecorder"))
            .current_dir(archive.folder.path())
            .args(["--archive", &archive.url, "--volume", "7s", url]),
        2,
    );
    assert!(
        told.contains("a day must be a whole number of them"),
        "{told}"
    );
    let drop = ["--archive", &archive.url, "--archive-drop"];
    for (arguments, what) in [
        (&["--volume", "1m"][..], "--archive <URL>"),
        (&["--archive-drop", "--keep", "2h"], "--archive <URL>"),
        (
            &drop,
            "--archive-drop belongs to --keep TIME or --keep-bytes SIZE",
        ),
    ] {
        let mut recorder = std::process::Command::new(env!("CARGO_BIN_EXE_isrecorder"));
        let told = fails(
            recorder
                .current_dir(archive.folder.path())
                .args(arguments)
                .arg(url),
            2,
        );
        assert!(told.contains(what), "{arguments:?}: {told}");
    }
    assert!(!archive.folder.path().join("sessions").exists());
}
