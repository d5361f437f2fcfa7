//! The text of a revision, with its URIs as ways to what was asked for.

use std::collections::VecDeque;
use std::ops::Range;

use serde::Serialize;
use url::Url;

use super::list::{Revision, revision_of};
use crate::hls::{
    ByteRange, EntryRole, Line, Resolver, UriRef, UriRole, Variables, lines, read_media, uris,
};
use crate::page::asked::Lane;
use crate::page::view::View;
use crate::session::{Body, ExchangeId, ReadError};
use crate::shown::escaped;

/// Lines of an answer.
const LINES: usize = 2000;
/// A line, in bytes: what is longer is cut.
const LONGEST: usize = 16 * 1024;
/// Links of an answer.
const MOST_LINKS: usize = 4000;

#[derive(Serialize)]
pub(in crate::page) struct Text {
    lane: String,
    url: String,
    before: Option<ExchangeId>,
    after: Option<ExchangeId>,
    #[serde(flatten)]
    revision: Option<Revision>,
    line: usize,
    line_count: usize,
    lines: Vec<ShownLine>,
}

#[derive(Serialize)]
struct ShownLine {
    text: String,
    links: Vec<Link>,
}

#[derive(Serialize)]
struct Link {
    /// In UTF-16 units of the line.
    from: usize,
    to: usize,
    url: String,
    exchange: Option<ExchangeId>,
}

/// The bytes of a revision; `None`: there is no such text.
pub(super) fn body(view: &View<'_>, id: ExchangeId) -> Result<Option<Vec<u8>>, ReadError> {
    let body = view.reader.together(|| view.reader.body_of(id));
    Ok(match body.map_err(ReadError::of_single_body)? {
        Some(Body::Bytes(bytes)) => Some(bytes),
        Some(Body::Chunk(_)) | None => None,
    })
}

/// `None`: there is no such revision.
pub(in crate::page) fn text(
    view: &View<'_>,
    id: ExchangeId,
    first_line: usize,
) -> Result<Option<Text>, ReadError> {
    let reader = view.reader;
    let (Some(place), Some(bytes)) = (reader.revision_place(id)?, body(view, id)?) else {
        return Ok(None);
    };
    let resource = reader.resource_asked(id)?;
    let (url, stream_id) = resource.map_or((String::new(), 0), |one| (one.url, one.stream_id));
    let all: Vec<Line<'_>> = lines(&bytes).collect();
    let end = all.len().min(first_line.saturating_add(LINES));
    let inside = all.get(first_line.min(end)..end).unwrap_or_default();
    let span = inside.first().zip(inside.last());
    let span = span.map_or(0..0, |(first, last)| first.span.start..last.span.end);
    let links = found(&bytes, &url, &span);
    let mut next = links.iter().peekable();
    let mut shown = Vec::with_capacity(inside.len());
    for line in inside {
        let mut here = Vec::new();
        while let Some(link) = next.next_if(|link| link.span.start < line.span.end) {
            here.push(link);
        }
        shown.push(shown_line(view, stream_id, &bytes, line, &here)?);
    }
    let line_count = all.len();
    Ok(Some(Text {
        lane: Lane::Playlist(place.playlist_id).to_string(),
        url: escaped(&url),
        before: place.before,
        after: place.after,
        revision: revision_of(view, place.playlist_id, (place.seen_us, id))?,
        line: first_line,
        line_count,
        lines: shown,
    }))
}

/// A URI in a text, and what it means.
struct FoundLink {
    span: Range<usize>,
    url: Url,
    range: Option<ByteRange>,
}

/// The URIs within a span of a text, in order.
fn found(text: &[u8], url: &str, inside: &Range<usize>) -> Vec<FoundLink> {
    let Ok(base) = Url::parse(url) else {
        return Vec::new();
    };
    let variables = Variables::read(text, &base, &Variables::default());
    let mut resolver = Resolver::new(&base, &variables);
    let all: Vec<UriRef> = uris(text).collect();
    let media = read_media(text, &base, &Variables::default());
    let ranges = |role: UriRole, of: EntryRole| {
        let of: Vec<_> = media
            .entries
            .iter()
            .filter(|entry| entry.role == of)
            .collect();
        // Where something was left out, nobody knows which is which.
        let is_each = all.iter().filter(|one| one.role == role).count() == of.len();
        let ranges = of
            .into_iter()
            .map(|entry| entry.range)
            .filter(move |_| is_each);
        ranges.collect::<VecDeque<_>>()
    };
    let mut segments = ranges(UriRole::Segment, EntryRole::Segment);
    let mut parts = ranges(UriRole::Part, EntryRole::Part);
    let mut maps = ranges(UriRole::Init, EntryRole::Init);
    let mut links = Vec::new();
    for one in &all {
        let range = match one.role {
            UriRole::Segment => segments.pop_front(),
            UriRole::Part => parts.pop_front(),
            UriRole::Init => maps.pop_front(),
            _ => None,
        };
        if !inside.contains(&one.span.start) || links.len() >= MOST_LINKS {
            continue;
        }
        let written = text.get(one.span.clone()).unwrap_or_default();
        if let Some(url) = resolver.request(written) {
            links.push(FoundLink {
                span: one.span.clone(),
                url,
                range: range.flatten(),
            });
        }
    }
    links
}

/// A line, and the requests for what it names.
fn shown_line(
    view: &View<'_>,
    stream_id: i64,
    text: &[u8],
    line: &Line<'_>,
    links: &[&FoundLink],
) -> Result<ShownLine, ReadError> {
    let end = line.start + line.text.len().min(LONGEST);
    let part = |from: usize, to: usize| {
        let bytes = text.get(from..to.min(end).max(from)).unwrap_or_default();
        escaped(&String::from_utf8_lossy(bytes))
    };
    let mut shown = ShownLine {
        text: String::new(),
        links: Vec::new(),
    };
    let mut at = line.start;
    let mut units = 0;
    for link in links
        .iter()
        .filter(|link| link.span.end <= end && link.span.start >= line.start)
    {
        let before = part(at, link.span.start);
        let uri = part(link.span.start, link.span.end);
        let from = units + before.encode_utf16().count();
        units = from + uri.encode_utf16().count();
        shown.text.push_str(&before);
        shown.text.push_str(&uri);
        at = link.span.end;
        shown.links.push(Link {
            from,
            to: units,
            url: escaped(link.url.as_str()),
            exchange: view
                .reader
                .first_request_of(stream_id, link.url.as_str(), link.range)?,
        });
    }
    shown.text.push_str(&part(at, end));
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_far_down_are_found_with_their_ranges() {
        let mut text = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n".to_owned();
        for n in 0..MOST_LINKS * 2 {
            text.push_str(&format!("#EXTINF:2,\n#EXT-X-BYTERANGE:1@{n}\na.mp4\n"));
        }
        let last_line = text.len() - "a.mp4\n".len()..text.len();
        let links = found(text.as_bytes(), "http://localhost/list.m3u8", &last_line);
        let ranges: Vec<_> = links
            .iter()
            .map(|link| link.range.map(|range| range.first))
            .collect();
        assert_eq!(ranges, [Some(MOST_LINKS as u64 * 2 - 1)]);
    }

    #[test]
    fn each_uri_knows_its_range() {
        let text = b"#EXTM3U\n#EXT-X-MAP:URI=\"i.mp4\",BYTERANGE=\"9@0\"\n#EXTINF:2,\n#EXT-X-BYTERANGE:10@9\na.mp4\n\
            #EXTINF:2,\n#EXT-X-BYTERANGE:5\na.mp4\n";
        let links = found(text, "http://localhost/live/list.m3u8", &(0..text.len()));
        let shown: Vec<_> = links
            .iter()
            .map(|link| {
                (
                    link.url.path().to_owned(),
                    link.range.map(|range| (range.first, range.length)),
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                ("/live/i.mp4".to_owned(), Some((0, 9))),
                ("/live/a.mp4".to_owned(), Some((9, 10))),
                ("/live/a.mp4".to_owned(), Some((19, 5))),
            ]
        );
    }
}
