//! Interstitials: lists of assets, asked for once for each date range, and the assets themselves, recorded
//! as they are then (RFC 8216bis appendix D).
//!
//! They are kept out of the plan: it asks again for what comes back, or has another query, and to ask for a
//! list of assets may count as an impression.

use crate::session::Remark;
use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::Instrument;
use url::Url;

use super::interstitials::{Found, UnderWay, resource};
use super::request::{Came, Wanted};
use crate::clock;
use crate::hls::{self, Entry, EntryRole, Interstitial, PlaylistKind, Variables};
use crate::recorder::admission::reach::Reach;
use crate::recorder::context::Context;
#[cfg(test)]
use crate::recorder::panics;
use crate::recorder::panics::MOST_PANICS;
use crate::recorder::schedule::retry_delay;
use crate::recorder::settings::limits::{
    GROWS_WITHIN, MOST_ASSET_BYTES, MOST_ASSET_CHUNKS, MOST_ASSET_PLAYLISTS, MOST_DATE_RANGES,
    TRIES_OF_ASSET,
};
use crate::recorder::stats::board::PlaylistStats;
use crate::session::{ExchangeId, Kind, NewListing};

/// Between the tries of a part of an asset, times the tries so far.
const BETWEEN_TRIES: Duration = Duration::from_secs(1);

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

/// Asks for what was found: the revision that names it has been handed to the writer.
pub(crate) fn start(context: &Arc<Context>, found: Vec<Found>, account: &Account) {
    for one in found {
        let job = Job::new(context, one, account);
        let span = context.span.clone();
        context.tasks.spawn(job.run().instrument(span));
    }
}

/// What is to be asked for on account of one date range. It outlives a panic, so that nothing is asked for twice.
struct Job {
    context: Arc<Context>,
    account: Account,
    named: Interstitial,
    _under_way: UnderWay,
    /// The list, until it has been asked for.
    list: Option<Wanted>,
    /// Assets that are still to be asked for; the first is under way.
    assets: VecDeque<Wanted>,
    /// What is left for that one.
    budget: Budget,
    /// What was asked for of it; and what of it was before a panic.
    asked: HashSet<u64>,
    asked_before: HashSet<u64>,
}

/// What is left for an asset.
struct Budget {
    playlists: usize,
    chunks: usize,
    bytes: u64,
}

impl Budget {
    fn new() -> Self {
        Self {
            playlists: MOST_ASSET_PLAYLISTS,
            chunks: MOST_ASSET_CHUNKS,
            bytes: MOST_ASSET_BYTES,
        }
    }
}

impl Job {
    fn new(context: &Arc<Context>, found: Found, account: &Account) -> Self {
        let Found { named, under_way } = found;
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
        let mut job = Self {
            context: Arc::clone(context),
            account: account.clone(),
            list: None,
            assets: VecDeque::new(),
            budget: Budget::new(),
            asked: HashSet::new(),
            asked_before: HashSet::new(),
            named,
            _under_way: under_way,
        };
        match job.named.is_list {
            true => job.list = Some(wanted),
            false => job.add(wanted),
        }
        job
    }

    /// Asks for everything; a job that panics goes on where it was, a few times.
    async fn run(mut self) {
        let context = Arc::clone(&self.context);
        let name = hls::resource_name(&self.named.url);
        let what = || format!("the requests for the interstitial {name:?}");
        for panics in 1..=MOST_PANICS {
            if context.panics.contain(self.work(), what).await.is_some() {
                return;
            }
            self.asked_before.extend(self.asked.drain());
            if panics == MOST_PANICS {
                break;
            }
            tokio::select! {
                () = context.stop.cancelled() => break,
                () = tokio::time::sleep(retry_delay(panics)) => {}
            }
        }
        self.give_up().await;
    }

    async fn work(&mut self) {
        let context = Arc::clone(&self.context);
        let permit = tokio::select! {
            () = context.stop.cancelled() => None,
            permit = context.assets.permits.acquire() => permit.ok(),
        };
        if permit.is_none() {
            return self.give_up().await;
        }
        if let Some(list) = self.list.clone()
            && !self.ask_for_list(list).await
        {
            return self.give_up().await;
        }
        while let Some(asset) = self.assets.front().cloned() {
            self.asset(asset).await;
            self.assets.pop_front();
            self.budget = Budget::new();
            self.asked.clear();
            self.asked_before.clear();
        }
    }

    /// The list is not asked for any more, and nobody waits for it.
    async fn give_up(&self) {
        let gone = match &self.list {
            Some(list) => vec![resource(&self.context, &self.named, &list.url)],
            None => return,
        };
        let listing = NewListing {
            gone,
            ..NewListing::default()
        };
        self.context.fetcher.writer.listed(listing).await;
    }

    /// Adds an asset, unless it is known.
    fn add(&mut self, asset: Wanted) {
        let mut hasher = DefaultHasher::new();
        asset.url.hash(&mut hasher);
        let is_new = {
            let mut known = self.context.assets.lock_known();
            if known.assets.len() >= MOST_DATE_RANGES {
                known.assets.clear();
            }
            known.assets.insert(hasher.finish())
        };
        if is_new {
            self.assets.push_back(asset);
        }
    }

    /// A list, asked for once, whatever comes; whether it was.
    async fn ask_for_list(&mut self, wanted: Wanted) -> bool {
        #[cfg(test)]
        panics::testing::pass(panics::testing::Place::AssetList, wanted.url.as_str());
        let context = Arc::clone(&self.context);
        let directives = [("_HLS_primary_id", context.assets.player.as_str())];
        let asked = hls::with_directives(&wanted.url, &directives);
        let came = context.aside(&wanted, asked, false).await;
        if came.id == 0 {
            return false;
        }
        self.list = None;
        self.count(&wanted, &came);
        let Some(body) = &came.body else {
            return true;
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
            self.add(Wanted {
                url: hls::without_directives(&url),
                reach: came.reach,
                downgraded: came.downgraded,
                referrer: came.id,
                ..wanted.clone()
            });
        }
        true
    }

    /// An asset, as it is now; interstitials of its own are not followed.
    async fn asset(&mut self, asset: Wanted) {
        let name = hls::resource_name(&asset.url);
        let is_whole = self.playlists(asset).await;
        if !is_whole && !self.context.stop.is_cancelled() {
            self.leave_out(&format!("parts of the asset {name}")).await;
        }
    }

    /// The playlists of an asset and what they list; whether there was room for all of it.
    async fn playlists(&mut self, asset: Wanted) -> bool {
        let Some((wanted, came, body)) = self.playlist(asset).await else {
            return true;
        };
        if hls::playlist_kind(&body) != Some(PlaylistKind::Multivariant) {
            let variables = Variables::default();
            return self.listed_by(&wanted, &came, &body, &variables).await;
        }
        let main = hls::read_multivariant(&body, &came.url);
        self.context
            .refuse(&main.refused, &hls::resource_name(&wanted.url))
            .await;
        let others = main.keys.into_iter().map(|url| (Kind::Key, url));
        for (kind, url) in others.chain(main.data.into_iter().map(|url| (Kind::Data, url))) {
            if !self.chunk(&listed(&wanted, &came, kind, url)).await {
                return false;
            }
        }
        for child in self.context.selection.select(main.children).kept {
            if self.budget.playlists == 0 {
                return false;
            }
            let child = listed(&wanted, &came, Kind::Media, child.url);
            let Some((child, came, body)) = self.playlist(child).await else {
                continue;
            };
            let is_whole = self.listed_by(&child, &came, &body, &main.variables);
            if !is_whole.await {
                return false;
            }
        }
        true
    }

    async fn playlist(&mut self, asset: Wanted) -> Option<(Wanted, Came, bytes::Bytes)> {
        self.budget.playlists = self.budget.playlists.saturating_sub(1);
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
        &mut self,
        playlist: &Wanted,
        came: &Came,
        body: &[u8],
        imports: &Variables,
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
            if !self.chunk(&wanted).await {
                return false;
            }
        }
        is_whole
    }

    /// Whether there is room for more.
    async fn chunk(&mut self, wanted: &Wanted) -> bool {
        let budget = &self.budget;
        if budget.chunks == 0 || budget.bytes == 0 || self.context.stop.is_cancelled() {
            return false;
        }
        if self.asked_before.contains(&hash_of(wanted)) {
            return true;
        }
        #[cfg(test)]
        panics::testing::pass(panics::testing::Place::AssetPart, wanted.url.as_str());
        self.budget.chunks -= 1;
        let came = self.patiently(wanted).await;
        self.budget.bytes = self
            .budget
            .bytes
            .saturating_sub(came.map_or(0, |came| came.bytes));
        true
    }

    /// A part of an asset: tried a few times, as players do.
    async fn patiently(&mut self, wanted: &Wanted) -> Option<Came> {
        let context = Arc::clone(&self.context);
        let is_known = self.asked_before.contains(&hash_of(wanted));
        let mut ends: Option<(u64, Instant)> = None;
        for tries in 1..=TRIES_OF_ASSET {
            let now = clock::instant();
            let wanted = &Wanted {
                known_end: ends.and_then(|(end, since)| grown(end, now - since)),
                ..wanted.clone()
            };
            let came = context
                .aside(wanted, wanted.url.clone(), is_known || tries > 1)
                .await;
            self.asked.insert(hash_of(wanted));
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
            stats.fault(came.outcome);
        }
    }

    async fn leave_out(&self, what: &str) {
        tracing::warn!("there is too much of interstitials; left out: {what}");
        let writer = &self.context.fetcher.writer;
        writer.event(Remark::TooManyAssets, what.to_owned()).await;
    }
}

/// A resource, among those of one asset.
fn hash_of(wanted: &Wanted) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&wanted.url, wanted.range).hash(&mut hasher);
    hasher.finish()
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
