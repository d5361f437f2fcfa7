//! Header fields that a list of streams, or what stands behind a typed URL, asks for: sent with each request for
//! the stream, to whatever host, as the players do that such lists are made for. They are in no session.

use std::sync::{Mutex, MutexGuard, PoisonError};

use http::header::{HeaderMap, HeaderValue, REFERER, USER_AGENT};

use crate::hls::AskedAs;

/// Those of a stream.
#[derive(Debug, Default)]
pub(crate) struct StreamFields {
    /// The user's own User-Agent comes before that of a list.
    has_agent: bool,
    said: Mutex<AskedAs>,
}

impl StreamFields {
    /// `typed`: behind the URL.
    pub(crate) fn new(has_agent: bool, typed: AskedAs) -> Self {
        Self {
            // What stands behind a URL is meant for that stream, and -A for all.
            has_agent: has_agent && typed.user_agent.is_none(),
            said: Mutex::new(typed),
        }
    }

    fn fields(&self) -> MutexGuard<'_, AskedAs> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what a list says of the stream that is asked for in its place; what stands behind a typed URL is
    /// kept where it says nothing.
    pub(crate) fn take(&self, listed: &AskedAs) {
        let said = &mut *self.fields();
        for (mine, new) in [
            (&mut said.user_agent, &listed.user_agent),
            (&mut said.referer, &listed.referer),
        ] {
            if new.is_some() {
                mine.clone_from(new);
            }
        }
    }

    /// Adds them to those of a request, where it has none of the name.
    pub(crate) fn add(&self, fields: &mut HeaderMap) {
        let said = self.fields();
        let agent = said.user_agent.as_ref().filter(|_| !self.has_agent);
        for (name, value) in [(USER_AGENT, agent), (REFERER, said.referer.as_ref())] {
            if let Some(Ok(mut value)) = value.map(|value| HeaderValue::from_str(value)) {
                // Libraries that log header fields leave out what is marked so.
                value.set_sensitive(true);
                fields.entry(name).or_insert(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(agent: &str) -> AskedAs {
        AskedAs {
            user_agent: Some(agent.to_owned()),
            ..AskedAs::default()
        }
    }

    #[test]
    fn the_user_comes_before_a_list() {
        let sent = |fields: &StreamFields| {
            let mut all = HeaderMap::new();
            fields.add(&mut all);
            all.get(USER_AGENT).cloned()
        };
        let value = |text: &'static str| Some(HeaderValue::from_static(text));
        let fields = StreamFields::new(false, AskedAs::default());
        assert_eq!(sent(&fields), None);
        fields.take(&said("of the list"));
        assert_eq!(sent(&fields), value("of the list"));
        let fields = StreamFields::new(true, AskedAs::default());
        fields.take(&said("of the list"));
        assert_eq!(sent(&fields), None, "-A is the client's own");
        let fields = StreamFields::new(true, said("typed"));
        assert_eq!(sent(&fields), value("typed"));
    }
}
