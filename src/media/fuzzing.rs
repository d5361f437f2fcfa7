//! Targets for fuzzers: the bytes of chunks.

use super::cipher::Protection;
use super::facts::{ChunkFacts, Content};
use super::read::{Init, read};
/// A name, and what is called with any bytes.
type Target = (&'static str, fn(&[u8]));

pub(crate) const TARGETS: &[Target] = &[("chunks", chunks)];

/// A chunk, alone, behind an initialization section, and encrypted; the first byte says how long the section is.
fn chunks(bytes: &[u8]) {
    let whole = read(&mut bytes.to_vec(), Protection::None, None);
    assert_is_small(&whole);
    let Some((first, rest)) = bytes.split_first() else {
        return;
    };
    let length = rest.len() * usize::from(*first) / 256;
    let (init, chunk) = rest.split_at(length);
    let init = Init::read(&mut init.to_vec(), Protection::None);
    assert_is_small(&read(&mut chunk.to_vec(), Protection::None, Some(&init)));
    let protection = Protection::Aes128 {
        key: &[*first; 16],
        iv: [0; 16],
    };
    assert_is_small(&read(&mut rest.to_vec(), protection, None));
}

/// Whatever is in a chunk, what is known of it is no larger.
fn assert_is_small(facts: &ChunkFacts) {
    assert!(facts.tracks().len() <= 64);
    for track in facts.tracks() {
        assert!(track.codec.as_ref().is_none_or(|codec| codec.len() < 64));
        let Some(times) = track.times else { continue };
        assert!(times.units > 0 || matches!(facts.content, Content::Packed(_)));
        assert!(times.earliest_shown <= times.latest_shown);
        assert!(times.end_earliest <= times.end_latest);
    }
    match &facts.content {
        Content::Transport(transport) => {
            assert!(transport.counters.len() <= 64 && transport.cues.len() <= 16);
            let packets = transport.packets * 188;
            let all = packets + transport.stray_bytes + u64::from(transport.cut_bytes);
            assert!(all <= facts.bytes, "{all} of {}", facts.bytes);
        }
        Content::Fragments(fragments) => assert!(fragments.events.len() <= 16),
        _ => {}
    }
}
