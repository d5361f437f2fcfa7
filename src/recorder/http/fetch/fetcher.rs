//! What all requests of a stream share: clients, credentials, limits, and which URIs were refused.

use super::refused_uris::RefusedUris;
use super::unpacked::Unpacked;
use crate::hls::Refused;
use crate::recorder::admission::admit::Credentials;
use crate::recorder::admission::hosts::Hosts;
use crate::recorder::admission::reach::Proxies;
use crate::recorder::clocks::activity::Activity;
use crate::recorder::http::client::Clients;
use crate::recorder::http::cookies::Cookies;
use crate::recorder::http::fetch::polls::Polls;
use crate::recorder::http::shoutcast::Servers;
use crate::recorder::http::stream_fields::StreamFields;
use crate::recorder::memory::Memory;
use crate::recorder::settings::limits::Limits;
use crate::recorder::stats::counters::Stats;
use crate::session::{Remark, Writer};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// All that a request needs beside its URL.
#[derive(Debug, Clone)]
pub(crate) struct Fetcher {
    pub clients: Clients,
    pub credentials: Credentials,
    pub cookies: Arc<Cookies>,
    pub writer: Writer,
    pub limits: Limits,
    pub proxies: Arc<Proxies>,
    /// URIs that were refused.
    pub refused: Arc<RefusedUris>,
    /// `--allow-private`: every URL may lead anywhere.
    pub allow_private: bool,
    /// A redirect may lead from https to http.
    pub allow_downgrade: bool,
    /// Which servers speak ICY.
    pub servers: Arc<Servers>,
    pub memory: Arc<Memory>,
    /// When the recorder was active, and when it stood still.
    pub activity: Activity,
    /// Hosts that asked for patience.
    pub hosts: Arc<Hosts>,
    /// What the stream has done so far: when hosts of it were left alone.
    pub stats: Stats,
    /// Header fields that a list of streams, or the text behind a typed URL, asks for.
    pub stream_fields: Arc<StreamFields>,
    /// How many bytes its chunks may decode to.
    pub unpacked: Arc<Unpacked>,
    /// Turns of its polls.
    pub polls: Arc<Polls>,
    /// Ends requests that are under way.
    pub abort: CancellationToken,
}

impl Fetcher {
    /// Notes URIs that are not followed, each once. `label`: what names them.
    pub(crate) async fn refuse(&self, refused: &[Refused], label: &str) {
        for one in refused.iter().filter(|one| self.refused.is_news(&one.uri)) {
            let detail = format!("{:?} in {label:?}: {}", one.uri, one.reason);
            self.refused.tell(one, label);
            self.writer.event(Remark::RefusedUri, detail).await;
        }
    }
}
