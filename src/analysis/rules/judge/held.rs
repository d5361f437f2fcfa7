//! What is known of media while revisions pass.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::analysis::finding::Evidence;
use crate::analysis::rules::across::disputes::Disputes;
use crate::analysis::rules::media::Known;
use crate::analysis::rules::media::across::{Apart, Listed, Stamp, Stamps};
use crate::analysis::rules::media::drift::Drift;
use crate::analysis::rules::media::freeze::Weight;
use crate::analysis::rules::playlist::Segment;
use crate::hls::ByteRange;
use crate::media::facts::ChunkFacts;
use crate::media::read::Init;
use crate::session::ExchangeId;

/// What is known of media while revisions pass.
#[derive(Default)]
pub(super) struct Media {
    /// By playlist.
    pub(super) of: BTreeMap<i64, Rendition>,
    pub(super) told: BTreeMap<&'static str, u64>,
    /// Time stamps that are apart, by stream.
    pub(super) apart: BTreeMap<i64, Disputes<Apart>>,
    /// Room for the bytes of a segment.
    pub(super) body: Vec<u8>,
}

#[derive(Default)]
pub(super) struct Rendition {
    pub(super) last: Option<Held>,
    /// Row of its stream.
    pub(super) stream: i64,
    pub(super) stamps: Stamps,
    pub(super) weights: Vec<Weight>,
    pub(super) drift: Drift,
    pub(super) keys: HashMap<String, Option<Vec<u8>>>,
    pub(super) inits: HashMap<(String, Option<ByteRange>), Option<Arc<Init>>>,
}

/// What is known of a segment, by itself.
pub(super) struct Held {
    pub(super) facts: ChunkFacts,
    pub(super) init: Option<Arc<Init>>,
    pub(super) segment: Segment,
    pub(super) sequence: u64,
    pub(super) exchange: ExchangeId,
    /// Its absolute URL.
    pub(super) url: String,
    pub(super) at_us: i64,
    pub(super) follows: bool,
    pub(super) date_us: Option<i64>,
    /// A splice is told by the text that listed it.
    pub(super) tells_splices: bool,
    pub(super) weight: Weight,
    /// Its discontinuity number.
    pub(super) discontinuity: u64,
    pub(super) iframes_only: bool,
    pub(super) independent: bool,
}

impl Held {
    pub(super) fn known(&self) -> Known<'_> {
        Known {
            facts: &self.facts,
            init: self.init.as_deref(),
            has_map: self.segment.map != 0,
            sequence: self.sequence,
            extinf_us: self.segment.duration_us,
            extinf_unit_us: self.segment.duration_unit_us,
            discontinuity: self.segment.discontinuity,
            gap: self.segment.gap,
            follows: self.follows,
            iframes_only: self.iframes_only,
            independent: self.independent,
        }
    }

    /// When it is by its date and by its time stamps, where both are known.
    pub(super) fn stamp(&self) -> Option<Stamp> {
        let listed = Listed {
            date_us: self.date_us?,
            discontinuity: self.discontinuity,
            url: self.url.clone(),
            at: Evidence {
                at_us: self.at_us,
                exchange: Some(self.exchange),
            },
        };
        Stamp::of(&self.known(), listed)
    }
}
