//! A text that responses share: its bytes, its entity tag and its compressed form, each made once.

use std::io::Write;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::budget::Permit;
use crate::replayer::header::fields::entity_tag;
use crate::session::digest;

/// Bytes from which on a text is compressed: a smaller one fits into a packet.
const SMALLEST: usize = 1024;

/// A text; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Text(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bytes: Bytes,
    tag: OnceLock<String>,
    gzip: OnceLock<Option<Bytes>>,
}

/// Bytes with their permit, for as long as a response sends them.
struct Owned(Vec<u8>, #[expect(dead_code, reason = "it is held")] Permit);

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Text {
    pub(crate) fn new(mut text: Vec<u8>, mut permit: Permit) -> Self {
        text.shrink_to_fit();
        // Memory for its compressed form is counted before that is made.
        permit.shrink(text.len() + text.len() / 4);
        Self(Arc::new(Inner {
            bytes: Bytes::from_owner(Owned(text, permit)),
            tag: OnceLock::new(),
            gzip: OnceLock::new(),
        }))
    }

    pub(crate) fn bytes(&self) -> &Bytes {
        &self.0.bytes
    }

    /// Its entity tag.
    pub(crate) fn tag(&self) -> &str {
        let tag = &self.0.tag;
        tag.get_or_init(|| entity_tag(&digest(&self.0.bytes)))
    }

    /// Whether it is compressed for clients that take that.
    pub(crate) fn may_be_compressed(&self) -> bool {
        self.0.bytes.len() >= SMALLEST
    }

    /// Compresses it, once; concurrent callers wait.
    pub(crate) fn compress(&self) {
        if self.may_be_compressed() {
            self.0.gzip.get_or_init(|| compressed(&self.0.bytes));
        }
    }

    /// Whether it is compressed already, or never will be.
    pub(crate) fn is_compressed(&self) -> bool {
        !self.may_be_compressed() || self.0.gzip.get().is_some()
    }

    /// Its compressed form, where that was made and is smaller.
    pub(crate) fn compressed(&self) -> Option<&Bytes> {
        self.0.gzip.get()?.as_ref()
    }

    /// What it takes in memory, in bytes; the same at all times.
    pub(crate) fn weight(&self) -> u64 {
        let length = self.0.bytes.len() as u64;
        length + length / 4
    }
}

/// The tag of a text in gzip. Other bytes need another tag, and a weak one says that the content is the same
/// (RFC 9110 8.8.1).
pub(crate) fn weak_tag(tag: &str) -> String {
    format!("W/{}", tag.trim_start_matches("W/"))
}

fn compressed(text: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Writing into memory cannot fail.
    encoder.write_all(text).ok()?;
    let compressed = encoder.finish().ok()?;
    (compressed.len() < text.len()).then(|| compressed.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: Vec<u8>) -> Text {
        Text::new(bytes, Permit::default())
    }

    #[test]
    fn a_text_is_compressed_once_for_all_who_share_it() {
        let text = text("#EXTINF:4,\n".repeat(200).into());
        assert!(!text.is_compressed() && text.compressed().is_none());
        let shared = text.clone();
        shared.compress();
        text.compress();
        let made = |text: &Text| text.compressed().map(|made| made.as_ptr());
        assert!(text.is_compressed() && made(&text).is_some());
        assert_eq!(made(&text), made(&shared));
        let length = shared.compressed().unwrap().len();
        assert!((1..text.bytes().len() / 4).contains(&length));
    }

    #[test]
    fn what_is_small_or_would_grow_is_sent_as_it_is() {
        let mut state = 1_u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        })
        .take(2 * SMALLEST)
        .collect();
        for bytes in [vec![b'a'; SMALLEST - 1], noise] {
            let text = text(bytes);
            text.compress();
            assert!(text.is_compressed() && text.compressed().is_none());
        }
    }
}
