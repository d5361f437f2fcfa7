//! L06 reports: what low-latency playlists say of each other, beside what these show (RFC 8216bis 4.4.5.4, B.1).

use std::collections::{BTreeMap, VecDeque};

use url::Url;

use crate::analysis::rules::broken::Broken;
use crate::analysis::rules::playlist::{Playlist, integer, without_query};
use crate::hls::attributes;
use crate::session::seconds;

/// Reports of one text that are looked at.
const MOST: usize = 256;
/// Edges of a playlist that are remembered.
const MOST_EDGES: usize = 64;
/// Dates are the same to so much, in microseconds.
const CLOSE_US: i64 = 50_000;

/// The last part that is there: its media sequence number, and its index, which is not known where none of its segment is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Position {
    sequence: u64,
    part: Option<u64>,
}

impl Position {
    /// `false` as well where that is not known.
    fn is_before(self, other: Self) -> bool {
        let parts = self.part.zip(other.part);
        self.sequence < other.sequence
            || self.sequence == other.sequence && parts.is_some_and(|(part, other)| part < other)
    }

    fn shown(self) -> String {
        match self.part {
            Some(part) => format!("segment {}, part {part}", self.sequence),
            None => format!("segment {}", self.sequence),
        }
    }
}

/// Where a text ended. Moments in microseconds of Unix time.
#[derive(Debug, Clone, Copy)]
struct Edge {
    position: Position,
    /// By its dates.
    end_us: Option<i64>,
    seen_us: i64,
}

/// A low-latency playlist as those beside it report it.
#[derive(Debug, Default)]
pub(super) struct Reported {
    /// PART-TARGET, in microseconds; `None`: it has no parts, or is over.
    part_target_us: Option<i64>,
    target_us: i64,
    /// The URL under which it is asked for, and the one from where its text came, without queries.
    urls: [Vec<u8>; 2],
    /// Its scheme, host and port.
    origin: String,
    /// When it was seen first, in microseconds of Unix time.
    first_us: i64,
    edges: VecDeque<Edge>,
    /// Rows of playlists that its texts do not report, and since when, in microseconds of Unix time.
    lacks: BTreeMap<i64, i64>,
}

/// Another playlist, beside a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Other<'a> {
    /// Its row.
    pub(super) id: i64,
    pub(super) name: &'a str,
    pub(super) reported: &'a Reported,
    /// When its last text was seen, in microseconds of Unix time.
    pub(super) seen_us: i64,
    /// The text is compared with that.
    pub(super) is_beside: bool,
}

/// A text and where it came from.
pub(super) struct From<'a> {
    pub(super) playlist: &'a Playlist,
    /// The URL under which its playlist is asked for.
    pub(super) asked: &'a str,
    /// The URL that answered.
    pub(super) url: &'a Url,
    /// When it was seen, in microseconds of Unix time.
    pub(super) seen_us: i64,
    /// The date at which its last whole segment ends, in microseconds of Unix time.
    pub(super) end_us: Option<i64>,
}

impl Reported {
    /// Behind another text of its playlist.
    pub(super) fn of(from: &From<'_>, before: Option<&mut Self>) -> Self {
        let playlist = from.playlist;
        let name = |url: &str| without_query(url.as_bytes()).to_vec();
        let is_read = playlist.is_live() && !playlist.i_frames_only;
        let part_target_us = playlist
            .part_target_us
            .filter(|_| is_read && playlist.has_numbers());
        let mut now = Self {
            part_target_us,
            target_us: playlist.target_us.unwrap_or(0),
            first_us: from.seen_us,
            ..Self::default()
        };
        if let Some(before) = before {
            now.first_us = before.first_us;
            now.edges = std::mem::take(&mut before.edges);
            now.lacks = std::mem::take(&mut before.lacks);
        }
        if part_target_us.is_none() {
            now.edges.clear();
            now.lacks.clear();
            return now;
        }
        now.urls = [name(from.asked), name(from.url.as_str())];
        now.origin = from.url.origin().ascii_serialization();
        let edge = edge(from);
        // What begins again has other numbers.
        if let (Some(edge), Some(last)) = (&edge, now.edges.back())
            && edge.position.is_before(last.position)
        {
            now.edges.clear();
        }
        if now.edges.len() >= MOST_EDGES {
            now.edges.pop_front();
        }
        now.edges.extend(edge);
        now
    }

    fn is(&self, url: &[u8]) -> bool {
        self.urls.iter().any(|own| own == url)
    }

    /// A text has no report of another playlist, and should have.
    fn lacks(&self, from: &From<'_>, reports: &[Report], other: &Self) -> bool {
        let is_settled = from.seen_us >= other.first_us.saturating_add(self.target_us);
        // Its URL has to be relative, and may be another one at another host.
        is_settled && other.origin == self.origin && !reports.iter().any(|one| other.is(&one.url))
    }
}

fn edge(from: &From<'_>) -> Option<Edge> {
    let playlist = from.playlist;
    let count = playlist.segments.len();
    let next = playlist.parts.iter().filter(|part| part.index == count);
    let (parts, length_us) = next.fold((0_u64, 0_i64), |(parts, us), part| {
        (parts + 1, us.saturating_add(part.duration_us))
    });
    let position = match parts {
        0 => Position {
            sequence: playlist.number(count.checked_sub(1)?),
            part: u64::from(playlist.segments.last()?.parts).checked_sub(1),
        },
        parts => Position {
            sequence: playlist.number(count),
            part: Some(parts - 1),
        },
    };
    Some(Edge {
        position,
        end_us: from.end_us.map(|us| us.saturating_add(length_us)),
        seen_us: from.seen_us,
    })
}

/// What an EXT-X-RENDITION-REPORT says: of which URL, and where that playlist ended.
struct Report {
    url: Vec<u8>,
    position: Position,
}

/// All of a text; what a report leaves out is as it is in its own playlist. `None`: they are too many.
fn reports(from: &From<'_>, own: Position) -> Option<Vec<Report>> {
    let tags = from.playlist.tags();
    let tags = tags.filter(|tag| tag.name == b"#EXT-X-RENDITION-REPORT");
    let mut all = Vec::new();
    for tag in tags {
        if all.len() >= MOST {
            return None;
        }
        let (mut url, mut sequence, mut part) = (None, None, None);
        for attribute in attributes(tag.value) {
            match attribute.name {
                b"URI" => url = std::str::from_utf8(attribute.value).ok(),
                b"LAST-MSN" => sequence = Some(integer(attribute.value)),
                b"LAST-PART" => part = Some(integer(attribute.value)),
                _ => {}
            }
        }
        let url = url.and_then(|url| from.url.join(url).ok());
        all.push(Report {
            url: url.map_or(Vec::new(), |url| {
                without_query(url.as_str().as_bytes()).to_vec()
            }),
            position: Position {
                sequence: sequence.flatten().unwrap_or(own.sequence),
                part: part.unwrap_or(own.part),
            },
        });
    }
    Some(all)
}

/// What a text reports of the other playlists. `not_before_us`: when it was known not to be there yet, in microseconds of Unix time.
pub(super) fn judge(
    (from, own): (&From<'_>, &mut Reported),
    not_before_us: Option<i64>,
    others: &[Other<'_>],
    out: &mut Vec<Broken>,
) {
    let (Some(target_us), Some(edge)) = (own.part_target_us, own.edges.back()) else {
        return;
    };
    let Some(reports) = reports(from, edge.position) else {
        return;
    };
    let others = others.iter();
    let others = others.filter(|other| other.reported.part_target_us.is_some());
    let beside = others.clone().filter(|other| other.is_beside);
    let behind = not_before_us.and_then(|not_before_us| {
        let mut beside = beside.clone();
        beside.find_map(|other| {
            let report = reports.iter().find(|one| other.reported.is(&one.url))?;
            let said = report.position;
            let allowed_us = target_us.max(other.reported.part_target_us?);
            let told = is_behind(said, (edge, other.reported), (not_before_us, allowed_us))?;
            Some(told_behind(other.name, said, told))
        })
    });
    // One that is called otherwise may be any.
    let is_known = |report: &Report| {
        own.is(&report.url) || others.clone().any(|other| other.reported.is(&report.url))
    };
    let are_known = reports.iter().all(is_known);
    let lacking = beside.filter(|other| are_known && own.lacks(from, &reports, other.reported));
    let since = lacking.clone().map(|other| {
        let since_us = own.lacks.get(&other.id).copied();
        (other.id, since_us.unwrap_or(from.seen_us))
    });
    let since: BTreeMap<i64, i64> = since.collect();
    // One that went on behind a text without it had not just left.
    let mut went_on =
        lacking.filter(|other| since.get(&other.id).is_some_and(|us| other.seen_us >= *us));
    if let Some(other) = went_on.next() {
        let text = format!("there is no EXT-X-RENDITION-REPORT of {}", other.name);
        out.push(Broken::new("L06", text).kind("missing"));
    }
    out.extend(behind);
    own.lacks = since;
}

/// How a report of a playlist is too old: what it said; what had been there, and for how long, in microseconds.
fn told_behind(name: &str, said: Position, (was, since_us): (Position, i64)) -> Broken {
    let text = format!(
        "EXT-X-RENDITION-REPORT says that {name} ends with {}, and it had shown {} for {:.1} s and more",
        said.shown(),
        was.shown(),
        seconds(since_us)
    );
    let broken = Broken::new("L06", text).kind("behind").worse(since_us);
    broken.with("behind_seconds", seconds(since_us))
}

/// A report is older than the text that it stands in, and than what the other playlist had shown before that text came: where that
/// was, and for how long, in microseconds.
fn is_behind(
    said: Position,
    (own, other): (&Edge, &Reported),
    (not_before_us, allowed_us): (i64, i64),
) -> Option<(Position, i64)> {
    let shown = other.edges.iter().rev();
    let mut shown = shown.filter(|edge| {
        edge.seen_us.saturating_add(allowed_us) <= not_before_us && said.is_before(edge.position)
    });
    let newest = shown.next()?;
    // It ended there, or before.
    let said_us = other
        .edges
        .iter()
        .find(|edge| !edge.position.is_before(said))?;
    let older_us = own.end_us?.saturating_sub(said_us.end_us?);
    (older_us > allowed_us.saturating_add(CLOSE_US)).then(|| {
        (
            newest.position,
            not_before_us.saturating_sub(newest.seen_us),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    /// A playlist of segments of 2 s and parts of 0.5 s, of which so many have been, with reports.
    fn text(parts: u64, reports: &str) -> Playlist {
        let mut text = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PART-INF:PART-TARGET=0.5\n\
            #EXT-X-PROGRAM-DATE-TIME:1970-01-01T00:00:00Z\n"
            .to_owned();
        for part in 0..parts {
            text.push_str(&format!("#EXT-X-PART:DURATION=0.5,URI=\"p{part}\"\n"));
            if part % 4 == 3 {
                text.push_str(&format!("#EXTINF:2,\ns{}\n", part / 4));
            }
        }
        text.push_str(reports);
        Playlist::read(text.into())
    }

    /// A playlist that showed so many parts at these tenths of a second.
    fn shown(name: &str, texts: &[(u64, i64)]) -> Reported {
        let mut last: Option<Reported> = None;
        for (parts, tenths) in texts {
            last = Some(seen(name, &text(*parts, ""), *tenths, last.as_mut()));
        }
        last.unwrap()
    }

    fn with<T>(
        name: &str,
        playlist: &Playlist,
        tenths: i64,
        take: impl FnOnce(&From<'_>) -> T,
    ) -> T {
        let url = Url::parse(&format!("https://localhost/{name}?t=1")).unwrap();
        let whole = i64::try_from(playlist.segments.len()).unwrap();
        take(&From {
            playlist,
            asked: url.as_str(),
            url: &url,
            seen_us: tenths * SECOND / 10,
            end_us: Some(whole * 2 * SECOND),
        })
    }

    fn seen(
        name: &str,
        playlist: &Playlist,
        tenths: i64,
        before: Option<&mut Reported>,
    ) -> Reported {
        with(name, playlist, tenths, |from| Reported::of(from, before))
    }

    /// What is told of a text of `high` that has so many parts and reports, and came at 10 s: `low` got its 20th part then.
    fn told(parts: u64, reports: &str) -> Vec<String> {
        let low: Vec<(u64, i64)> = (8..=20).zip((40..).step_by(5)).collect();
        let low = shown("low", &low);
        let playlist = text(parts, reports);
        let mut own = seen("high", &playlist, 100, None);
        let mut out = Vec::new();
        let low = Other {
            id: 2,
            name: "low",
            reported: &low,
            seen_us: 10 * SECOND,
            is_beside: true,
        };
        with("high", &playlist, 100, |from| {
            judge((from, &mut own), Some(99 * SECOND / 10), &[low], &mut out);
        });
        out.into_iter().map(|broken| broken.text).collect()
    }

    #[test]
    fn each_playlist_is_reported() {
        assert_eq!(told(20, ""), ["there is no EXT-X-RENDITION-REPORT of low"]);
        let right = "#EXT-X-RENDITION-REPORT:URI=\"low?t=9\",LAST-MSN=4,LAST-PART=3\n";
        assert_eq!(told(20, right), Vec::<String>::new());
        assert_eq!(
            told(20, "#EXT-X-RENDITION-REPORT:URI=\"low\"\n"),
            Vec::<String>::new(),
            "as its own"
        );
        let other = "#EXT-X-RENDITION-REPORT:URI=\"other\",LAST-MSN=4,LAST-PART=3\n";
        assert_eq!(told(20, other), Vec::<String>::new(), "it may be that one");
    }

    #[test]
    fn a_report_is_no_older_than_its_text() {
        let report = |segment: u64, part: u64| {
            format!("#EXT-X-RENDITION-REPORT:URI=\"low\",LAST-MSN={segment},LAST-PART={part}\n")
        };
        assert_eq!(told(20, &report(4, 2)), Vec::<String>::new(), "one part");
        assert_eq!(
            told(20, &report(3, 3)),
            [
                "EXT-X-RENDITION-REPORT says that low ends with segment 3, part 3, and it had shown segment 4, part 1 for 0.9 s and more"
            ]
        );
        // A text that is old itself says what was then.
        assert_eq!(told(16, &report(3, 3)), Vec::<String>::new());
        assert_eq!(told(20, &report(9, 0)), Vec::<String>::new());
    }
}
