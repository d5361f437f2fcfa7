//! Rules of the text of a playlist (P): each looks at one text.
//!
//! | file | rules |
//! | --- | --- |
//! | `seen` | a text, and where it stands |
//! | `form` | P02, P04: what a text is made of |
//! | `durations` | P05, P06, P18, P19: how long things are |
//! | `order` | P07: what stands before what |
//! | `version` | P08, P09: EXT-X-VERSION |
//! | `attributes` | P10, P11, P12: keys, ranges, maps |
//! | `dates` | P13, P16, P17: dates and date ranges |
//! | `define` | P14: variables |
//! | `groups` | X11: groups of renditions |

mod attributes;
mod dates;
mod define;
mod durations;
mod form;
mod groups;
mod order;
mod seen;
mod sequences;
mod version;

pub use self::seen::Text;

use super::broken::Broken;
use crate::hls::PlaylistKind;

/// What is wrong with a text.
pub fn judge(text: &Text<'_>, out: &mut Vec<Broken>) {
    if text.playlist.kind.is_none() {
        return;
    }
    form::judge(text, out);
    version::judge(text, out);
    define::judge(text, out);
    if text.playlist.kind == Some(PlaylistKind::Multivariant) {
        groups::judge(text, out);
    }
    if text.playlist.kind == Some(PlaylistKind::Media) {
        durations::judge(text, out);
        order::judge(text, out);
        sequences::judge(text, out);
        attributes::judge(text, out);
        dates::judge(text, out);
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use url::Url;

    use super::*;
    use crate::analysis::rules::playlist::Playlist;
    use crate::analysis::rules::ranges::DateRanges;

    /// Ids of what is wrong with a text, as the first revision of a playlist.
    pub fn found(text: &str) -> Vec<&'static str> {
        let mut ids: Vec<_> = broken(text).iter().map(|broken| broken.rule).collect();
        ids.dedup();
        ids
    }

    /// What is wrong with a text, as the first revision of a playlist.
    pub fn broken(text: &str) -> Vec<Broken> {
        let playlist = Playlist::read(text.into());
        let url = Url::parse("http://localhost/live/list.m3u8?v=1").unwrap();
        let text = Text {
            playlist: &playlist,
            url: &url,
            fresh: 0,
            has_slid: false,
            has_parent: true,
            known_ranges: &DateRanges::default(),
        };
        let mut out = Vec::new();
        judge(&text, &mut out);
        out
    }

    /// A live playlist with which nothing is wrong.
    pub const CLEAN: &str = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:7\n\
        #EXT-X-PROGRAM-DATE-TIME:2026-11-29T10:00:00Z\n#EXTINF:4.0,\ns7.ts\n#EXTINF:4.0,\ns8.ts\n#EXTINF:4.0,\ns9.ts\n\
        #EXTINF:4.0,\ns10.ts\n#EXTINF:4.0,\ns11.ts\n#EXTINF:4.0,\ns12.ts\n";

    #[test]
    fn nothing_is_wrong_with_a_clean_text() {
        assert_eq!(found(CLEAN), Vec::<&str>::new());
    }
}
