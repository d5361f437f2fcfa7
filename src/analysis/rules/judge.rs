//! A session judged: read once, each rule asked where it has something to say.

use std::collections::{BTreeMap, HashSet};

use url::Url;

use super::broken::Broken;
use super::findings::{Findings, Judged, Place, Wanted};
use super::merged::Merged;
use super::playlist::Playlist;
use super::ranges::DateRanges;
use super::registry::Severity;
use super::text::{self, Text};
use super::time::{self, Change};
use crate::analysis::adjacent::{Search, Threshold};
use crate::analysis::finding::Evidence;
use crate::analysis::outages::told;
use crate::analysis::report;
use crate::hls::Step;
use crate::session::{
    Body, Notice, NoticeEvent, PlaylistInfo, ReadError, Reader, RevisedPlaylist, SeenRevision,
};

/// Texts of one playlist that are remembered by their row, so that an old one is known again.
const MOST_TEXTS: usize = 1_000_000;

/// Which streams and playlists are judged.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Name of the only stream; `None`: all.
    pub stream: Option<String>,
    /// Name, last component of the name, or URL of the only playlist; `None`: all.
    pub playlist: Option<String>,
}

impl Scope {
    /// Whether a playlist is judged.
    pub fn has(&self, playlist: &RevisedPlaylist) -> bool {
        let is_stream = self
            .stream
            .as_ref()
            .is_none_or(|name| *name == playlist.stream);
        let is_named = |name: &String| {
            let last = playlist.name.rsplit('/').next();
            *name == playlist.name || last == Some(name) || *name == playlist.url
        };
        is_stream && self.playlist.as_ref().is_none_or(is_named)
    }
}

/// What a session came to.
#[derive(Debug, Default)]
pub struct Judgement {
    /// What was found, the worst first, then by time.
    pub findings: Vec<Judged>,
    /// Rules of which there was too much, and how many findings of each were left out.
    pub left_out: BTreeMap<&'static str, u64>,
    /// What could not be judged, and why.
    pub not_judged: Vec<NotJudged>,
    /// What was looked at.
    pub looked_at: LookedAt,
}

/// What could not be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotJudged {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
}

/// What was looked at, and how it was.
#[derive(Debug, Default)]
pub struct LookedAt {
    /// Playlists.
    pub playlists: usize,
    /// Their revisions.
    pub revisions: u64,
    /// The longest time without a new segment, in microseconds, and the name of its playlist.
    pub longest: Option<(i64, String)>,
    /// What the recorder noticed about itself.
    pub notices: Vec<NoticeEvent>,
    /// How often no recorder ran between two runs, and for how long together, in microseconds.
    pub holes: (usize, i64),
}

/// Judges a session. `progress` is told how many revisions have been read.
///
/// # Errors
/// The session is damaged.
pub fn judge(
    reader: &Reader,
    wanted: Wanted,
    scope: &Scope,
    progress: &mut dyn FnMut(u64),
) -> Result<Judgement, ReadError> {
    let mut playlists = reader.revised_playlists()?;
    playlists.retain(|playlist| scope.has(playlist));
    let mut session = Judging {
        reader,
        findings: Findings::new(wanted),
        states: playlists.iter().map(|_| State::default()).collect(),
        looked_at: LookedAt {
            playlists: playlists.len(),
            ..LookedAt::default()
        },
        not_judged: Vec::new(),
    };
    session.revisions(&playlists, progress)?;
    session.gaps_and_outages(scope)?;
    session.recorder()?;
    let (findings, left_out) = session.findings.finish();
    Ok(Judgement {
        findings,
        left_out,
        not_judged: session.not_judged,
        looked_at: session.looked_at,
    })
}

/// What is known of a playlist while its revisions pass.
#[derive(Default)]
struct State {
    /// The newest revision.
    newest: Option<Playlist>,
    newest_body: i64,
    /// The number behind the last segment that was listed.
    ends_at: u64,
    texts: HashSet<i64>,
    ranges: DateRanges,
    has_slid: bool,
    advanced_us: Option<i64>,
}

struct Judging<'a> {
    reader: &'a Reader,
    findings: Findings,
    states: Vec<State>,
    looked_at: LookedAt,
    not_judged: Vec<NotJudged>,
}

impl Judging<'_> {
    fn revisions(
        &mut self,
        playlists: &[RevisedPlaylist],
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), ReadError> {
        let mut merged = Merged::new(self.reader, playlists)?;
        while let Some((index, row)) = merged.next()? {
            let Some(playlist) = playlists.get(index) else {
                continue;
            };
            let reader = self.reader;
            match reader.together(|| reader.body(row.body_id)) {
                Ok(Body::Bytes(text)) => self.revision(index, playlist, &row, text),
                Ok(Body::Chunk(_)) => {}
                Err(ReadError::Altered { what, .. } | ReadError::Lost(what)) => {
                    self.not_judged.push(NotJudged {
                        what: format!("exchange {}", row.exchange_id),
                        why: what,
                    });
                }
                Err(error) => return Err(error),
            }
            self.looked_at.revisions += 1;
            progress(self.looked_at.revisions);
        }
        Ok(())
    }

    fn revision(
        &mut self,
        index: usize,
        playlist: &RevisedPlaylist,
        row: &SeenRevision,
        text: Vec<u8>,
    ) {
        let Some(state) = self.states.get_mut(index) else {
            return;
        };
        if row.is_advance && row.is_media {
            state.advanced(row, playlist, &mut self.looked_at);
        }
        let broken = state.judge(playlist, row, Playlist::read(text));
        let place = Place {
            stream: &playlist.stream,
            playlist: Some(&playlist.name),
            id: playlist.id,
            at: Evidence {
                at_us: row.seen_us,
                exchange: Some(row.exchange_id),
            },
        };
        for broken in broken {
            self.findings.add(&place, broken);
        }
    }

    /// T07 and H14, by the code of adjacent-find.
    fn gaps_and_outages(&mut self, scope: &Scope) -> Result<(), ReadError> {
        let search = Search::new(self.reader, Threshold::default())?;
        let zero_us = self.reader.runs()?.first().map_or(0, |run| run.started_us);
        let is_meant = |playlist: &PlaylistInfo| {
            scope.has(&RevisedPlaylist {
                id: playlist.id,
                stream_id: 0,
                stream: playlist.stream.clone(),
                name: playlist.name.clone(),
                url: playlist.url.clone(),
                is_main: false,
            })
        };
        let severity = Severity::Must;
        for playlist in self
            .reader
            .media_playlists()?
            .iter()
            .filter(|p| is_meant(p))
        {
            search.gaps(playlist, |gap| {
                if gap.is_origins_for_certain() {
                    let finding = report::finding(playlist, &gap, zero_us);
                    self.findings.add_whole("T07", severity, finding);
                }
                Ok::<(), ReadError>(())
            })?;
        }
        if scope.playlist.is_some() {
            return Ok(());
        }
        search.outages(|outage| {
            let finding = told::finding(&outage, &search.cost(&outage)?, zero_us);
            let is_stream = scope
                .stream
                .as_ref()
                .is_none_or(|name| *name == finding.stream);
            if outage.key.cause.own.is_none() && is_stream {
                self.findings.add_whole("H14", Severity::Info, finding);
            }
            Ok::<(), ReadError>(())
        })
    }

    fn recorder(&mut self) -> Result<(), ReadError> {
        self.looked_at.notices = self.reader.notices()?;
        // Asked for by an origin.
        self.looked_at
            .notices
            .retain(|notice| notice.kind != Notice::LeftAlone);
        let runs = self.reader.runs()?;
        let holes = crate::session::holes(&runs);
        let lengths = holes
            .iter()
            .map(|hole| hole.until_us.saturating_sub(hole.from_us));
        self.looked_at.holes = (holes.len(), lengths.fold(0, i64::saturating_add));
        Ok(())
    }
}

impl State {
    fn advanced(
        &mut self,
        row: &SeenRevision,
        playlist: &RevisedPlaylist,
        looked_at: &mut LookedAt,
    ) {
        if let Some(before_us) = self.advanced_us.replace(row.seen_us) {
            let length_us = row.seen_us.saturating_sub(before_us);
            if looked_at
                .longest
                .as_ref()
                .is_none_or(|(longest_us, _)| length_us > *longest_us)
            {
                looked_at.longest = Some((length_us, playlist.name.clone()));
            }
        }
    }

    /// What is wrong with a revision, which is the newest one from now on.
    fn judge(
        &mut self,
        playlist: &RevisedPlaylist,
        row: &SeenRevision,
        now: Playlist,
    ) -> Vec<Broken> {
        let mut out = Vec::new();
        let is_first = self.newest.is_none();
        let is_old =
            !is_first && row.body_id != self.newest_body && self.texts.contains(&row.body_id);
        let fresh = self.fresh(row.step, &now, is_old);
        if let Some(before) = &self.newest {
            let change = Change {
                before,
                now: &now,
                step: row.step,
                is_old,
                fresh,
            };
            self.has_slid |=
                row.step == Some(Step::Slid) && now.first_number() > before.first_number();
            if row.is_media {
                time::judge(&change, &mut out);
            }
        } else if row.is_media {
            time::judge_first(&now, &mut out);
        }
        if let Ok(url) = Url::parse(&row.url) {
            let text = Text {
                playlist: &now,
                url: &url,
                fresh,
                is_first,
                has_slid: self.has_slid,
                has_parent: !playlist.is_main,
                known_ranges: &self.ranges,
            };
            text::judge(&text, &mut out);
        }
        if !is_old {
            self.ranges.take(&now, &mut out);
        }
        self.keep(row, now);
        out
    }

    /// Index of the first segment that no earlier revision listed.
    fn fresh(&self, step: Option<Step>, now: &Playlist, is_old: bool) -> usize {
        match step {
            Some(Step::First | Step::Restarted) => 0,
            _ if self.newest.is_none() => 0,
            _ if is_old || step == Some(Step::Behind) => now.segments.len(),
            _ => usize::try_from(self.ends_at.saturating_sub(now.first_number()))
                .unwrap_or(usize::MAX),
        }
    }

    fn keep(&mut self, row: &SeenRevision, now: Playlist) {
        if self.texts.len() < MOST_TEXTS {
            self.texts.insert(row.body_id);
        }
        // An edge that lags behind shows what was known before: the newest one stays that.
        if row.step == Some(Step::Behind) && self.newest.is_some() {
            return;
        }
        self.ends_at = now.number(now.segments.len());
        self.newest_body = row.body_id;
        self.newest = Some(now);
    }
}
