//! Applies faults to a response: makes it late, slow, broken, or another one.

use std::time::Duration;

use bytes::Bytes;
use http::request::Parts as Request;
use http::{HeaderValue, Response, StatusCode, header};
use http_body::{Body as _, Frame};
use http_body_util::BodyExt;
use tokio::time::Instant;

use super::rule::{Amount, InjectedFaults, Replacement};
use crate::clock;
use crate::replayer::body;
use crate::replayer::body::Body;
use crate::replayer::body::breaks::Break;
use crate::replayer::body::ending::Ending;
use crate::replayer::body::pace::LONGEST_WAIT;
use crate::replayer::body::stall::Stalled;
use crate::replayer::header::fields;
use crate::replayer::response::reply::Reply;

/// The time that one step of a slow body takes.
const STEP: Duration = Duration::from_millis(20);

impl InjectedFaults {
    /// The reply with these faults.
    pub(crate) fn apply_to(self, reply: Reply, request: &Request) -> Reply {
        let mut reply = match self.answer {
            None => reply,
            Some(Replacement::Status { .. }) => with_status(reply, self.answer),
            Some(Replacement::Closed) => without_response(reply, false),
            Some(Replacement::Reset) => without_response(reply, true),
            Some(Replacement::Cut { after, resets }) => cut(reply, request, after, resets),
        };
        if let Some(rate) = self.rate {
            reply.response = reply.response.map(|response| slow(response, rate));
        }
        reply.wait = reply.wait.saturating_add(self.delay.unwrap_or_default());
        let said = self.notes.join("; ");
        reply.done.push(format!("injected: {said}").into());
        reply.with_field(fields::INJECTED, &said)
    }
}

fn with_status(reply: Reply, answer: Option<Replacement>) -> Reply {
    let Some(Replacement::Status {
        status,
        media_type,
        body,
    }) = answer
    else {
        return reply;
    };
    let reason = status.canonical_reason().unwrap_or("a fault");
    let sentence = format!("{} {reason}: injected", status.as_u16());
    let mut over = Reply::sentence(status, &sentence);
    if let Some(response) = &mut over.response {
        if let Some(body) = body {
            *response.body_mut() = body::full(body);
        }
        if let Some(media_type) = media_type {
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, media_type);
        }
        if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
            *response.body_mut() = body::empty();
        }
        // Of a HEAD the body is taken away later.
        say_length(response);
    }
    Reply {
        response: over.response,
        resets: false,
        ..reply
    }
}

fn without_response(reply: Reply, resets: bool) -> Reply {
    Reply {
        response: None,
        resets,
        ..reply
    }
}

fn cut(mut reply: Reply, request: &Request, after: Amount, resets: bool) -> Reply {
    let Some(response) = reply.response.take() else {
        return reply;
    };
    let breaks = Break {
        stalled: request
            .extensions
            .get::<Stalled>()
            .cloned()
            .unwrap_or_default(),
        reset: request
            .extensions
            .get::<Ending>()
            .filter(|_| resets)
            .cloned(),
    };
    let length = content_length(&response);
    let count = match (after, length) {
        (Amount::Bytes(count), _) => count,
        // Lengths of bodies are far below what an f64 holds exactly.
        (Amount::Share(share), Some(length)) => (length as f64 * share) as u64,
        (Amount::Share(_), None) => 0,
    };
    let is_whole = length.is_some_and(|length| length <= count);
    reply.response = Some(if is_whole {
        response
    } else {
        response.map(|inner| cut_after(inner, count, breaks))
    });
    reply
}

fn content_length(response: &Response<Body>) -> Option<u64> {
    let length = response.headers().get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// The first `count` bytes, then the connection breaks.
fn cut_after(inner: Body, count: u64, breaks: Break) -> Body {
    let frames = futures_util::stream::unfold(Some((inner, count, breaks)), |state| async move {
        let (mut inner, left, breaks) = state?;
        if left == 0 {
            return Some((Err(breaks.break_off(None).await), None));
        }
        match inner.frame().await? {
            Ok(frame) => match frame.into_data() {
                Ok(bytes) => {
                    let bytes = first_bytes(bytes, left);
                    let left = left.saturating_sub(bytes.len() as u64);
                    Some((Ok(Frame::data(bytes)), Some((inner, left, breaks))))
                }
                Err(frame) => Some((Ok(frame), Some((inner, left, breaks)))),
            },
            Err(error) => Some((Err(error), None)),
        }
    });
    Body::from_frames(frames)
}

fn first_bytes(bytes: Bytes, count: u64) -> Bytes {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    bytes.slice(..count.min(bytes.len()))
}

/// A body on its way at a rate.
struct Slowed {
    inner: Body,
    /// Came out of `inner` and has not gone.
    held: Bytes,
    sent: u64,
    /// When the first byte was due: it may have been held before.
    began: Option<Instant>,
    rate: u64,
}

fn slow(mut response: Response<Body>, rate: u64) -> Response<Body> {
    // A stream of its own does not know its length.
    say_length(&mut response);
    response.map(|inner| slowed(inner, rate))
}

/// RFC 9110 8.6: what has no content says no length.
fn say_length(response: &mut Response<Body>) {
    let has_content = !matches!(
        response.status(),
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    if let (true, Some(length)) = (has_content, response.body().size_hint().exact()) {
        let fields = response.headers_mut();
        fields
            .entry(header::CONTENT_LENGTH)
            .or_insert(HeaderValue::from(length));
    }
}

fn slowed(inner: Body, rate: u64) -> Body {
    let slowed = Slowed {
        inner,
        held: Bytes::new(),
        sent: 0,
        began: None,
        rate,
    };
    let frames = futures_util::stream::unfold(Some(slowed), |state| async move {
        let mut slowed = state?;
        while slowed.held.is_empty() {
            match slowed.inner.frame().await? {
                Ok(frame) => match frame.into_data() {
                    Ok(bytes) => slowed.held = bytes,
                    Err(frame) => return Some((Ok(frame), Some(slowed))),
                },
                Err(error) => return Some((Err(error), None)),
            }
        }
        let bytes = slowed.next().await;
        Some((Ok(Frame::data(bytes)), Some(slowed)))
    });
    Body::from_frames(frames)
}

impl Slowed {
    /// The next bytes, once they may go: the last bit of a body goes when it would have come.
    async fn next(&mut self) -> Bytes {
        let step = u64::try_from(STEP.as_millis()).unwrap_or(1);
        let at_once = (self.rate / 8).saturating_mul(step) / 1000;
        let count = usize::try_from(at_once.max(1))
            .unwrap_or(usize::MAX)
            .min(self.held.len());
        self.sent = self.sent.saturating_add(count as u64);
        let began = *self.began.get_or_insert_with(clock::instant);
        tokio::time::sleep_until(began + time_of(self.sent, self.rate)).await;
        self.held.split_to(count)
    }
}

/// How long `bytes` take at a rate.
fn time_of(bytes: u64, rate: u64) -> Duration {
    let us = u128::from(bytes) * 8_000_000 / u128::from(rate.max(1));
    Duration::from_micros(u64::try_from(us).unwrap_or(u64::MAX)).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_slow_body_takes_as_long_as_its_rate_says() {
        let body = slowed(body::full(vec![7; 125_000]), 500_000);
        // As with a delay.
        tokio::time::sleep(Duration::from_secs(5)).await;
        let began = clock::instant();
        let bytes = body.collect().await.unwrap().to_bytes();
        assert_eq!(bytes.len(), 125_000);
        let took = (clock::instant() - began).as_millis();
        assert!((2000..2010).contains(&took), "{took}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_cut_body_breaks_after_its_bytes() {
        let mut body = cut_after(body::full("0123456789"), 4, Break::default());
        let first = body.frame().await.unwrap().unwrap();
        assert_eq!(first.into_data().unwrap(), "0123");
        assert!(body.frame().await.unwrap().is_err());
        assert!(body.frame().await.is_none());
    }
}
