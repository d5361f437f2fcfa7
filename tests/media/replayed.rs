//! A player plays across the seam of two volumes of an archive: what it gets is what it gets of the session.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::channel::run;

struct Replayer {
    process: Child,
    address: String,
}

impl Replayer {
    fn start(folder: &Path, what: &str) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_isreplayer"))
            .current_dir(folder)
            .args([
                "-p",
                "0",
                "--bind",
                "127.0.0.1",
                "--at-end",
                "endlist",
                what,
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let play = lines
            .find_map(|line| Some(line.unwrap().strip_prefix("Play     http://")?.to_owned()))
            .unwrap();
        let address = play.split('/').next().unwrap().to_owned();
        Self { process, address }
    }

    /// Digests of the packets of pictures that ffmpeg gets from a session time on, up to the end.
    fn played(&self, from: &str, folder: &Path) -> Vec<String> {
        let url = format!("http://{}/stream.m3u8?offset={from}", self.address);
        let arguments = [
            "-nostdin",
            "-loglevel",
            "error",
            "-xerror",
            "-live_start_index",
            "0",
            "-i",
            &url,
            "-map",
            "0:v:0",
            "-c",
            "copy",
            "-f",
            "framemd5",
            "-",
        ];
        let told = run("ffmpeg", &arguments, folder);
        let packets = told.lines().filter(|line| !line.starts_with('#'));
        packets
            .filter_map(|line| Some(line.rsplit(", ").next()?.to_owned()))
            .collect()
    }
}

impl Drop for Replayer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match from.is_dir() {
            true => copy(&from, &to),
            false => drop(fs::copy(&from, &to).unwrap()),
        }
    }
}

/// Volumes of a minute: they meet at 63.2 s of the demo session, which is 75 s long.
#[test]
fn ffmpeg_plays_across_the_seam_of_two_volumes_what_it_plays_of_the_session() {
    let folder = TempDir::new().unwrap();
    let at = folder.path();
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("sessions/demo");
    copy(&demo, &at.join("sessions/demo"));
    let url = format!("file://{}/tv", at.display());
    run(
        env!("CARGO_BIN_EXE_issession"),
        &["archive", "demo", &url, "--volume", "1m"],
        at,
    );
    let session = Replayer::start(at, "demo").played("52", at);
    let archive = Replayer::start(at, &url).played("52", at);
    // Both begin with the oldest segment that is listed then, or with the one behind it.
    let (short, long) = match session.len() < archive.len() {
        true => (&session, &archive),
        false => (&archive, &session),
    };
    // 25 pictures a second: from 52 s to the end, with what was listed already.
    assert!(short.len() > 400, "{} {}", session.len(), archive.len());
    assert!(long.ends_with(short), "{} {}", session.len(), archive.len());
}
