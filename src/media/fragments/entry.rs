//! The kind of the samples of a track, and what `CODECS` would say of it (RFC 6381, ISO 14496-15). Pure.

use mp4_atom::{Audio, Av1c, Avcc, Decode, Esds, FourCC, Hvcc, Visual};

use super::super::boxes::{children, leaf, leaf_in};
use super::super::pictures::{avc_codec, hevc_codec};

/// The kind of the samples of a track.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SampleEntry {
    /// The name of the sample entry; of one that is encrypted, what it was called before.
    pub name: [u8; 4],
    /// Samples are encrypted.
    pub is_encrypted: bool,
    /// What `CODECS` would say, where that is known.
    pub codec: Option<Box<str>>,
    /// Width and height of pictures.
    pub size: Option<(u16, u16)>,
    /// Samples of sound in a second.
    pub rate: Option<u32>,
    /// Channels of sound.
    pub channels: Option<u16>,
}

/// The first entry of `stsd`.
pub fn sample_entry(stsd: &[u8]) -> SampleEntry {
    // Version, flags, and how many there are.
    let first = stsd.get(8..).and_then(|entries| children(entries).next());
    let Some((head, body)) = first else {
        return SampleEntry::default();
    };
    let name: [u8; 4] = head.kind.into();
    let mut entry = SampleEntry {
        name,
        ..SampleEntry::default()
    };
    let mut rest = body;
    let boxes = match &name {
        b"mp4a" | b"ac-3" | b"ec-3" | b"Opus" | b"fLaC" | b"enca" | b"ac-4" | b"mha1" | b"mhm1"
        | b"alac" => {
            let Ok(audio) = Audio::decode(&mut rest) else {
                return entry;
            };
            entry.rate = Some(u32::from(audio.sample_rate.integer()));
            entry.channels = Some(audio.channel_count);
            rest
        }
        b"stpp" | b"wvtt" => {
            entry.codec = text(name);
            return entry;
        }
        _ => {
            let Ok(visual) = Visual::decode(&mut rest) else {
                return entry;
            };
            entry.size = Some((visual.width, visual.height));
            rest
        }
    };
    if let Some(original) = original(boxes) {
        entry.name = original;
        entry.is_encrypted = true;
    }
    entry.codec = codec(entry.name, boxes);
    entry
}

/// What an encrypted entry was called.
fn original(boxes: &[u8]) -> Option<[u8; 4]> {
    let (_, sinf) = children(boxes).find(|(head, _)| head.kind == FourCC::new(b"sinf"))?;
    let (_, frma) = children(sinf).find(|(head, _)| head.kind == FourCC::new(b"frma"))?;
    frma.first_chunk().copied()
}

fn codec(name: [u8; 4], boxes: &[u8]) -> Option<Box<str>> {
    // avc1 and avc3, hvc1 and hev1 say the same behind their names.
    let named = |codec: String| {
        let name = text(name)?;
        Some(format!("{name}{}", &codec[4..]).into_boxed_str())
    };
    match &name {
        b"avc1" | b"avc3" => {
            let avcc = leaf_in::<Avcc>(boxes, b"avcC")?;
            named(avc_codec(
                avcc.avc_profile_indication,
                avcc.profile_compatibility,
                avcc.avc_level_indication,
            ))
        }
        b"hvc1" | b"hev1" => {
            let body = children(boxes).find(|(head, _)| head.kind == FourCC::new(b"hvcC"))?;
            leaf::<Hvcc>(body)?;
            // Version, and then what a sequence parameter set has as well.
            named(hevc_codec(body.1.get(1..13)?.first_chunk()?))
        }
        b"av01" => {
            let av1 = leaf_in::<Av1c>(boxes, b"av1C")?;
            let tier = if av1.seq_tier_0 { 'H' } else { 'M' };
            let depth = match (av1.high_bitdepth, av1.twelve_bit) {
                (false, _) => 8,
                (true, false) => 10,
                (true, true) => 12,
            };
            let (profile, level) = (av1.seq_profile, av1.seq_level_idx_0);
            Some(format!("av01.{profile}.{level:02}{tier}.{depth:02}").into_boxed_str())
        }
        b"mp4a" => mp4a(boxes),
        _ => text(name),
    }
}

fn mp4a(boxes: &[u8]) -> Option<Box<str>> {
    let config = leaf_in::<Esds>(boxes, b"esds")?.es_desc.dec_config;
    const AAC: u8 = 0x40;
    let kind = config.object_type_indication;
    let codec = match (kind, config.dec_specific) {
        (AAC, Some(specific)) => format!("mp4a.40.{}", specific.profile),
        (kind, _) => format!("mp4a.{kind:02X}"),
    };
    Some(codec.into_boxed_str())
}

fn text(name: [u8; 4]) -> Option<Box<str>> {
    let name = std::str::from_utf8(&name).ok()?;
    name.bytes()
        .all(|c| c.is_ascii_graphic())
        .then(|| name.into())
}
