//! Messages to the writer.

use crate::session::model::Remark;
use tokio::sync::oneshot;

use crate::hls::Correction;
use crate::session::error::WriterError;
use crate::session::files::new_body::NewBody;
use crate::session::model::{NewExchange, NewListing};
use crate::session::notices::{Heartbeat, NoticeEvent};
use crate::session::write::date_ranges::DateRange;
use crate::session::write::keep::Keep;
use crate::session::write::store::Store;

/// A message: rows to be written, or a question that is answered once the rows before it are.
pub(crate) enum Message {
    Exchange(Box<NewExchange>),
    Listed(NewListing),
    Corrected(Vec<Correction>),
    Event(i64, Remark, String),
    Notice(NoticeEvent),
    Heartbeat(Heartbeat),
    Keep(Keep),
    Stream(String, String, oneshot::Sender<(i64, String)>),
    DateRange(DateRange, oneshot::Sender<Option<String>>),
    Written(oneshot::Sender<()>),
    Finish(String, oneshot::Sender<Result<i64, WriterError>>),
}

/// How soon a message is to be committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Haste {
    /// It waits for others.
    None,
    /// Chunks, because their files are in place; revisions, because a replayer that follows the
    /// recorder answers with them as soon as they are there.
    Some,
    /// Somebody waits for the answer.
    Most,
}

/// How soon a message is to be committed.
pub(crate) fn haste(message: &Message) -> Haste {
    let is_chunk = |body: &NewBody| matches!(body, NewBody::File { .. });
    match message {
        Message::Exchange(new) if new.revision.is_some() || is_chunk(&new.body) => Haste::Some,
        Message::Stream(..)
        | Message::DateRange(..)
        | Message::Written(_)
        | Message::Finish(..) => Haste::Most,
        _ => Haste::None,
    }
}

/// What comes after a finish has nobody to wait for it.
pub(crate) fn take_finish(
    batch: &mut Vec<Message>,
) -> Option<(String, oneshot::Sender<Result<i64, WriterError>>)> {
    let at = batch
        .iter()
        .position(|m| matches!(m, Message::Finish(..)))?;
    match batch.remove(at) {
        Message::Finish(ended, reply) => Some((ended, reply)),
        _ => None,
    }
}

/// The answer to the sender of a message, once it is committed.
pub(crate) enum Told {
    /// Number and name of a stream.
    Stream(i64, String),
    /// What was asked for on account of a date range before.
    Asked(Option<String>),
    /// All that was sent before is committed.
    Written,
}

impl Message {
    /// Tells whoever waits; they may have gone.
    pub(crate) fn tell(&mut self, told: Told) {
        match (self, told) {
            (Self::Stream(_, _, reply), Told::Stream(id, name)) => {
                let _ = closed(reply).send((id, name));
            }
            (Self::DateRange(_, reply), Told::Asked(url)) => {
                let _ = closed(reply).send(url);
            }
            (Self::Written(reply), Told::Written) => {
                let _ = closed(reply).send(());
            }
            _ => {}
        }
    }
}

/// What is sent on once, out of where it was kept.
fn closed<T>(reply: &mut oneshot::Sender<T>) -> oneshot::Sender<T> {
    std::mem::replace(reply, oneshot::channel().0)
}

/// What there is to tell.
pub(crate) fn write(store: &mut Store, message: &mut Message) -> rusqlite::Result<Option<Told>> {
    match message {
        Message::Exchange(exchange) => store.exchange(exchange).map(|()| None),
        Message::Listed(listing) => store.listed(listing).map(|()| None),
        Message::Corrected(all) => store.corrected(all).map(|()| None),
        Message::Event(at_us, kind, detail) => store.event(*at_us, *kind, detail).map(|_| None),
        Message::Notice(event) => store.notice(event).map(|_| None),
        Message::Heartbeat(beat) => store.heartbeat(*beat).map(|()| None),
        Message::Stream(name, url, _) => {
            let (id, name) = store.stream(name, url)?;
            Ok(Some(Told::Stream(id, name)))
        }
        Message::DateRange(range, _) => {
            let asked = store.date_range(range)?;
            Ok(Some(Told::Asked(asked)))
        }
        Message::Written(_) => Ok(Some(Told::Written)),
        Message::Keep(_) | Message::Finish(..) => Ok(None),
    }
}
