//! The text of a DVR playlist. Pure.
//!
//! Lines are those of the origin, except for these: the head, URIs of recorded bodies, implicit IVs, gaps and
//! discontinuities.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use url::Url;

use super::contents::{AppliedBodies, Contents, RecordedBody};
use super::new_segment::NewSegment;
use crate::hls::{Applied, ByteRange, InForce};
use crate::replayer::request::paths::exchange_path;

/// EXT-X-GAP needs it (RFC 8216bis 8), and a gap may come at any time: a head that changed
/// then would no longer be the beginning of what was served before.
const LEAST_VERSION: u64 = 8;

/// Writes the lines of a playlist; knows what the lines so far have said.
#[derive(Debug, Clone, Default)]
pub(crate) struct PlaylistWriter {
    /// The reference to the root of the replay: `../` as often as needed.
    root: String,
    segments: u64,
    first_sequence: u64,
    discontinuity_sequence: u64,
    version: u64,
    target_seconds: u64,
    /// Whether some revision did not say that segments are independent.
    dependent: bool,
    i_frames_only: bool,
    images_only: bool,
    /// What applies as it stands in the text, but for IVs that are counted.
    in_force: Option<(Arc<InForce>, AppliedBodies)>,
    /// Keys that apply, sorted by KEYFORMAT.
    keys: Vec<Line>,
    map: Option<Line>,
    /// The bodies referred to last, by KEYFORMAT; that of the initialization section under `None`.
    bodies: HashMap<Option<String>, (Url, Arc<RecordedBody>)>,
}

/// The line of a key or an initialization section that applies.
#[derive(Debug, Clone)]
struct Line {
    applied: Arc<Applied>,
    body: Option<Arc<RecordedBody>>,
    text: Arc<str>,
}

impl Line {
    /// Whether it is the line for this key or section: no input of it has changed.
    fn is_for(&self, applied: &Arc<Applied>, body: Option<&Arc<RecordedBody>>) -> bool {
        let is_same = Arc::ptr_eq(&self.applied, applied);
        is_same && !applied.counts_iv && self.body.as_ref() == body
    }
}

impl PlaylistWriter {
    /// References lead to the root of the replay by this one.
    pub(crate) fn new(root: &str) -> Self {
        Self {
            root: root.to_owned(),
            ..Self::default()
        }
    }

    /// Number of segments.
    pub(crate) fn segments(&self) -> u64 {
        self.segments
    }

    /// The lines before the first segment.
    pub(crate) fn head(&self, playlist_type: Option<&str>) -> String {
        let mut head = format!(
            "#EXTM3U\n#EXT-X-VERSION:{}\n#EXT-X-TARGETDURATION:{}\n#EXT-X-MEDIA-SEQUENCE:{}\n",
            self.version.max(LEAST_VERSION),
            self.target_seconds.max(1),
            self.first_sequence,
        );
        // Writing to a String cannot fail.
        if self.discontinuity_sequence > 0 {
            let _ = writeln!(
                head,
                "#EXT-X-DISCONTINUITY-SEQUENCE:{}",
                self.discontinuity_sequence
            );
        }
        if let Some(playlist_type) = playlist_type {
            let _ = writeln!(head, "#EXT-X-PLAYLIST-TYPE:{playlist_type}");
        }
        if !self.dependent {
            head += "#EXT-X-INDEPENDENT-SEGMENTS\n";
        }
        if self.i_frames_only {
            head += "#EXT-X-I-FRAMES-ONLY\n";
        }
        if self.images_only {
            head += "#EXT-X-IMAGES-ONLY\n";
        }
        head
    }

    /// Adds a segment; without contents, one that is missing.
    pub(crate) fn add(
        &mut self,
        text: &mut String,
        taken: &NewSegment,
        contents: Option<Contents>,
    ) {
        self.count(taken);
        let segment = &taken.segment;
        if segment.discontinuity || taken.breaks {
            text.push_str("#EXT-X-DISCONTINUITY\n");
        }
        if let Some(contents) = &contents {
            self.apply(text, taken, &contents.applied);
        }
        for line in &segment.tags {
            text.push_str(line);
            text.push('\n');
        }
        match &contents {
            Some(Contents { body, .. }) => {
                if let Some(range) = body.range {
                    let _ = writeln!(text, "#EXT-X-BYTERANGE:{}@{}", range.length, range.first);
                }
                text.push_str(&exchange_path(
                    &self.root,
                    body.exchange_id,
                    segment.url.as_ref(),
                ));
            }
            None => {
                text.push_str("#EXT-X-GAP\n");
                text.push_str(&exchange_path(&self.root, 0, segment.url.as_ref()));
            }
        }
        text.push('\n');
    }

    /// The first so many segments have gone, and so many discontinuities with them.
    pub(crate) fn remove(&mut self, segments: u64, discontinuities: u64) {
        self.first_sequence = self.first_sequence.saturating_add(segments);
        self.discontinuity_sequence = self.discontinuity_sequence.saturating_add(discontinuities);
    }

    fn count(&mut self, taken: &NewSegment) {
        let NewSegment { segment, head, .. } = taken;
        if self.segments == 0 {
            self.first_sequence = segment.sequence;
            self.discontinuity_sequence = taken.discontinuity_sequence;
            self.i_frames_only = head.i_frames_only;
            self.images_only = head.images_only;
        }
        self.segments += 1;
        self.version = self.version.max(head.version);
        self.dependent |= !head.independent;
        let stated = u64::try_from(taken.listing.target_us)
            .unwrap_or(0)
            .div_ceil(1_000_000);
        let rounded = segment.duration.map_or(0, |d| (d.as_millis() + 500) / 1000);
        let rounded = u64::try_from(rounded).unwrap_or(u64::MAX);
        self.target_seconds = self.target_seconds.max(stated).max(rounded);
    }

    /// Writes the keys and the initialization section that apply, where others did before.
    fn apply(&mut self, text: &mut String, taken: &NewSegment, bodies: &AppliedBodies) {
        let in_force = &taken.segment.in_force;
        let counts_iv = in_force.keys().iter().any(|key| key.counts_iv);
        let is_same = |(before, of): &(Arc<InForce>, AppliedBodies)| {
            Arc::ptr_eq(before, in_force) && Arc::ptr_eq(of, bodies)
        };
        if !counts_iv && self.in_force.as_ref().is_some_and(is_same) {
            return;
        }
        self.in_force = Some((Arc::clone(in_force), Arc::clone(bodies)));
        let mut bodies = bodies.iter().map(Option::as_ref);
        self.apply_keys(text, taken, &mut bodies);
        if let Some(map) = in_force.map() {
            let body = bodies.next().flatten();
            let before = self.map.take();
            let line = self.line(before.as_ref(), map, body, None);
            if before.is_none_or(|before| before.text != line.text) {
                text.push_str(&line.text);
                text.push('\n');
            }
            self.map = Some(line);
        }
    }

    fn apply_keys<'b>(
        &mut self,
        text: &mut String,
        taken: &NewSegment,
        bodies: &mut impl Iterator<Item = Option<&'b Arc<RecordedBody>>>,
    ) {
        let before = std::mem::take(&mut self.keys);
        let mut before = before.into_iter().peekable();
        let mut ends = false;
        // Each line, and whether it applies in the text already.
        let mut lines = Vec::with_capacity(taken.segment.in_force.keys().len());
        for key in taken.segment.in_force.keys() {
            while before
                .next_if(|line| compare_formats(&line.applied, key) == Ordering::Less)
                .is_some()
            {
                ends = true;
            }
            let old = before.next_if(|line| compare_formats(&line.applied, key) == Ordering::Equal);
            let line = self.line(
                old.as_ref(),
                key,
                bodies.next().flatten(),
                Some(taken.number),
            );
            let stands = old.is_some_and(|old| old.text == line.text);
            lines.push((line, stands));
        }
        ends |= before.next().is_some();
        if ends {
            text.push_str("#EXT-X-KEY:METHOD=NONE\n");
        }
        for (line, _) in lines.iter().filter(|(_, stands)| ends || !stands) {
            text.push_str(&line.text);
            text.push('\n');
        }
        self.keys = lines.into_iter().map(|(line, _)| line).collect();
    }

    /// The line of a key (with the number of its segment) or of an initialization section.
    fn line(
        &mut self,
        before: Option<&Line>,
        applied: &Arc<Applied>,
        body: Option<&Arc<RecordedBody>>,
        number: Option<u64>,
    ) -> Line {
        if let Some(before) = before.filter(|before| before.is_for(applied, body)) {
            return before.clone();
        }
        let slot = number.map(|_| applied.format.clone());
        let mut text = self.text_with_path(slot, applied, body);
        if let (Some(number), true) = (number, applied.counts_iv) {
            let _ = write!(text, ",IV=0x{number:032x}");
        }
        Line {
            applied: Arc::clone(applied),
            body: body.cloned(),
            text: text.into(),
        }
    }

    /// A line with the path of a recorded body; for equal content, the path that was written before.
    fn text_with_path(
        &mut self,
        slot: Option<String>,
        applied: &Applied,
        body: Option<&Arc<RecordedBody>>,
    ) -> String {
        let (Some(body), Some(url)) = (body, &applied.url) else {
            return applied.line.clone();
        };
        let before = self.bodies.get(&slot);
        let is_same = |(old, of): &(Url, Arc<RecordedBody>)| {
            old == url && of.sha256 == body.sha256 && of.range == body.range
        };
        if !before.is_some_and(is_same) {
            let known = (url.clone(), Arc::clone(body));
            self.bodies.insert(slot.clone(), known);
        }
        let referred = self.bodies.get(&slot).map_or(body, |(_, of)| of);
        let range = referred
            .range
            .or(applied.range.map(|range| ByteRange { first: 0, ..range }));
        let path = exchange_path(&self.root, referred.exchange_id, Some(url));
        applied.with(&path, range)
    }
}

/// The order of two keys, by KEYFORMAT.
fn compare_formats(one: &Arc<Applied>, other: &Arc<Applied>) -> Ordering {
    match Arc::ptr_eq(one, other) {
        true => Ordering::Equal,
        false => one.format.cmp(&other.format),
    }
}
