//! Bodies of segments, read as their revisions pass, each once: the rules of media, and time stamps across renditions.

use super::bodies::{Listing, Unread};
use super::held::{Held, Media};
use super::judging::Judging;
use super::splices::{said_splice, tells_splices};
use super::state::Read;
use crate::analysis::damaged::NotJudged;
use crate::analysis::finding::Evidence;
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::findings::Place;
use crate::analysis::rules::media::across::{self, Stamp};
use crate::analysis::rules::media::boundaries;
use crate::analysis::rules::media::durations::played_us;
use crate::analysis::rules::media::freeze;
use crate::analysis::rules::media::splice::{self, Boundary};
use crate::analysis::rules::media::{Found, cues, follows, judge, judge_end, mapped};
use crate::analysis::rules::playlist::Playlist;
use crate::analysis::rules::time::is_jump;
use crate::hls::{Step, Variables};
use crate::media::facts::{Cipher, Content};
use crate::session::{ExchangeId, ReadError, RevisedPlaylist};

/// Playlists that one is compared with.
const MOST_OTHERS: usize = 64;
/// Segments of a playlist that are weighed against each other.
const MOST_WEIGHTS: usize = 50_000;

/// Room for the bytes of a segment that is kept for the next one.
const MOST_ROOM: usize = 8 * 1024 * 1024;

impl Judging<'_> {
    /// The segments of a revision that no earlier one listed.
    /// Gives how long they play together, by what was measured of them, in microseconds.
    pub(super) fn media(&mut self, read: &Read<'_>) -> Result<i64, ReadError> {
        let added = read.now.segments.iter().skip(read.fresh);
        let lengths = added.map(|segment| segment.duration_us);
        let mut added_us = lengths.fold(0, i64::saturating_add);
        // Single frames are read by nobody as a channel.
        if !self.passes.media || read.now.i_frames_only || !read.row.is_advance {
            return Ok(added_us);
        }
        let dates = dates(read.now);
        let rendition = self.media.of.entry(read.playlist.id).or_default();
        rendition.stream = read.playlist.stream_id;
        if read.row.step == Some(Step::Restarted) {
            rendition.stamps.jump(read.row.seen_us);
        }
        // Once: such a text may have very many segments.
        let tells_splices = read.fresh < read.now.segments.len() && tells_splices(read.now);
        let variables = Variables::read(&read.now.text, read.url, &Variables::default());
        let mut body = std::mem::take(&mut self.media.body);
        for index in read.fresh..read.now.segments.len() {
            let rendition = self.media.of.entry(read.playlist.id).or_default();
            let listing = Listing {
                reader: self.reader,
                read,
                variables: &variables,
                tells_splices,
                has_segments: self.has_segments,
            };
            let dated = dates.get(index).copied().unwrap_or_default();
            if dated.off_us.is_some() {
                rendition.stamps.jump(read.row.seen_us);
            }
            let dates = (dated.date_us, dated.discontinuity);
            match listing.held(rendition, index, dates, &mut body) {
                Ok(held) => {
                    let extinf_us = held.segment.duration_us;
                    if let Some(us) = self.judge_media(read, held, dated.off_us) {
                        added_us = added_us.saturating_add(us).saturating_sub(extinf_us);
                    }
                }
                Err(Unread::Session(error)) => return Err(error),
                Err(Unread::Because(why)) => {
                    *self.media.told.entry(why).or_default() += 1;
                    self.media_end(read.playlist);
                }
            }
        }
        if body.capacity() <= MOST_ROOM {
            self.media.body = body;
        }
        Ok(added_us)
    }

    /// Gives how long it plays, as far as it says that itself and EXTINF says something else (microseconds). `date_off_us`: by how much
    /// its date is off the one that is due, where that is a jump.
    fn judge_media(
        &mut self,
        read: &Read<'_>,
        held: Held,
        date_off_us: Option<i64>,
    ) -> Option<i64> {
        let playlist = read.playlist;
        let rendition = self.media.of.entry(playlist.id).or_default();
        let last = rendition.last.take();
        let mut found = Vec::new();
        let previous = last.as_ref().map(Held::known);
        judge(previous.as_ref(), &held.known(), &mut found);
        self.splice(read, &held, date_off_us, &mut found);
        cues::judge(&held.known(), held.tells_splices, &mut found);
        if let Some(rendition) = self.overview.rendition(playlist) {
            // Over a jump nothing is so far from the one before as it says.
            let jumps = found.iter().any(|(_, broken)| broken.rule == "M06");
            let goes_on = held.follows && !held.segment.discontinuity && !jumps;
            rendition.media(&held.facts, held.weight.at, goes_on);
        }
        if let Some(last) = &last {
            let (this, next) = (last.known(), held.known());
            let next = Some(&next).filter(|next| follows(&this, next));
            let rendition = self.media.of.entry(playlist.id).or_default();
            if let Some(next) = next {
                rendition.drift.take(&this, next, last.weight.at);
            }
            if let Some(us) = played_us(&this, next) {
                self.durations.plays(&last.url, last.segment.range, us);
            }
        }
        if held.facts.cipher == Cipher::NotRead {
            *self.media.told.entry("segments that are encrypted, and whose key was not recorded or whose method is not looked into").or_default() += 1;
        }
        let jumps = found.iter().any(|(_, broken)| broken.rule == "M06");
        for (sequence, broken) in found {
            let of = last
                .as_ref()
                .filter(|last| last.sequence == sequence)
                .unwrap_or(&held);
            let place = place(playlist, of.at_us, of.exchange);
            self.findings.add(&place, named(of, broken));
        }
        let played_us = played_us(&held.known(), None);
        self.across_media(read, &held, jumps);
        if let Some(rendition) = self.media.of.get_mut(&playlist.id) {
            if rendition.weights.len() < MOST_WEIGHTS {
                rendition.weights.push(held.weight);
            }
            rendition.last = Some(held);
        }
        played_us
    }

    /// M06: what jumps together is one thing, where M06 is asked for.
    fn splice(
        &mut self,
        read: &Read<'_>,
        held: &Held,
        date_off_us: Option<i64>,
        found: &mut Found,
    ) {
        if !self.findings.wanted().selection.has("M06") {
            return;
        }
        let boundary = match splice::jumps(found, held.sequence) {
            true => Boundary {
                said: said_splice(read.now, held.sequence, held.date_us),
                date_off_us,
            },
            false => Boundary::default(),
        };
        if splice::merge(found, held.sequence, &boundary) {
            self.media.spliced.insert(held.sequence);
        }
    }

    /// X04, X05 and M13: segments of one date in renditions of one family.
    fn across_media(&mut self, read: &Read<'_>, held: &Held, jumps: bool) {
        let playlist = read.playlist;
        let family = self.families.get(&playlist.stream_id);
        let Some(member) = family.and_then(|family| family.member(&playlist.url)) else {
            return;
        };
        if matches!(held.facts.content, Content::Subtitles(_)) {
            self.subtitles(playlist, held);
        } else if member.is_timed_like_others()
            && let Some(stamp) = held.stamp()
        {
            let target_us = read.now.target_us.unwrap_or(0);
            self.stamped(playlist, stamp, jumps, target_us);
        }
    }

    /// M13: cues beside the pictures of their date.
    fn subtitles(&mut self, playlist: &RevisedPlaylist, held: &Held) {
        let Some(date_us) = held.date_us else { return };
        let known = held.known();
        let others = self.media.of.values();
        let found = others
            .filter(|other| other.stream == playlist.stream_id)
            .filter_map(|other| {
                other
                    .stamps
                    .near((date_us, known.extinf_us), held.discontinuity)
            })
            .find_map(|stamp| mapped::judge((&known, date_us), stamp));
        if let Some(broken) = found {
            let place = place(playlist, held.at_us, held.exchange);
            self.findings.add(&place, broken);
        }
    }

    /// X04 and X05: a segment beside those of the other playlists.
    fn stamped(
        &mut self,
        playlist: &RevisedPlaylist,
        mut stamp: Stamp,
        jumps: bool,
        target_us: i64,
    ) {
        let Media {
            of,
            apart,
            boundaries,
            ..
        } = &mut self.media;
        let Some(mut this) = of.remove(&playlist.id) else {
            return;
        };
        // Of several jumps one after the other the first is told by M06 alone.
        let jumped = this.stamps.newest().is_some_and(|newest| newest.jumps);
        stamp.jumps = jumps && !jumped;
        let apart = apart.entry(playlist.stream_id).or_default();
        apart.name(playlist.id, &playlist.name);
        let boundaries = boundaries.entry(playlist.stream_id).or_default();
        boundaries.name(playlist.id, &playlist.name);
        let is_wanted = self.findings.wanted().has(stamp.at.at_us);
        let others = of
            .iter()
            .filter(|(_, other)| is_wanted && other.stream == playlist.stream_id)
            .filter_map(|(id, other)| Some((id, other, other.stamps.beside(&stamp)?)))
            .take(MOST_OTHERS);
        for (id, other, beside) in others {
            let own = (playlist.id, &stamp, &this.stamps);
            let theirs = (*id, beside, &other.stamps);
            let ((first_id, first, first_of), (second_id, second, second_of)) =
                match playlist.id < *id {
                    true => (own, theirs),
                    false => (theirs, own),
                };
            let (of, ids) = ([first_of, second_of], [first_id, second_id]);
            if let Some(found) = across::judge((first, second), of, target_us) {
                apart.differ(ids, found, stamp.at, true);
            } else if let Some(found) = boundaries::judge((first, second), of, target_us) {
                boundaries.differ(ids, found, stamp.at, true);
            }
        }
        this.stamps.push(stamp);
        of.insert(playlist.id, this);
    }

    /// Nothing is known of what follows.
    fn media_end(&mut self, playlist: &RevisedPlaylist) {
        let last = self
            .media
            .of
            .get_mut(&playlist.id)
            .and_then(|rendition| rendition.last.take());
        let Some(last) = last else { return };
        let mut found = Vec::new();
        judge_end(&last.known(), &mut found);
        for (_, broken) in found {
            let place = place(playlist, last.at_us, last.exchange);
            self.findings.add(&place, broken);
        }
    }

    /// M16, at the end of a playlist.
    fn freezes(&mut self, playlist: &RevisedPlaylist) {
        let Some(rendition) = self.media.of.get(&playlist.id) else {
            return;
        };
        let mut found = Vec::new();
        freeze::judge(&rendition.weights, &mut found);
        for (sequence, broken) in found {
            let mut weights = rendition.weights.iter();
            let Some(first) = weights.find(|weight| weight.sequence == sequence) else {
                continue;
            };
            let place = Place {
                stream: &playlist.stream,
                playlist: Some(&playlist.name),
                id: playlist.id,
                at: first.at,
            };
            self.findings.add(&place, broken);
        }
    }

    /// M05, of all segments of a playlist together.
    fn drifts(&mut self, playlist: &RevisedPlaylist) {
        let rendition = self.media.of.get(&playlist.id);
        if let Some((broken, seen)) = rendition.and_then(|rendition| rendition.drift.judge()) {
            let place = Place {
                stream: &playlist.stream,
                playlist: Some(&playlist.name),
                id: playlist.id,
                at: seen.first,
            };
            self.findings.add_seen(&place, broken, &seen);
        }
    }

    /// The end of all playlists; what was not read is told.
    pub(super) fn media_ends(&mut self, playlists: &[RevisedPlaylist]) {
        for playlist in playlists {
            self.media_end(playlist);
            self.freezes(playlist);
            self.drifts(playlist);
        }
        for (what, count) in std::mem::take(&mut self.media.told) {
            self.not_judged.push(NotJudged {
                what: format!("media of {}", crate::shown::counted(count, "segment")),
                why: what.to_owned(),
            });
        }
    }
}

fn place(playlist: &RevisedPlaylist, at_us: i64, exchange: ExchangeId) -> Place<'_> {
    Place {
        stream: &playlist.stream,
        playlist: Some(&playlist.name),
        id: playlist.id,
        at: Evidence {
            at_us,
            exchange: Some(exchange),
        },
    }
}

/// With the number of the segment in its sentence, and its URL where its bytes are to be looked at.
fn named(of: &Held, mut broken: Broken) -> Broken {
    let sequence = of.sequence;
    if matches!(broken.rule, "M01" | "M03") {
        broken.text = format!("{} ({})", broken.text, of.url);
        broken = broken.with("url", of.url.as_str());
    }
    let broken = broken.with("media_sequence", sequence);
    let number = format!("egment {sequence}");
    match broken.text.contains(&number) {
        true => broken,
        false => Broken {
            text: format!("S{number}: {}", broken.text),
            ..broken
        },
    }
}

/// When a segment is by the dates of its text.
#[derive(Debug, Clone, Copy, Default)]
struct Dated {
    /// When it begins, in microseconds of Unix time.
    date_us: Option<i64>,
    /// Its discontinuity number.
    discontinuity: u64,
    /// By how much it is off the end of the segment before it, in microseconds, where it jumps (T12).
    off_us: Option<i64>,
}

fn dates(playlist: &Playlist) -> Vec<Dated> {
    let mut begins_us: Option<i64> = None;
    let mut discontinuity = playlist.discontinuity_sequence.unwrap_or(0);
    let each = playlist.segments.iter().map(|segment| {
        if segment.discontinuity {
            discontinuity = discontinuity.wrapping_add(1);
            begins_us = None;
        }
        let dates = segment.date_us.zip(begins_us);
        let jump = dates.filter(|(is_us, due_us)| is_jump(*is_us, *due_us));
        let off_us = jump.map(|(is_us, due_us)| is_us.saturating_sub(due_us));
        let date_us = segment.date_us.or(begins_us);
        begins_us = date_us.map(|us: i64| us.saturating_add(segment.duration_us));
        Dated {
            date_us,
            discontinuity,
            off_us,
        }
    });
    each.collect()
}
