//! A body in memory, as it comes: as long as it is the one that is expected, nothing is copied.

use bytes::Bytes;

/// What came of a body.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    expected: Bytes,
    /// How many bytes came that equal those of `expected`.
    same: usize,
    /// All that came, once it differs.
    own: Option<Vec<u8>>,
}

impl Gathered {
    pub(super) fn expecting(expected: Bytes) -> Self {
        Self {
            expected,
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        if let Some(own) = &mut self.own {
            own.extend_from_slice(bytes);
            return;
        }
        let behind = self.same + bytes.len();
        if self.expected.get(self.same..behind) == Some(bytes) {
            self.same = behind;
            return;
        }
        // Most playlists stay about as large as they are.
        let most = self.expected.len().min(2 * behind).max(behind);
        let mut own = Vec::with_capacity(most + most / 64);
        own.extend_from_slice(self.as_slice());
        own.extend_from_slice(bytes);
        self.own = Some(own);
    }

    /// Forgets all but the first so many bytes.
    pub(super) fn cut(&mut self, most: usize) {
        self.same = self.same.min(most);
        if let Some(own) = &mut self.own {
            own.truncate(most);
            own.shrink_to_fit();
        }
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        match &self.own {
            Some(own) => own,
            None => self.expected.get(..self.same).unwrap_or_default(),
        }
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.own.as_ref().map_or(0, Vec::capacity)
    }

    /// All of it; what was expected itself, where that is what came.
    pub(super) fn into_bytes(self) -> Bytes {
        match self.own {
            Some(mut own) => {
                // It may be kept for as long as the playlist does not change.
                own.shrink_to_fit();
                own.into()
            }
            None if self.same == self.expected.len() => self.expected,
            None => Bytes::copy_from_slice(self.as_slice()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_was_expected_is_given_back() {
        let expected = Bytes::from_static(b"one two");
        let mut gathered = Gathered::expecting(expected.clone());
        gathered.add(b"one ");
        gathered.add(b"two");
        assert_eq!(gathered.capacity(), 0);
        assert_eq!(gathered.into_bytes().as_ptr(), expected.as_ptr());
    }

    #[test]
    fn a_first_body_takes_no_more_than_it_is_long() {
        let mut gathered = Gathered::default();
        for _ in 0..9 {
            gathered.add(&[1; 1000]);
        }
        assert!(gathered.capacity() > 9000);
        assert_eq!(Vec::from(gathered.into_bytes()).capacity(), 9000);
    }

    proptest! {
        #[test]
        fn whatever_was_expected_all_that_came_is_there(
            expected in "[ab]{0,8}",
            came in prop::collection::vec("[ab]{0,4}", 0..6),
            most in 0..12_usize,
        ) {
            let mut gathered = Gathered::expecting(expected.into());
            came.iter().for_each(|bytes| gathered.add(bytes.as_bytes()));
            let all = came.concat();
            prop_assert_eq!(gathered.as_slice(), all.as_bytes());
            prop_assert_eq!(gathered.into_bytes(), all.as_bytes());

            let mut cut = Gathered::expecting(Bytes::copy_from_slice(all.as_bytes()));
            came.iter().for_each(|bytes| cut.add(bytes.as_bytes()));
            cut.cut(most);
            prop_assert_eq!(cut.as_slice(), &all.as_bytes()[..most.min(all.len())]);
        }
    }
}
