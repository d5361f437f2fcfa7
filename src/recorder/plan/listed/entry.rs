//! One entry of a playlist, as the plan knows it.

use super::slot::Slot;
use crate::recorder::plan::model::{Key, Wanted};
use std::sync::Arc;

/// An entry of a playlist, and the thing of the plan that it stands for.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) wanted: Wanted,
    pub(crate) key: Key,
    pub(crate) slot: Slot,
}

/// What is listed takes so many bytes, beside its URL.
pub(crate) const LISTED_BYTES: usize = 256;

impl Listed {
    pub(crate) fn bytes(&self) -> usize {
        let alias = match Arc::ptr_eq(&self.key.url, &self.wanted.url) {
            true => 0,
            false => self.key.url.as_str().len(),
        };
        self.wanted.bytes() + alias
    }
}

impl Wanted {
    /// What it is known by as long as nothing says that it is something known.
    pub(in crate::recorder::plan) fn key(&self) -> Key {
        Key {
            url: Arc::clone(&self.url),
            range: self.range,
        }
    }

    /// What it takes to be known, in bytes.
    pub(in crate::recorder::plan) fn bytes(&self) -> usize {
        LISTED_BYTES + self.url.as_str().len()
    }
}
