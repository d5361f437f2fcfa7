//! The thread that writes: it alone waits for whoever reads.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};

use super::frame;
use super::queue::{Frame, Item, Queue};

/// A queue and the thread that empties it. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Writer(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    queue: Queue,
    /// Something that was taken from the queue is being written.
    is_writing: bool,
    /// It was waited for once, in vain.
    is_given_up: bool,
}

impl Writer {
    /// Starts its thread. `lost`: says, on that thread, that so many log lines were dropped.
    ///
    /// # Errors
    /// There can be no more threads.
    pub(super) fn start(
        &self,
        (out, err): (File, File),
        lost: impl Fn(u64) + Send + 'static,
    ) -> io::Result<()> {
        let writer = self.clone();
        let mut terminal = Terminal {
            out,
            err,
            lines: Vec::new(),
            width: 0,
        };
        let thread = std::thread::Builder::new().name("output".to_owned());
        thread.spawn(move || {
            loop {
                match writer.next() {
                    Item::Lost(lines) => lost(lines),
                    item => terminal.write(item),
                }
            }
        })?;
        Ok(())
    }

    /// Changes what is to be written.
    pub(super) fn with(&self, change: impl FnOnce(&mut Queue)) {
        change(&mut self.state().queue);
        self.0.changed.notify_all();
    }

    /// Waits until all is written, but no longer than so; only once where that was in vain.
    pub(super) fn settle(&self, patience: Duration) {
        let goes_on =
            |state: &mut State| !state.is_given_up && (state.is_writing || !state.queue.is_empty());
        let waited = (self.0.changed).wait_timeout_while(self.state(), patience, goes_on);
        let (mut state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        state.is_given_up |= waited.timed_out();
    }

    /// Waits for something to write; what it gave before is written.
    fn next(&self) -> Item {
        let mut state = self.state();
        loop {
            if let Some(item) = state.queue.take() {
                state.is_writing = true;
                return item;
            }
            state.is_writing = false;
            self.0.changed.notify_all();
            let waited = self.0.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where it is written, and what stands at the bottom of it.
#[derive(Debug)]
struct Terminal {
    out: File,
    err: File,
    /// The view that is drawn.
    lines: Vec<String>,
    /// In a terminal of so many columns.
    width: usize,
}

impl Terminal {
    fn write(&mut self, item: Item) {
        match item {
            Item::Log(line) | Item::Warned(line) if self.lines.is_empty() => put(&self.err, &line),
            Item::Log(line) | Item::Warned(line) => {
                let text = frame::above(&String::from_utf8_lossy(&line), &self.lines);
                put(&self.err, text.as_bytes());
            }
            Item::Said(line) if self.lines.is_empty() => put(&self.out, &line),
            Item::Said(line) => {
                put(&self.err, frame::taken_away().as_bytes());
                put(&self.out, &line);
                put(&self.err, frame::frame(&self.lines).as_bytes());
            }
            Item::ViewEnds if self.lines.is_empty() => {}
            Item::ViewEnds => {
                self.lines.clear();
                put(&self.err, frame::taken_away().as_bytes());
            }
            Item::Draw(frame) => self.draw(frame),
            Item::Lost(_) => {}
        }
    }

    fn draw(&mut self, frame: Frame) {
        if !self.is_in_foreground() {
            // The terminal is somebody else's, and what was drawn on it as well.
            self.lines.clear();
            return;
        }
        let of = |line: &String| console::measure_text_width(line);
        let before: Vec<usize> = self.lines.iter().map(of).collect();
        let (_, width) = frame.size;
        let cleared = match width < self.width && frame::fills(&before, frame.size) {
            true => frame::cleared(),
            false => String::new(),
        };
        (self.lines, self.width) = (frame.lines, width);
        let text = format!("{cleared}{}", frame::frame(&self.lines));
        put(&self.err, text.as_bytes());
    }

    /// Whether the terminal is this program's now, and not the shell's that has sent it to the background.
    fn is_in_foreground(&self) -> bool {
        let group = rustix::termios::tcgetpgrp(&self.err).ok();
        // A terminal that is not the one that this program was started from has no shell on it.
        group.is_none_or(|group| group == rustix::process::getpgrp())
    }
}

/// All at once, so that no half of a frame is seen. What is closed or full takes nothing, and that stops no program.
fn put(mut file: &File, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return,
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Whoever shares the pipe has made it so.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let _ = poll(&mut [PollFd::new(file, PollFlags::OUT)], None);
            }
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::outlet::queue::MOST_LOG_BYTES;
    use std::io::{Read, pipe};
    use std::os::fd::OwnedFd;
    use std::sync::mpsc;

    fn file(end: impl Into<OwnedFd>) -> File {
        File::from(end.into())
    }

    #[test]
    fn who_writes_waits_for_nobody_and_lines_that_are_lost_are_told_in_their_place() {
        let (mut read, write) = pipe().unwrap();
        let writer = Writer::default();
        let (told, tells) = mpsc::channel();
        let says = writer.clone();
        let lost = move |lines| {
            let line = format!("{lines} lost\n").into_bytes();
            says.with(|queue| queue.log_first(line));
            told.send(lines).unwrap();
        };
        let out = file(write.try_clone().unwrap());
        writer.start((out, file(write)), lost).unwrap();
        // More than a pipe takes, whatever its size is: what does not fit is lost.
        let line = vec![b'x'; MOST_LOG_BYTES / 2];
        for _ in 0..8 {
            writer.with(|queue| queue.log(line.clone()));
        }
        writer.with(|queue| queue.push(Item::Said(b"the end".to_vec())));
        writer.settle(Duration::from_millis(1));
        assert!(writer.state().is_given_up);
        writer.settle(Duration::from_secs(3600));

        let mut text = Vec::new();
        let mut some = [0; 65536];
        while !text.ends_with(b"the end") {
            let length = read.read(&mut some).unwrap();
            text.extend_from_slice(&some[..length]);
        }
        let lines = tells.recv().unwrap();
        let (kept, told) = text.split_at((8 - lines as usize) * line.len());
        assert!(kept.iter().all(|byte| *byte == b'x'));
        let told = String::from_utf8(told.to_vec()).unwrap();
        assert_eq!(told, format!("{lines} lost\nthe end"));
        assert!(lines >= 4, "{lines}");
    }

    #[test]
    fn what_nobody_can_read_any_more_is_no_error() {
        let (read, write) = pipe().unwrap();
        drop(read);
        let writer = Writer::default();
        let out = file(write.try_clone().unwrap());
        writer.start((out, file(write)), |_| {}).unwrap();
        writer.with(|queue| queue.log(b"line\n".to_vec()));
        writer.settle(Duration::from_secs(60));
        assert!(!writer.state().is_given_up);
    }
}
