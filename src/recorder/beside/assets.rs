//! Interstitials: lists of assets, asked for once for each date range, and the assets themselves, recorded
//! as they are then (RFC 8216bis appendix D).
//!
//! They are kept out of the plan: it asks again for what comes back, or has another query, and to ask for a
//! list of assets may count as an impression.

use crate::session::Remark;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;
use tracing::Instrument;
use url::Url;

use super::aside::{Came, Wanted};
use crate::clock;
use crate::hls::{self, Entry, EntryRole, Interstitial, PlaylistKind, Variables};
use crate::recorder::admission::reach::Reach;
use crate::recorder::context::Context;
use crate::recorder::limits::{
    GROWS_WITHIN, MOST_ASSET_BYTES, MOST_ASSET_CHUNKS, MOST_ASSET_PLAYLISTS, MOST_DATE_RANGES,
    TRIES_OF_ASSET,
};
use crate::recorder::stats::board::PlaylistStats;
use crate::session::{ExchangeId, Kind, NewListing, ResourceKey};

use crate::recorder::context::assets::Known;

/// Other URLs of what was asked for that are remembered, so that each is written once.
const MOST_ALIASES: usize = 16_384;
/// Between the tries of a part of an asset, times the tries so far.
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

/// An interstitial that is to be asked for.
#[derive(Debug)]
pub(crate) struct Found {
    named: Interstitial,
    under_way: UnderWay,
}

/// On whose account.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    /// The revision, and from when on that is the answer.
    pub revision: ExchangeId,
    pub from_us: i64,
    /// As far as it may lead, and whether a redirect led there from https to http.
    pub reach: Reach,
    pub downgraded: bool,
    pub stats: Arc<PlaylistStats>,
}

/// A stream does not end before this goes.
struct UnderWay(Arc<Context>);

impl UnderWay {
    fn begin(context: &Arc<Context>) -> Self {
        context.assets.under_way.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(context))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.assets.under_way.fetch_sub(1, Ordering::Relaxed);
        self.0.playlists.changed();
    }
}

impl std::fmt::Debug for UnderWay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UnderWay").finish_non_exhaustive()
    }
}

/// Takes in the interstitials that a revision names, before that is written: those that are to be asked for
/// once it is.
pub(crate) async fn note(
    context: &Arc<Context>,
    named: Vec<Interstitial>,
    listing: &mut NewListing,
) -> Vec<Found> {
    let mut new = Vec::new();
    let mut too_many = 0;
    {
        let mut known = context.assets.known();
        for mut one in named {
            one.url = hls::without_directives(&one.url);
            match known.asked.get(&one.id) {
                Some(first) => {
                    let first = first.clone();
                    alias(context, &mut known, &one, &first, listing);
                }
                None if context.assets.has_room(&known) => {
                    known.note(&one.id, &one.url);
                    let under_way = UnderWay::begin(context);
                    new.push(Found {
                        named: one,
                        under_way,
                    });
                }
                None => too_many += 1,
            }
        }
    }
    if too_many > 0 && !context.assets.said_too_many.swap(true, Ordering::Relaxed) {
        let detail = format!("assets of {too_many} date ranges");
        context
            .fetcher
            .writer
            .event(Remark::TooManyAssets, detail)
            .await;
    }
    only_first(context, new, listing).await
}

/// Those that no run of the session has asked for.
async fn only_first(
    context: &Arc<Context>,
    new: Vec<Found>,
    listing: &mut NewListing,
) -> Vec<Found> {
    let writer = &context.fetcher.writer;
    let asked = new.iter().map(|found| {
        writer.date_range(context.stream_id, &found.named.id, found.named.url.as_str())
    });
    let asked = join_all(asked).await;
    let mut first = Vec::new();
    for (found, before) in new.into_iter().zip(asked) {
        match before {
            Ok(None) => {
                if found.named.is_list {
                    listing
                        .pending
                        .push(resource(context, &found.named, &found.named.url));
                }
                first.push(found);
            }
            Ok(Some(before)) => {
                if let Ok(before) = Url::parse(&before) {
                    let mut known = context.assets.known();
                    known.note(&found.named.id, &before);
                    alias(context, &mut known, &found.named, &before, listing);
                }
            }
            // The writer has ended, and the recording with it.
            Err(_) => {}
        }
    }
    first
}

/// Notes that what was asked for once has another URL now.
fn alias(
    context: &Context,
    known: &mut Known,
    named: &Interstitial,
    first: &Url,
    listing: &mut NewListing,
) {
    if *first == named.url {
        return;
    }
    let mut hasher = DefaultHasher::new();
    (first, &named.url).hash(&mut hasher);
    if known.aliases.len() >= MOST_ALIASES {
        known.aliases.clear();
    }
    if known.aliases.insert(hasher.finish()) {
        let resource = resource(context, named, first);
        listing.aliases.push((resource, named.url.to_string()));
    }
}

fn resource(context: &Context, named: &Interstitial, url: &Url) -> ResourceKey {
    let kind = match named.is_list {
        true => Kind::Assets,
        false => Kind::Media,
    };
    ResourceKey::whole(context.stream_id, kind, url.to_string())
}

/// Asks for what was found: the revision that names it has been handed to the writer.
pub(crate) fn start(context: &Arc<Context>, found: Vec<Found>, account: &Account) {
    for one in found {
        let job = Job {
            context: Arc::clone(context),
            account: account.clone(),
        };
        let span = context.span.clone();
        context.tasks.spawn(job.run(one).instrument(span));
    }
}

struct Job {
    context: Arc<Context>,
    account: Account,
}

/// What is left for an asset.
struct Budget {
    playlists: usize,
    chunks: usize,
    bytes: u64,
}

impl Job {
    async fn run(self, found: Found) {
        let Found {
            named,
            under_way: _under_way,
        } = found;
        let context = &self.context;
        let permit = tokio::select! {
            () = context.stop.cancelled() => None,
            permit = context.assets.permits.acquire() => permit.ok(),
        };
        if permit.is_none() {
            return self.give_up(&named).await;
        }
        let account = &self.account;
        let wanted = Wanted {
            kind: Kind::Assets,
            url: named.url.clone(),
            range: None,
            known_end: None,
            reach: account.reach,
            downgraded: account.downgraded,
            referrer: account.revision,
            from_us: account.from_us,
        };
        if !named.is_list {
            self.asset(wanted).await;
        } else if !self.list(wanted).await {
            self.give_up(&named).await;
        }
    }

    /// The stream ends, and nobody waits for it any more.
    async fn give_up(&self, named: &Interstitial) {
        let gone = vec![resource(&self.context, named, &named.url)];
        let listing = NewListing {
            gone,
            ..NewListing::default()
        };
        self.context.fetcher.writer.listed(listing).await;
    }

    /// A list, asked for once, whatever comes; whether it was.
    async fn list(&self, wanted: Wanted) -> bool {
        let context = &self.context;
        let directives = [("_HLS_primary_id", context.assets.player.as_str())];
        let asked = hls::with_directives(&wanted.url, &directives);
        let came = context.aside(&wanted, asked, false).await;
        self.count(&wanted, &came);
        let Some(body) = &came.body else {
            return came.id != 0;
        };
        let name = hls::resource_name(&wanted.url);
        let read = || hls::read_asset_list(body, &came.url);
        let Some(list) = context.fetcher.memory.read(body.len(), read).await else {
            tracing::warn!("{name:?} is no list of assets: it is no JSON");
            return true;
        };
        context.refuse(&list.refused, &name).await;
        if list.left_out > 0 {
            self.leave_out(&format!("{} assets of {name}", list.left_out))
                .await;
        }
        for url in list.assets {
            let asset = Wanted {
                url: hls::without_directives(&url),
                reach: came.reach,
                downgraded: came.downgraded,
                referrer: came.id,
                ..wanted.clone()
            };
            self.asset(asset).await;
        }
        true
    }

    /// An asset, as it is now; interstitials of its own are not followed.
    async fn asset(&self, asset: Wanted) {
        let is_new = {
            let mut known = self.context.assets.known();
            if known.assets.len() >= MOST_DATE_RANGES {
                known.assets.clear();
            }
            let mut hasher = DefaultHasher::new();
            asset.url.hash(&mut hasher);
            known.assets.insert(hasher.finish())
        };
        if !is_new {
            return;
        }
        let mut budget = Budget {
            playlists: MOST_ASSET_PLAYLISTS,
            chunks: MOST_ASSET_CHUNKS,
            bytes: MOST_ASSET_BYTES,
        };
        let name = hls::resource_name(&asset.url);
        let is_whole = self.playlists(asset, &mut budget).await;
        if !is_whole && !self.context.stop.is_cancelled() {
            self.leave_out(&format!("parts of the asset {name}")).await;
        }
    }

    /// The playlists of an asset and what they list; whether there was room for all of it.
    async fn playlists(&self, asset: Wanted, budget: &mut Budget) -> bool {
        let Some((wanted, came, body)) = self.playlist(asset, budget).await else {
            return true;
        };
        if hls::playlist_kind(&body) != Some(PlaylistKind::Multivariant) {
            let variables = Variables::default();
            return self
                .listed_by(&wanted, &came, &body, &variables, budget)
                .await;
        }
        let main = hls::read_multivariant(&body, &came.url);
        self.context
            .refuse(&main.refused, &hls::resource_name(&wanted.url))
            .await;
        let others = main.keys.into_iter().map(|url| (Kind::Key, url));
        for (kind, url) in others.chain(main.data.into_iter().map(|url| (Kind::Data, url))) {
            if !self.chunk(&listed(&wanted, &came, kind, url), budget).await {
                return false;
            }
        }
        for child in self.context.selection.of(main.children).kept {
            if budget.playlists == 0 {
                return false;
            }
            let child = listed(&wanted, &came, Kind::Media, child.url);
            let Some((child, came, body)) = self.playlist(child, budget).await else {
                continue;
            };
            let is_whole = self.listed_by(&child, &came, &body, &main.variables, budget);
            if !is_whole.await {
                return false;
            }
        }
        true
    }

    async fn playlist(
        &self,
        asset: Wanted,
        budget: &mut Budget,
    ) -> Option<(Wanted, Came, bytes::Bytes)> {
        budget.playlists = budget.playlists.saturating_sub(1);
        let wanted = Wanted {
            kind: Kind::Media,
            ..asset
        };
        let came = self.patiently(&wanted).await?;
        let body = came.body.clone()?;
        Some((wanted, came, body))
    }

    /// What a media playlist lists; whether there was room for all of it.
    async fn listed_by(
        &self,
        playlist: &Wanted,
        came: &Came,
        body: &[u8],
        imports: &Variables,
        budget: &mut Budget,
    ) -> bool {
        if hls::playlist_kind(body) != Some(PlaylistKind::Media) {
            return true;
        }
        let read = || hls::read_media(body, &came.url, imports);
        let media = self.context.fetcher.memory.read(body.len(), read).await;
        self.context
            .refuse(&media.refused, &hls::resource_name(&playlist.url))
            .await;
        let mut seen = HashSet::new();
        let is_whole = media.left_out == 0 && media.entries.len() <= MOST_ASSET_CHUNKS;
        let mut entries = media.entries;
        // The others would wait in memory, in vain.
        entries.truncate(MOST_ASSET_CHUNKS);
        entries.shrink_to_fit();
        for entry in entries.into_iter().filter(|entry| !entry.gap) {
            if !seen.insert((Arc::clone(&entry.url), entry.range)) {
                continue;
            }
            let kind = kind_of(&entry);
            let wanted = Wanted {
                range: entry.range,
                ..listed(playlist, came, kind, Url::clone(&entry.url))
            };
            if !self.chunk(&wanted, budget).await {
                return false;
            }
        }
        is_whole
    }

    /// Whether there is room for more.
    async fn chunk(&self, wanted: &Wanted, budget: &mut Budget) -> bool {
        if budget.chunks == 0 || budget.bytes == 0 || self.context.stop.is_cancelled() {
            return false;
        }
        budget.chunks -= 1;
        let came = self.patiently(wanted).await;
        budget.bytes = budget
            .bytes
            .saturating_sub(came.map_or(0, |came| came.bytes));
        true
    }

    /// A part of an asset: tried a few times, as players do.
    async fn patiently(&self, wanted: &Wanted) -> Option<Came> {
        let context = &self.context;
        let mut ends: Option<(u64, Instant)> = None;
        for tries in 1..=TRIES_OF_ASSET {
            let now = clock::instant();
            let wanted = &Wanted {
                known_end: ends.and_then(|(end, since)| grown(end, now - since)),
                ..wanted.clone()
            };
            let came = context.aside(wanted, wanted.url.clone(), tries > 1).await;
            self.count(wanted, &came);
            let before = ends.filter(|(known, _)| came.short_by_end == Some(*known));
            ends = before.or(came.short_by_end.map(|end| (end, now)));
            // What is not there will not be; who is busy, or leads to one that is, may have it later.
            let is_refusal = |status: u16| (400..500).contains(&status) && status != 429;
            let is_final = came.is_over || came.status.is_some_and(is_refusal);
            if came.is_good || is_final || tries == TRIES_OF_ASSET {
                return came.is_good.then_some(came);
            }
            tokio::select! {
                () = context.stop.cancelled() => return None,
                () = tokio::time::sleep(BETWEEN_TRIES * tries) => {}
            }
        }
        None
    }

    fn count(&self, wanted: &Wanted, came: &Came) {
        let stats = &self.account.stats;
        PlaylistStats::count(&stats.bytes, came.bytes);
        if came.is_good && wanted.kind.is_chunk() {
            PlaylistStats::count(&stats.chunks, 1);
        } else if !came.is_good && !came.is_over {
            PlaylistStats::count(&stats.faults, 1);
        }
    }

    async fn leave_out(&self, what: &str) {
        tracing::warn!("there is too much of interstitials; left out: {what}");
        let writer = &self.context.fetcher.writer;
        writer.event(Remark::TooManyAssets, what.to_owned()).await;
    }
}

/// Where a file ends that has had time to grow beyond that.
fn grown(end: u64, within: Duration) -> Option<u64> {
    (within >= GROWS_WITHIN).then_some(end)
}

fn kind_of(entry: &Entry) -> Kind {
    match entry.role {
        EntryRole::Segment => Kind::Segment,
        EntryRole::Init => Kind::Init,
        EntryRole::Key => Kind::Key,
    }
}

/// What a playlist that came lists.
fn listed(playlist: &Wanted, came: &Came, kind: Kind, url: Url) -> Wanted {
    Wanted {
        kind,
        url,
        range: None,
        known_end: None,
        reach: came.reach,
        downgraded: came.downgraded,
        referrer: came.id,
        from_us: playlist.from_us,
    }
}
