//! What broke an exchange, out of what the HTTP client says.

use crate::recorder::admission::refusal::{NotPublic, Unresolved};
use std::error::Error;
use std::io;

use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpInfo;

use super::kept_connections::Connection;
use super::tls;
use crate::recorder::words;
use crate::session::Outcome;

/// Before there was a response.
pub(crate) fn no_response(error: &reqwest::Error) -> Outcome {
    match outcome_of_cause(error) {
        Some(outcome) => outcome,
        None if error.is_timeout() && error.is_connect() => Outcome::ConnectTimeout,
        None if error.is_timeout() => Outcome::ResponseTimeout,
        None if error.is_connect() => Outcome::Unreachable,
        None if ended_early(error) => Outcome::Short,
        None => Outcome::Protocol,
    }
}

/// Whether a server of HTTP/2 says that it has not taken the request, which is then safe to repeat: its stream is
/// behind the last one that it took before it went away, or was refused (RFC 9113 6.8, 8.7).
pub(crate) fn was_not_taken(error: &reqwest::Error) -> bool {
    let says = |error: &h2::Error| {
        let reason = error.reason();
        let went_away = error.is_go_away() && reason == Some(h2::Reason::NO_ERROR);
        let refused = error.is_reset() && reason == Some(h2::Reason::REFUSED_STREAM);
        error.is_remote() && (went_away || refused)
    };
    chain(error)
        .find_map(|cause| cause.downcast_ref::<h2::Error>())
        .is_some_and(says)
}

/// The connection that a request was sent over, where one was.
pub(crate) fn connection(error: &reqwest::Error) -> Option<Connection> {
    let client = chain(error).find_map(|cause| cause.downcast_ref::<legacy::Error>())?;
    let mut extensions = http::Extensions::new();
    client.connect_info()?.get_extras(&mut extensions);
    ends(&extensions)
}

/// The two ends of the connection that an answer came over.
pub(crate) fn ends(extensions: &http::Extensions) -> Option<Connection> {
    let info = extensions.get::<HttpInfo>()?;
    Some(Connection {
        local: info.local_addr(),
        remote: info.remote_addr(),
    })
}

/// The same on a connection of our own: only connecting has a time limit.
pub(crate) fn no_own_response(error: &(dyn Error + 'static)) -> Outcome {
    let is = |kind| {
        let error = error.downcast_ref::<io::Error>();
        error.is_some_and(|error| error.kind() == kind)
    };
    match outcome_of_cause(error) {
        Some(outcome) => outcome,
        None if is(io::ErrorKind::TimedOut) => Outcome::ConnectTimeout,
        None if error.is::<io::Error>() => Outcome::Unreachable,
        None if ended_early(error) => Outcome::Short,
        None => Outcome::Protocol,
    }
}

/// What some cause says by itself.
fn outcome_of_cause(error: &(dyn Error + 'static)) -> Option<Outcome> {
    chain(error).find_map(|cause| {
        if cause.is::<Unresolved>() {
            return Some(Outcome::Unresolved);
        }
        if cause.is::<NotPublic>() {
            return Some(Outcome::Unreachable);
        }
        if is_tls(cause) {
            return Some(Outcome::Tls);
        }
        match cause.downcast_ref::<io::Error>()?.kind() {
            io::ErrorKind::ConnectionRefused => Some(Outcome::Refused),
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionAborted => Some(Outcome::Reset),
            _ => None,
        }
    })
}

/// While the body came.
pub(crate) fn broken_body(error: &reqwest::Error) -> Outcome {
    let reset = chain(error).any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|e| {
            matches!(
                e.kind(),
                io::ErrorKind::ConnectionReset
                    | io::ErrorKind::BrokenPipe
                    | io::ErrorKind::ConnectionAborted
            )
        })
    });
    if reset {
        Outcome::Reset
    } else if ended_early(error) {
        Outcome::Short
    } else if error.is_timeout() {
        Outcome::BodyTimeout
    } else {
        Outcome::Protocol
    }
}

/// What went wrong, in words: the last cause, which tells most.
pub(crate) fn describe(error: &(dyn Error + 'static)) -> String {
    // Our own messages name what was asked for; the client's would repeat the URL with its query.
    let mut last = String::new();
    for cause in chain(error) {
        if let Some(error) = cause.downcast_ref::<rustls::Error>() {
            return tls::words(error);
        }
        last = cause.to_string();
    }
    let of_name = last.strip_prefix("failed to lookup address information: ");
    match (of_name, last.as_str()) {
        (Some(why), _) => format!("its address is not found: {}", why.to_lowercase()),
        (None, "tls handshake eof") => {
            "it ended the connection at once; it may not speak TLS on this port".to_owned()
        }
        (None, "deadline has elapsed") => {
            "no connection within the time limit (--connect-timeout)".to_owned()
        }
        (None, "invalid HTTP version parsed") => "what came is no HTTP".to_owned(),
        (None, last) => words::without_number(last),
    }
}

fn ended_early(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|cause| {
        let eof = cause
            .downcast_ref::<io::Error>()
            .is_some_and(|e| e.kind() == io::ErrorKind::UnexpectedEof);
        let incomplete = cause
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_incomplete_message);
        eof || incomplete
    })
}

fn is_tls(cause: &(dyn Error + 'static)) -> bool {
    let inside = cause
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
        .is_some_and(|inner| inner.is::<rustls::Error>());
    inside || cause.is::<rustls::Error>()
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&e| {
        // An io::Error that wraps another error hides it from `source`.
        let wrapped = e.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        match wrapped {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => e.source(),
        }
    })
}
