//! What is known of a playlist while its revisions pass.

use std::rc::Rc;

use url::Url;

use super::earlier::{At, Earlier, Waiting};
use crate::analysis::finding::{Evidence, Sightings};
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::http::{Listed, Window};
use crate::analysis::rules::low_latency::{self, PartEdge};
use crate::analysis::rules::playlist::Playlist;
use crate::analysis::rules::ranges::DateRanges;
use crate::analysis::rules::text::{self, Text};
use crate::analysis::rules::time::drift::{self, Drift};
use crate::analysis::rules::time::speed::{Advance, Speed};
use crate::analysis::rules::time::{self, Change};
use crate::hls::Step;
use crate::session::{ExchangeId, RevisedPlaylist, RevisionTime, SeenRevision};

/// Bytes of the newest revisions of all playlists: a channel has some hundred KiB, one with a long DVR window some MiB.
const MOST_HELD: usize = 96 * 1024 * 1024;

/// What is known of a playlist.
#[derive(Default)]
pub(super) struct State {
    /// The newest revision.
    newest: Option<Playlist>,
    newest_body: i64,
    newest_exchange: Option<ExchangeId>,
    earlier: Earlier,
    waiting: Waiting,
    /// The newest text comes again behind an old one with which the sequence seemed to begin again.
    is_back: bool,
    ranges: DateRanges,
    parts: Option<PartEdge>,
    speed: Speed,
    drift: Drift,
    has_slid: bool,
    /// How long its longest text was, in microseconds.
    longest_us: i64,
    /// When it advanced last, in microseconds of Unix time.
    advanced_us: Option<i64>,
    /// EXT-X-ENDLIST was there since then: nothing is due.
    has_ended: bool,
    /// Bytes that the newest revision and its date ranges take.
    held: usize,
    /// There was no room for the newest revision: the next one is compared with nothing.
    is_left_out: bool,
    /// The URL of the last revision, and what it was parsed of: nearly always that of the one before.
    url: Option<(String, Rc<Url>)>,
}

/// A revision that was read.
pub(super) struct Read<'a> {
    pub(super) playlist: &'a RevisedPlaylist,
    pub(super) row: &'a SeenRevision,
    pub(super) url: &'a Url,
    pub(super) now: &'a Playlist,
    /// Its text is that of an older revision, not of the one before.
    pub(super) is_old: bool,
    /// No other one was there before it.
    pub(super) is_first: bool,
    /// Index of its first segment that no earlier revision listed.
    pub(super) fresh: usize,
}

impl State {
    /// The URL of a revision; `None`: it is none.
    pub(super) fn url(&mut self, text: &str) -> Option<Rc<Url>> {
        let is_known = self.url.as_ref().is_some_and(|(known, _)| known == text);
        if !is_known {
            let url = Url::parse(text).ok()?;
            self.url = Some((text.to_owned(), Rc::new(url)));
        }
        self.url.as_ref().map(|(_, url)| Rc::clone(url))
    }

    /// How long no new segment had come before a revision, in microseconds; `None`: it brings none, or none was due.
    pub(super) fn advanced(&mut self, row: &RevisionTime) -> Option<i64> {
        if !row.is_advance {
            // An end may come without anything new before it.
            self.has_ended |= row.ended;
            return None;
        }
        let was_due = !std::mem::replace(&mut self.has_ended, row.ended);
        let before_us = self.advanced_us.replace(row.seen_us)?;
        was_due.then(|| row.seen_us.saturating_sub(before_us))
    }

    /// A revision was there that cannot be read: the next one is compared with nothing.
    pub(super) fn lose_sight(&mut self) {
        self.newest = None;
        self.is_left_out = true;
        self.advanced_us = None;
        self.has_ended = false;
        self.parts = None;
    }

    /// A text is compared with nothing, and so is not what came since: when the next part was due, how much was added.
    pub(super) fn pass_over(&mut self) {
        self.parts = None;
        self.speed.restart();
    }

    /// The exchange that brought the newest revision.
    pub(super) fn newest_exchange(&self) -> Option<ExchangeId> {
        self.newest_exchange
    }

    /// Whether no revision has been there.
    pub(super) fn is_first(&self) -> bool {
        self.earlier.is_empty()
    }

    /// Whether a text was there before the one before.
    pub(super) fn is_old(&self, row: &SeenRevision) -> bool {
        self.newest.is_some()
            && row.body_id != self.newest_body
            && self.earlier.is_old(row.body_id, row.step)
    }

    /// The next revision is there. Gives what was to be told of those before it, as soon as that was known.
    pub(super) fn next(&mut self, row: &SeenRevision, now: &Playlist) -> Vec<At> {
        let (due, is_back) = self.waiting.next(row.step, now, &mut self.earlier);
        self.is_back = is_back || (self.is_back && row.step == Some(Step::Behind));
        due
    }

    /// Keeps of what was found what the next revision decides.
    pub(super) fn wait(&mut self, read: &Read<'_>, found: &mut Vec<Broken>) {
        let at = Evidence {
            at_us: read.row.seen_us,
            exchange: Some(read.row.exchange_id),
        };
        let (step, earlier) = (read.row.step, &self.earlier);
        self.waiting.keep((step, at), read.now, earlier, found);
    }

    /// What nothing decides any more.
    pub(super) fn left(&mut self) -> Vec<At> {
        self.waiting.finish()
    }

    /// Whether a text lies behind the newest one.
    fn is_behind(&self, step: Option<Step>, now: &Playlist) -> bool {
        let ends_at = now.number(now.segments.len());
        let goes_on = self.is_back && ends_at >= self.earlier.edge().number;
        step == Some(Step::Behind) && !goes_on
    }

    /// Index of the first segment that no earlier revision listed.
    pub(super) fn fresh(&self, step: Option<Step>, now: &Playlist, is_old: bool) -> usize {
        match step {
            Some(Step::First | Step::Restarted) => 0,
            _ if self.newest.is_none() && !self.is_left_out => 0,
            _ if is_old || self.is_behind(step, now) => now.segments.len(),
            // Numbers wrap around; it begins behind what was known where this is negative.
            _ => usize::try_from(
                self.earlier
                    .edge()
                    .number
                    .wrapping_sub(now.first_number())
                    .cast_signed(),
            )
            .unwrap_or(0),
        }
    }

    /// What is wrong with a revision. Of what it adds: how long that plays, in microseconds, and whether the last of it had been
    /// listed before.
    pub(super) fn judge(
        &mut self,
        read: &Read<'_>,
        (added_us, ends_with_known): (i64, bool),
        out: &mut Vec<Broken>,
    ) {
        let (row, now) = (read.row, read.now);
        match &self.newest {
            Some(before) => {
                let mut change = Change::new((before, now), row.step, read.is_old, read.fresh);
                change.ends_with_known = ends_with_known;
                change.age = self.earlier.age(row.body_id, now);
                let is_slid =
                    row.step == Some(Step::Slid) && now.first_number() > before.first_number();
                self.has_slid |= is_slid;
                // A list that begins again has few segments, and grows.
                let is_again =
                    now.first_number() < before.first_number() && row.step != Some(Step::Behind);
                if row.step == Some(Step::Restarted) || is_again {
                    self.has_slid = false;
                }
                if row.is_media {
                    time::judge(&change, out);
                }
                // Which of both it is, the next one tells.
                if row.is_media && self.begins_as_before(row) {
                    out.push(time::older(&change));
                }
            }
            None if row.is_media && !self.is_left_out => time::judge_first(now, out),
            None => {}
        }
        text::judge(
            &Text {
                playlist: now,
                url: read.url,
                fresh: read.fresh,
                has_slid: self.has_slid,
                has_parent: !read.playlist.is_main,
                known_ranges: &self.ranges,
            },
            out,
        );
        if row.is_media && !read.is_old && row.step != Some(Step::Behind) {
            self.parts(row, now, out);
        }
        if !read.is_old {
            self.ranges.take(now, out);
            self.speed(read, added_us, out);
            self.dates(read, out);
        }
    }

    /// Whether its sequence began again with a text that had been there.
    fn begins_as_before(&self, row: &SeenRevision) -> bool {
        row.step == Some(Step::Restarted) && !self.is_back && self.earlier.has(row.body_id)
    }

    /// How late its dates are.
    fn dates(&mut self, read: &Read<'_>, out: &[Broken]) {
        let (row, now) = (read.row, read.now);
        let jumps = out.iter().any(|broken| broken.rule == "T12");
        if jumps || row.step == Some(Step::Restarted) || !now.is_live() {
            self.drift.restart();
        }
        let is_new = row.is_media && row.is_advance && row.step == Some(Step::Slid);
        if let (Some(not_before_us), Some(ends_us)) = (row.not_before_us, now.end_by_date())
            && is_new
            && now.is_live()
        {
            self.drift.take(drift::Advance {
                seen_us: row.seen_us,
                not_before_us,
                ends_us,
                exchange: row.exchange_id,
            });
        }
    }

    /// T13, when all of its texts have passed.
    pub(super) fn drift(self) -> Option<(Broken, Sightings)> {
        self.drift.finish()
    }

    /// When its segments are listed, and leave.
    pub(super) fn list(&mut self, read: &Read<'_>, listed: &mut Listed) {
        let row = read.row;
        if !row.is_media || read.is_old || row.step == Some(Step::Behind) {
            return;
        }
        self.longest_us = self.longest_us.max(read.now.duration_us());
        if self.is_left_out {
            return listed.lose();
        }
        listed.take(&Window {
            before: self.newest.as_ref(),
            now: read.now,
            fresh: read.fresh,
            base: read.url,
            seen_us: row.seen_us,
            not_before_us: row.not_before_us,
            longest_us: self.longest_us,
        });
    }

    /// How fast media come, as long as all of them are known.
    fn speed(&mut self, read: &Read<'_>, added_us: i64, out: &mut Vec<Broken>) {
        let (row, now) = (read.row, read.now);
        let goes_on = matches!(row.step, Some(Step::Slid | Step::Same));
        let is_whole = now.skipped == 0 && now.first_number() <= self.earlier.edge().number;
        let (Some(not_before_us), Some(target_us)) = (row.not_before_us, now.target_us) else {
            return self.speed.restart();
        };
        if !row.is_media || !now.is_live() || !goes_on || !is_whole {
            return self.speed.restart();
        }
        let advance = Advance {
            seen_us: row.seen_us,
            not_before_us,
            added_us,
            target_us,
        };
        if row.is_advance && advance.added_us > 0 {
            self.speed.take(advance, out);
        }
    }

    fn parts(&mut self, row: &SeenRevision, now: &Playlist, out: &mut Vec<Broken>) {
        let before = self
            .parts
            .take()
            .filter(|_| row.step != Some(Step::Restarted));
        low_latency::judge(now, low_latency::known_parts(now, before.as_ref()), out);
        let edge = PartEdge::new(now, row.seen_us);
        if let (Some(before), Some(edge), Some(target_us)) = (&before, &edge, now.part_target_us)
            && !now.ended
        {
            low_latency::part_late(before, edge, row.not_before_us, target_us, out);
        }
        self.parts = edge;
    }

    /// Its text is the newest one from now on, where there is room. `false`: there was none.
    pub(super) fn keep(&mut self, row: &SeenRevision, now: Playlist, room: &mut Room) -> bool {
        // An edge that lags behind shows what was known before: the newest one stays that.
        if self.is_behind(row.step, &now)
            && let Some(newest) = &self.newest
        {
            self.earlier.take_behind(row.body_id, &now, newest);
            return true;
        }
        self.earlier.take(row.body_id, &now, row.step);
        self.newest_body = row.body_id;
        self.newest_exchange = Some(row.exchange_id);
        let bytes = now.bytes_held() + self.ranges.bytes_held();
        self.is_left_out = !room.takes(std::mem::replace(&mut self.held, bytes), bytes);
        if self.is_left_out {
            self.held = 0;
            self.ranges = DateRanges::default();
        }
        self.newest = Some(now).filter(|_| !self.is_left_out);
        !self.is_left_out
    }
}

/// What the newest revisions of all playlists take together.
#[derive(Default)]
pub(super) struct Room {
    bytes: usize,
}

impl Room {
    /// Something of so many bytes in the place of something else. `false`: that is too much, and it is not there.
    fn takes(&mut self, before: usize, now: usize) -> bool {
        self.bytes = self.bytes.saturating_sub(before);
        let bytes = self.bytes.saturating_add(now);
        let has_room = bytes <= MOST_HELD;
        if has_room {
            self.bytes = bytes;
        }
        has_room
    }
}
