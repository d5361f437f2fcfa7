//! The steering server and the interstitials that a revision names.

use crate::hls;
use crate::hls::PlaylistKind;
use crate::recorder::beside::assets;
use crate::recorder::beside::assets::Account;
use crate::recorder::beside::interstitials;
use crate::recorder::beside::steering;
use crate::recorder::beside::steering::Named;
use crate::recorder::poll::poller::Poller;
use crate::recorder::settings::selection::AssetLists;
use crate::session::Kind;
use bytes::Bytes;
use url::Url;

impl Poller {
    /// Reads what a body names of a steering server or of interstitials.
    pub(crate) fn read_beside(&mut self, body: &Bytes, url: &Url) {
        let is_multivariant = hls::playlist_kind(body) == Some(PlaylistKind::Multivariant);
        let wants_assets = self.context.selection.asset_lists == AssetLists::All;
        if is_multivariant && self.playlist.kind == Kind::Main {
            self.beside.steering = hls::read_steering_tag(body, url);
        } else if !is_multivariant && wants_assets {
            let imports = &self.variables;
            self.beside.interstitials = hls::read_interstitials(body, url, imports);
        }
    }

    /// Notes what the body named, before its revision is written.
    pub(crate) async fn note_beside(&mut self) {
        let (tag, refused) = std::mem::take(&mut self.beside.steering);
        let interstitials = std::mem::take(&mut self.beside.interstitials);
        self.refuse(&refused).await;
        self.refuse(&interstitials.refused).await;
        let (revision, from_us) = (self.listing.revision, self.listing.from_us);
        let reach = self.playlist.may_lead();
        let downgraded = self.playlist.names_downgraded();
        if let Some(tag) = tag {
            let named = Named {
                tag,
                revision,
                from_us,
                reach,
                downgraded,
            };
            self.beside.starts_steering = steering::note(&self.context, named, &mut self.listing);
        }
        // Those that a loop found which then panicked.
        let left = self.beside.assets.take();
        let mut found = left.map(|(found, _)| found).unwrap_or_default();
        if !interstitials.named.is_empty() {
            found.extend(
                interstitials::note(&self.context, interstitials.named, &mut self.listing).await,
            );
        }
        if !found.is_empty() {
            let account = Account {
                revision,
                from_us,
                reach,
                downgraded,
                stats: self.playlist.stats.clone(),
            };
            self.beside.assets = Some((found, account));
        }
    }

    /// Has what was named asked for, once the revision has been handed to the writer.
    pub(crate) fn ask_beside(&mut self) {
        if let Some((found, account)) = self.beside.assets.take() {
            assets::start(&self.context, found, &account);
        }
        if std::mem::take(&mut self.beside.starts_steering) {
            steering::start(&self.context);
        }
    }
}
