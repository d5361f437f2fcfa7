//! The table of the things of a plan. A thing that a playlist goes on listing is found by its slot, without hashing its URL.

use crate::recorder::plan::listed::slot::Slot;
use std::collections::HashMap;

use slab::Slab;

use super::item::Item;
use crate::recorder::plan::model::Key;

/// Things that are known.
#[derive(Debug, Default)]
pub(crate) struct Items {
    slots: HashMap<Key, Slot>,
    items: Slab<(Key, Item)>,
}

impl Items {
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn keys(&self) -> Vec<Key> {
        self.items.iter().map(|(_, (key, _))| key.clone()).collect()
    }

    pub(crate) fn slot(&self, key: &Key) -> Option<Slot> {
        self.slots.get(key).copied()
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Item> {
        self.item_at(self.slot(key)?, key)
    }

    pub(crate) fn get_mut(&mut self, key: &Key) -> Option<&mut Item> {
        self.at_mut(self.slot(key)?, key)
    }

    /// What is kept there, unless it is something else by now. Keys that share their URL are compared at once.
    pub(crate) fn item_at(&self, slot: Slot, key: &Key) -> Option<&Item> {
        let (kept, item) = self.items.get(slot.0)?;
        (kept == key).then_some(item)
    }

    pub(crate) fn at_mut(&mut self, slot: Slot, key: &Key) -> Option<&mut Item> {
        let (kept, item) = self.items.get_mut(slot.0)?;
        (kept == key).then_some(item)
    }

    /// A key as it is kept: who has it, too, shares its URL.
    pub(crate) fn shared_key(&self, slot: Slot, key: &Key) -> Option<&Key> {
        let (kept, _) = self.items.get(slot.0)?;
        (kept == key).then_some(kept)
    }

    /// It is not known yet.
    pub(crate) fn insert(&mut self, key: Key, item: Item) -> Slot {
        let slot = Slot(self.items.insert((key.clone(), item)));
        self.slots.insert(key, slot);
        slot
    }

    pub(crate) fn remove(&mut self, key: &Key) -> Option<Item> {
        let slot = self.slots.remove(key)?;
        self.items.try_remove(slot.0).map(|(_, item)| item)
    }
}
