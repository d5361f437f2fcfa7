//! Which playlists of a stream belong together: those that a multivariant playlist lists. Assets of interstitials are no renditions.

use std::collections::HashMap;

use url::Url;

use super::date_ranges::Role;
use crate::analysis::rules::overview::stream_infs;
use crate::analysis::rules::playlist::without_query;
use crate::hls::{ChildRole, read_multivariant};

/// Children that are remembered of a stream.
const MOST: usize = 8192;

/// A playlist that a multivariant playlist lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// What it is.
    pub role: ChildRole,
    /// TYPE and GROUP-ID of a rendition that is seen or heard; empty: it is none.
    pub group: String,
    /// BANDWIDTH of a variant, in bits per second; 0: it has none that can be read.
    pub bandwidth: u64,
    /// AVERAGE-BANDWIDTH of a variant; 0: it has none.
    pub average: u64,
}

impl Member {
    /// It shows or sounds what the others do: no subtitles, no single frames.
    pub fn is_timed_like_others(&self) -> bool {
        self.role == ChildRole::Variant
            || (self.role == ChildRole::Rendition && !self.group.is_empty())
    }
}

/// The playlists that the multivariant playlists of a stream ever listed, by URL without query.
#[derive(Debug, Default)]
pub struct Family {
    members: HashMap<Vec<u8>, Member>,
    /// There are renditions of sound or pictures.
    plays_beside: bool,
}

impl Family {
    /// Takes in a multivariant playlist, from where it was answered.
    pub fn take(&mut self, text: &[u8], base: &Url) {
        let averages = averages(text, base);
        for child in read_multivariant(text, base).children {
            let url = without_query(child.url.as_str().as_bytes()).to_vec();
            if self.members.len() >= MOST && !self.members.contains_key(&url) {
                return;
            }
            let average = averages.get(&url).copied().unwrap_or(0);
            // One playlist with several sets of renditions is listed several times: the most that is promised counts.
            let before = self.members.get(&url);
            let bandwidth = before
                .map_or(0, |before| before.bandwidth)
                .max(child.bandwidth);
            self.plays_beside |= child.role == ChildRole::Rendition && !child.group.is_empty();
            self.members.insert(
                url,
                Member {
                    role: child.role,
                    group: child.group,
                    bandwidth,
                    average: before.map_or(0, |before| before.average).max(average),
                },
            );
        }
    }

    /// What a member is for date ranges (X06).
    pub fn role(&self, member: &Member) -> Role {
        Role {
            plays_alone: member.role == ChildRole::Variant && !self.plays_beside,
        }
    }

    /// The member with a URL.
    pub fn member(&self, url: &str) -> Option<&Member> {
        self.members.get(without_query(url.as_bytes()))
    }
}

/// AVERAGE-BANDWIDTH of each variant, the largest where there are several.
fn averages(text: &[u8], base: &Url) -> HashMap<Vec<u8>, u64> {
    let mut averages: HashMap<Vec<u8>, u64> = HashMap::new();
    for (url, declared) in stream_infs(text, base) {
        let url = without_query(url.as_str().as_bytes()).to_vec();
        let known = averages.entry(url).or_default();
        *known = declared.average.unwrap_or(0).max(*known);
    }
    averages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_multivariant_playlist_says_what_belongs_together() {
        let text = "#EXTM3U\n#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"s\",NAME=\"en\",URI=\"subs.m3u8\"\n\
            #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"en\",URI=\"audio.m3u8\"\n\
            #EXT-X-STREAM-INF:BANDWIDTH=1000,AVERAGE-BANDWIDTH=900,AUDIO=\"a\"\nlow.m3u8?t=1\n\
            #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=10,URI=\"frames.m3u8\"\n";
        let base = Url::parse("http://localhost/main.m3u8").unwrap();
        let mut family = Family::default();
        family.take(text.as_bytes(), &base);
        let is_timed = |name: &str| {
            let member = family.member(&format!("http://localhost/{name}?t=9"));
            member.map(Member::is_timed_like_others)
        };
        assert_eq!(is_timed("low.m3u8"), Some(true));
        assert_eq!(is_timed("audio.m3u8"), Some(true));
        assert_eq!(is_timed("frames.m3u8"), Some(false));
        assert_eq!(is_timed("subs.m3u8"), Some(false));
        assert_eq!(is_timed("asset.m3u8"), None);
        let low = family.member("http://localhost/low.m3u8").unwrap();
        assert_eq!((low.bandwidth, low.average), (1000, 900));
    }
}
