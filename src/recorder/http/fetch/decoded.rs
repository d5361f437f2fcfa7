//! Bodies without the content codings that their origin laid over them, asked for or not: texts are read, and
//! files of a session are media, which `ffprobe` and `cp` are enough for.

use std::io::{self, Read};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::ask::Ask;
use super::fetcher::Fetcher;
use super::{Hop, Received};
use crate::hls;
use crate::recorder::memory::{Held, Memory, unless_aborted};
use crate::session::{
    BodyFile, Coded, DecodeError, DownloadFile, Kind, NewBody, Outcome, decode, decoded_size,
    decoder, unknown_codings,
};

/// Read at once, in bytes.
const STEP: usize = 64 * 1024;
/// Why a body that came is not read.
const STOPPED: &str = "the recorder was stopped";

/// Why there is no plain file.
enum Refusal {
    Encoded(DecodeError),
    Disk(io::Error),
    Stopped,
}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Self {
        Self::Encoded(error)
    }
}

impl Fetcher {
    /// Takes the content codings off a text in memory; whether that could be done. A recorder that stops waits for
    /// no room to do it in.
    pub(crate) async fn decode_text(&self, hop: &mut Hop, kind: Kind) -> bool {
        let coding = coding(hop, kind);
        let Received::Memory(raw) = &hop.body else {
            return true;
        };
        if coding.is_empty() || hop.decoded {
            return true;
        }
        let (raw, limit) = (raw.clone(), self.limits.body_bytes(kind));
        let decoded = decoded_text(&self.memory, &raw, &coding, limit);
        let Some(decoded) = unless_aborted(&self.abort, decoded).await else {
            hop.fail(Outcome::Aborted, STOPPED);
            return false;
        };
        match decoded {
            Ok((plain, room)) => {
                hop.coded = coded(raw, coding, plain.len());
                hop.body = Received::Memory(plain);
                hop.held = room;
                hop.decoded = true;
                true
            }
            Err(error) => {
                let outcome = match error {
                    DecodeError::TooLarge(_) => Outcome::TooLarge,
                    _ => Outcome::Encoding,
                };
                hop.fail(outcome, &error.to_string());
                false
            }
        }
    }

    /// Puts the plain bytes in the place of a chunk that came whole. What did not, or is a part of the encoded bytes,
    /// stays as it came, and so does what cannot be decoded.
    pub(super) async fn decode_chunk(&self, ask: &Ask, hop: &mut Hop) {
        let codings = hop.codings();
        let came_whole = hop.outcome == Outcome::Complete && hop.status != Some(206);
        let raw = match &hop.body {
            Received::File(NewBody::File { file, size, .. })
                if came_whole && !codings.is_empty() && *size > 0 =>
            {
                file.clone()
            }
            _ => return,
        };
        let plain = match self.writer.plain_download(hop.id) {
            Ok(plain) => plain,
            Err(error) => return refused(hop, &raw, Refusal::Disk(error)),
        };
        let came = hop.wire_bytes.unwrap_or(0);
        let limit = self
            .limits
            .body_bytes(ask.kind)
            .min(self.unpacked.allowed_bytes(came));
        let file = raw.clone();
        let abort = self.abort.clone();
        let job = move || decoded(&file, &codings, plain, (limit, &abort));
        let done = tokio::task::spawn_blocking(job).await;
        let done = done.unwrap_or_else(|error| Err(Refusal::Disk(error.into())));
        match done.and_then(|body| Ok(self.unpacked.take(came, body)?)) {
            Ok(body) => {
                raw.discard();
                hop.body = Received::File(body);
                hop.decoded = true;
            }
            Err(refusal) => refused(hop, &raw, refusal),
        }
    }
}

/// A text without its codings, and the room that it takes together with what came of it.
async fn decoded_text(
    memory: &Memory,
    raw: &Bytes,
    coding: &str,
    limit: u64,
) -> Result<(Bytes, Held), DecodeError> {
    // A small body may be a bomb.
    let size = memory
        .read(usize::MAX, || decoded_size(raw, coding, limit))
        .await?;
    let room = memory.for_decoding(size + raw.len() as u64).await;
    let plain = memory
        .read(size as usize, || decode(raw, coding, size, limit))
        .await?;
    Ok((plain.into(), room))
}

/// A text as it came, where that is worth keeping.
fn coded(raw: Bytes, codings: String, plain_bytes: usize) -> Option<Coded> {
    let is_much_smaller = raw.len() < plain_bytes / 2;
    is_much_smaller.then_some(Coded { data: raw, codings })
}

/// In what a text is to be decoded; empty: it is plain. Names that are no codings are passed over, as browsers do,
/// where it can be read without.
fn coding(hop: &mut Hop, kind: Kind) -> String {
    let said = hop.content_encoding();
    let Received::Memory(raw) = &hop.body else {
        return said;
    };
    if unknown_codings(&said).is_empty() {
        return said;
    }
    let is_plain = match kind.is_playlist() {
        true => hls::playlist_kind(raw).is_some(),
        false => raw.trim_ascii_start().starts_with(b"{"),
    };
    if is_plain {
        hop.decoded = true;
        hop.note_codings();
        return String::new();
    }
    let codings = hop.codings();
    match codings.is_empty() {
        true => said,
        false => codings,
    }
}

fn refused(hop: &mut Hop, raw: &BodyFile, refusal: Refusal) {
    match refusal {
        // A coding of its own: what came is what a player that knows it gets.
        Refusal::Encoded(error @ DecodeError::Unknown(_)) => hop.add_note(&error.to_string()),
        Refusal::Encoded(error @ DecodeError::TooLarge(_)) => {
            let error = format!("kept as it came: {error}, the recorder's own limit");
            hop.fail(Outcome::TooLarge, &error);
        }
        Refusal::Encoded(error) => hop.fail(Outcome::Encoding, &error.to_string()),
        Refusal::Stopped => hop.fail(Outcome::Aborted, STOPPED),
        Refusal::Disk(error) => {
            raw.discard();
            hop.body = Received::None;
            hop.fail(Outcome::Disk, &error.to_string());
        }
    }
}

/// The plain bytes of a file, as a file; at most `limit` of them.
fn decoded(
    raw: &BodyFile,
    codings: &str,
    mut plain: DownloadFile,
    (limit, abort): (u64, &CancellationToken),
) -> Result<NewBody, Refusal> {
    let raw = raw.open().map_err(Refusal::Disk)?;
    let mut decoder = decoder(io::BufReader::with_capacity(STEP, raw), codings, limit)?;
    let mut bytes = vec![0; STEP];
    let mut size = 0_u64;
    loop {
        if abort.is_cancelled() {
            return Err(Refusal::Stopped);
        }
        let count = match decoder.read(&mut bytes) {
            Ok(0) => return plain.finish().map_err(Refusal::Disk),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(DecodeError::damaged(codings, source).into()),
        };
        size = size.saturating_add(count as u64);
        if size > limit {
            return Err(DecodeError::TooLarge(limit).into());
        }
        let read = bytes.get(..count).unwrap_or_default();
        plain.write(read).map_err(Refusal::Disk)?;
    }
}
