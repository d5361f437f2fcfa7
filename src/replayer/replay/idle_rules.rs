//! Rules of `--inject` that match nothing of the session.

use std::collections::HashSet;

use url::Url;

use super::Replay;
use crate::hls::{ChildRole, read_multivariant};
use crate::replayer::content::lookup::Lookup;
use crate::replayer::inject::idle::Extent;
use crate::replayer::inject::rule::VariantFacts;
use crate::session::{Kind, ReadError, Reader};

/// URLs that are looked at; of a session with more nothing is said.
const MOST_URLS: usize = 1_000_000;

impl Replay {
    /// What is said of each rule that can do nothing, as far as is recorded.
    ///
    /// # Errors
    /// The session cannot be read.
    pub fn idle_rules(&self) -> Result<Vec<String>, ReadError> {
        if self.rules.is_empty() {
            return Ok(Vec::new());
        }
        self.bodies
            .pool
            .with_reader(|reader| self.idle_with(reader))
    }

    /// Whether a rule counts from when a player began.
    pub fn counts_from_players(&self) -> bool {
        self.rules.are_relative()
    }

    fn idle_with(&self, reader: &Reader) -> Result<Vec<String>, ReadError> {
        let playlists = reader.media_playlists()?;
        let media: HashSet<i64> = playlists.iter().map(|playlist| playlist.id).collect();
        let mut candidates = self.rules.candidates();
        let mut seen = 0;
        reader.each_url(|id, kind, url| {
            seen += 1;
            let Ok(url) = Url::parse(url) else {
                return true;
            };
            match (kind, media.contains(&id)) {
                // At a moment at which it cannot be read it is what it was asked for as.
                (Kind::Main, true) => candidates.see(&[Kind::Main, Kind::Media], &url),
                (kind, _) => candidates.see(&[kind], &url),
            }
            seen < MOST_URLS && !candidates.are_all_met()
        })?;
        if seen >= MOST_URLS && !candidates.are_all_met() {
            return Ok(Vec::new());
        }
        let streams = self.streams();
        let span = self.span();
        let look = self.lookup(reader, &streams);
        let extent = Extent {
            sequences: reader.sequences()?,
            variants: variants(&look, [span.zero_us, span.end_us])?,
            length_us: (!span.recording).then_some(span.length_us()),
        };
        Ok(candidates.idle(&extent))
    }
}

/// Variants of all streams, as they were listed at some moments (microseconds of Unix time).
fn variants(look: &Lookup<'_>, moments: [i64; 2]) -> Result<Vec<VariantFacts>, ReadError> {
    let mut all = Vec::new();
    for stream in look.streams {
        for moment_us in moments {
            let Some((_, url, body)) = look.main_playlist(stream.id, moment_us)? else {
                continue;
            };
            let children = read_multivariant(&body, &url).children.into_iter();
            let variants = children.filter(|child| child.role == ChildRole::Variant);
            all.extend((1..).zip(variants).map(|(position, child)| VariantFacts {
                position,
                height: child.height,
                // There are some.
                is_highest: true,
                is_lowest: true,
            }));
        }
    }
    all.sort_unstable_by_key(|variant| (variant.position, variant.height));
    all.dedup();
    Ok(all)
}
