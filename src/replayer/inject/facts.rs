//! Facts about an answer that rules ask for: read from the session, where a rule needs them.

use url::Url;

use super::rule::{Facts, Rules, VariantFacts};
use crate::hls::{
    ByteRange, Child, ChildRole, Variables, imports_variables, read_media, read_multivariant,
};
use crate::replayer::content::found::LookupResult;
use crate::replayer::content::lookup::Lookup;
use crate::replayer::content::question::Question;
use crate::replayer::request::Player;
use crate::session::{Answer, Body, ExchangeId, Kind, Listing, ReadError};

impl Lookup<'_> {
    /// What rules ask about what the session has; `None`: it has no answer.
    pub(crate) fn facts(
        &self,
        rules: &Rules,
        looked: &LookupResult,
        question: &Question,
        zero_us: i64,
    ) -> Result<Option<Facts>, ReadError> {
        let (answer, url) = match looked {
            LookupResult::Whole(whole) => (&whole.answer, &whole.url),
            LookupResult::Pieces(pieces) => (&pieces.answer, &pieces.url),
            _ => return Ok(None),
        };
        let listing = match answer.resource.kind.is_playlist() {
            true => None,
            false => self.reader.listing(answer.exchange.id)?,
        };
        let playlist_id = match &listing {
            Some(listing) => Some(listing.playlist_id),
            None => self.reader.head_resource(answer.exchange.id)?,
        };
        let kind = match (answer.resource.kind, playlist_id) {
            // What the user typed is `main`, whatever it is.
            (Kind::Main, Some(id)) if self.is_media(id, question.moment_us)? => Kind::Media,
            (kind, _) => kind,
        };
        let Player {
            session_us,
            began_us,
        } = question.player;
        let mut facts = Facts {
            kind,
            url: url.clone(),
            revision: kind.is_playlist().then_some(answer.exchange.id),
            session_us,
            began_us,
            sequences: Vec::new(),
            first_sequence: None,
            variants: Vec::new(),
        };
        if let (true, Some(listing)) = (rules.ask_for_sequences(), &listing) {
            let began_us = zero_us.saturating_add(began_us);
            facts.first_sequence = self.reader.first_sequence(listing.playlist_id, began_us)?;
            facts.sequences = self.sequences(answer, question, listing)?;
        }
        if rules.ask_for_variants() {
            facts.variants = self.variants(answer, question, playlist_id)?;
        }
        Ok(Some(facts))
    }

    /// Whether a playlist is a media playlist.
    fn is_media(&self, playlist_id: i64, moment_us: i64) -> Result<bool, ReadError> {
        let first = self.reader.first_sequence(playlist_id, moment_us)?;
        Ok(first.is_some())
    }

    /// The media sequence numbers of a resource: in the revision that listed it first, and in
    /// the one that holds now.
    fn sequences(
        &self,
        answer: &Answer,
        question: &Question,
        listing: &Listing,
    ) -> Result<Vec<(u64, u64)>, ReadError> {
        let now = self
            .reader
            .revision_at(listing.playlist_id, question.moment_us)?;
        let mut found = Vec::new();
        for revision in [Some(listing.revision), now].into_iter().flatten() {
            let listed = self.listed_at(answer, question, revision)?;
            found.extend(listed);
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    fn listed_at(
        &self,
        answer: &Answer,
        question: &Question,
        revision: ExchangeId,
    ) -> Result<Vec<(u64, u64)>, ReadError> {
        let base = self.reader.exchange_url(revision)?;
        let base = base.and_then(|url| Url::parse(&url).ok());
        let (Some(base), Some(Body::Bytes(body))) = (base, self.reader.body_of(revision)?) else {
            return Ok(Vec::new());
        };
        let mut imports = Variables::default();
        if imports_variables(&body)
            && let Some((_, url, main)) =
                self.main_playlist(answer.resource.stream_id, question.moment_us)?
        {
            imports = read_multivariant(&main, &url).variables;
        }
        let is_it = |url: &Url, range: Option<ByteRange>| {
            let is_url = url.as_str() == answer.resource.url || *url == question.url;
            is_url && (answer.resource.range.is_none() || answer.resource.range == range)
        };
        let entries = read_media(&body, &base, &imports).entries;
        let listed = entries
            .iter()
            .filter(|entry| is_it(&entry.url, entry.range));
        Ok(listed
            .map(|entry| (entry.sequence, entry.last_use))
            .collect())
    }

    /// The variants that a media playlist is of.
    fn variants(
        &self,
        answer: &Answer,
        question: &Question,
        playlist_id: Option<i64>,
    ) -> Result<Vec<VariantFacts>, ReadError> {
        let playlist = match playlist_id {
            Some(id) => self.reader.resource_url(id)?,
            None => None,
        };
        let main = self.main_playlist(answer.resource.stream_id, question.moment_us)?;
        let (Some((_, url, body)), Some(playlist)) = (main, playlist) else {
            return Ok(Vec::new());
        };
        let children = read_multivariant(&body, &url).children;
        let variants: Vec<_> = children
            .iter()
            .filter(|child| child.role == ChildRole::Variant)
            .collect();
        let highest = variants.iter().map(|child| child.bandwidth).max();
        let lowest = variants.iter().map(|child| child.bandwidth).min();
        let path = |url: &str| url.split('?').next().unwrap_or(url).to_owned();
        let is_it = |child: &&Child| child.url.as_str() == playlist;
        let is_its_path = |child: &&Child| path(child.url.as_str()) == path(&playlist);
        // Tokens change, and queries can be what tells variants apart.
        let is_named = variants.iter().copied().any(|child| is_it(&child));
        let namesakes = variants.iter().copied().filter(is_its_path).count();
        let is_meant = |child: &Child| match is_named {
            true => is_it(&child),
            false => namesakes == 1 && is_its_path(&child),
        };
        let found = (1..).zip(&variants).filter(|(_, child)| is_meant(child));
        let facts = found.map(|(position, child)| VariantFacts {
            position,
            height: child.height,
            is_highest: Some(child.bandwidth) == highest,
            is_lowest: Some(child.bandwidth) == lowest,
        });
        Ok(facts.collect())
    }
}
