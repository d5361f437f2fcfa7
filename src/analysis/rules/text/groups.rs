//! X11 groups: what variants name, and what stands in a group (RFC 8216bis 4.4.6.1.1, 4.4.6.2).

use std::collections::{BTreeMap, HashMap, HashSet};

use super::seen::Text;
use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::registry::Severity;
use crate::hls::{Tag, Variables, attributes};

/// Attributes of EXT-X-STREAM-INF that name a group, which are the types of its members.
const TYPES: [&str; 4] = ["AUDIO", "VIDEO", "SUBTITLES", "CLOSED-CAPTIONS"];
/// Members of which a viewer is to choose by their languages.
const SPOKEN: [&str; 2] = ["AUDIO", "SUBTITLES"];

/// The renditions of a group.
#[derive(Default)]
struct Group {
    names: HashSet<String>,
    /// How many have DEFAULT=YES.
    defaults: usize,
    members: usize,
    /// How many have no LANGUAGE.
    without_language: usize,
}

pub(super) fn judge(text: &Text<'_>, out: &mut Vec<Broken>) {
    let variables = Variables::read(&text.playlist.text, text.url, &Variables::default());
    let mut groups: BTreeMap<(String, String), Group> = BTreeMap::new();
    for tag in text
        .playlist
        .tags()
        .filter(|tag| tag.name == b"#EXT-X-MEDIA")
    {
        let said = values(tag, &variables);
        let value = |name: &str| said.get(name).cloned().unwrap_or_default();
        let (kind, id, name) = (value("TYPE"), value("GROUP-ID"), value("NAME"));
        let group = groups.entry((kind.clone(), id.clone())).or_default();
        if !group.names.insert(name.clone()) {
            let text = format!("two renditions of the {kind} group {id:?} have the NAME {name:?}");
            out.push(Broken::new("X11", text).kind("name"));
        }
        group.members += 1;
        group.defaults += usize::from(value("DEFAULT") == "YES");
        group.without_language += usize::from(!said.contains_key("LANGUAGE"));
    }
    members(&groups, out);
    let mut told = HashSet::new();
    let is_variant = |tag: &Tag<'_>| {
        tag.name == b"#EXT-X-STREAM-INF" || tag.name == b"#EXT-X-I-FRAME-STREAM-INF"
    };
    for tag in text.playlist.tags().filter(is_variant) {
        let mut said = values(tag, &variables);
        for kind in TYPES {
            let Some(id) = said.remove(kind) else {
                continue;
            };
            // CLOSED-CAPTIONS=NONE names none.
            let is_none = kind == "CLOSED-CAPTIONS" && id == "NONE";
            let group = (kind.to_owned(), id);
            if !is_none && !groups.contains_key(&group) && told.insert(group.clone()) {
                let text = format!(
                    "a variant names the {kind} group {:?}, which no EXT-X-MEDIA has",
                    group.1
                );
                out.push(Broken::new("X11", text));
            }
        }
    }
}

fn members(groups: &BTreeMap<(String, String), Group>, out: &mut Vec<Broken>) {
    for ((kind, id), group) in groups {
        if group.defaults > 1 {
            let count = group.defaults;
            let text = format!("{count} renditions of the {kind} group {id:?} have DEFAULT=YES");
            out.push(Broken::new("X11", text).kind("default"));
        }
        if group.members > 1 && group.without_language > 0 && SPOKEN.contains(&kind.as_str()) {
            let text = format!(
                "{} of {} renditions of the {kind} group {id:?} have no LANGUAGE",
                group.without_language, group.members
            );
            let broken = Broken::new("X11", text).kind("language");
            out.push(broken.severity(Severity::Should));
        }
    }
}

fn values(tag: Tag<'_>, variables: &Variables) -> HashMap<String, String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let value = |bytes: &[u8]| variables.substitute(&text(bytes)).into_owned();
    attributes(tag.value)
        .map(|attribute| (text(attribute.name), value(attribute.value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::analysis::rules::text::testing::broken;

    const CLEAN: &str = "#EXTM3U\n#EXT-X-VERSION:8\n#EXT-X-DEFINE:NAME=\"g\",VALUE=\"sound\"\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{$g}\",NAME=\"English\",LANGUAGE=\"en\",DEFAULT=YES,URI=\"en.m3u8\"\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"sound\",NAME=\"Deutsch\",LANGUAGE=\"de\",URI=\"de.m3u8\"\n\
        #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"sound\",NAME=\"English\",URI=\"sub.m3u8\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"sound\",SUBTITLES=\"sound\",CLOSED-CAPTIONS=NONE\nv.m3u8\n";

    fn told(from: &str, to: &str) -> Vec<(&'static str, &'static str)> {
        assert!(CLEAN.contains(from));
        let found = broken(&CLEAN.replace(from, to));
        found.iter().map(|one| (one.rule, one.kind)).collect()
    }

    #[test]
    fn groups_are_there_and_their_members_can_be_told_apart() {
        assert_eq!(told("#EXTM3U", "#EXTM3U"), []);
        assert_eq!(told("AUDIO=\"sound\"", "AUDIO=\"{$g}\""), []);
        assert_eq!(told("AUDIO=\"sound\"", "AUDIO=\"other\""), [("X11", "")]);
        assert_eq!(told("CAPTIONS=NONE", "CAPTIONS=\"cc\""), [("X11", "")]);
        // Groups of another type may have the same name, and do not stand for it.
        assert_eq!(
            told("CLOSED-CAPTIONS=NONE", "VIDEO=\"sound\""),
            [("X11", "")]
        );
        assert_eq!(told("\"Deutsch\"", "\"English\""), [("X11", "name")]);
        assert_eq!(told("\"de\",", "\"de\",DEFAULT=YES,"), [("X11", "default")]);
        assert_eq!(told(",LANGUAGE=\"de\"", ""), [("X11", "language")]);
    }

    #[test]
    fn a_group_is_missed_once() {
        let variants = "#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO=\"a\"\nv.m3u8\n".repeat(3);
        let found = broken(&format!("#EXTM3U\n{variants}"));
        assert_eq!(found.len(), 1);
    }
}
