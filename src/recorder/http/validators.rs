//! What makes a request conditional: with what it asks whether anything has changed (RFC 9110 13.1).

use http::header::{DATE, ETAG, HeaderMap, HeaderValue, LAST_MODIFIED};
use url::Url;

use crate::session::ExchangeId;

/// Longer values are ignored, in bytes: no server would accept them, and each playlist has one in memory.
const LONGEST: usize = 1024;

/// The validators of an answer: entity tag and date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Validators {
    /// The URL that they are valid for: the last of its chain.
    pub url: Url,
    pub etag: Option<HeaderValue>,
    pub last_modified: Option<HeaderValue>,
    /// The exchange whose body a 304 would confirm.
    pub exchange: ExchangeId,
}

impl Validators {
    /// Of an answer; `None`: there are none that can be relied on.
    pub(crate) fn from_fields(fields: &HeaderMap, url: &Url, exchange: ExchangeId) -> Option<Self> {
        let short = |value: &&HeaderValue| value.len() <= LONGEST;
        let (etag, last_modified) = (
            fields.get(ETAG).filter(short).cloned(),
            fields.get(LAST_MODIFIED).filter(short).cloned(),
        );
        // RFC 9110 8.8.2.2: within the second of its Last-Modified a playlist may change again
        // without a new one. An entity tag knows better.
        let date = |value: &HeaderValue| httpdate::parse_http_date(value.to_str().ok()?).ok();
        let modified = last_modified.as_ref().and_then(date);
        let asked = fields.get(DATE).and_then(date);
        let may_change_unseen = match (modified, asked) {
            (Some(modified), Some(asked)) => asked <= modified,
            _ => false,
        };
        if etag.is_none() && may_change_unseen {
            return None;
        }
        (etag.is_some() || last_modified.is_some()).then(|| Self {
            url: url.clone(),
            etag,
            last_modified,
            exchange,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_server_would_take_back_is_not_kept() {
        let url = Url::parse("http://h/p.m3u8").unwrap();
        for (length, is_kept) in [(LONGEST, true), (LONGEST + 1, false)] {
            let mut fields = HeaderMap::new();
            fields.insert(ETAG, HeaderValue::from_str(&"x".repeat(length)).unwrap());
            assert_eq!(Validators::from_fields(&fields, &url, 1).is_some(), is_kept);
        }
    }
}
