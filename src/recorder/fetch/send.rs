//! One request, up to the head of its answer.

use std::net::SocketAddr;

use http::header::HeaderMap;
use reqwest::Response;
use url::Url;

use super::{Ask, Fetcher};
use crate::recorder::classify;
use crate::recorder::reach::Reach;
use crate::recorder::shoutcast::AskError;
use crate::session::Outcome;

/// The head of an answer.
pub(super) struct Sent {
    pub response: Response,
    pub peer: Option<SocketAddr>,
    /// What was odd about it: its status line was that of SHOUTcast 1.
    pub note: Option<&'static str>,
}

impl Fetcher {
    /// Asks; a server that may be a radio's and answers with no HTTP is asked once more, as SHOUTcast 1 speaks
    /// it. What that was is remembered.
    pub(super) async fn send(
        &self,
        ask: &Ask,
        (url, reach): (&Url, Reach),
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
        let client = self.clients.of(ask.kind, reach);
        let error = match client.get(url.clone()).headers(fields.clone()).send().await {
            Ok(response) => {
                return Ok(Sent {
                    peer: response.remote_addr(),
                    response,
                    note: None,
                });
            }
            Err(error) => error,
        };
        let outcome = classify::no_response(&error);
        if may_be_icy && known.is_none() && outcome == Outcome::Protocol {
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
        Err((outcome, classify::describe(&error)))
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
            note: answer
                .is_icy
                .then_some("the status line began with ICY, not HTTP"),
        })
    }
}
