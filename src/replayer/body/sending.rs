//! A body on its way: piece by piece, at its pace, to where it breaks.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::breaks::Break;
use super::pace::{LONGEST_WAIT, Pace};
use super::piece::{Piece, read};

use crate::clock;

/// A body on its way.
pub(super) struct Sending {
    /// Pieces that are left, last first.
    pub(super) left: Vec<Piece>,
    pub(super) sent: u64,
    pub(super) pace: Option<Pace>,
    /// When the first byte was due.
    pub(super) began: Option<Instant>,
    pub(super) breaks: Option<Break>,
}

impl Sending {
    pub(super) fn new(mut pieces: Vec<Piece>, pace: Option<Pace>, breaks: Option<Break>) -> Self {
        pieces.reverse();
        Self {
            left: pieces,
            sent: 0,
            pace,
            began: None,
            breaks,
        }
    }

    /// The next bytes that may go, once they may; `None`: there are no more.
    pub(super) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        let began = *self.began.get_or_insert_with(clock::instant);
        while let Some(piece) = self.left.pop() {
            if piece.length() == 0 {
                continue;
            }
            // Before they may go, and more than may: no byte is late for being read, and one
            // that drips is not read on its own.
            let (mut bytes, rest) = read(piece).await?;
            self.left.extend(rest);
            let count = self.wait_until_due(began).await;
            if count < bytes.len() {
                self.left.push(Piece::Bytes(bytes.split_off(count)));
            }
            self.sent += bytes.len() as u64;
            return Ok(Some(bytes));
        }
        Ok(None)
    }

    /// Waits until bytes may go; how many.
    async fn wait_until_due(&self, began: Instant) -> usize {
        let Some(pace) = &self.pace else {
            return usize::MAX;
        };
        // Against the beginning, not the byte before: what was late is caught up with.
        tokio::time::sleep_until(after(began, pace.time_of(self.sent))).await;
        let passed_us = clock::micros(clock::instant() - began);
        let allowed = pace.allowed(passed_us).saturating_sub(self.sent);
        usize::try_from(allowed).unwrap_or(usize::MAX).max(1)
    }

    /// Waits until the connection is to break, and gives the error for that; `None`: it is not to break.
    pub(super) async fn break_at_end(&mut self) -> Option<io::Error> {
        let breaks = self.breaks.take()?;
        let end = self.pace.as_ref().map(|pace| {
            let began = *self.began.get_or_insert_with(clock::instant);
            after(began, pace.end_us())
        });
        Some(breaks.break_off(end).await)
    }
}

fn after(began: Instant, us: i64) -> Instant {
    let later = Duration::from_micros(u64::try_from(us).unwrap_or(0));
    // A stranger's session may say anything.
    began + later.min(LONGEST_WAIT)
}
