//! What a playlist lists, as the plan knows it.

use super::model::{Key, Wanted};
use super::slot::Slot;
use std::sync::Arc;

/// What a playlist names, and as what that is known.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) wanted: Wanted,
    pub(super) key: Key,
    pub(super) slot: Slot,
}

/// What is listed takes so many bytes, beside its URL.
pub(super) const LISTED_BYTES: usize = 256;

impl Listed {
    pub(super) fn bytes(&self) -> usize {
        let alias = match Arc::ptr_eq(&self.key.url, &self.wanted.url) {
            true => 0,
            false => self.key.url.as_str().len(),
        };
        self.wanted.bytes() + alias
    }
}
