//! What a playlist names beside playlists and segments: a steering server, interstitials.

use crate::hls::{Interstitials, Refused, SteeringTag};
use crate::recorder::beside::assets::{Account, Found};

/// What the revision that is being taken in names.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    pub(crate) interstitials: Interstitials,
    pub(crate) steering: (Option<SteeringTag>, Vec<Refused>),
    /// To be asked for as soon as the revision has been handed to the writer, on whose account.
    pub(crate) assets: Option<(Vec<Found>, Account)>,
    pub(crate) starts_steering: bool,
}
