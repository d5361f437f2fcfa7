//! A list of one stream stands for that stream, as a redirect would.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use super::{Hop, Received};
use crate::hls::{self, ListedStream, MOST_OF_ONE, StreamList};
use crate::session::{Outcome, decode, decoded_size, is_success};

/// A list may name a list, which names a stream; a longer chain is not followed.
pub(super) const MOST_LISTS: usize = 2;
/// Streams that a message names.
const MOST_SHOWN: usize = 5;

/// The stream that a list names, where what came is a list of one. It is noted, and decoded.
pub(super) fn only_stream(hop: &mut Hop) -> Option<ListedStream> {
    let is_good = hop.outcome == Outcome::Complete && hop.status.is_some_and(is_success);
    let Received::Memory(raw) = &hop.body else {
        return None;
    };
    if !is_good || raw.len() > MOST_OF_ONE {
        return None;
    }
    let body = plain(hop, raw)?;
    let target = list_in(hop, &body)?.only()?.clone();
    hop.decoded |= hop.field(CONTENT_ENCODING).is_some();
    hop.body = Received::Memory(body);
    hop.is_list = true;
    hop.note = Some("a list of one stream, which is asked for in its place".to_owned());
    Some(target)
}

/// The body without its content coding.
fn plain(hop: &Hop, raw: &Bytes) -> Option<Bytes> {
    let fields = hop.fields.iter().flat_map(|f| f.get_all(CONTENT_ENCODING));
    let codings: Vec<&str> = fields.filter_map(|v| v.to_str().ok()).collect();
    let coding = codings.join(",");
    if coding.is_empty() {
        return Some(raw.clone());
    }
    let most = MOST_OF_ONE as u64;
    let size = decoded_size(raw, &coding, most).ok()?;
    Some(decode(raw, &coding, size, most).ok()?.into())
}

/// What a decoded body lists; `None`: it is no list of streams.
pub(crate) fn list_in(hop: &Hop, body: &[u8]) -> Option<StreamList> {
    hls::read_list(body, &hop.url, hop.field(CONTENT_TYPE))
}

/// The message to a user who gave the URL of a list that is not followed.
pub(crate) fn not_followed(list: &StreamList) -> String {
    let count = list.streams.len() + list.more;
    let shown = list.typed(MOST_SHOWN);
    let others = match list.others {
        0 => String::new(),
        others => format!(" ({others} more are not over http or https)"),
    };
    match count {
        0 => format!(
            "it is a list, and none of its {} streams is over http or https",
            list.others
        ),
        1 => format!(
            "it is a list in a list in a list, which is not followed; give what it names: isrecorder {}",
            shown.join(" ")
        ),
        _ => {
            let behind = match count.saturating_sub(shown.len()) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!(
                "it is a list of {count} streams{others}, and none of them is recorded; give those that you \
                 want: isrecorder {}{behind} (or a file of them, --streams)",
                shown.join(" ")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use url::Url;

    #[test]
    fn a_list_that_is_not_followed_says_what_to_type() {
        let of = |body: &str| {
            let base = Url::parse("http://h/l.m3u").unwrap();
            not_followed(&hls::read_list(body.as_bytes(), &base, None).unwrap())
        };
        let two = of("a\nb\nrtsp://h/c\n");
        assert!(two.contains("list of 2 streams (1 more are not"), "{two}");
        assert!(
            two.contains("isrecorder 'a=http://h/a' 'b=http://h/b' (or"),
            "{two}"
        );
        let many: String = (0..40).map(|n| format!("s{n}\n")).collect();
        assert!(
            of(&many).contains("'s4=http://h/s4' and 35 more (or"),
            "{}",
            of(&many)
        );
        assert!(of("rtsp://h/c\n").contains("none of its 1 streams"));
    }
}
