//! What a report costs: CPU time and memory of the real `isreport`, by the rules that are asked for, of a channel with eight
//! renditions; or, with `--hostile`, of all of a session whose media are made to do harm, in each form.
//!
//! `cargo bench --bench report -- REVISIONS` (a million, otherwise 100,000) makes the session in a temporary folder;
//! `--media MB` gives it segments that are transport streams, `-- 14400 --media 9000` an hour of a channel. `--session FOLDER` makes it
//! there once and uses it again. With the path of another build in `ISREPORT` both are measured.
#![allow(clippy::print_stdout)]
// The session that does harm is made by tests, too.
#![allow(clippy::unwrap_used)]

#[path = "../support/history.rs"]
mod history;
#[path = "../../tests/it/support/hostile_media.rs"]
mod hostile_media;
#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use clap::Parser;
use isrecorder::session::Sessions;

use history::{History, Segments, Shape};
use support::Measured;

const CHANNEL: Shape = Shape {
    playlists: 8,
    family: true,
    window: Some(6),
    polls: 1,
    segments: Segments::None,
    late: 1_000,
};
/// What is asked for where there are media.
const MEDIA: [(&str, &str); 2] = [("media", "M*,X05,X10"), ("all", "")];
/// What is asked for.
const PARTS: [(&str, &str); 6] = [
    ("gaps", "T07"),
    ("outages", "H14"),
    ("header fields", "H*,-H14"),
    ("columns and exchanges", "T07,H*"),
    ("texts", "P*,T*,X*,L*,-T07,-X04,-X05,-X10"),
    ("all but media", "-M*,-X04,-X05,-X10"),
];

#[derive(Debug, Parser)]
struct Arguments {
    /// Revisions of all playlists together
    #[arg(default_value_t = 100_000)]
    revisions: u64,
    /// Where the session is, or is made
    #[arg(long, value_name = "FOLDER")]
    session: Option<PathBuf>,
    /// Segments are there, too
    #[arg(long)]
    segments: bool,
    /// Segments are there, transport streams that take so many megabytes together
    #[arg(long, value_name = "MB", conflicts_with = "segments")]
    media: Option<usize>,
    /// One revision of so many is late
    #[arg(long, default_value_t = CHANNEL.late)]
    late: u64,
    /// Its media and its texts are made to do harm: so many findings, or more, and 500 bodies of half a megabyte
    #[arg(long, value_name = "FINDINGS")]
    hostile: Option<usize>,
    /// Another build, to compare with
    #[arg(long, env = "ISREPORT", value_name = "FILE")]
    other: Option<PathBuf>,
    /// Cargo says so
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let temporary = tempfile::tempdir()?;
    let session = arguments.session.clone();
    let session = session.unwrap_or_else(|| temporary.path().join("channel"));
    if let Some(findings) = arguments.hostile {
        return hostile(findings);
    }
    if !session.exists() {
        make(&session, &arguments)?;
    }
    let this = Path::new(env!("CARGO_BIN_EXE_isreport"));
    let others = arguments.other.as_deref().map(|build| ("other", build));
    println!("CPU time and memory, by what is asked for");
    let of_media = MEDIA.iter().filter(|_| arguments.media.is_some());
    for (what, rules) in PARTS.iter().chain(of_media) {
        for (name, build) in [("this", this)].into_iter().chain(others) {
            let mut command = Command::new(build);
            let command = command.arg("--rules").arg(rules).arg(&session);
            let cost = Measured::start(command.stdout(Stdio::null()))?.finish()?;
            println!(
                "{what:<22} {name:<5} {:>7.2} s {:>6} KiB",
                cost.cpu.as_secs_f64(),
                cost.memory_kib
            );
        }
    }
    Ok(())
}

/// What all of a session costs that is made to do harm, in each form.
fn hostile(findings: usize) -> Result<()> {
    const RULES: usize = 4;
    let temporary = tempfile::tempdir()?;
    let (playlists, revisions) = (10, 10);
    let size = hostile_media::Size {
        playlists,
        revisions,
        segments: 5,
        broken: findings / playlists / revisions / RULES,
        bytes: 512 * 1024,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(hostile_media::write(temporary.path(), size));
    println!("CPU time and memory, by the form of the report");
    for form in ["text", "json", "html", "junit"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_isreport"));
        let command = command.args(["--severity", "info", "--format", form]);
        let command = command.arg(temporary.path().join("s"));
        let cost = Measured::start(command.stdout(Stdio::null()))?.finish()?;
        println!(
            "{form:<22} {:>7.2} s {:>6} KiB",
            cost.cpu.as_secs_f64(),
            cost.memory_kib
        );
    }
    Ok(())
}

/// Leaves the session in a folder.
fn make(folder: &Path, arguments: &Arguments) -> Result<()> {
    let name = folder.file_name().and_then(|name| name.to_str());
    let above = folder.parent().context("a folder in another one, please")?;
    let listed = usize::try_from(arguments.revisions)?.max(1);
    let segments = match (arguments.media, arguments.segments) {
        (Some(megabytes), _) => Segments::Media(megabytes * 1_000_000 / listed),
        (None, true) => Segments::Small,
        (None, false) => Segments::None,
    };
    let shape = Shape {
        segments,
        late: arguments.late,
        ..CHANNEL
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut history = History::begin(&Sessions::new(above), name, shape).await?;
        for _ in 0..arguments.revisions / shape.playlists as u64 {
            history.revise().await?;
        }
        history.end().await
    })?;
    Ok(())
}
