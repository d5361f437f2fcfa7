//! What of an exchange is the recorder's alone where its body is a stream.

use crate::recorder::http::fetch::{Hop, Received};
use crate::recorder::http::live::Live;
use crate::session::ExchangeId;

impl Hop {
    /// What another exchange has that goes on with the same response.
    pub(crate) fn continued(&self, id: ExchangeId, requested_us: i64) -> Self {
        Self {
            status: self.status,
            http_version: self.http_version.clone(),
            remote_addr: self.remote_addr.clone(),
            fields: self.fields.clone(),
            announced_bytes: self.announced_bytes,
            ..Self::new(id, self.url.clone(), requested_us)
        }
    }

    /// Requested so long before its first byte, in microseconds.
    pub(crate) fn waited(mut self, wait_us: Option<i64>) -> Self {
        self.wait_us = wait_us;
        self
    }

    /// The body, where it still comes.
    pub(crate) fn take_live(&mut self) -> Option<Live> {
        match std::mem::replace(&mut self.body, Received::None) {
            Received::Live(live) => Some(*live),
            body => {
                self.body = body;
                None
            }
        }
    }
}
