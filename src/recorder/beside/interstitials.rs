//! Interstitials that revisions name: each is noted by the ID of its date range, in all runs of a session, so that it is
//! asked for once.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use url::Url;

use crate::hls::{self, Interstitial};
use crate::recorder::context::Context;
use crate::recorder::context::asset_state::Known;
use crate::session::{Kind, NewListing, Remark, ResourceKey};

/// Other URLs of what was asked for that are remembered, so that each is written once.
const MOST_ALIASES: usize = 16_384;

/// An interstitial that is to be asked for.
#[derive(Debug)]
pub(crate) struct Found {
    pub(super) named: Interstitial,
    pub(super) under_way: UnderWay,
}

/// A stream does not end before this goes.
pub(super) struct UnderWay(Arc<Context>);

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
        let mut known = context.assets.lock_known();
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
                    let mut known = context.assets.lock_known();
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

pub(super) fn resource(context: &Context, named: &Interstitial, url: &Url) -> ResourceKey {
    let kind = match named.is_list {
        true => Kind::Assets,
        false => Kind::Media,
    };
    ResourceKey::whole(context.stream_id, kind, url.to_string())
}
