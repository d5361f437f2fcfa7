//! An answer to a request for the rest of a resource (RFC 8216bis 4.4.5.3): of what is listed in the end it has the first bytes.

use std::io::{self, Read};

use super::fetcher::Fetcher;
use super::hop::{Hop, Received};
use crate::recorder::http::arrival;
use crate::session::{BodyFile, ByteRange, DownloadFile, NewBody, Outcome};

/// Bytes that are copied at once.
const STEP: usize = 256 * 1024;

impl Fetcher {
    /// Keeps of an answer what `range` has, which begins where the request did: what follows is asked for by itself.
    pub(crate) async fn keep_range(&self, hop: &mut Hop, range: ByteRange) {
        let before = match hop.status {
            Some(206) => 0,
            _ => range.first,
        };
        let Received::File(NewBody::File { file, size, .. }) = &hop.body else {
            return;
        };
        let (raw, size, wanted) = (file.clone(), *size, before.saturating_add(range.length));
        if size < wanted {
            let there = size.saturating_sub(before);
            let error = format!("{there} bytes of a range of {}", range.length);
            return hop.fail(Outcome::Short, &error);
        }
        hop.add_note("asked for with all that follows, and kept as far as it is listed");
        if size == wanted {
            return;
        }
        let kept = match self.writer.plain_download(hop.id) {
            Ok(kept) => kept,
            Err(error) => return lose(hop, &raw, &error),
        };
        let from = raw.clone();
        let copied = tokio::task::spawn_blocking(move || first_bytes(&from, kept, wanted)).await;
        match copied.unwrap_or_else(|error| Err(error.into())) {
            Ok(body) => {
                raw.discard();
                hop.body = Received::File(body);
                let arrival = hop.arrival.take();
                hop.arrival = arrival.and_then(|text| arrival::of_first_bytes(&text, wanted));
            }
            Err(error) => lose(hop, &raw, &error),
        }
    }
}

fn lose(hop: &mut Hop, raw: &BodyFile, error: &io::Error) {
    raw.discard();
    hop.body = Received::None;
    hop.fail(Outcome::Disk, &error.to_string());
}

/// The first bytes of a file, as a file.
fn first_bytes(from: &BodyFile, mut to: DownloadFile, count: u64) -> io::Result<NewBody> {
    let mut from = from.open()?.take(count);
    let mut bytes = vec![0; STEP];
    loop {
        match from.read(&mut bytes) {
            Ok(0) => return to.finish(),
            Ok(count) => to.write(bytes.get(..count).unwrap_or_default())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
