//! What a revision names, which resources these URLs are, and for how long they matter when it is no longer the answer.

use std::collections::HashSet;

use rusqlite::{Connection, Result, params};
use url::Url;

use crate::hls::{self, ByteRange, PlaylistKind, Variables};
use crate::session::read::answers::find;

/// For so many target durations what is no longer listed may come back without having been
/// fetched again: the recorder's plan waits for five, and it measures a little later.
const BACK_WITHIN: i64 = 6;
/// Without a target duration, this is taken for one.
const UNKNOWN_TARGET_US: i64 = 6_000_000;

/// For so long, in microseconds, what is no longer listed matters. `targets_us`: of the playlists that hold.
pub(crate) fn back_us(targets_us: impl Iterator<Item = i64>) -> i64 {
    let target_us = targets_us.max().unwrap_or(UNKNOWN_TARGET_US);
    target_us.saturating_mul(BACK_WITHIN)
}

/// What a playlist names.
#[derive(Debug, Default)]
pub(crate) struct Named {
    /// Playlists, chunks, keys, data; each once: a playlist can name one URL a million times.
    pub urls: HashSet<(Url, Option<ByteRange>)>,
    /// Of a multivariant playlist: what it defines.
    pub variables: Option<Variables>,
    /// It imports variables of its multivariant playlist.
    pub imports: bool,
}

impl Named {
    /// `base`: the URL that answered; `variables`: those of the multivariant playlist.
    pub(crate) fn read(body: &[u8], base: &Url, variables: impl FnOnce() -> Variables) -> Self {
        let mut named = Self::default();
        if hls::playlist_kind(body) == Some(PlaylistKind::Multivariant) {
            let main = hls::read_multivariant(body, base);
            let children = main.children.into_iter().map(|child| child.url);
            let all = children.chain(main.keys).chain(main.data);
            let steering = hls::read_steering_tag(body, base).0;
            let steering = steering.map(|tag| hls::without_directives(&tag.url));
            named
                .urls
                .extend(all.chain(steering).map(|url| (url, None)));
            named.variables = Some(main.variables);
            return named;
        }
        let variables = variables();
        let media = hls::read_media(body, base, &variables);
        let interstitials = hls::read_interstitials(body, base, &variables).named;
        let assets = interstitials.iter();
        let assets = assets.map(|asset| hls::without_directives(&asset.url));
        named.urls.extend(assets.map(|url| (url, None)));
        let entries = media.entries.into_iter();
        named
            .urls
            .extend(entries.map(|entry| (Url::clone(&entry.url), entry.range)));
        named.imports = hls::imports_variables(body);
        named
    }
}

const EXACT: &str = "
    SELECT id FROM resource
     WHERE url = ?1 AND (range_first IS NULL OR (range_first = ?2 AND range_length = ?3))";
const BY_ALIAS: &str = "
    SELECT r.id FROM alias a JOIN resource r ON r.id = a.resource_id
     WHERE a.url = ?1 AND (r.range_first IS NULL OR (r.range_first = ?2 AND r.range_length = ?3))";

/// The resources that a URL of a playlist is.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    /// Rows of `resource`.
    pub resources: Vec<i64>,
    /// None of them has this URL itself: it is another one of theirs.
    pub is_alias: bool,
}

/// Looks a URL up as it stands; one that has no row of its own is answered with what has its path, where that has one URL.
pub(crate) fn resolve(db: &Connection, url: &str, range: Option<ByteRange>) -> Result<Resolved> {
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let (first, length) = (
        range.map(|r| number(r.first)),
        range.map(|r| number(r.length)),
    );
    let find = |sql: &str, url: &str| -> Result<Vec<i64>> {
        let mut statement = db.prepare_cached(sql)?;
        let ids = statement.query_map(params![url, first, length], |row| row.get(0))?;
        ids.collect()
    };
    let own = find(EXACT, url)?;
    let others = find(BY_ALIAS, url)?;
    // A name that is a resource's own leads to what was asked for in its place.
    let is_alias = own.is_empty() && !others.is_empty();
    let mut resources = [own, others].concat();
    if resources.is_empty()
        && let Some(only) = find::only_of_path(db, url)?
    {
        resources = find(EXACT, &only)?;
    }
    Ok(Resolved {
        resources,
        is_alias,
    })
}

/// Each finds its rows by an index.
#[cfg(test)]
pub(crate) const QUERIES: [&str; 3] = [EXACT, BY_ALIAS, find::ENDS_OF_PATH];
