//! What a playlist names beside playlists and segments: a steering server, interstitials.

use crate::hls::{Interstitials, Refused, SteeringTag};
use crate::recorder::beside::assets::{Account, Found};

/// What the revision that is being taken in names.
#[derive(Debug, Default)]
pub(super) struct Beside {
    pub(super) interstitials: Interstitials,
    pub(super) steering: (Option<SteeringTag>, Vec<Refused>),
    /// To be asked for as soon as the revision has been handed to the writer, on whose account.
    pub(super) assets: Option<(Vec<Found>, Account)>,
    pub(super) starts_steering: bool,
}
