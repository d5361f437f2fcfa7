//! Which playlists of a multivariant one are recorded. Pure.

use std::fmt;

use crate::hls::{Child, ChildRole};

/// Which variants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Variants {
    /// All.
    #[default]
    All,
    /// Those with the greatest BANDWIDTH.
    Highest,
    /// Those with the smallest.
    Lowest,
    /// Those of this height in pixels.
    Height(u64),
}

impl fmt::Display for Variants {
    /// As `--variants` takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Highest => f.write_str("highest"),
            Self::Lowest => f.write_str("lowest"),
            Self::Height(height) => write!(f, "{height}p"),
        }
    }
}

/// Which renditions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Renditions {
    /// All.
    #[default]
    All,
    /// None.
    None,
    /// Those in these languages (RFC 5646): `en` also stands for `en-GB`.
    Languages(Vec<String>),
}

/// Which interstitials (RFC 8216bis appendix D).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AssetLists {
    /// All: lists of assets, and the assets that these or date ranges name.
    #[default]
    All,
    /// None.
    None,
}

/// What of the playlists of a stream is recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Which variants.
    pub variants: Variants,
    /// Which renditions.
    pub renditions: Renditions,
    /// Which interstitials.
    pub asset_lists: AssetLists,
}

/// A selection from what a multivariant playlist names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Selected {
    pub kept: Vec<Child>,
    pub left_out: Vec<Child>,
    /// No variant is as was asked for: then all are kept.
    pub no_such_variant: bool,
}

/// Variants that are named one by one.
const MOST_NAMED: usize = 20;

impl Selected {
    /// Which variants there are, by resolution and bit rate.
    pub(crate) fn variants(&self) -> String {
        let all = self.kept.iter().chain(&self.left_out);
        let all: Vec<&str> = all
            .filter(|child| child.role == ChildRole::Variant)
            .map(|child| child.label.as_str())
            .collect();
        let mut named = all.iter().take(MOST_NAMED).copied().collect::<Vec<_>>();
        if all.len() > MOST_NAMED {
            named.push("…");
        }
        named.join(", ")
    }
}

impl Selection {
    /// The options that choose variants or renditions, where any does.
    pub(crate) fn chooses_by(&self) -> Option<&'static str> {
        let all = (
            self.variants == Variants::All,
            self.renditions == Renditions::All,
        );
        match all {
            (true, true) => None,
            (false, true) => Some("--variants"),
            (true, false) => Some("--renditions"),
            (false, false) => Some("--variants and --renditions"),
        }
    }

    /// Takes what is to be recorded from what is named.
    pub(crate) fn select(&self, children: Vec<Child>) -> Selected {
        let is_variant = |child: &&Child| child.role == ChildRole::Variant;
        let mut rates = children.iter().filter(is_variant).map(|c| c.bandwidth);
        let lowest = rates.clone().min();
        let highest = rates.clone().max();
        let wished = |child: &Child| match self.variants {
            Variants::All => true,
            Variants::Highest => Some(child.bandwidth) == highest,
            Variants::Lowest => Some(child.bandwidth) == lowest,
            Variants::Height(height) => child.height == Some(height),
        };
        let has_variants = rates.next().is_some();
        let no_such_variant = has_variants && !children.iter().filter(is_variant).any(&wished);
        let keeps = |child: &Child| match child.role {
            ChildRole::Variant => no_such_variant || wished(child),
            ChildRole::IFrame | ChildRole::Image => self.variants == Variants::All,
            ChildRole::Rendition => self.renditions.has(child.language.as_deref()),
        };
        let (kept, left_out) = children.into_iter().partition(keeps);
        Selected {
            kept,
            left_out,
            no_such_variant,
        }
    }
}

impl Renditions {
    fn has(&self, language: Option<&str>) -> bool {
        match (self, language) {
            (Self::All, _) => true,
            (Self::None, _) | (Self::Languages(_), None) => false,
            (Self::Languages(wished), Some(language)) => {
                wished.iter().any(|wish| is_of(language, wish))
            }
        }
    }
}

/// RFC 4647 3.3.1, basic filtering.
fn is_of(language: &str, range: &str) -> bool {
    let Some((head, rest)) = language.split_at_checked(range.len()) else {
        return false;
    };
    head.eq_ignore_ascii_case(range) && (rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::read_multivariant;
    use url::Url;

    const MAIN: &str = "#EXTM3U\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"E\",LANGUAGE=\"en-GB\",URI=\"en.m3u8\"\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"D\",LANGUAGE=\"de\",URI=\"de.m3u8\"\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"X\",URI=\"x.m3u8\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=3000,RESOLUTION=1280x720,AUDIO=\"a\"\nhigh.m3u8\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1000,RESOLUTION=640x360,AUDIO=\"a\"\nlow.m3u8\n\
        #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,RESOLUTION=640x360,URI=\"i.m3u8\"\n\
        #EXT-X-IMAGE-STREAM-INF:BANDWIDTH=1,RESOLUTION=160x90,URI=\"img.m3u8\"\n";

    fn kept(variants: Variants, renditions: Renditions) -> (String, bool) {
        let base = Url::parse("http://h/main.m3u8").unwrap();
        let children = read_multivariant(MAIN.as_bytes(), &base).children;
        let count = children.len();
        let selection = Selection {
            variants,
            renditions,
            ..Selection::default()
        };
        let selected = selection.select(children);
        assert_eq!(selected.kept.len() + selected.left_out.len(), count);
        let names = selected.kept.iter().map(|child| child.url.path());
        let names = names.map(|path| path.trim_matches('/').trim_end_matches(".m3u8"));
        (
            names.collect::<Vec<_>>().join(" "),
            selected.no_such_variant,
        )
    }

    #[test]
    fn what_is_wished_for_is_kept() {
        let languages =
            |all: &[&str]| Renditions::Languages(all.iter().map(|one| (*one).to_owned()).collect());
        let cases = [
            (Variants::All, Renditions::All, "en de x high low i img"),
            (Variants::Highest, Renditions::All, "en de x high"),
            (Variants::Lowest, Renditions::None, "low"),
            (Variants::Height(720), languages(&["EN"]), "en high"),
            (
                Variants::Height(360),
                languages(&["en-GB", "de"]),
                "en de low",
            ),
            (Variants::Lowest, languages(&["e"]), "low"),
        ];
        for (variants, renditions, names) in cases {
            assert_eq!(kept(variants, renditions), (names.to_owned(), false));
        }
    }

    #[test]
    fn options_that_choose_are_known_by_name() {
        let by = |variants, renditions| {
            let selection = Selection {
                variants,
                renditions,
                ..Selection::default()
            };
            selection.chooses_by()
        };
        assert_eq!(by(Variants::All, Renditions::All), None);
        let of_one = by(Variants::Lowest, Renditions::All);
        assert_eq!(of_one, Some("--variants"));
        let of_other = by(Variants::All, Renditions::None);
        assert_eq!(of_other, Some("--renditions"));
        let both = by(Variants::Height(720), Renditions::None);
        assert_eq!(both, Some("--variants and --renditions"));
    }

    #[test]
    fn where_there_is_no_such_variant_all_are_kept() {
        let (names, no_such_variant) = kept(Variants::Height(1080), Renditions::None);
        assert_eq!((names.as_str(), no_such_variant), ("high low", true));
        let base = Url::parse("http://h/main.m3u8").unwrap();
        let selection = Selection {
            variants: Variants::Height(1080),
            ..Selection::default()
        };
        let selected = selection.select(read_multivariant(MAIN.as_bytes(), &base).children);
        assert_eq!(selected.variants(), "1280x720 3 kbit/s, 640x360 1 kbit/s");
    }
}
