//! What there is to play: for people (HTML), for programs (JSON).

use serde::{Serialize, Serializer};

use crate::hls::{Child, read_multivariant, relative, replay_path};
use crate::page::files;
use crate::replayer::content::lookup::Lookup;
use crate::replayer::content::raw_extension::{extension, is_cut};
use crate::replayer::request::paths::dvr_path;
use crate::replayer::request::timeline::{Span, format_time, format_utc};
use crate::session::{Hole, Moment, ReadError, seconds};
use crate::shown;

/// What a session has to play.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Its name.
    pub session: String,
    /// Session zero, in microseconds of Unix time.
    pub recorded_us: i64,
    /// Its length, in microseconds.
    pub length_us: i64,
    /// Whether it is being recorded.
    pub recording: bool,
    /// The session time from which on nothing was removed, in microseconds; 0: nothing was.
    pub kept_from_us: i64,
    /// Which span of which session it is a clip of, in a sentence; `None`: it is none.
    pub clip_of: Option<String>,
    /// When a playlist of its first stream was first answered well, in microseconds of session time; `None`: that was not looked for,
    /// or none was.
    pub begins_us: Option<i64>,
    /// Where nothing was recorded in between, in order.
    pub holes: Vec<HoleDescription>,
    /// Its inputs.
    pub streams: Vec<StreamDescription>,
}

/// A description as programs read it: moments on both clocks, lengths in seconds.
#[derive(Serialize)]
struct ForPrograms<'a> {
    session: &'a str,
    recorded: Moment,
    length_seconds: f64,
    recording: bool,
    /// `None`: nothing was removed.
    kept_from: Option<Moment>,
    /// `None`: it is no clip.
    clip_of: Option<&'a str>,
    holes: Vec<HoleForPrograms>,
    streams: &'a [StreamDescription],
}

#[derive(Serialize)]
struct HoleForPrograms {
    from: Moment,
    to: Moment,
}

impl Serialize for Description {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let zero_us = self.recorded_us;
        let at = |session_us: i64| Moment::new(zero_us.saturating_add(session_us), zero_us);
        let holes = self.holes.iter().map(|hole| HoleForPrograms {
            from: at(hole.from_us),
            to: at(hole.until_us),
        });
        let shown = ForPrograms {
            session: &self.session,
            recorded: at(0),
            length_seconds: seconds(self.length_us),
            recording: self.recording,
            kept_from: (self.kept_from_us > 0).then(|| at(self.kept_from_us)),
            clip_of: self.clip_of.as_deref(),
            holes: holes.collect(),
            streams: &self.streams,
        };
        shown.serialize(serializer)
    }
}

/// A time within a session when no recorder ran, in microseconds of session time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoleDescription {
    /// From then on.
    pub from_us: i64,
    /// Until then.
    pub until_us: i64,
}

impl std::fmt::Display for HoleDescription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (from, until) = (format_time(self.from_us), format_time(self.until_us));
        write!(f, "{from} to {until}")
    }
}

/// Holes in session time.
pub(super) fn holes(holes: &[Hole], span: Span) -> Vec<HoleDescription> {
    let describe = |hole: &Hole| HoleDescription {
        from_us: span.session_us(hole.from_us),
        until_us: span.session_us(hole.until_us),
    };
    holes.iter().map(describe).collect()
}

/// What a stream has to play.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StreamDescription {
    /// Its name.
    pub name: String,
    /// What was recorded.
    pub url: String,
    /// Its path here.
    pub path: String,
    /// The path of everything that was recorded of it as a playlist; `None`: nothing of it can be played so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dvr: Option<String>,
    /// Of a raw stream: the path of all of it so far, as one file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dump: Option<String>,
    /// Media playlists of its multivariant playlist.
    pub playlists: Vec<PlaylistDescription>,
    /// Labels of those that were not recorded, by the user's wish.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

/// A media playlist that can be played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlaylistDescription {
    /// A few words.
    pub label: String,
    /// Its path here.
    pub path: String,
}

/// Describes a session with what its playlists listed at a moment (microseconds of Unix time).
pub(super) fn describe(
    name: &str,
    span: Span,
    look: &Lookup<'_>,
    moment_us: i64,
    prefix: &str,
) -> Result<Description, ReadError> {
    let media = look.reader.media_playlists()?;
    let left_out = look.reader.left_out()?;
    let mut streams = Vec::with_capacity(look.streams.len());
    for stream in look.streams {
        // At a moment without a playlist, the last one says more than nothing.
        let main = match look.main_playlist(stream.id, moment_us)? {
            Some(main) => Some(main),
            None => look.main_playlist(stream.id, span.end_us)?,
        };
        let children = main
            .map(|(_, url, body)| read_multivariant(&body, &url).children)
            .unwrap_or_default();
        // Two that share a URL are one.
        let has = |url: &str| {
            let mut of_stream = media.iter().filter(|one| one.stream == stream.name);
            of_stream.any(|one| one.url == url)
        };
        let is_left_out = |child: &Child| {
            let url = child.url.as_str();
            left_out.contains(url) && !has(url)
        };
        let (not_there, there): (Vec<Child>, Vec<Child>) =
            children.into_iter().partition(is_left_out);
        let playlists = there
            .into_iter()
            .filter_map(|child| {
                let path = replay_path(&child.url)?;
                Some(PlaylistDescription {
                    label: child.label,
                    path: format!("{prefix}{path}"),
                })
            })
            .collect();
        let encoded =
            percent_encoding::utf8_percent_encode(&stream.name, percent_encoding::NON_ALPHANUMERIC);
        let raw = extension(look.reader, stream.id)?;
        let file = raw.as_deref().unwrap_or("m3u8");
        let has_dvr = match &raw {
            Some(extension) => is_cut(extension),
            None => media.iter().any(|one| one.stream == stream.name),
        };
        streams.push(StreamDescription {
            name: stream.name.clone(),
            url: stream.url.clone(),
            path: format!("{prefix}/{encoded}/stream.{file}"),
            dvr: has_dvr.then(|| dvr_path(&stream.name, None)),
            dump: raw
                .as_ref()
                .map(|extension| format!("/{encoded}/dump.{extension}")),
            playlists,
            left_out: not_there.into_iter().map(|child| child.label).collect(),
        });
    }
    Ok(Description {
        session: name.to_owned(),
        recorded_us: span.zero_us,
        length_us: span.length_us(),
        recording: span.recording,
        kept_from_us: 0,
        clip_of: None,
        begins_us: None,
        holes: Vec::new(),
        streams,
    })
}

const SECOND_US: i64 = 1_000_000;
/// Of what `--keep` removes, so much later is a start that is offered.
const LATER_US: i64 = 30 * SECOND_US;
/// In seconds.
const MINUTE: i64 = 60;

impl Description {
    /// From when on everything is kept, in whole seconds. Of a session that is being recorded with `--keep` a little later:
    /// who follows a link that was true a while ago is to get there.
    pub fn start(&self) -> i64 {
        let kept_us = self.kept_from_us.max(0);
        let is_sliding = self.recording && kept_us > 0;
        let window_us = self.length_us.saturating_sub(kept_us).max(0);
        let later_us = if is_sliding {
            LATER_US.min(window_us / 2)
        } else {
            0
        };
        let start_us = kept_us.saturating_add(later_us);
        start_us.saturating_add(SECOND_US - 1) / SECOND_US
    }

    /// A later second at which something is there: one minute, else halfway.
    pub fn later(&self) -> Option<i64> {
        let (start, end_us) = (self.start(), self.length_us);
        let halfway = start.saturating_add(end_us / SECOND_US) / 2;
        let is_there =
            |seconds: &i64| *seconds > start && seconds.saturating_mul(SECOND_US) < end_us;
        [start.saturating_add(MINUTE), halfway]
            .into_iter()
            .find(is_there)
    }

    /// The same with references relative to this path.
    pub(super) fn relative_to(mut self, base: &str) -> Self {
        for stream in &mut self.streams {
            let playlists = stream.playlists.iter_mut().map(|p| &mut p.path);
            let wholes = stream.dvr.iter_mut().chain(&mut stream.dump);
            for path in playlists.chain(wholes).chain([&mut stream.path]) {
                *path = relative(base, path);
            }
        }
        self
    }
}

/// The page as JSON.
pub(super) fn json(description: &Description) -> String {
    shown::json_lines(description).unwrap_or_default() + "\n"
}

/// The page as HTML, as it is served at `base`: who has no scripts gets a list of links.
pub(super) fn html(description: &Description, prefix: &str, base: &str) -> String {
    let session = escape(&description.session);
    let state = if description.recording {
        ", being recorded"
    } else {
        ""
    };
    let mut text = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{session} - isreplayer</title>\
         <link rel=\"icon\" href=\"{}\">\n{}<link rel=\"stylesheet\" href=\"{}\"><script type=\"module\" src=\"{}\"></script></head>\n\
         <body>\n<div id=\"page\"></div>\n<noscript>\n<h1><bdi>{session}</bdi></h1>\n<p>Recorded {}, {} long{state}.</p>\n",
        // Behind a prefix it is not at the root of the host.
        escape(&relative(base, "/favicon.ico")),
        preloads(base),
        escape(&relative(base, "/-/page.css")),
        escape(&relative(base, "/-/main.js")),
        escape(&format_utc(description.recorded_us)),
        format_time(description.length_us),
    );
    let kept_us = description.kept_from_us;
    if kept_us > 0 {
        text += &format!("<p>Kept from {} on.</p>\n", format_time(kept_us));
    }
    for hole in &description.holes {
        text += &format!("<p>Not recorded: {hole}</p>\n");
    }
    text += &first_html(description, prefix, base);
    for stream in &description.streams {
        text += &stream_html(stream);
    }
    text + "</noscript>\n</body></html>\n"
}

/// What the page loads at first, so that the browser asks for all of it at once: the session before anything else, which the rest is drawn of.
fn preloads(base: &str) -> String {
    let href = |path: &str| escape(&relative(base, path));
    let session = format!(
        "<link rel=\"preload\" as=\"fetch\" crossorigin href=\"{}\">\n",
        href("/-/v1/session")
    );
    let others = files::first().iter().filter(|name| *name != "page.css");
    let files = others.map(|name| {
        let rel = match name.ends_with(".css") {
            true => "rel=\"preload\" as=\"style\"",
            false => "rel=\"modulepreload\"",
        };
        format!("<link {rel} href=\"{}\">\n", href(&format!("/-/{name}")))
    });
    session + &files.collect::<String>()
}

/// The first stream, in each way in which it can be played; a raw stream has its own path.
fn first_html(description: &Description, prefix: &str, base: &str) -> String {
    let is_raw = |stream: &StreamDescription| stream.dump.is_some();
    if description.streams.first().is_some_and(is_raw) {
        return String::new();
    }
    let start = description.start();
    let mut paths = vec![
        (
            format!("{prefix}/stream.m3u8"),
            "the first stream".to_owned(),
        ),
        (
            format!("/stream.m3u8?offset={start}"),
            "the same from its start, on a clock of its own".to_owned(),
        ),
    ];
    if let Some(later) = description.later() {
        let from = format_time(later.saturating_mul(SECOND_US));
        paths.push((
            format!("/stream.m3u8?offset={later}"),
            format!("from {from} on"),
        ));
    }
    let mut text = "<ul>\n".to_owned();
    for (path, meaning) in &paths {
        text += &format!(
            "<li><a href=\"{}\">{}</a>: {meaning}</li>\n",
            escape(&relative(base, path)),
            escape(path)
        );
    }
    text + "</ul>\n"
}

fn stream_html(stream: &StreamDescription) -> String {
    let mut text = format!(
        "<h2><bdi><a href=\"{}\">{}</a></bdi></h2>\n<p><bdi>{}</bdi></p>\n<ul>\n",
        escape(&stream.path),
        escape(&stream.name),
        escape(&stream.url),
    );
    let wholes = [
        (&stream.dvr, "everything that was recorded of it"),
        (&stream.dump, "all of it so far, as one file"),
    ];
    for (path, meaning) in wholes {
        if let Some(path) = path {
            let path = escape(path);
            text += &format!("<li><a href=\"{path}\">{path}</a>: {meaning}</li>\n");
        }
    }
    for playlist in &stream.playlists {
        text += &format!(
            "<li><bdi><a href=\"{}\">{}</a></bdi></li>\n",
            escape(&playlist.path),
            escape(&playlist.label)
        );
    }
    text + "</ul>\n"
}

/// Allows what the page needs: its own files and answers, and media that a player puts together.
pub(super) const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; media-src 'self' blob:; worker-src 'self' blob:; \
     object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Escapes markup, and characters that steer the text around them.
fn escape(text: &str) -> String {
    let text = shown::escaped(text);
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_escaped() {
        let evil = "<script>\"'&\u{1b}\u{202e}".to_owned();
        let playlist = PlaylistDescription {
            label: evil.clone(),
            path: evil.clone(),
        };
        let stream = StreamDescription {
            name: evil.clone(),
            url: evil.clone(),
            path: evil.clone(),
            dvr: Some(evil.clone()),
            dump: Some(evil.clone()),
            playlists: vec![playlist],
            left_out: vec![evil.clone()],
        };
        let description = Description {
            session: evil,
            recorded_us: 0,
            length_us: 1,
            recording: true,
            kept_from_us: 3_500_000,
            clip_of: None,
            begins_us: None,
            holes: vec![HoleDescription {
                from_us: 0,
                until_us: 61_000_000,
            }],
            streams: vec![stream],
        };
        let page = html(&description, "/@5", "/@5/");
        assert!(
            !page.contains("<script>")
                && page.contains("src=\"../-/main.js\"")
                && !page.contains(['\u{1b}', '\u{202e}']),
            "{page}"
        );
        assert!(page.contains("&lt;script&gt;&quot;&#39;&amp;"));
        assert!(page.contains("Kept from 0:00:03.500 on."));
        assert!(page.contains("Not recorded: 0:00:00.000 to 0:01:01.000"));
        assert!(page.contains("1970-01-01 00:00:00 UTC"));
        assert!(!page.contains("offset="), "its first stream is raw");
        let mut plain = description.clone();
        plain.streams[0].dump = None;
        let page = html(&plain, "/@5", "/@5/");
        assert!(page.contains("href=\"stream.m3u8\""));
        assert!(page.contains("href=\"../stream.m3u8?offset=4\""));
        let value: serde_json::Value = serde_json::from_str(&json(&description)).unwrap();
        assert_eq!(value["length_seconds"], 0.000_001);
        assert_eq!(value["kept_from"]["session_time"], 3.5);
        assert_eq!(
            value["holes"][0]["to"]["time"],
            "1970-01-01T00:01:01.000000Z"
        );
        assert_eq!(
            value["streams"][0]["playlists"][0]["label"],
            "<script>\"'&\u{1b}\u{202e}"
        );
    }

    #[test]
    fn no_offset_is_offered_at_which_nothing_is_there() {
        let offsets_of = |kept_s: i64, length_s: i64, recording: bool| {
            let description = Description {
                session: "s".to_owned(),
                recorded_us: 0,
                length_us: length_s * SECOND_US,
                recording,
                kept_from_us: kept_s * SECOND_US,
                clip_of: None,
                begins_us: None,
                holes: Vec::new(),
                streams: Vec::new(),
            };
            let page = html(&description, "", "/");
            let offered = page.split("\"stream.m3u8?offset=").skip(1);
            let numbers = offered.map(|rest| rest.split('"').next().unwrap().to_owned());
            numbers.collect::<Vec<_>>()
        };
        let offsets = |kept_s, length_s| offsets_of(kept_s, length_s, false);
        assert_eq!(offsets(0, 90), ["0", "60"]);
        assert_eq!(offsets(0, 12), ["0", "6"]);
        assert_eq!(offsets(0, 1), ["0"]);
        assert_eq!(offsets(300, 340), ["300", "320"]);
        assert_eq!(offsets(300, 400), ["300", "360"]);
        // What is removed while it is looked at is not offered.
        assert_eq!(offsets_of(300, 400, true), ["330", "390"]);
        assert_eq!(offsets_of(300, 310, true), ["305", "307"]);
        assert_eq!(offsets_of(0, 90, true), ["0", "60"]);
    }
}
