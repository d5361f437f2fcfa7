//! X08 server-control: what a server promises of one rendition it promises of all (RFC 8216bis 6.2.4).

use super::disputes::Names;
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::playlist::Playlist;
use crate::hls::attributes;

/// Attributes of EXT-X-SERVER-CONTROL that players rely on in all renditions.
const NAMES: [&str; 4] = [
    "CAN-BLOCK-RELOAD",
    "CAN-SKIP-UNTIL",
    "HOLD-BACK",
    "PART-HOLD-BACK",
];

/// What a text says of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Control {
    values: [Value; NAMES.len()],
}

/// Numbers are compared as numbers: `6` and `6.0` are one.
#[derive(Debug, Clone, PartialEq, Default)]
enum Value {
    #[default]
    None,
    Number(f64),
    Word(String),
}

impl Value {
    fn of(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        match text.parse() {
            Ok(number) => Self::Number(number),
            Err(_) => Self::Word(text.chars().take(32).collect()),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::None => "none".to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Word(word) => word.clone(),
        }
    }
}

impl Control {
    /// Of a media playlist that goes on; of one that is over nobody waits for anything.
    pub fn of(playlist: &Playlist) -> Option<Self> {
        if !playlist.is_live() || playlist.segments.is_empty() {
            return None;
        }
        let mut control = Self::default();
        let tag = playlist
            .tags()
            .find(|tag| tag.name == b"#EXT-X-SERVER-CONTROL");
        for attribute in tag.iter().flat_map(|tag| attributes(tag.value)) {
            let names = NAMES.iter().zip(&mut control.values);
            for (name, value) in names {
                if name.as_bytes() == attribute.name {
                    *value = Value::of(attribute.value);
                }
            }
        }
        Some(control)
    }
}

/// An attribute that two renditions have differently. Side 0 and side 1.
#[derive(Debug)]
pub struct Differs {
    attribute: &'static str,
    values: [String; 2],
}

/// The first attribute that two renditions have differently.
pub(super) fn judge(one: &Control, other: &Control) -> Option<Differs> {
    let values = NAMES.iter().zip(one.values.iter().zip(&other.values));
    let mut differing = values.filter(|(_, (one, other))| one != other);
    let (attribute, (one, other)) = differing.next()?;
    Some(Differs {
        attribute,
        values: [one.shown(), other.shown()],
    })
}

impl Differs {
    /// The sentence about one side.
    pub(super) fn tell(&self, side: usize, names: &Names<'_>) -> Broken {
        let of = |side: usize| self.values.get(side).map_or("", String::as_str);
        let (own, theirs) = (of(side), of(1 - side));
        let text = format!(
            "{} of EXT-X-SERVER-CONTROL is {own} in {}, {theirs} in {}",
            self.attribute, names.odd, names.others
        );
        Broken::new("X08", text)
            .with("attribute", self.attribute)
            .with("value", own)
            .with("other_value", theirs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn control(line: &str, end: &str) -> Option<Control> {
        let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:2\n{line}\n#EXTINF:2,\ns.ts\n{end}");
        Control::of(&Playlist::read(text.into()))
    }

    fn told(one: &str, other: &str) -> Vec<String> {
        let (one, other) = (control(one, "").unwrap(), control(other, "").unwrap());
        let names = Names {
            odd: "low.m3u8",
            others: "high.m3u8".to_owned(),
            are_many: false,
        };
        let differs = judge(&one, &other).into_iter();
        differs
            .map(|differs| differs.tell(0, &names).text)
            .collect()
    }

    #[test]
    fn renditions_promise_the_same() {
        let full = "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,HOLD-BACK=6,PART-HOLD-BACK=1.5";
        let same = "#EXT-X-SERVER-CONTROL:PART-HOLD-BACK=1.50,HOLD-BACK=6.0,CAN-BLOCK-RELOAD=YES";
        assert_eq!(told(full, same), Vec::<String>::new());
        assert_eq!(
            told(full, &full.replace("BACK=1.5", "BACK=2")),
            ["PART-HOLD-BACK of EXT-X-SERVER-CONTROL is 1.5 in low.m3u8, 2 in high.m3u8"]
        );
        assert_eq!(
            told("", full),
            ["CAN-BLOCK-RELOAD of EXT-X-SERVER-CONTROL is none in low.m3u8, YES in high.m3u8"]
        );
        assert_eq!(told("", ""), Vec::<String>::new());
    }

    #[test]
    fn of_what_is_over_nothing_is_promised() {
        assert_eq!(control("", "#EXT-X-ENDLIST\n"), None);
    }
}
