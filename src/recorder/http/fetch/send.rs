//! One request, up to the head of its answer.

use std::net::SocketAddr;
use std::time::Duration;

use http::header::HeaderMap;
use reqwest::Response;
use url::Url;

use super::ask::Ask;
use super::fetcher::Fetcher;
use crate::clock;
use crate::recorder::admission::hosts;
use crate::recorder::admission::reach::Reach;
use crate::recorder::admission::resolver::AskError;
use crate::recorder::http::classify;
use crate::recorder::http::client::Over;
use crate::recorder::http::kept_connections::Connection;
use crate::recorder::words;
use crate::session::Outcome;

/// A request that crosses the end of its connection is answered with that end within a round trip, a lost packet
/// included. A server that closes later has had the request.
const CROSSING: Duration = Duration::from_secs(3);

/// The head of an answer.
pub(super) struct Sent {
    pub response: Response,
    pub peer: Option<SocketAddr>,
    /// What it came over, where that may be kept.
    pub connection: Option<Connection>,
    /// What was odd about it: its status line was that of SHOUTcast 1.
    pub note: Option<&'static str>,
}

impl Fetcher {
    /// Asks; a server that may be a radio's and answers with no HTTP is asked once more, as SHOUTcast 1 speaks
    /// it. What that was is remembered.
    pub(super) async fn send(
        &self,
        ask: &Ask,
        (url, reach, over): (&Url, Reach, Over),
        fields: HeaderMap,
    ) -> Result<Sent, (Outcome, String)> {
        let may_be_icy = ask.plain && url.scheme() == "http" && self.proxies.is_direct(url);
        let known = self.servers.speaks_icy(url).filter(|_| may_be_icy);
        if known == Some(true) {
            let answer = self.send_icy((url, reach), fields).await;
            let failed = |error: AskError| {
                let error = error.as_ref();
                (classify::no_own_response(error), classify::describe(error))
            };
            return answer.map_err(failed);
        }
        let failure = match self
            .send_http(ask, (url, reach, over), fields.clone())
            .await
        {
            Ok(sent) => return Ok(sent),
            Err(failure) => failure,
        };
        if may_be_icy && known.is_none() && failure.0 == Outcome::Protocol {
            if let Ok(sent) = self.send_icy((url, reach), fields).await
                && sent.note.is_some()
            {
                let note = "the status line began with ICY, not HTTP; until that was known it was asked for twice";
                return Ok(Sent {
                    note: Some(note),
                    ..sent
                });
            }
            self.servers.learn(url, false);
        }
        Err(failure)
    }

    async fn send_http(
        &self,
        ask: &Ask,
        (url, reach, over): (&Url, Reach, Over),
        fields: HeaderMap,
    ) -> Result<Sent, (Outcome, String)> {
        let client = self.clients.client_for(ask.kind, reach, url, over);
        let asked = clock::instant();
        let error = match client.get(url.clone()).headers(fields).send().await {
            Ok(response) => {
                self.clients
                    .kept_connections()
                    .note_fields(url, response.headers());
                return Ok(Sent {
                    peer: response.remote_addr(),
                    connection: classify::ends(response.extensions()),
                    response,
                    note: None,
                });
            }
            Err(error) => error,
        };
        if over == Over::Kept && classify::was_not_taken(&error) {
            let why = "the server went away, or refused the stream, and had not taken the request";
            return Err((Outcome::Crossed, why.to_owned()));
        }
        let outcome = classify::no_response(&error);
        let may_have_crossed = over == Over::Kept && asked.elapsed() < CROSSING;
        if may_have_crossed && self.has_crossed(&error, outcome) {
            let why = "the connection had been kept, and was closed as the request crossed it";
            return Err((Outcome::Crossed, why.to_owned()));
        }
        Err((outcome, self.described(url, outcome, &error)))
    }

    /// What went wrong; where there was no connection, with whom.
    fn described(&self, url: &Url, outcome: Outcome, error: &reqwest::Error) -> String {
        let what = match outcome {
            // The client says that some deadline has elapsed.
            Outcome::ConnectTimeout => format!(
                "no connection for {}",
                words::whole_seconds(clock::micros(self.limits.connect))
            ),
            _ => classify::describe(error),
        };
        let is_of_connecting = matches!(
            outcome,
            Outcome::Refused | Outcome::Unreachable | Outcome::ConnectTimeout | Outcome::Tls
        );
        let is_named = what.contains(url.host_str().unwrap_or_default());
        match (outcome, self.proxies.proxy_place(url)) {
            (Outcome::Unresolved, Some(proxy)) => words::of_proxy(&proxy, &what),
            (_, Some(proxy)) if is_of_connecting && !is_named => words::of_proxy(&proxy, &what),
            (_, None) if is_of_connecting && !is_named => {
                format!("{}: {what}", hosts::host_and_port(url))
            }
            _ => what,
        }
    }

    /// Whether a connection that had carried an answer before ended without another.
    fn has_crossed(&self, error: &reqwest::Error, outcome: Outcome) -> bool {
        let connection = classify::connection(error);
        let was_kept = connection.is_some_and(|ends| {
            self.clients
                .kept_connections()
                .broke(&ends, clock::instant())
        });
        was_kept && matches!(outcome, Outcome::Short | Outcome::Reset)
    }

    async fn send_icy(
        &self,
        (url, reach): (&Url, Reach),
        fields: HeaderMap,
    ) -> Result<Sent, AskError> {
        let answer = self.clients.dialer(reach).get(url, fields).await?;
        self.servers.learn(url, answer.is_icy);
        Ok(Sent {
            response: answer.response,
            peer: Some(answer.peer),
            connection: None,
            note: answer
                .is_icy
                .then_some("the status line began with ICY, not HTTP"),
        })
    }
}
