//! Packets of an MPEG transport stream (ISO 13818-1): where it can be cut. Pure.

/// Bytes of a packet.
pub(crate) const PACKET: usize = 188;
/// So many sync bytes in step are not there by chance.
const IN_STEP: usize = 5;
const SYNC: u8 = 0x47;
/// No more than this is held back for a key picture to follow a table.
const MOST_HELD: usize = 4 * 1024 * 1024;
/// A stream without a picture between so many tables has none.
const TABLES_WITHOUT_PICTURE: u32 = 3;

/// How good a place to cut has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wish {
    /// A program association table, then a key picture before any other picture.
    Best,
    /// A table.
    Good,
    /// Where a packet or frame begins.
    Any,
}

/// Where bytes can be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Here.
    At(usize),
    /// Not before this one; what lies before is no longer needed.
    NotBefore(usize),
}

/// What was seen of the bytes that are held back.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// So many bytes were looked at; the next packet begins there.
    seen: usize,
    in_step: bool,
    /// Where the last table begins, and whether another picture began since.
    table: Option<(usize, bool)>,
    tables: u32,
    has_pictures: bool,
}

/// Where packets begin, if enough follow each other.
pub(crate) fn find_step(bytes: &[u8]) -> Option<usize> {
    let is_step = |from: usize| (0..IN_STEP).all(|n| bytes.get(from + n * PACKET) == Some(&SYNC));
    (0..PACKET.min(bytes.len())).find(|from| is_step(*from))
}

impl Search {
    /// Looks for a place to cut in what is held back, which only grew since the last look, but
    /// for what was said to be no longer needed.
    pub(crate) fn look(&mut self, held: &[u8], wish: Wish) -> Place {
        loop {
            if !self.in_step && !self.find_step(held) {
                // The packet that is begun may be the first in step.
                return Place::NotBefore(self.forget(self.seen));
            }
            let Some(packet) = held.get(self.seen..self.seen + PACKET) else {
                let from = self.table.map_or(self.seen, |(table, _)| table);
                return Place::NotBefore(self.forget(from));
            };
            if packet.first() != Some(&SYNC) {
                (self.in_step, self.table) = (false, None);
                continue;
            }
            if wish == Wish::Any {
                return Place::At(self.table.map_or(self.seen, |(table, _)| table));
            }
            let at = self.seen;
            self.seen += PACKET;
            if let Some(place) = self.take(packet, at, wish) {
                return Place::At(place);
            }
            if held.len() > MOST_HELD {
                self.table = None;
            }
        }
    }

    /// One packet that begins at `at`: where to cut on account of it.
    fn take(&mut self, packet: &[u8], at: usize, wish: Wish) -> Option<usize> {
        let starts = packet.get(1)? & 0x40 != 0;
        let pid = u16::from(packet.get(1)? & 0x1F) << 8 | u16::from(*packet.get(2)?);
        if pid == 0 && starts {
            self.table = Some((at, false));
            self.tables += 1;
            let has_none = !self.has_pictures && self.tables >= TABLES_WITHOUT_PICTURE;
            return (has_none || wish == Wish::Good).then_some(at);
        }
        if !starts || !begins_picture(packet) {
            return None;
        }
        self.has_pictures = true;
        match &mut self.table {
            Some((table, false)) if is_key(packet) => Some(*table),
            Some((_, spoiled)) => {
                *spoiled = true;
                None
            }
            None => None,
        }
    }

    fn find_step(&mut self, held: &[u8]) -> bool {
        let rest = held.get(self.seen..).unwrap_or_default();
        match find_step(rest) {
            Some(from) => {
                self.seen += from;
                self.in_step = true;
            }
            // None of the bytes that are followed by enough others.
            None => self.seen += rest.len().saturating_sub(PACKET * IN_STEP),
        }
        self.in_step
    }

    /// Forgets the bytes before `from`.
    fn forget(&mut self, from: usize) -> usize {
        self.seen -= from;
        if let Some((table, _)) = &mut self.table {
            *table -= from;
        }
        from
    }
}

/// ISO 13818-1 2.4.3.6: the stream_id of video.
fn begins_picture(packet: &[u8]) -> bool {
    let has_fields = packet.get(3).is_some_and(|byte| byte & 0x20 != 0);
    let fields = match has_fields {
        true => 1 + packet.get(4).map_or(0, |length| usize::from(*length)),
        false => 0,
    };
    matches!(packet.get(4 + fields..), Some([0, 0, 1, id, ..]) if id & 0xF0 == 0xE0)
}

/// The random_access_indicator.
fn is_key(packet: &[u8]) -> bool {
    let has_fields = packet.get(3).is_some_and(|byte| byte & 0x20 != 0);
    has_fields
        && packet.get(4).is_some_and(|length| *length > 0)
        && packet.get(5).is_some_and(|flags| flags & 0x40 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::raw::testing::{more_video, packet, pat, ts, video};

    fn look(packets: &[Vec<u8>], wish: Wish) -> Place {
        Search::default().look(&packets.concat(), wish)
    }

    const fn packets(count: usize) -> usize {
        count * PACKET
    }

    #[test]
    fn the_best_place_is_a_table_with_a_key_picture_behind_it() {
        let key = [
            more_video(),
            pat(),
            video(false),
            more_video(),
            pat(),
            more_video(),
            video(true),
            more_video(),
        ];
        assert_eq!(look(&key, Wish::Best), Place::At(packets(4)));
        assert_eq!(look(&key, Wish::Good), Place::At(packets(1)));
        assert_eq!(look(&key[2..], Wish::Any), Place::At(0));
        assert_eq!(look(&key[..6], Wish::Best), Place::NotBefore(packets(4)));
    }

    #[test]
    fn sound_alone_is_cut_at_a_table() {
        let sound = packet(0x101, true, true, &[0, 0, 1, 0xC0]);
        let all: Vec<_> = [pat(), sound.clone(), sound]
            .iter()
            .cycle()
            .take(9)
            .cloned()
            .collect();
        assert_eq!(look(&all, Wish::Best), Place::At(packets(6)));
    }

    #[test]
    fn packets_out_of_step_are_found_again() {
        let mut bytes = [vec![0x11; 50], ts(6), vec![0x22; 30]].concat();
        let from = bytes.len();
        bytes.extend([pat(), video(true)].concat());
        bytes.extend(ts(6));
        let mut search = Search::default();
        assert_eq!(search.look(&bytes, Wish::Best), Place::At(from));
        assert_eq!(find_step(&ts(4)), None, "too few");
    }
}
