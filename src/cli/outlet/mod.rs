//! Standard output and standard error of programs that go on for long: whoever reads them, or does not, holds up nothing.
//!
//! A terminal that was stopped with Ctrl+S and a pipe that nobody empties block whoever writes to them. So a thread of its
//! own writes, behind a queue; log lines that find it full are dropped and counted. (`tracing-appender` does that too, but
//! prints to standard output where its thread is stuck at the end, and has no place for a view below the lines.)

mod frame;
mod queue;
mod writer;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::Cell;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::time::Duration;

pub(super) use queue::Frame;

use self::queue::Item;
use self::writer::Writer;
use crate::clock;

/// A program that ends waits so long for what is not written.
const PATIENCE: Duration = Duration::from_secs(2);

const AT_LEAST: Duration = Duration::from_millis(250);

static OUTLET: OnceLock<Outlet> = OnceLock::new();

thread_local! {
    /// This thread says that lines were lost.
    static TELLS_OF_LOST: Cell<bool> = const { Cell::new(false) };
}

#[derive(Debug)]
struct Outlet {
    err: Writer,
    /// The same one where both are one terminal, pipe or file: the order stays.
    out: Writer,
}

/// From now on nothing that this program says can hold it up. Without it each line is written by who says it, which is
/// right where the output is the program's work.
pub(super) fn start() {
    let Ok(outlet) = Outlet::start() else {
        return;
    };
    if OUTLET.set(outlet).is_ok() {
        std::panic::set_hook(Box::new(|panic| {
            let trace = Backtrace::capture();
            let trace = match trace.status() {
                BacktraceStatus::Captured => format!("\n{trace}"),
                _ => String::new(),
            };
            let thread = std::thread::current();
            let name = thread.name().unwrap_or("<unnamed>");
            log(format!("thread '{name}' {panic}{trace}\n").as_bytes());
            if name == "main" {
                settle();
            }
        }));
    }
}

impl Outlet {
    fn start() -> io::Result<Self> {
        let (out, err) = (of(io::stdout())?, of(io::stderr())?);
        let files = |file: &File| Ok::<_, io::Error>(rustix::fs::fstat(file)?);
        let (facts_out, facts_err) = (files(&out)?, files(&err)?);
        let is_same = (facts_out.st_dev, facts_out.st_ino) == (facts_err.st_dev, facts_err.st_ino);
        let writer = |out: &File, err: &File| {
            let writer = Writer::default();
            writer.start((out.try_clone()?, err.try_clone()?), tell_of_lost)?;
            Ok::<_, io::Error>(writer)
        };
        let of_err = writer(&out, &err)?;
        let of_out = match is_same {
            true => of_err.clone(),
            false => writer(&out, &err)?,
        };
        Ok(Self {
            err: of_err,
            out: of_out,
        })
    }
}

/// Without the lock of the standard library, which whoever is stuck would hold.
fn of(stream: impl AsFd) -> io::Result<File> {
    Ok(File::from(stream.as_fd().try_clone_to_owned()?))
}

fn tell_of_lost(lines: u64) {
    TELLS_OF_LOST.set(true);
    let were = match lines {
        1 => "1 line was",
        _ => &format!("{lines} lines were"),
    };
    tracing::warn!(
        json.own = true,
        json.lines = lines,
        "{were} not written here: nobody read them"
    );
    TELLS_OF_LOST.set(false);
}

/// A log line on standard error, with its newline.
pub(super) fn log(line: &[u8]) {
    match OUTLET.get() {
        Some(outlet) if TELLS_OF_LOST.get() => outlet.err.with(|q| q.log_first(line.to_vec())),
        Some(outlet) => outlet.err.with(|queue| queue.log(line.to_vec())),
        // Nobody is left to tell where standard error is closed.
        None => drop(io::stderr().write_all(line)),
    }
}

/// A sentence on standard error, with its newline.
pub(super) fn warn(line: &str) {
    match OUTLET.get() {
        Some(outlet) => (outlet.err).with(|queue| queue.push(Item::Warned(line.into()))),
        None => drop(io::stderr().write_all(line.as_bytes())),
    }
}

/// A sentence on standard output, with its newline.
pub(super) fn say(line: &str) {
    match OUTLET.get() {
        Some(outlet) => (outlet.out).with(|queue| queue.push(Item::Said(line.into()))),
        None => drop(io::stdout().write_all(line.as_bytes())),
    }
}

/// Draws the live view below all lines. Where the one before was not drawn, it is in its place.
pub(super) fn draw(frame: Frame) {
    if let Some(outlet) = OUTLET.get() {
        outlet.err.with(|queue| queue.draw(frame));
    }
}

/// Takes the live view away for good.
pub(super) fn end_view() {
    if let Some(outlet) = OUTLET.get() {
        outlet.err.with(queue::Queue::end_view);
    }
}

/// Before the end of a program: waits for what is not written, but not for long.
pub(super) fn settle() {
    if let Some(outlet) = OUTLET.get() {
        let began = clock::instant();
        outlet.out.settle(PATIENCE);
        let left = PATIENCE.saturating_sub(began.elapsed());
        // Whoever reads this one must not lose it to the other.
        outlet.err.settle(left.max(AT_LEAST));
    }
}
