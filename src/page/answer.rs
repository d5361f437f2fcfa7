//! From what is asked to JSON.

use serde::Serialize;

use super::asked::{Asked, Revisions};
use super::exchanges::{self, Page};
use super::view::View;
use super::{findings, lanes, overview, revisions, session};
use crate::session::{ReadError, SessionFolder};

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// JSON.
    Json(Vec<u8>),
    /// Nothing is there.
    Nothing,
}

/// Answers what is asked of a session. Files, and clocks, are not: they are the server's. `folder`: where the session is.
///
/// # Errors
/// The session is damaged.
pub fn answer(view: &View<'_>, folder: &SessionFolder, asked: &Asked) -> Result<Answer, ReadError> {
    match asked {
        Asked::File(_) | Asked::HlsJs | Asked::Clock { .. } => Ok(Answer::Nothing),
        Asked::Session => json(Some(session::session(view)?)),
        Asked::Overview {
            span,
            cells,
            stream,
        } => json(overview::overview(view, *span, *cells, stream.as_deref())?),
        Asked::Lanes { span, width } => json(Some(lanes::lanes(view, *span, *width)?)),
        Asked::Exchanges {
            span,
            filter,
            after,
            limit,
        } => {
            let page = Page {
                span: *span,
                filter,
                after: *after,
                limit: *limit,
            };
            json(Some(exchanges::table(view, &page)?))
        }
        Asked::Exchange(id) => json(exchanges::detail(view, *id)?),
        Asked::Revisions { playlist_id, which } => json(Some(match which {
            Revisions::At(at_us) => revisions::at(view, *playlist_id, *at_us)?,
            Revisions::In { span, after, limit } => {
                revisions::list(view, *playlist_id, *span, (*after, *limit))?
            }
        })),
        Asked::Text { revision, line } => json(revisions::text(view, *revision, *line)?),
        Asked::Difference { revision, with } => {
            json(revisions::difference(view, *revision, *with)?)
        }
        Asked::Findings { span, lane } => {
            let known = view.judging.known(folder, view.known.end_us);
            json(Some(findings::findings(
                view,
                known.as_ref(),
                *span,
                *lane,
            )?))
        }
    }
}

fn json(value: Option<impl Serialize>) -> Result<Answer, ReadError> {
    let Some(value) = value else {
        return Ok(Answer::Nothing);
    };
    let text = serde_json::to_vec(&value).map_err(|error| ReadError::Io(error.into()))?;
    Ok(Answer::Json(text))
}
