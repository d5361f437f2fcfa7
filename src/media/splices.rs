//! Messages of splices (ANSI/SCTE 35, `splice_info_section`): what is spliced, when, for how long. Pure.
//!
//! They stand in transport streams as sections, in `emsg`, and as numbers of base 16 in EXT-X-DATERANGE (RFC 8216bis 4.4.5.1.1).

use super::transport::is_sound;

/// `table_id`.
const TABLE: u8 = 0xFC;
/// What stands before the command.
const HEAD: usize = 14;
/// `splice_insert`, `time_signal`.
const INSERT: u8 = 5;
const SIGNAL: u8 = 6;
/// `segmentation_descriptor`, and whose it is.
const SEGMENTATION: u8 = 2;
const OWNER: &[u8] = b"CUEI";
/// Times go round at 2^33.
const ROUND: u64 = 1 << 33;

/// A message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Splice {
    /// `splice_command_type`; `None`: it is encrypted.
    pub command: Option<u8>,
    /// `splice_event_id` of `splice_insert`; of `time_signal` `segmentation_event_id` of its first descriptor.
    pub event: Option<u32>,
    /// An event that was announced is taken back.
    pub is_cancelled: bool,
    /// When, in ticks of 90 kHz as the media's time stamps are, `pts_adjustment` added; `None`: at once, or it is not said.
    pub time: Option<u64>,
    /// For how long, in ticks of 90 kHz.
    pub duration: Option<u64>,
}

impl Splice {
    /// Reads a section. `None`: it is none, or ends inside what is read. Its CRC is not looked at: [`is_whole`].
    pub fn read(section: &[u8]) -> Option<Self> {
        let head = section.first_chunk::<HEAD>()?;
        if head[0] != TABLE {
            return None;
        }
        if head[4] & 0x80 != 0 {
            return Some(Self::default());
        }
        let adjustment = ticks(&head[4..9]);
        let mut bits = Bytes(&section[HEAD..]);
        let mut found = Self {
            command: Some(head[13]),
            ..Self::default()
        };
        match head[13] {
            INSERT => found.insert(&mut bits)?,
            SIGNAL => {
                found.time = bits.time()?;
                found.segmentation(bits);
            }
            _ => {}
        }
        found.time = found.time.map(|time| (time + adjustment) % ROUND);
        Some(found)
    }

    /// Something is spliced. `splice_null` only says that all is well, and other commands are about other things.
    pub fn is_splice(&self) -> bool {
        matches!(self.command, Some(INSERT | SIGNAL))
    }

    fn insert(&mut self, bytes: &mut Bytes<'_>) -> Option<()> {
        self.event = Some(u32::from_be_bytes(bytes.array()?));
        let [cancel] = bytes.array()?;
        self.is_cancelled = cancel & 0x80 != 0;
        if self.is_cancelled {
            return Some(());
        }
        let [flags] = bytes.array()?;
        let (is_program, has_duration, is_at_once) =
            (flags & 0x40 != 0, flags & 0x20 != 0, flags & 0x10 != 0);
        if is_program {
            if !is_at_once {
                self.time = bytes.time()?;
            }
        } else {
            let [components] = bytes.array()?;
            for _ in 0..components {
                let [_tag] = bytes.array()?;
                let time = if is_at_once { None } else { bytes.time()? };
                self.time = self.time.or(time);
            }
        }
        if has_duration {
            self.duration = Some(ticks(&bytes.array::<5>()?));
        }
        Some(())
    }

    /// The first segmentation descriptor, if there is a whole one.
    fn segmentation(&mut self, mut bytes: Bytes<'_>) -> Option<()> {
        let length = usize::from(u16::from_be_bytes(bytes.array()?));
        let mut all = Bytes(bytes.0.get(..length)?);
        loop {
            let [tag, length] = all.array()?;
            let mut one = Bytes(all.take(usize::from(length))?);
            if tag != SEGMENTATION || one.take(OWNER.len())? != OWNER {
                continue;
            }
            self.event = Some(u32::from_be_bytes(one.array()?));
            let [cancel] = one.array()?;
            self.is_cancelled = cancel & 0x80 != 0;
            if self.is_cancelled {
                return Some(());
            }
            let [flags] = one.array()?;
            if flags & 0x80 == 0 {
                const COMPONENT: usize = 6;
                let [components] = one.array()?;
                one.take(usize::from(components) * COMPONENT)?;
            }
            if flags & 0x40 != 0 {
                let [high, rest @ ..] = one.array::<5>()?;
                self.duration = Some(u64::from(high) << 32 | u64::from(u32::from_be_bytes(rest)));
            }
            return Some(());
        }
    }
}

/// What a message is in words: its command, its event, its time.
impl std::fmt::Display for Splice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.command {
            None => return f.write_str("an encrypted message"),
            Some(INSERT) => f.write_str("splice_insert")?,
            Some(SIGNAL) => f.write_str("time_signal")?,
            Some(other) => write!(f, "command {other}")?,
        }
        if let Some(event) = self.event {
            write!(f, " {event}")?;
        }
        if self.is_cancelled {
            f.write_str(", cancelled")?;
        }
        if let Some(time) = self.time {
            write!(f, " at PTS {time}")?;
        }
        match self.duration {
            Some(duration) => write!(f, " for {:.1} s", duration as f64 / 90_000.0),
            None => Ok(()),
        }
    }
}

/// All of a message is there, and its CRC is right. What follows it is not looked at.
pub fn is_whole(section: &[u8]) -> bool {
    let said = section.get(1..3).map_or(usize::MAX, |length| {
        3 + usize::from(u16::from_be_bytes([length[0] & 0x0F, length[1]]))
    });
    section.first() == Some(&TABLE) && section.get(..said).is_some_and(is_sound)
}

/// Its CRC is said to be 0, as in the example of RFC 8216bis (section 9.10): nobody computed it.
pub fn has_no_sum(section: &[u8]) -> bool {
    section.ends_with(&[0; 4])
}

/// A message that is written as a number of base 16 (`0xFC30…`).
pub fn from_hex(written: &str) -> Option<Vec<u8>> {
    let digits = written
        .strip_prefix("0x")
        .or_else(|| written.strip_prefix("0X"))?;
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let is_hex = digits.len() % 2 == 0 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hex.then(|| pairs.map(byte).collect()).flatten()
}

/// The last 33 bits of five bytes.
fn ticks(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |ticks, byte| ticks << 8 | u64::from(*byte))
        % ROUND
}

/// What is not read yet.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// `splice_time`.
    fn time(&mut self) -> Option<Option<u64>> {
        if self.0.first()? & 0x80 == 0 {
            self.take(1)?;
            return Some(None);
        }
        Some(Some(ticks(self.take(5)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first example of ANSI/SCTE 35 (14.1): a `time_signal` that starts a placement opportunity of 307 s.
    const SIGNALLED: &str = "0xFC3034000000000000FFFFF00506FE72BD0050001E021C435545494800008E7FCF0001A599B00808000000002CA0A18A3402009AC9D17E";
    /// The second one (14.2): a `splice_insert` of 60.293 s.
    const INSERTED: &str = "0xFC302F000000000000FFFFF014054800008F7FEFFE7369C02EFE0052CCF500000000000A0008435545490000013562DBA30A";

    #[test]
    fn the_examples_of_the_standard_say_what_is_spliced() {
        let signalled = from_hex(SIGNALLED).unwrap();
        assert!(is_whole(&signalled));
        let splice = Splice::read(&signalled).unwrap();
        let wanted = Splice {
            command: Some(SIGNAL),
            event: Some(0x4800_008E),
            is_cancelled: false,
            time: Some(0x72BD_0050),
            duration: Some(307 * 90_000),
        };
        assert_eq!(splice, wanted);
        let inserted = from_hex(INSERTED).unwrap();
        assert!(is_whole(&inserted));
        let splice = Splice::read(&inserted).unwrap();
        let wanted = Splice {
            command: Some(INSERT),
            event: Some(0x4800_008F),
            is_cancelled: false,
            time: Some(0x7369_C02E),
            duration: Some(0x0052_CCF5),
        };
        assert_eq!(splice, wanted);
        assert_eq!(
            splice.to_string(),
            "splice_insert 1207959695 at PTS 1936310318 for 60.3 s"
        );
    }

    #[test]
    fn an_adjustment_is_added_and_goes_round() {
        let mut section = from_hex(INSERTED).unwrap();
        section[4..9].copy_from_slice(&[1, 0xFF, 0xFF, 0xFF, 0xFF]);
        let splice = Splice::read(&section).unwrap();
        assert_eq!(splice.time, Some(0x7369_C02E - 1));
        assert!(!is_whole(&section), "its sum is another");
        section[4] |= 0x80;
        assert_eq!(Splice::read(&section), Some(Splice::default()), "encrypted");
    }

    #[test]
    fn whatever_is_cut_or_damaged_is_read_as_far_as_it_goes() {
        for written in [SIGNALLED, INSERTED] {
            let whole = from_hex(written).unwrap();
            for length in 0..whole.len() {
                assert!(!is_whole(&whole[..length]));
                let _ = Splice::read(&whole[..length]);
            }
            for at in 0..whole.len() * 8 {
                let mut damaged = whole.clone();
                damaged[at / 8] ^= 1 << (at % 8);
                assert!(!is_whole(&damaged), "bit {at}");
                if let Some(splice) = Splice::read(&damaged) {
                    assert!(splice.time.is_none_or(|time| time < ROUND));
                }
            }
        }
    }

    #[test]
    fn only_pairs_of_digits_are_a_message() {
        for written in ["FC30", "0xFC3", "0xFG", "0x+1", "0xé", "", "0"] {
            assert_eq!(from_hex(written), None, "{written}");
        }
        assert_eq!(from_hex("0xfC"), Some(vec![0xFC]));
    }
}
