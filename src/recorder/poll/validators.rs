//! With what the next poll asks whether anything has changed.

use http::header::{DATE, ETAG, HeaderValue, LAST_MODIFIED};

use super::super::fetch::{Hop, Validators};

/// `None`: there are none that can be relied on.
pub(super) fn validators(hop: &Hop) -> Option<Validators> {
    let fields = hop.fields.as_ref()?;
    let (etag, last_modified) = (
        fields.get(ETAG).cloned(),
        fields.get(LAST_MODIFIED).cloned(),
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
    (etag.is_some() || last_modified.is_some()).then(|| Validators {
        url: hop.url.clone(),
        etag,
        last_modified,
        exchange: hop.id,
    })
}
