//! Texts in gzip: compressed for the first who asks for that, and once.

use std::io::Write;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// A smaller text fits into a packet as it is.
const SMALLEST: usize = 1024;

/// A text in gzip, once somebody asked for that; clones share it. Whoever has it has the text, too.
#[derive(Debug, Clone, Default)]
pub(super) struct Gzip(Arc<OnceLock<Option<Bytes>>>);

impl Gzip {
    /// Whether a text is compressed for whoever takes that.
    pub(super) fn is_for(text: &Bytes) -> bool {
        text.len() >= SMALLEST
    }

    /// Compresses the text, once; who asks meanwhile waits.
    pub(super) fn make(&self, text: &Bytes) {
        if Self::is_for(text) {
            self.0.get_or_init(|| compressed(text));
        }
    }

    /// The text in gzip; `None`: it is not compressed, and `Some(None)`: it would be no smaller.
    pub(super) fn get(&self, text: &Bytes) -> Option<Option<&Bytes>> {
        match Self::is_for(text) {
            true => self.0.get().map(Option::as_ref),
            false => Some(None),
        }
    }

    /// What it takes in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        let made = self.0.get().and_then(Option::as_ref);
        made.map_or(0, Bytes::len)
    }
}

/// The tag of a text in gzip: other bytes have another tag, that of the same content is a weak one
/// (RFC 9110 8.8.1).
pub(super) fn weak_tag(tag: &str) -> String {
    format!("W/{}", tag.trim_start_matches("W/"))
}

fn compressed(text: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Into memory it cannot fail.
    encoder.write_all(text).ok()?;
    let compressed = encoder.finish().ok()?;
    (compressed.len() < text.len()).then(|| compressed.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_compressed_once_for_all_who_share_it() {
        let text = Bytes::from("#EXTINF:4,\n".repeat(200));
        let gzip = Gzip::default();
        assert_eq!((gzip.get(&text), gzip.size()), (None, 0));
        gzip.make(&text);
        let shared = gzip.clone();
        shared.make(&text);
        let of = |gzip: &Gzip| gzip.get(&text).flatten().map(|made| made.as_ptr());
        assert!(of(&gzip).is_some());
        assert_eq!(of(&gzip), of(&shared));
        assert!((1..text.len() / 4).contains(&gzip.size()));
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
        for text in [Bytes::from(vec![b'a'; SMALLEST - 1]), Bytes::from(noise)] {
            let gzip = Gzip::default();
            gzip.make(&text);
            assert_eq!((gzip.get(&text), gzip.size()), (Some(None), 0));
        }
    }
}
