//! One request with all that is known of it.

use serde::Serialize;

use super::media::lines;
use super::table::{Lanes, Row};
use crate::page::asked::Lane;
use crate::page::view::View;
use crate::session::{
    Body, ExchangeDetail, ExchangeId, ExchangeRow, Kind, Moment, ReadError, seconds,
};
use crate::shown::{escaped, escaped_lines};

/// Text that is shown.
const MOST_TEXT: usize = 256 * 1024;

#[derive(Serialize)]
pub(in crate::page) struct Detail {
    #[serde(flatten)]
    row: Row,
    moment: Moment,
    method: &'static str,
    url: String,
    range: Option<[u64; 2]>,
    http_version: Option<String>,
    remote_addr: Option<String>,
    lag: Option<f64>,
    announced_bytes: Option<i64>,
    arrival: Option<Vec<[f64; 2]>>,
    headers: Vec<[String; 2]>,
    note: Option<String>,
    confirms: Option<ExchangeId>,
    chain: Vec<ExchangeId>,
    listed_by: Option<ListedBy>,
    body: Option<BodyInfo>,
}

#[derive(Serialize)]
struct ListedBy {
    exchange: ExchangeId,
    lane: Option<String>,
}

#[derive(Serialize, Default)]
struct BodyInfo {
    sha256: String,
    size: u64,
    path: Option<String>,
    replay: String,
    text: Option<String>,
    is_whole: bool,
    media: Vec<String>,
    lost: Option<String>,
}

/// `None`: there is no such exchange.
pub(in crate::page) fn detail(
    view: &View<'_>,
    id: ExchangeId,
) -> Result<Option<Detail>, ReadError> {
    let Some((row, detail)) = view.reader.exchange_detail(id)? else {
        return Ok(None);
    };
    let headers = detail.headers.0.iter().map(|(name, value)| {
        // As ISO 8859-1, so that any byte is seen.
        let value: String = value.iter().map(|byte| char::from(*byte)).collect();
        [escaped(name), escaped(&value)]
    });
    Ok(Some(Detail {
        moment: Moment::new(row.requested_us, view.known.zero_us),
        method: "GET",
        url: escaped(&row.url),
        range: row.range.map(|range| [range.first, range.length]),
        http_version: detail.http_version.as_deref().map(escaped),
        remote_addr: detail.remote_addr.as_deref().map(escaped),
        lag: detail.lag_us.map(seconds),
        announced_bytes: detail.announced_bytes,
        arrival: detail.arrival.as_deref().and_then(arrival),
        headers: headers.collect(),
        note: detail.note.as_deref().map(escaped),
        confirms: detail.confirms_id,
        chain: detail.chain.clone(),
        listed_by: row.referrer_id.map(|exchange| ListedBy {
            exchange,
            lane: row.listed_by.map(|id| Lane::Playlist(id).to_string()),
        }),
        body: body(view, &row, &detail)?,
        row: Row::new(view, &row, &mut Lanes::new(view)?)?,
    }))
}

/// Seconds after the first byte, and bytes so far.
fn arrival(json: &str) -> Option<Vec<[f64; 2]>> {
    let points: Vec<(i64, i64)> = serde_json::from_str(json).ok()?;
    let points = points.into_iter().take(64);
    #[allow(clippy::cast_precision_loss)]
    Some(
        points
            .map(|(us, bytes)| [seconds(us), bytes as f64])
            .collect(),
    )
}

fn body(
    view: &View<'_>,
    row: &ExchangeRow,
    detail: &ExchangeDetail,
) -> Result<Option<BodyInfo>, ReadError> {
    let Some(body_id) = detail.body_id else {
        return Ok(None);
    };
    let Some(facts) = view.reader.body_row(body_id)? else {
        return Ok(None);
    };
    let name: String = row
        .name
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .chars()
        .take(200)
        .collect();
    let name = url::form_urlencoded::byte_serialize(name.as_bytes()).collect::<String>();
    let mut info = BodyInfo {
        sha256: facts
            .sha256
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect(),
        size: facts.size,
        path: facts.path.as_deref().map(escaped),
        replay: format!(
            "exchange/{}/{}",
            row.id,
            if name.is_empty() { "body" } else { &name }
        ),
        ..BodyInfo::default()
    };
    match view.reader.together(|| view.reader.body(body_id)) {
        Ok(Body::Bytes(bytes)) if row.kind == Kind::Key => {
            // A secret that a link may hand on is not shown; `replay` has it, as players get it.
            info.is_whole = true;
            info.media = vec![format!("{} bytes of a key", bytes.len())];
        }
        Ok(Body::Bytes(bytes)) => {
            info.is_whole = bytes.len() <= MOST_TEXT;
            let shown = bytes.get(..MOST_TEXT).unwrap_or(&bytes);
            info.text = text_of(shown);
        }
        Ok(Body::Chunk(chunk)) => info.media = lines(&chunk),
        Err(error @ (ReadError::Altered { .. } | ReadError::Lost(_))) => {
            info.lost = Some(escaped(&error.to_string()));
        }
        Err(error) => return Err(error),
    }
    Ok(Some(info))
}

/// `None`: it is no text.
fn text_of(bytes: &[u8]) -> Option<String> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // It was cut within a letter.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(bytes.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    (!text.contains('\0')).then(|| escaped_lines(text))
}
