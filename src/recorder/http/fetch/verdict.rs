//! Whether a response is an endless body.

use super::Hop;
use crate::recorder::formats::format::Verdict;
use crate::recorder::formats::icy::Separator;
use crate::recorder::http::live::ICY_INTERVAL;
use bytes::Bytes;
use http::header::CONTENT_TYPE;

/// What a response is whose body begins so.
pub(crate) fn verdict(begun: &[u8], hop: &Hop) -> Verdict {
    let content_type = hop.field(CONTENT_TYPE);
    match hop.field(ICY_INTERVAL) {
        None => crate::recorder::formats::sniff::sniff(begun, content_type),
        interval => {
            let begun = Bytes::copy_from_slice(begun);
            let sound = Separator::new(interval).push(begun, &mut Vec::new());
            crate::recorder::formats::sniff::sniff(&sound, content_type)
        }
    }
}
