//! The session: its streams, its lanes, how its recorder was.

use serde::Serialize;

use super::asked::Lane;
use super::view::View;
use crate::analysis::gaps::labels::Labels;
use crate::session::{
    Moment, Notice, NoticeEvent, RawStreams, ReadError, RevisionRow, Tally, rfc3339, seconds,
};
use crate::shown::escaped;

/// Notices that are told with their moments.
const MOST_NOTICES: usize = 1000;

#[derive(Serialize)]
pub(super) struct Session {
    session: String,
    program: String,
    recorded: Moment,
    length_seconds: f64,
    recording: bool,
    kept_from: Option<f64>,
    holes: Vec<[f64; 2]>,
    recorder: Vec<Noticed>,
    notices: Vec<NoticeInfo>,
    streams: Vec<Stream>,
    hls_js: bool,
    lanes: Vec<LaneInfo>,
}

#[derive(Serialize)]
struct Stream {
    name: String,
    url: String,
    raw: bool,
    path: String,
    dvr: Option<String>,
}

/// What the recorder noticed about itself.
#[derive(Serialize)]
struct Noticed {
    kind: &'static str,
    count: u64,
    seconds: f64,
}

/// One of them.
#[derive(Serialize)]
struct NoticeInfo {
    kind: &'static str,
    at: f64,
    /// Null: it was not over when its run ended.
    to: Option<f64>,
    text: String,
    /// The lane that it is about, where it is about one.
    lane: Option<String>,
}

#[derive(Serialize)]
struct LaneInfo {
    id: String,
    kind: &'static str,
    stream: String,
    name: String,
    label: Option<String>,
    url: String,
    target_seconds: Option<f64>,
    part_target_seconds: Option<f64>,
}

pub(super) fn session(view: &View<'_>) -> Result<Session, ReadError> {
    let (reader, known) = (view.reader, view.known);
    let raw = reader.raw_streams()?;
    let streams = known
        .streams
        .iter()
        .zip(&known.paths)
        .map(|(stream, paths)| Stream {
            name: stream.name.clone(),
            url: stream.url.clone(),
            raw: raw.has(stream.id),
            path: paths.play.clone(),
            dvr: paths.dvr.clone(),
        });
    let notices = noticed_of(view, &raw)?;
    let program = reader.runs()?.pop().map(|run| run.program);
    Ok(Session {
        session: known.session.clone(),
        program: program.unwrap_or_default(),
        recorded: Moment {
            session_time: 0.0,
            time: rfc3339(known.zero_us),
        },
        length_seconds: known.at(known.end_us).max(0.0),
        recording: known.recording,
        kept_from: known
            .kept_us
            .filter(|us| *us > known.zero_us)
            .map(|us| known.at(us)),
        holes: known
            .holes
            .iter()
            .map(|hole| [known.at(hole.from_us), known.at(hole.until_us)])
            .collect(),
        recorder: noticed(&notices),
        notices: told(view, &notices),
        streams: streams.collect(),
        hls_js: known.has_hls_js,
        lanes: lanes(view)?,
    })
}

/// A notice, and the lane that it is about, where it is about one.
type OfLane = (NoticeEvent, Option<Lane>);

/// In the order in which they began.
fn noticed_of(view: &View<'_>, raw: &RawStreams) -> Result<Vec<OfLane>, ReadError> {
    let mut notices = view.reader.notices()?;
    // An origin asked for that.
    notices.retain(|notice| notice.kind != Notice::LeftAlone);
    let late = view.reader.late_polls()?.into_iter().map(|late| {
        let lane = match late.stream_id.filter(|id| raw.has(*id)) {
            Some(stream_id) => Some(Lane::Raw(stream_id)),
            None => late.resource_id.map(Lane::Playlist),
        };
        (late.notice, lane)
    });
    let of_all = notices.into_iter().map(|notice| (notice, None));
    let mut all: Vec<OfLane> = of_all.chain(late).collect();
    all.sort_by_key(|(notice, _)| notice.at_us);
    Ok(all)
}

fn noticed(notices: &[OfLane]) -> Vec<Noticed> {
    let mut kinds: Vec<(Notice, Tally)> = Vec::new();
    for (notice, _) in notices {
        let length_us = notice.length_us.unwrap_or(0).saturating_abs();
        match kinds.iter_mut().find(|(kind, _)| *kind == notice.kind) {
            Some((_, tally)) => {
                tally.times += 1;
                tally.length_us = tally.length_us.saturating_add(length_us);
            }
            None => kinds.push((
                notice.kind,
                Tally {
                    times: 1,
                    length_us,
                },
            )),
        }
    }
    let kinds = kinds.into_iter().map(|(kind, tally)| Noticed {
        kind: kind.as_str(),
        count: tally.times,
        seconds: seconds(tally.length_us),
    });
    kinds.collect()
}

/// The last ones, each with its moment.
fn told(view: &View<'_>, notices: &[OfLane]) -> Vec<NoticeInfo> {
    let first = notices.len().saturating_sub(MOST_NOTICES);
    let told = notices.iter().skip(first).map(|(notice, lane)| NoticeInfo {
        kind: notice.kind.as_str(),
        at: view.known.at(notice.at_us),
        to: notice.length_us.map(|_| view.known.at(notice.until_us())),
        text: escaped(&notice.detail),
        lane: lane.map(|lane| lane.to_string()),
    });
    told.collect()
}

/// Media playlists as they were found, multivariant ones before them, raw streams behind.
fn lanes(view: &View<'_>) -> Result<Vec<LaneInfo>, ReadError> {
    let (reader, known) = (view.reader, view.known);
    let media = reader.media_playlists()?;
    let mut labels = Labels::new(reader);
    let mut lanes = Vec::new();
    for playlist in reader.revised_playlists()? {
        let is_media = media.iter().find(|media| media.id == playlist.id);
        let label = match is_media {
            Some(media) => labels.of(media)?,
            None => None,
        };
        let newest = reader.revision_before(playlist.id, i64::MAX, false)?;
        let of_newest =
            |us: fn(&RevisionRow) -> Option<i64>| newest.as_ref().and_then(us).map(seconds);
        lanes.push(LaneInfo {
            id: Lane::Playlist(playlist.id).to_string(),
            kind: if is_media.is_some() { "media" } else { "main" },
            stream: playlist.stream,
            name: playlist.name,
            label,
            url: playlist.url,
            target_seconds: of_newest(|row| row.target_us),
            part_target_seconds: of_newest(|row| row.part_target_us),
        });
    }
    let raw = reader.raw_streams()?.0.into_iter().map(|stream| LaneInfo {
        id: Lane::Raw(stream.id).to_string(),
        kind: "raw",
        stream: stream.name.clone(),
        name: stream.name,
        label: None,
        url: stream.url,
        target_seconds: None,
        part_target_seconds: None,
    });
    lanes.extend(raw);
    // The order of streams, and of playlists as they were found.
    let order = |lane: &LaneInfo| {
        known
            .streams
            .iter()
            .position(|stream| stream.name == lane.stream)
    };
    lanes.sort_by_key(order);
    Ok(lanes)
}
