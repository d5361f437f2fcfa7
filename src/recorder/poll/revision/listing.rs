//! What a new revision lists: handed to the plan, to the playlists, to the writer.

use crate::recorder::poll::poller::TARGET;
use crate::session::Remark;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::clock;
use crate::hls::{
    Child, Entry, EntryRole, Hint, Lie, MediaFacts, MediaPlaylist, MultivariantPlaylist, Refused,
    Step, Variables, Window,
};
use crate::recorder::context::Shared;
use crate::recorder::downloads::AS_BYTES;
use crate::recorder::plan::{Listing, Wanted};
use crate::recorder::poll::poller::{Poller, hash_of};
use crate::recorder::poll::state::advances::Stated;
use crate::recorder::poll::state::numbers::{self, Numbers};
use crate::recorder::settings::selection::{Selected, Variants};
use crate::recorder::stats::fold::Met;
use crate::session::{ExchangeId, Kind, NewRevision};

/// Numbers of several playlists that go back within so many target durations do so together.
const TOGETHER: i64 = 3;

impl Poller {
    pub(crate) async fn media(&mut self, media: MediaPlaylist, id: ExchangeId) -> NewRevision {
        let facts = &media.facts;
        let now_us = self.context.fetcher.writer.clock().now_us();
        let target_us = clock::micros(facts.target_duration.unwrap_or(TARGET));
        self.learn().await;
        let window = Window::from_playlist(&media);
        let lie = self.windows.place(window.clone(), now_us, target_us);
        let placed = (lie, &self.windows);
        self.corrections
            .saw(id, window, placed, (now_us, target_us), &media.entries);
        self.correct(false).await;
        let step = lie.step;
        self.tell_if_numbers_went_back(facts, step, (now_us, target_us));
        self.poll_times.stepped(step, lie.gained);
        self.blocking.came(facts);
        self.blocking.aged(facts, self.age, clock::instant());
        self.stated = Some(Stated::new(facts, step));
        let entries = media.entries;
        let hints = self.hints(media.hints, facts, step);
        let memory = Arc::clone(&self.context.fetcher.memory);
        let size = entries.len() * AS_BYTES;
        let as_wanted = || -> Vec<Wanted> {
            let there = entries.into_iter().filter(|e| !e.gap);
            let there = there.map(|entry| wanted(entry, facts, lie.place));
            let hints = hints.into_iter();
            there
                .chain(hints.map(|hint| announced(hint, facts, lie.place)))
                .collect()
        };
        let mut wanted = memory.read(size, as_wanted).await;
        if self.is_first_of_typed() {
            tracing::info!("it is {}", described(facts));
            if self.has_nothing_to_choose() {
                // It is not recorded.
                wanted.clear();
            }
        }
        self.list(id, wanted, facts, step).await;
        // Only now: an end is believed where everything listed was fetched.
        let first = self.last.is_none();
        let now = clock::instant();
        let advanced = step.is_advance();
        self.playlist.update(|s| {
            s.multivariant = false;
            s.target_duration = facts.target_duration.or(s.target_duration);
            s.part_target = facts.part_target;
            let is_first = first && s.advanced_at.is_none();
            s.on_demand = facts.ended && (is_first || s.on_demand);
            // An end behind which something new comes was none.
            let since = s.ended_since.filter(|_| !advanced).unwrap_or(now);
            s.ended_since = facts.ended.then_some(since);
            if advanced || s.ended_since.is_some() {
                s.advanced_at = Some(now);
            }
        });
        self.leave_out_segments(media.left_out).await;
        self.refuse(&media.refused).await;
        let not_before_us = self.seen_at_us.max(self.blocking.changed_after_us());
        revision(facts, lie, not_before_us)
    }

    /// Says that its numbers went back: once of all playlists of the stream whose numbers do so together.
    fn tell_if_numbers_went_back(
        &mut self,
        facts: &MediaFacts,
        step: Step,
        (now_us, target_us): (i64, i64),
    ) {
        let Some(what) = numbers::went_back(&mut self.numbers, Numbers::new(facts), step) else {
            return;
        };
        let (stats, label) = (&self.context.stats, &self.playlist.label);
        let together_us = target_us.saturating_mul(TOGETHER);
        let of = self.playlist.stats.number;
        let is_new = stats.channel().went_back(of, (now_us, together_us), &what);
        let met = Met {
            kind: self.told_kind(),
            host: "",
        };
        if is_new && stats.is_news(met, "numbers went back") {
            tracing::warn!(json.playlist = label, "{label:?}: {what}");
        }
    }

    /// What is asked for before it is listed. An edge that lags behind announces what is there.
    fn hints(&self, hints: Vec<Hint>, facts: &MediaFacts, step: Step) -> Vec<Hint> {
        let may = self.context.blocking
            && self.playlist.standing().failures == 0
            && step != Step::Behind
            && !facts.ended
            && !self.is_slow();
        match may {
            true => hints,
            false => Vec::new(),
        }
    }

    pub(crate) async fn multivariant(
        &mut self,
        main: MultivariantPlaylist,
        id: ExchangeId,
    ) -> NewRevision {
        let revision = NewRevision {
            not_before_us: self.seen_at_us,
            advance: true,
            ..NewRevision::default()
        };
        self.playlist.update(|s| s.multivariant = true);
        let stats = &self.playlist.stats;
        stats.is_multivariant.store(true, Ordering::Relaxed);
        if self.playlist.kind != Kind::Main {
            // A multivariant playlist that a multivariant playlist names: kept, and not followed.
            return revision;
        }
        self.refuse(&main.refused).await;
        self.share(main.variables, id);
        let keys = main.keys.into_iter().map(|url| (Kind::Key, url));
        let data = main.data.into_iter().map(|url| (Kind::Data, url));
        let wanted = keys.chain(data).map(|(kind, url)| Wanted {
            kind,
            url: Arc::new(url),
            range: None,
            sequence: 0,
            last_use: 0,
            part: 0,
            duration: TARGET,
            hinted: false,
        });
        let none = MediaFacts::default();
        self.list(id, wanted.collect(), &none, Step::Same).await;
        let selected = self.context.selection.select(main.children);
        if selected.no_such_variant && self.context.must_match && self.is_first_of_typed() {
            self.refuse_selection(&selected);
            return revision;
        }
        if self.is_first_of_typed() {
            let (kept, left_out) = (selected.kept.len(), selected.left_out.len());
            tracing::info!(
                "it is a multivariant playlist; playlists recorded: {kept}, left out: {left_out}"
            );
        }
        self.leave_out(&selected).await;
        self.context.playlists.leave_out(&selected.left_out);
        self.name(&selected.kept, id).await;
        revision
    }

    /// A media playlist has no variants and no renditions: what was asked for of these is not there. Whether the stream is
    /// refused, as where a multivariant playlist has no variant of that height.
    fn has_nothing_to_choose(&self) -> bool {
        let selection = &self.context.selection;
        let is_height = matches!(selection.variants, Variants::Height(_));
        if is_height && self.context.must_match {
            let asked = format!("--variants {}", selection.variants);
            self.refuse_stream(format!(
                "no variant is as {asked} says: it is a media playlist, which has none; give the multivariant playlist's URL, or leave --variants out"
            ));
            return true;
        }
        if let Some(option) = selection.chooses_by() {
            tracing::warn!(
                "it is a media playlist, without variants and renditions: nothing to choose from for {option}"
            );
        }
        false
    }

    /// Whether it is the first that came of what the user typed.
    fn is_first_of_typed(&self) -> bool {
        self.playlist.kind == Kind::Main && self.last.is_none()
    }

    /// Who asked for what is not there gets to know what is, before anything else is recorded.
    fn refuse_selection(&self, selected: &Selected) {
        self.refuse_stream(format!(
            "no variant is as --variants {} says; there are: {}",
            self.context.selection.variants,
            selected.variants()
        ));
    }

    fn refuse_stream(&self, why: String) {
        tracing::error!("{why}");
        self.context.stats.refuse(why);
        self.context.stop.cancel();
    }

    /// Says once of each playlist that was not asked for that it is left out.
    async fn leave_out(&mut self, selected: &Selected) {
        if selected.no_such_variant && !std::mem::replace(&mut self.said_no_such_variant, true) {
            tracing::warn!(
                "no variant is as --variants {} says: all are recorded: {}",
                self.context.selection.variants,
                selected.variants()
            );
        }
        for child in &selected.left_out {
            if self.left_out.len() < self.context.fetcher.limits.playlists
                && self.left_out.insert(hash_of(&child.url))
            {
                tracing::info!("{:?} is left out", child.label);
                let detail = child.url.to_string();
                let writer = &self.context.fetcher.writer;
                writer.event(Remark::LeftOut, detail).await;
            }
        }
    }

    /// Takes in the playlists that a revision names.
    async fn name(&mut self, children: &[Child], id: ExchangeId) {
        // A loop that panicked may have named some, and started none of them.
        let never_started = self.context.playlists.never_started();
        let named =
            self.context
                .playlists
                .take_in_names(children, id, self.from_us, clock::instant());
        never_started.iter().for_each(|left| left.begins_with(id));
        self.renewals = named.renewals;
        for (playlist, url) in named.aliases {
            let resource = self.resource(playlist.kind, &playlist.url);
            self.listing.aliases.push((resource, url.into()));
        }
        for playlist in never_started.into_iter().chain(named.new) {
            let resource = self.resource(playlist.kind, &playlist.url);
            self.listing.pending.push(resource);
            self.found.push(playlist);
        }
        if named.too_many > 0 && !std::mem::replace(&mut self.said_too_many, true) {
            let detail = format!(
                "{} playlists of {} are not polled: there are too many",
                named.too_many, self.playlist.label
            );
            tracing::warn!("{detail}");
            let writer = &self.context.fetcher.writer;
            writer.event(Remark::TooManyPlaylists, detail).await;
        }
    }

    /// Hands its variables to the playlists that import them; those that stay the same stay where they are.
    fn share(&self, variables: Variables, revision: ExchangeId) {
        let mut shared = self.context.shared();
        let before = Arc::clone(&shared.variables);
        *shared = Shared {
            variables: match *before == variables {
                true => before,
                false => Arc::new(variables),
            },
            revision,
            from_us: self.from_us,
        };
    }

    async fn list(
        &mut self,
        exchange: ExchangeId,
        wanted: Vec<Wanted>,
        facts: &MediaFacts,
        step: Step,
    ) {
        let listing = Listing {
            playlist: self.playlist.id,
            exchange,
            from_us: self.listing.from_us,
            target_duration_us: clock::micros(facts.target_duration.unwrap_or(TARGET)),
            wanted,
            duration: facts.duration,
            step,
            ended: facts.ended,
        };
        // One that was not handed to the writer is taken back first.
        self.hold = None;
        let memory = &self.context.fetcher.memory;
        let revision = self
            .context
            .queue
            .revision(listing, memory, &mut self.listing);
        let (too_many, hold) = revision.await;
        self.too_many += too_many as u64;
        self.hold = Some(hold);
    }

    /// Says once that a playlist lists more than is taken.
    async fn leave_out_segments(&mut self, unread: u64) {
        let count = unread + std::mem::take(&mut self.too_many);
        if count > 0 && !std::mem::replace(&mut self.said_too_many, true) {
            let detail = format!("{count} entries of {} are left out", self.playlist.label);
            tracing::warn!("{detail}: there are too many");
            let writer = &self.context.fetcher.writer;
            writer.event(Remark::TooManySegments, detail).await;
        }
    }

    /// Notes each URI that is not followed, once.
    pub(crate) async fn refuse(&self, refused: &[Refused]) {
        self.context.refuse(refused, &self.playlist.label).await;
    }
}

/// A media playlist, for people.
fn described(facts: &MediaFacts) -> String {
    let count = facts.segment_count;
    let segments = if count == 1 { "segment" } else { "segments" };
    let target = match facts.target_duration {
        Some(target) if facts.target_is_stated => {
            format!("target duration {} s", target.as_secs_f64())
        }
        Some(target) => {
            let longest = target.as_secs_f64();
            format!("no target duration that can be, segments of up to {longest} s")
        }
        None => "no target duration".to_owned(),
    };
    match facts.ended {
        _ if count == 0 && facts.target_duration.is_none() => {
            "a playlist that lists nothing yet; it is asked for again".to_owned()
        }
        false if count == 0 => {
            format!("a live media playlist that has no segments yet, {target}")
        }
        true => format!("a media playlist with an end: {count} {segments}, {target}"),
        false => format!("a live media playlist: {count} {segments} now, {target}"),
    }
}

/// What is announced, as if it were listed.
fn announced(hint: Hint, facts: &MediaFacts, place: u64) -> Wanted {
    let entry = Entry {
        role: hint.role,
        url: hint.url,
        range: hint.range,
        sequence: hint.sequence,
        last_use: hint.sequence,
        part: hint.part,
        gap: false,
        duration: facts.part_target.unwrap_or_default(),
    };
    Wanted {
        hinted: true,
        ..wanted(entry, facts, place)
    }
}

/// Counted by places, whatever numbers the origin gives to the window: its first segment has that place.
pub(crate) fn wanted(entry: Entry, facts: &MediaFacts, place: u64) -> Wanted {
    let first = facts.media_sequence;
    let placed = |number: u64| place.saturating_add(number.wrapping_sub(first));
    let target = facts.target_duration.unwrap_or(TARGET);
    Wanted {
        kind: match entry.role {
            EntryRole::Segment => Kind::Segment,
            EntryRole::Part => Kind::Part,
            EntryRole::Init => Kind::Init,
            EntryRole::Key => Kind::Key,
        },
        duration: match entry.role {
            EntryRole::Segment | EntryRole::Part => entry.duration,
            _ => target,
        },
        url: entry.url,
        range: entry.range,
        sequence: placed(entry.sequence),
        last_use: placed(entry.last_use),
        part: entry.part,
        hinted: false,
    }
}

fn revision(facts: &MediaFacts, lie: Lie, not_before_us: Option<i64>) -> NewRevision {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    NewRevision {
        not_before_us,
        advance: lie.step.is_advance(),
        media_sequence: Some(facts.media_sequence.cast_signed()),
        segment_count: Some(number(facts.segment_count)),
        last_sequence: facts.last_sequence.map(u64::cast_signed),
        target_duration_us: facts.target_duration.map(clock::micros),
        part_target_us: facts.part_target.map(clock::micros),
        last_parts: Some(number(facts.last_parts)),
        next_parts: Some(number(facts.next_parts)),
        can_block: Some(facts.control.can_block),
        can_skip_us: facts.control.can_skip_until.map(clock::micros),
        hold_back_us: facts.control.hold_back.map(clock::micros),
        part_hold_back_us: facts.control.part_hold_back.map(clock::micros),
        discontinuity_sequence: Some(number(facts.discontinuity_sequence)),
        ended: Some(facts.ended),
        lie: Some(lie),
    }
}
