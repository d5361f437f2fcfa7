//! What is still to be written: log lines up to a limit, sentences, and the newest frame of the live view. Pure.

use std::collections::VecDeque;

/// Log lines that wait have no more bytes in all.
pub(super) const MOST_LOG_BYTES: usize = 1024 * 1024;

/// The live view, as it is drawn next.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::cli) struct Frame {
    /// With their colors.
    pub(in crate::cli) lines: Vec<String>,
    /// Rows and columns of the terminal.
    pub(in crate::cli) size: (usize, usize),
}

/// One thing to write.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// On standard error.
    Log(Vec<u8>),
    /// On standard error; it is not dropped.
    Warned(Vec<u8>),
    /// On standard output; it is not dropped.
    Said(Vec<u8>),
    /// So many log lines were dropped here.
    Lost(u64),
    /// The view goes.
    ViewEnds,
    Draw(Frame),
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    items: VecDeque<Item>,
    log_bytes: usize,
    /// Drawn behind everything else. A frame in the place of one that was not drawn is no loss.
    frame: Option<Frame>,
    view_is_over: bool,
}

impl Queue {
    /// A log line, or a mark in its place where too much waits already.
    pub(super) fn log(&mut self, line: Vec<u8>) {
        if self.log_bytes.saturating_add(line.len()) <= MOST_LOG_BYTES {
            self.log_bytes += line.len();
            self.items.push_back(Item::Log(line));
        } else if let Some(Item::Lost(lines)) = self.items.back_mut() {
            *lines += 1;
        } else {
            self.items.push_back(Item::Lost(1));
        }
    }

    /// A log line in front of all that waits: what is said of lost ones stands where they were.
    pub(super) fn log_first(&mut self, line: Vec<u8>) {
        self.log_bytes += line.len();
        self.items.push_front(Item::Log(line));
    }

    /// A sentence: programs say a bounded number of them.
    pub(super) fn push(&mut self, item: Item) {
        self.items.push_back(item);
    }

    pub(super) fn draw(&mut self, frame: Frame) {
        if !self.view_is_over {
            self.frame = Some(frame);
        }
    }

    /// No frame is drawn any more.
    pub(super) fn end_view(&mut self) {
        self.frame = None;
        if !std::mem::replace(&mut self.view_is_over, true) {
            self.items.push_back(Item::ViewEnds);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty() && self.frame.is_none()
    }

    pub(super) fn take(&mut self) -> Option<Item> {
        let item = self.items.pop_front();
        if let Some(Item::Log(line)) = &item {
            self.log_bytes -= line.len();
        }
        item.or_else(|| self.frame.take().map(Item::Draw))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(line: &str) -> Frame {
        Frame {
            lines: vec![line.to_owned()],
            size: (9, 9),
        }
    }

    #[test]
    fn lines_beyond_the_limit_are_counted_where_they_would_stand() {
        let mut queue = Queue::default();
        let half = vec![b'x'; MOST_LOG_BYTES / 2];
        for _ in 0..5 {
            queue.log(half.clone());
        }
        queue.push(Item::Said(b"said".to_vec()));
        queue.log(b"lost".to_vec());
        assert_eq!(queue.take(), Some(Item::Log(half.clone())));
        queue.log(b"new".to_vec());
        assert_eq!(queue.take(), Some(Item::Log(half)));
        assert_eq!(queue.take(), Some(Item::Lost(3)));
        queue.log_first(b"3 lines".to_vec());
        assert_eq!(queue.take(), Some(Item::Log(b"3 lines".to_vec())));
        assert_eq!(queue.take(), Some(Item::Said(b"said".to_vec())));
        assert_eq!(queue.take(), Some(Item::Lost(1)));
        assert_eq!(queue.take(), Some(Item::Log(b"new".to_vec())));
        assert!(queue.is_empty() && queue.take().is_none());
        assert_eq!(queue.log_bytes, 0);
    }

    #[test]
    fn the_newest_frame_is_drawn_behind_everything_and_none_after_the_end() {
        let mut queue = Queue::default();
        queue.draw(frame("old"));
        queue.draw(frame("new"));
        queue.log(b"line".to_vec());
        assert_eq!(queue.take(), Some(Item::Log(b"line".to_vec())));
        assert_eq!(queue.take(), Some(Item::Draw(frame("new"))));
        queue.draw(frame("never"));
        queue.end_view();
        queue.draw(frame("nor this"));
        queue.end_view();
        assert_eq!(queue.take(), Some(Item::ViewEnds));
        assert_eq!(queue.take(), None);
    }
}
