//! X10: what a variant declares of its media, and what these are (RFC 8216bis 4.4.6.2).

use std::collections::BTreeSet;

use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::overview::Declared;
use crate::analysis::rules::registry::Severity;

/// Formats that are told apart, by their names in CODECS: those of one line are one format.
const FORMATS: [&[&str]; 8] = [
    &["avc1", "avc3"],
    &["hvc1", "hev1", "dvh1", "dvhe"],
    &["av01"],
    &["mp4a"],
    &["ac-3"],
    &["ec-3"],
    &["flac"],
    &["opus"],
];
/// Of these the first three are pictures.
const PICTURES: usize = 3;

/// What is wrong with what a variant declares, where `found` are the formats of its own segments.
pub fn judge(declared: &Declared, found: &BTreeSet<String>, out: &mut Vec<Broken>) {
    if found.is_empty() {
        return;
    }
    let are: Vec<&str> = found.iter().map(String::as_str).collect();
    let Some(codecs) = &declared.codecs else {
        let text = format!("there is no CODECS, and the media are {}", are.join(", "));
        out.push(Broken::new("X10", text).kind("missing"));
        return;
    };
    let entries: Vec<&str> = codecs.split(',').map(str::trim).collect();
    for is in are {
        let Some(format) = format_of(is) else {
            continue;
        };
        let mut same = entries
            .iter()
            .filter(|entry| format_of(entry) == Some(format));
        let text = format!("CODECS is {codecs}, and the media have {is}");
        if same.clone().next().is_none() {
            let broken = Broken::new("X10", text).severity(Severity::Must);
            out.push(broken.kind("lacks").with("codec", is));
        } else if same.all(|entry| exceeds(is, entry)) {
            out.push(Broken::new("X10", text).kind("unlike").with("codec", is));
        }
    }
    pictures(declared, found, out);
}

/// RESOLUTION and FRAME-RATE of what has pictures.
fn pictures(declared: &Declared, found: &BTreeSet<String>, out: &mut Vec<Broken>) {
    let is_picture = |codec: &String| format_of(codec).is_some_and(|format| format < PICTURES);
    if !found.iter().any(is_picture) {
        return;
    }
    let attributes = [
        (&declared.resolution, "RESOLUTION"),
        (&declared.frame_rate, "FRAME-RATE"),
    ];
    for (value, name) in attributes {
        if value.is_none() {
            let broken = Broken::new("X10", format!("there are pictures, and no {name}"));
            out.push(broken.severity(Severity::Info).kind(name));
        }
    }
}

fn format_of(codec: &str) -> Option<usize> {
    let codec = codec.to_ascii_lowercase();
    // The object types of MPEG-4 that stand for AC-3 and Enhanced AC-3 (RFC 6381 3.3).
    let name = match codec.as_str() {
        "mp4a.a5" => "ac-3",
        "mp4a.a6" => "ec-3",
        other => other.split('.').next()?,
    };
    FORMATS.iter().position(|names| names.contains(&name))
}

/// A stream needs more than is declared: a higher profile or level. What is lower plays wherever something higher does.
/// Levels of other formats than H.264 are not compared, nor is the object type of AAC, of which streams do not tell all.
fn exceeds(is: &str, declared: &str) -> bool {
    match (avc(is), avc(declared)) {
        (Some((profile, level)), Some((declared_profile, declared_level))) => {
            let is_within = match (rank(profile), rank(declared_profile)) {
                (Some(rank), Some(declared)) => rank <= declared,
                _ => profile == declared_profile,
            };
            !is_within || level > declared_level
        }
        _ => false,
    }
}

/// Baseline, Main, High: what plays one of them plays those before it, but for odd streams.
fn rank(profile: u8) -> Option<usize> {
    [0x42, 0x4d, 0x64]
        .iter()
        .position(|known| *known == profile)
}

/// Profile and level of `avc1.PPCCLL` (RFC 6381 3.3).
fn avc(codec: &str) -> Option<(u8, u8)> {
    let (_, digits) = codec.split_once('.')?;
    let byte = |from: usize| u8::from_str_radix(digits.get(from..from + 2)?, 16).ok();
    (digits.len() == 6).then_some((byte(0)?, byte(4)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(codecs: Option<&str>, media: &[&str]) -> Vec<(Option<Severity>, &'static str)> {
        let declared = Declared {
            codecs: codecs.map(str::to_owned),
            resolution: Some("1280x720".to_owned()),
            frame_rate: Some("25.000".to_owned()),
            ..Declared::default()
        };
        let media = media.iter().map(|codec| (*codec).to_owned()).collect();
        let mut out = Vec::new();
        judge(&declared, &media, &mut out);
        out.iter()
            .map(|broken| (broken.severity, broken.kind))
            .collect()
    }

    #[test]
    fn what_is_there_must_be_declared() {
        let media = ["avc1.4d401f", "mp4a.40.2"];
        assert_eq!(found(Some("avc1.4d401f,mp4a.40.2"), &media), []);
        assert_eq!(
            found(Some("avc3.4D4028, mp4a.40.5"), &media),
            [],
            "a higher level"
        );
        assert_eq!(
            found(Some("avc1.64001f,mp4a.40.2"), &media),
            [],
            "a higher profile"
        );
        assert_eq!(
            found(Some("avc1.4d401f,MP4A.A5,mp4a.a6"), &["ac-3", "ec-3"]),
            []
        );
        assert_eq!(found(None, &media), [(None, "missing")]);
        assert_eq!(
            found(Some("avc1.4d401f"), &media),
            [(Some(Severity::Must), "lacks")]
        );
        assert_eq!(
            found(Some("avc1.42001f,mp4a.40.2"), &media),
            [(None, "unlike")],
            "a lower profile"
        );
        assert_eq!(
            found(Some("avc1.4d401e,mp4a.40.2"), &media),
            [(None, "unlike")],
            "a lower level"
        );
    }

    #[test]
    fn what_is_not_known_is_no_fault() {
        assert_eq!(found(None, &[]), []);
        assert_eq!(
            found(Some("avc1.66.30,mp4a.40.2"), &["avc1.42e01e", "stpp"]),
            []
        );
        assert_eq!(
            found(Some("avc1.4d401f,mp4a.40.2,ec-3"), &["avc1.4d401f"]),
            [],
            "sound of another rendition"
        );
    }

    #[test]
    fn pictures_have_a_size_and_a_rate() {
        let declared = Declared {
            codecs: Some("avc1.4d401f".to_owned()),
            ..Declared::default()
        };
        let mut out = Vec::new();
        judge(
            &declared,
            &BTreeSet::from(["avc1.4d401f".to_owned()]),
            &mut out,
        );
        let kinds: Vec<_> = out
            .iter()
            .map(|broken| (broken.severity, broken.kind))
            .collect();
        let info = Some(Severity::Info);
        assert_eq!(kinds, [(info, "RESOLUTION"), (info, "FRAME-RATE")]);
        let mut sound = Vec::new();
        let declared = Declared {
            codecs: Some("mp4a.40.2".to_owned()),
            ..declared
        };
        judge(
            &declared,
            &BTreeSet::from(["mp4a.40.2".to_owned()]),
            &mut sound,
        );
        assert_eq!(sound, []);
    }
}
