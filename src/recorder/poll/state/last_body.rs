//! The last good body of a playlist: the next one is compared with it.

use bytes::Bytes;

use crate::recorder::memory::{Held, Memory};
use crate::session::{Digest, RunningDigest};

/// The last good body.
#[derive(Debug, Default)]
pub(crate) struct LastBody {
    digest: Option<Digest>,
    /// Where there was room for it.
    kept: Option<Kept>,
}

#[derive(Debug)]
struct Kept {
    body: Bytes,
    running: RunningDigest,
    _room: Held,
}

/// A body beside the last one.
#[derive(Debug)]
pub(crate) struct Judged {
    pub digest: Digest,
    pub changed: bool,
    /// `None`: it is the one that is kept.
    running: Option<RunningDigest>,
}

impl LastBody {
    /// Whether there was none yet.
    pub(crate) fn is_none(&self) -> bool {
        self.digest.is_none()
    }

    /// What the next one may well be; empty: it is not known.
    pub(crate) fn body(&self) -> Bytes {
        let kept = self.kept.as_ref();
        kept.map(|kept| kept.body.clone()).unwrap_or_default()
    }

    /// Whether it is the kept body itself, as whoever received it found.
    pub(crate) fn is_again(&self, body: &Bytes) -> bool {
        let kept = self.kept.as_ref();
        kept.is_some_and(|kept| std::ptr::eq(&kept.body[..], &body[..]))
    }

    /// Hashes only what is new.
    pub(crate) fn judge(&self, body: &Bytes) -> Judged {
        let mut running = RunningDigest::default();
        let mut new = &body[..];
        if let Some(kept) = &self.kept {
            let is_same = self.is_again(body) || kept.body == new;
            if let (Some(digest), true) = (self.digest, is_same) {
                return Judged {
                    digest,
                    changed: false,
                    running: None,
                };
            }
            if let Some(rest) = new.strip_prefix(&kept.body[..]) {
                running = kept.running.clone();
                new = rest;
            }
        }
        running.add(new);
        let digest = running.digest();
        Judged {
            digest,
            changed: self.digest != Some(digest),
            running: Some(running),
        }
    }

    /// The text of a body that was judged, as it is in memory already where it is the kept one.
    pub(crate) fn text(&self, body: &Bytes, judged: &Judged) -> Bytes {
        match (&self.kept, &judged.running) {
            (Some(kept), None) => kept.body.clone(),
            _ => body.clone(),
        }
    }

    /// Whether there was room to keep it.
    pub(crate) fn keep(&mut self, body: Bytes, judged: Judged, memory: &Memory) -> bool {
        self.digest = Some(judged.digest);
        if let Some(running) = judged.running {
            self.kept = None;
            self.kept = memory.keep(body.len() as u64).map(|room| Kept {
                body,
                running,
                _room: room,
            });
        }
        self.kept.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::settings::limits::Limits;
    use crate::session::digest;

    #[test]
    fn digests_are_those_of_whole_bodies() {
        let roomy = Limits::default();
        let narrow = Limits { memory: 0, ..roomy };
        for (limits, keeps) in [(roomy, true), (narrow, false)] {
            let memory = Memory::new(&limits);
            let mut last = LastBody::default();
            let mut before = None;
            for text in ["a", "a", "ab", "ab", "b", "", "abc", "ab"] {
                let body = Bytes::copy_from_slice(text.as_bytes());
                let judged = last.judge(&body);
                let text_of_it = last.text(&body, &judged);
                assert_eq!(text_of_it, body);
                assert_eq!(judged.digest, digest(text.as_bytes()), "{text}");
                assert_eq!(judged.changed, before != Some(text), "{text}");
                let kept = last.keep(body, judged, &memory);
                assert_eq!(kept, keeps || text.is_empty());
                let is_kept = last.is_again(&text_of_it);
                assert_eq!(is_kept, kept, "who has it has no other: {text}");
                before = Some(text);
            }
        }
    }
}
