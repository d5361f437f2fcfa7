//! One request and what came back, from its first byte to its row.

use bytes::Bytes;
use http::HeaderName;
use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, TRANSFER_ENCODING,
};
use reqwest::Response;
use tokio::time::Instant;
use url::Url;

use super::ask::Ask;
use super::gathered::Gathered;
use crate::hls;
use crate::recorder::admission::reach::Reach;
use crate::recorder::http::live::Live;
use crate::recorder::http::validators::Validators;
use crate::recorder::memory::Held;
use crate::recorder::settings::limits::CUT_BYTES;
use crate::session::availability::Timing;
use crate::session::model::not_stored;
use crate::session::{
    Availability, ByteRange, Coded, Digest, DownloadFile, ExchangeId, Headers, Kind, NewBody,
    NewExchange, Outcome, OwnReason, ResourceKey, digest, fault_words, is_success, true_codings,
    unknown_codings,
};

/// One request and what came back.
#[derive(Debug)]
pub(crate) struct Hop {
    pub id: ExchangeId,
    /// Without the directives of a poll that the origin was to hold: ...
    pub url: Url,
    /// ... these.
    pub directives: Option<String>,
    pub requested_us: i64,
    pub wait_us: Option<i64>,
    pub receive_us: Option<i64>,
    pub failed_us: Option<i64>,
    pub status: Option<u16>,
    pub http_version: Option<String>,
    pub remote_addr: Option<String>,
    pub fields: Option<HeaderMap>,
    pub announced_bytes: Option<u64>,
    pub wire_bytes: Option<u64>,
    pub arrival: Option<String>,
    pub body: Received,
    /// Of the body, where it is known already.
    pub digest: Option<Digest>,
    /// The body is no longer in its Content-Encoding.
    pub decoded: bool,
    /// A text as it came, where that is much smaller than it is.
    pub coded: Option<Coded>,
    pub outcome: Outcome,
    /// Why it happened only because a recorder asked.
    pub own_reason: Option<OwnReason>,
    pub error: Option<String>,
    /// What was odd and did no harm.
    pub note: Option<String>,
    /// It is a list of one stream, and what follows in its chain is that.
    pub is_list: bool,
    /// It is a list of streams that is not followed.
    pub is_other_list: bool,
    /// How far what answered may lead.
    pub leads: Reach,
    /// A redirect has led from https to http on the way there.
    pub downgraded: bool,
    /// A range that was asked for goes past the end of the resource, which the origin says is there.
    pub short_by_end: Option<u64>,
    /// It was for the rest of a resource, and ended where enough of that had come.
    pub is_cut: bool,
    /// No request was made: its URL alone shows that it is out of reach.
    pub was_not_asked: bool,
    /// A redirect that was not followed, since the host that it leads to is left alone until then.
    pub held_until: Option<Instant>,
    /// Room that the body has taken.
    pub held: Held,
    /// The exchange whose body a 304 confirms: the request was conditional.
    pub would_confirm: Option<ExchangeId>,
    /// The attempt before, which crossed the end of a kept connection.
    pub crossed: Option<Box<Hop>>,
}

/// A body as it came.
#[derive(Debug)]
pub(crate) enum Received {
    None,
    Memory(Bytes),
    File(NewBody),
    /// It still comes.
    Live(Box<Live>),
}

/// Where a body goes.
pub(super) enum Sink {
    Memory(Gathered),
    File(DownloadFile),
}

impl Sink {
    /// Takes in what came; `so_far`: with it, how many bytes that makes.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        so_far: u64,
        limit: u64,
    ) -> Result<(), (Outcome, String)> {
        if so_far > limit {
            let error = format!("cut by the recorder: larger than {limit} bytes");
            if let Self::Memory(memory) = self {
                // What began an endless body is enough of it, in a database.
                memory.cut(CUT_BYTES);
            }
            return Err((Outcome::TooLarge, error));
        }
        self.write(bytes)
            .map_err(|error| (Outcome::Disk, error.to_string()))
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Memory(memory) => memory.add(bytes),
            Self::File(file) => file.write(bytes)?,
        }
        Ok(())
    }
}

impl Hop {
    pub(crate) fn new(id: ExchangeId, url: Url, requested_us: i64) -> Self {
        Self {
            id,
            url,
            directives: None,
            requested_us,
            wait_us: None,
            receive_us: None,
            failed_us: None,
            status: None,
            http_version: None,
            remote_addr: None,
            fields: None,
            announced_bytes: None,
            wire_bytes: None,
            arrival: None,
            body: Received::None,
            digest: None,
            decoded: false,
            coded: None,
            outcome: Outcome::Complete,
            own_reason: None,
            error: None,
            note: None,
            is_list: false,
            is_other_list: false,
            leads: Reach::Any,
            downgraded: false,
            short_by_end: None,
            is_cut: false,
            was_not_asked: false,
            held_until: None,
            held: Held::default(),
            would_confirm: None,
            crossed: None,
        }
    }

    /// The directives in its URL are no part of what it is a request for.
    pub(super) fn take_directives(&mut self) {
        self.directives = hls::directives(&self.url);
        self.url = hls::without_directives(&self.url);
    }

    pub(crate) fn fail(&mut self, outcome: Outcome, error: &str) {
        self.outcome = outcome;
        self.error = Some(match outcome {
            Outcome::Disk => not_stored(error),
            _ => error.to_owned(),
        });
    }

    pub(super) fn describe(&mut self, response: &Response) {
        self.status = Some(response.status().as_u16());
        self.http_version = Some(format!("{:?}", response.version()));
        self.remote_addr = response.remote_addr().map(|a| a.to_string());
        self.announced_bytes = response
            .headers()
            .get(CONTENT_LENGTH)
            .and_then(|v| v.to_str().ok()?.trim().parse().ok());
        self.fields = Some(response.headers().clone());
    }

    /// What a careful client does not take for an answer, though all of it came (RFC 9112 6.3,
    /// RFC 9110 15.3.7).
    pub(super) fn check_framing(&mut self, ask: &Ask) {
        if self.outcome != Outcome::Complete {
            return;
        }
        if !ask.kind.is_playlist() && self.codings().is_empty() {
            self.note_codings();
        }
        let has = |name| self.fields.as_ref().is_some_and(|f| f.contains_key(name));
        if has(TRANSFER_ENCODING) && has(CONTENT_LENGTH) {
            let coding = self.field(TRANSFER_ENCODING).unwrap_or_default();
            let both = "both Content-Length and Transfer-Encoding";
            // RFC 9112 6.3: chunked counts.
            match coding.trim().eq_ignore_ascii_case("chunked") {
                true => self.add_note(both),
                false => return self.fail(Outcome::Protocol, both),
            }
        }
        if self.status == Some(304) && self.would_confirm.is_none() {
            self.fail(Outcome::Protocol, "304, and nothing was known before");
        } else if self.status == Some(206) {
            self.check_range(ask.range);
        }
    }

    /// What a 206 says that it is, and what it is.
    fn check_range(&mut self, asked: Option<ByteRange>) {
        let Some(said) = self.field(CONTENT_RANGE).and_then(SaidRange::read) else {
            return self.check_unsaid_range(asked);
        };
        if asked.is_some_and(|asked| asked.is_rest()) {
            return self.check_rest(said, asked);
        }
        let is_all = said.first == 0 && said.total == Some(said.end);
        match (asked, self.wire_bytes) {
            (_, Some(came)) if self.codings().is_empty() && came != said.end - said.first => {
                let error = format!("{came} bytes for a range of {}", said.end - said.first);
                self.fail(Outcome::Protocol, &error);
            }
            (None, _) if is_all => self.add_note("206 of the whole, and no range was asked for"),
            (None, _) => self.fail(Outcome::Protocol, "206, and no range was asked for"),
            (Some(asked), _) if said.first != asked.first => {
                self.fail(
                    Outcome::Protocol,
                    "206 with another range than was asked for",
                );
            }
            // A file that grows: what the playlist names is not all there yet.
            (Some(asked), _) if said.end < asked.end() => {
                let error = format!(
                    "{} bytes of a range of {}",
                    said.end - said.first,
                    asked.length
                );
                self.fail(Outcome::Short, &error);
                self.short_by_end = said.total.filter(|total| *total == said.end);
            }
            _ => {}
        }
    }

    /// A 206 to a request for the rest of a resource: how long that gets its server may not know (RFC 8673).
    fn check_rest(&mut self, said: SaidRange, asked: Option<ByteRange>) {
        let is_open = said.end == ByteRange::LONGEST;
        let is_whole = is_open || self.is_cut || !self.codings().is_empty();
        let came = self.wire_bytes.unwrap_or(0);
        if asked.is_some_and(|asked| said.first != asked.first) {
            let error = "206 with another range than was asked for";
            self.fail(Outcome::Protocol, error);
        } else if !is_whole && came != said.end - said.first {
            let error = format!("{came} bytes for a range of {}", said.end - said.first);
            self.fail(Outcome::Protocol, &error);
        }
    }

    /// A 206 that does not say which bytes it has (RFC 9110 15.3.7.1): they are those that were asked
    /// for where they are as many. A body of several parts is none of them, whatever its length.
    fn check_unsaid_range(&mut self, asked: Option<ByteRange>) {
        let media_type = self.field(CONTENT_TYPE).unwrap_or_default().trim();
        let is_of_parts = media_type
            .get(..10)
            .is_some_and(|begin| begin.eq_ignore_ascii_case("multipart/"));
        let unreadable = "206 without a Content-Range that can be read";
        match asked {
            _ if is_of_parts => self.fail(Outcome::Protocol, "206 of several parts"),
            // Nothing says that it is not the whole, and players take it for that.
            None => self.add_note("206 without a Content-Range, and no range was asked for"),
            Some(asked) if asked.is_rest() || self.wire_bytes == Some(asked.length) => {
                self.add_note(unreadable);
            }
            Some(asked) => {
                let came = self.wire_bytes.unwrap_or(0);
                let error = format!("{unreadable}: {came} bytes, {} asked for", asked.length);
                self.fail(Outcome::Protocol, &error);
            }
        }
    }

    /// The resource has not grown past its end for as long as it would have to: what came is all there is.
    pub(crate) fn accept_end(&mut self, known: Option<u64>) {
        if let Some(end) = self.short_by_end.filter(|end| known == Some(*end)) {
            self.outcome = Outcome::Complete;
            self.error = None;
            self.add_note(&format!(
                "the range goes past the end of the resource, which has {end} bytes"
            ));
        }
    }

    /// The content codings that the body came in; empty: it is plain.
    pub(crate) fn codings(&self) -> String {
        true_codings(&self.content_encoding())
    }

    /// What Content-Encoding says.
    pub(crate) fn content_encoding(&self) -> String {
        let fields = self.fields.iter().flat_map(|f| f.get_all(CONTENT_ENCODING));
        let lines: Vec<&str> = fields.filter_map(|v| v.to_str().ok()).collect();
        lines.join(",")
    }

    /// Content-Encoding names what is no coding.
    pub(crate) fn note_codings(&mut self) {
        let said = self.content_encoding();
        let odd = unknown_codings(&said);
        if !odd.is_empty() {
            let odd = odd.join(", ");
            self.add_note(&format!(
                "its Content-Encoding {odd:?} is none, and it is plain"
            ));
        }
    }

    /// Something odd that did no harm.
    pub(crate) fn add_note(&mut self, note: &str) {
        match &mut self.note {
            Some(notes) if notes.contains(note) => {}
            Some(notes) => {
                notes.push_str("; ");
                notes.push_str(note);
            }
            None => self.note = Some(note.to_owned()),
        }
    }

    /// Something odd that readers of sessions look for: it stands before all else.
    pub(crate) fn begin_note(&mut self, note: &str) {
        let behind = self.note.take().map(|notes| format!("; {notes}"));
        self.note = Some(format!("{note}{}", behind.unwrap_or_default()));
    }

    /// Whether the announced length counts: chunked comes before it (RFC 9112 6.3).
    pub(super) fn has_length(&self) -> bool {
        let is_chunked = |f: &HeaderMap| f.contains_key(TRANSFER_ENCODING);
        self.may_have_body() && !self.fields.as_ref().is_some_and(is_chunked)
    }

    fn may_have_body(&self) -> bool {
        !matches!(self.status, Some(204 | 304))
    }

    pub(super) async fn keep(&mut self, sink: Sink) {
        let empty = self.wire_bytes == Some(0);
        match sink {
            // Nothing came, or nothing that could be kept: the file goes with its handle.
            Sink::File(_)
                if (empty && self.outcome != Outcome::Complete)
                    || self.outcome == Outcome::Disk => {}
            Sink::File(file) => match tokio::task::spawn_blocking(|| file.finish()).await {
                Ok(Ok(body)) => self.body = Received::File(body),
                Ok(Err(error)) => self.fail(Outcome::Disk, &error.to_string()),
                Err(error) => self.fail(Outcome::Disk, &error.to_string()),
            },
            Sink::Memory(_) if !self.may_have_body() => {}
            Sink::Memory(_) if empty && self.outcome != Outcome::Complete => {}
            Sink::Memory(memory) => self.body = Received::Memory(memory.into_bytes()),
        }
    }

    /// It was asked for later than a player would have.
    pub(crate) fn is_too_late(&mut self) {
        if self.outcome != Outcome::Aborted {
            self.own_reason = Some(OwnReason::TooLate);
        }
    }

    /// It was asked for beside a URL that answers, and is not further on.
    pub(crate) fn is_not_ahead(&mut self) {
        if self.outcome != Outcome::Aborted {
            self.own_reason = Some(OwnReason::Probe);
            let note = "a newer URL of a playlist that stands still, asked for to see whether it is further on: it is not";
            self.note.get_or_insert_with(|| note.to_owned());
        }
    }

    /// When the response began; when it was asked for, if there was none.
    pub(crate) fn response_us(&self) -> i64 {
        self.timing().response_us()
    }

    /// When the request was made, and when its response began.
    pub(crate) fn timing(&self) -> Timing {
        Timing {
            requested_us: self.requested_us,
            wait_us: self.wait_us,
        }
    }

    /// A header field, where it is ASCII.
    pub(crate) fn field(&self, name: HeaderName) -> Option<&str> {
        self.fields.as_ref()?.get(name)?.to_str().ok()
    }

    /// Whether a player could use the answer.
    pub(crate) fn is_good(&self) -> bool {
        self.outcome == Outcome::Complete
            && self
                .status
                .is_some_and(|status| status == 304 || is_success(status))
    }

    /// Whether it counts where it is not good: it was not cut off by the stop of the recorder, a player could have made it,
    /// and it was not put off.
    pub(crate) fn is_fault(&self) -> bool {
        self.outcome != Outcome::Aborted && self.own_reason.is_none() && self.held_until.is_none()
    }

    /// What happened where it is not good, in a word or two.
    pub(crate) fn fault_words(&self) -> String {
        fault_words(self.status, self.outcome, self.error.as_deref())
    }

    /// The validators for a conditional request.
    pub(crate) fn validators(&self) -> Option<Validators> {
        Validators::from_fields(self.fields.as_ref()?, &self.url, self.id)
    }

    /// The exchange whose body it confirms.
    pub(crate) fn confirms(&self) -> Option<ExchangeId> {
        let is_confirmation = self.status == Some(304) && self.outcome == Outcome::Complete;
        self.would_confirm.filter(|_| is_confirmation)
    }

    /// How many bytes there are from where the request for the rest of a resource began.
    pub(crate) fn bytes_of_rest(&self, first: u64) -> u64 {
        match (&self.body, self.status) {
            (Received::File(NewBody::File { size, .. }), Some(206)) => *size,
            (Received::File(NewBody::File { size, .. }), _) => size.saturating_sub(first),
            _ => 0,
        }
    }

    /// SHA-256 of a body that is a file.
    pub(crate) fn sha256(&self) -> Option<Digest> {
        match &self.body {
            Received::File(NewBody::File { sha256, .. }) => Some(*sha256),
            _ => None,
        }
    }

    /// The content codings that the body is still in. What stands before media and is none changes
    /// nothing about it; a playlist has been looked at.
    fn encoding(&self, kind: Kind) -> Option<String> {
        let codings = match kind.is_playlist() {
            true => self.content_encoding(),
            false => self.codings(),
        };
        let is_plain = codings.is_empty() || codings.trim().eq_ignore_ascii_case("identity");
        (!self.decoded && !is_plain).then_some(codings)
    }

    /// The attempt before as a row, where it crossed the end of a kept connection: made on the same account as
    /// this one, and no answer.
    pub(crate) fn take_crossed(
        &mut self,
        resource: &ResourceKey,
        availability: Availability,
    ) -> Option<NewExchange> {
        let crossed = self.crossed.take()?;
        Some(crossed.into_exchange(resource.clone(), availability))
    }

    /// As a row; callers add what only they know.
    pub(crate) fn into_exchange(
        self,
        resource: ResourceKey,
        availability: Availability,
    ) -> NewExchange {
        let partial = (self.status == Some(206))
            .then(|| self.field(CONTENT_RANGE).and_then(SaidRange::read))
            .flatten();
        let encoding = self.encoding(resource.kind);
        let binary = resource.kind == Kind::Key && self.status.is_some_and(is_success);
        let body = match self.body {
            Received::None | Received::Live(_) => NewBody::None,
            Received::Memory(data) => NewBody::Bytes {
                sha256: self.digest.unwrap_or_else(|| digest(&data)),
                data,
                binary,
            },
            Received::File(file) => file,
        };
        NewExchange {
            wait_us: self.wait_us,
            receive_us: self.receive_us,
            failed_us: self.failed_us,
            status: self.status,
            http_version: self.http_version,
            remote_addr: self.remote_addr,
            headers: self.fields.as_ref().map(headers),
            announced_bytes: self.announced_bytes,
            wire_bytes: self.wire_bytes,
            arrival: self.arrival,
            body_encoding: if matches!(body, NewBody::None) {
                None
            } else {
                encoding
            },
            body,
            coded: self.coded,
            body_first: partial.map(|said| said.first),
            resource_bytes: partial.and_then(|said| said.total),
            outcome: self.outcome,
            own_reason: self.own_reason,
            error: self.error,
            note: self.note,
            room: self.held.into_permit(),
            directives: self.directives,
            ..NewExchange::requested(self.id, resource, availability, self.requested_us)
        }
    }
}

fn headers(fields: &HeaderMap) -> Headers {
    Headers(
        fields
            .iter()
            .map(|(n, v)| (n.as_str().to_owned(), v.as_bytes().to_vec()))
            .collect(),
    )
}

/// What a Content-Range says (RFC 9110 14.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SaidRange {
    first: u64,
    /// Behind the last byte.
    end: u64,
    total: Option<u64>,
}

impl SaidRange {
    /// `None`: it is none of bytes.
    fn read(value: &str) -> Option<Self> {
        let (range, total) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let first = first.trim().parse().ok()?;
        let last: u64 = last.trim().parse().ok()?;
        Some(Self {
            first,
            end: last.checked_add(1).filter(|end| *end > first)?,
            total: total.trim().parse().ok(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_range_is_read() {
        let said = |total| {
            Some(SaidRange {
                first: 5,
                end: 10,
                total,
            })
        };
        assert_eq!(SaidRange::read("bytes 5-9/100"), said(Some(100)));
        assert_eq!(SaidRange::read("bytes 5-9/*"), said(None));
        for none in [
            "bytes */100",
            "lines 1-2/3",
            "bytes 5-4/9",
            "bytes 0-18446744073709551615/*",
        ] {
            assert_eq!(SaidRange::read(none), None);
        }
    }

    #[test]
    fn of_an_endless_body_in_memory_its_beginning_is_kept() {
        let mut sink = Sink::Memory(Gathered::default());
        sink.take(&[1; 3 * CUT_BYTES], 0, 4).unwrap();
        let cut = sink.take(b"more", 5, 4);
        assert_eq!(cut.unwrap_err().0, Outcome::TooLarge);
        let Sink::Memory(kept) = sink else {
            panic!("it was in memory");
        };
        assert_eq!(kept.as_slice().len(), CUT_BYTES);
        assert!(kept.capacity() < 2 * CUT_BYTES, "{}", kept.capacity());
    }
}
