//! P03 identity, H05 gzip, H06 cache-live, H08 cors, H09 mime: header fields.

use std::collections::HashMap;

use super::answer::Answered;
use crate::analysis::rules::broken::Broken;
use crate::session::{Kind, Outcome, seconds};

/// Content types of playlists (RFC 8216bis 4), and one that is in wide use.
const PLAYLISTS: [&str; 3] = [
    "application/vnd.apple.mpegurl",
    "audio/mpegurl",
    "application/x-mpegurl",
];
/// A text that is smaller gains nothing by compression.
const WORTH_COMPRESSING: u64 = 1000;
/// Playlists that are told apart.
const MOST_PLAYLISTS: usize = 10_000;
/// What content types may be, by the end of a path (HLS Authoring Specification 10.4, and RFC 8216bis 3.1).
const TYPES: [(&str, &[&str]); 8] = [
    (".ts", &["video/mp2t"]),
    (
        ".m4s",
        &[
            "video/mp4",
            "audio/mp4",
            "application/mp4",
            "video/iso.segment",
            "audio/iso.segment",
        ],
    ),
    (".mp4", &["video/mp4", "audio/mp4", "application/mp4"]),
    (".cmfv", &["video/mp4", "application/mp4"]),
    (".cmfa", &["audio/mp4", "video/mp4", "application/mp4"]),
    (".aac", &["audio/aac", "audio/x-aac", "audio/aacp"]),
    (".mp3", &["audio/mpeg", "audio/mp3"]),
    (".vtt", &["text/vtt"]),
];

pub(super) fn judge(answered: &Answered<'_>, out: &mut Vec<Broken>) {
    missing(answered, out);
    if !answered.is_good() {
        return;
    }
    let content_type = media_type(answered);
    if answered.is_playlist() && answered.exchange.revision.is_some() {
        let path = answered.path();
        let is_named = path.ends_with(".m3u8") || path.ends_with(".m3u");
        if !is_named && !PLAYLISTS.contains(&content_type.as_str()) {
            out.push(Broken::new("P03", format!("neither its path nor its Content-Type {content_type:?} says that it is a playlist")));
        }
        let size = answered.exchange.body.as_ref().map_or(0, |(size, _)| *size);
        if answered.field("content-encoding").is_none() && size >= WORTH_COMPRESSING {
            out.push(Broken::new(
                "H05",
                format!("a playlist of {size} bytes is not compressed, though gzip was asked for"),
            ));
        }
    }
    if answered.is_media() {
        mime(answered, &content_type, out);
    }
}

/// The type of Content-Type, in lower case; empty: there is none.
fn media_type(answered: &Answered<'_>) -> String {
    let value = answered.field("content-type").unwrap_or_default();
    value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

fn mime(answered: &Answered<'_>, content_type: &str, out: &mut Vec<Broken>) {
    let path = answered.path();
    let Some((end, allowed)) = TYPES.iter().find(|(end, _)| path.ends_with(end)) else {
        return;
    };
    if !allowed.contains(&content_type) {
        let said = match content_type {
            "" => "no Content-Type".to_owned(),
            other => format!("Content-Type {other:?}"),
        };
        let text = format!(
            "{said} for a {end} file: {} is meant",
            allowed.first().unwrap_or(&"")
        );
        out.push(Broken::new("H09", text).kind(end));
    }
}

/// A 404 that stays in caches.
fn missing(answered: &Answered<'_>, out: &mut Vec<Broken>) {
    let exchange = answered.exchange;
    let Some(status @ (404 | 410)) = exchange.status else {
        return;
    };
    let control = answered.field("cache-control").unwrap_or_default();
    let target_us = exchange.listed_by.and_then(|(_, target_us)| target_us);
    if let (Some(age_us), Some(target_us)) = (max_age_us(control), target_us)
        && age_us > target_us
    {
        let text = format!("a {status} may be cached for {} s", seconds(age_us));
        out.push(Broken::new("H06", text).kind("missing"));
    }
}

/// What was known of live playlists when their answers came: a copy in a cache is no new revision, but it is an answer.
#[derive(Debug, Default)]
pub(super) struct Edges {
    /// Target duration and end of the newest revision, by playlist.
    newest: HashMap<i64, (Option<i64>, bool)>,
}

impl Edges {
    pub(super) fn judge(&mut self, answered: &Answered<'_>, out: &mut Vec<Broken>) {
        let exchange = answered.exchange;
        let asked_for = exchange.head_resource_id.unwrap_or(exchange.resource_id);
        if let Some(revision) = exchange.revision
            && (self.newest.len() < MOST_PLAYLISTS || self.newest.contains_key(&asked_for))
        {
            self.newest.insert(asked_for, revision);
        }
        let is_known = exchange.status == Some(304) && exchange.outcome == Outcome::Complete;
        // What was held may stay in a cache for longer (B.1).
        let is_asked = exchange.directives_met.is_none() && answered.is_playlist();
        if !is_asked || !(is_known || answered.is_good()) {
            return;
        }
        if let Some((Some(target_us), false)) = self.newest.get(&asked_for) {
            caching(answered, *target_us, out);
        }
    }
}

fn caching(answered: &Answered<'_>, target_us: i64, out: &mut Vec<Broken>) {
    let control = answered.field("cache-control").unwrap_or_default();
    if let Some(age_us) = max_age_us(control).filter(|age_us| *age_us > target_us / 2) {
        let text = format!(
            "a live playlist of target duration {} s may be cached for {} s",
            seconds(target_us),
            seconds(age_us)
        );
        out.push(Broken::new("H06", text).worse(age_us));
    }
    let age_us = answered.age_us().filter(|age_us| *age_us > target_us);
    if let Some(age_us) = age_us {
        let text = format!(
            "a live playlist of target duration {} s came out of a cache that had had it for up to {} s",
            seconds(target_us),
            seconds(age_us)
        );
        out.push(Broken::new("H06", text).kind("age").worse(age_us));
    }
}

/// For how long a shared cache may keep an answer, in microseconds (RFC 9111 5.2.2).
fn max_age_us(control: &str) -> Option<i64> {
    let directives = control.split(',').map(str::trim);
    let seconds = |name: &str| {
        directives.clone().find_map(|directive| {
            let (own, value) = directive.split_once('=')?;
            let number = value.trim_matches('"').parse::<i64>().ok()?;
            own.eq_ignore_ascii_case(name).then_some(number)
        })
    };
    let forbids = |name: &str| {
        directives
            .clone()
            .any(|directive| directive.eq_ignore_ascii_case(name))
    };
    if forbids("no-store") || forbids("no-cache") {
        return None;
    }
    let age = seconds("s-maxage").or_else(|| seconds("max-age"))?;
    Some(age.saturating_mul(1_000_000))
}

/// Whether pages may read what came: it is judged where some answers allow it, since no request of a page was made.
#[derive(Debug, Default)]
pub(super) struct CrossOrigin {
    /// Some answers allow it, by what they are of.
    allows: bool,
    /// Good answers without it.
    lacking: u64,
}

impl CrossOrigin {
    pub(super) fn judge(&mut self, answered: &Answered<'_>, out: &mut Vec<Broken>) {
        if !answered.is_good()
            || matches!(
                answered.exchange.kind,
                Kind::Steering | Kind::Assets | Kind::Data
            )
        {
            return;
        }
        if answered.field("access-control-allow-origin").is_some() {
            self.allows = true;
            return;
        }
        self.lacking += 1;
        if self.allows {
            let kind = answered.exchange.kind;
            let text = format!(
                "{} comes without Access-Control-Allow-Origin, and others come with it: a player in a page cannot read it",
                kind.one()
            );
            out.push(Broken::new("H08", text).kind(kind.as_str()));
        }
    }

    pub(super) fn not_judged(&self) -> Option<(&'static str, &'static str)> {
        let nobody_said = !self.allows && self.lacking > 0;
        nobody_said.then_some((
            "H08 cors",
            "no request of a page was made, and no answer had Access-Control-Allow-Origin",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::rules::http::testing::{broken, found, good, headers, of_segment};
    use crate::session::SeenExchange;

    const TYPE: (&str, &str) = ("content-type", "application/vnd.apple.mpegurl");
    const GZIP: (&str, &str) = ("content-encoding", "gzip");

    fn live(url: &str) -> SeenExchange {
        SeenExchange {
            revision: Some((Some(4_000_000), false)),
            ..good(Kind::Media, url)
        }
    }

    #[test]
    fn a_playlist_is_known_by_its_name_or_its_type() {
        let plain = [("content-type", "text/plain"), GZIP];
        assert_eq!(
            found(&[(live("http://localhost/list"), headers(&plain))]),
            ["P03"]
        );
        assert_eq!(
            found(&[(live("http://localhost/list.m3u8?t=1"), headers(&plain))]),
            Vec::<&str>::new()
        );
        assert_eq!(
            found(&[(live("http://localhost/list"), headers(&[TYPE, GZIP]))]),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn playlists_are_compressed() {
        assert_eq!(
            found(&[(live("http://localhost/list.m3u8"), headers(&[TYPE]))]),
            ["H05"]
        );
    }

    #[test]
    fn live_playlists_and_what_is_missing_do_not_stay_in_caches() {
        let with = |field: (&str, &str)| {
            found(&[(
                live("http://localhost/list.m3u8"),
                headers(&[TYPE, GZIP, field]),
            )])
        };
        assert_eq!(with(("cache-control", "public, max-age=3")), ["H06"]);
        assert_eq!(
            with(("cache-control", "max-age=3, s-maxage=1")),
            Vec::<&str>::new()
        );
        assert_eq!(
            with(("cache-control", "no-cache, max-age=60")),
            Vec::<&str>::new()
        );
        assert_eq!(with(("age", "9")), ["H06"]);
        let gone = SeenExchange {
            status: Some(404),
            ..good(Kind::Segment, "http://localhost/s1.ts")
        };
        assert_eq!(
            found(&[(gone, headers(&[("cache-control", "s-maxage=60")]))]),
            ["H06", "H01"]
        );
    }

    #[test]
    fn a_copy_in_a_cache_is_an_answer_whatever_it_shows() {
        let url = "http://localhost/list.m3u8";
        let fields = |age| headers(&[TYPE, GZIP, ("age", age)]);
        let same = good(Kind::Media, url);
        let known = SeenExchange {
            status: Some(304),
            ..same.clone()
        };
        let answers = [
            (live(url), fields("0")),
            (same, fields("5")),
            (known, fields("19")),
        ];
        let told = broken(&answers);
        let texts: Vec<&str> = told.iter().map(|broken| broken.text.as_str()).collect();
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert!(texts[1].ends_with("for up to 19 s"), "{texts:?}");
    }

    #[test]
    fn content_types_say_what_media_is() {
        let segment = |url: &str, kind: &str| {
            found(&[(good(Kind::Segment, url), headers(&[("content-type", kind)]))])
        };
        assert_eq!(segment("http://localhost/s1.ts", "text/plain"), ["H09"]);
        assert_eq!(
            segment("http://localhost/s1.ts", "video/MP2T; x=y"),
            Vec::<&str>::new()
        );
        assert_eq!(
            segment("http://localhost/s1.bin", "text/plain"),
            Vec::<&str>::new()
        );
    }

    #[test]
    fn pages_may_read_all_of_it_or_nothing_is_said() {
        let open = headers(&[
            ("content-type", "video/mp2t"),
            ("access-control-allow-origin", "*"),
        ]);
        let segment = good(Kind::Segment, "http://localhost/s1.ts");
        assert_eq!(
            found(&[(segment.clone(), open), (segment.clone(), of_segment())]),
            ["H08"]
        );
        let mut state = CrossOrigin::default();
        let fields = of_segment();
        state.judge(&Answered::new(&segment, &fields), &mut Vec::new());
        assert!(state.not_judged().is_some());
    }
}
