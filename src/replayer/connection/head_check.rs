//! Which requests are refused although hyper could read them. Pure.
//!
//! A replay takes no body, so a request with one is refused and the connection ends behind the answer: nothing that
//! follows can be read as a request by one of two servers and as a body by the other (RFC 9112 11.2).

use http::request::Parts as Request;
use http::{Method, StatusCode, Version, header};

/// Why a request is answered with 400; `None`: it is answered.
pub(super) fn refusal(request: &Request) -> Option<&'static str> {
    let fields = &request.headers;
    let hosts = fields.get_all(header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version != Version::HTTP_10) {
        return Some("a request has one Host field");
    }
    refusal_of_the_rest(request)
}

/// As many fields as hyper takes.
const MOST_FIELDS: usize = 100;

/// The same of a request of HTTP/2, which names its host in `:authority` (RFC 9113 8.3.1); `has_body`: its head is not
/// the end of it.
pub(super) fn refusal_over_http2(
    request: &Request,
    has_body: bool,
) -> Option<(StatusCode, &'static str)> {
    if request.headers.len() > MOST_FIELDS {
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Some((status, "a request has 100 fields at most"));
    }
    let mut hosts = request.headers.get_all(header::HOST).iter();
    let (host, another) = (hosts.next(), hosts.next());
    let host = host.map(|host| host.as_bytes());
    let authority = request.uri.authority().map(|name| name.as_str().as_bytes());
    let sentence = match (authority, host, another) {
        (_, _, Some(_)) | (None, None, None) => Some("a request has one host"),
        (Some(authority), Some(host), None) if !authority.eq_ignore_ascii_case(host) => {
            Some("Host and :authority of a request are one")
        }
        _ if has_body => Some(NO_BODY),
        _ => refusal_of_the_rest(request),
    };
    sentence.map(|sentence| (StatusCode::BAD_REQUEST, sentence))
}

const NO_BODY: &str = "a replay takes no body";

fn refusal_of_the_rest(request: &Request) -> Option<&'static str> {
    let fields = &request.headers;
    let mut lengths = fields.get_all(header::CONTENT_LENGTH).iter();
    let length = lengths.next();
    if lengths.next().is_some() {
        return Some("a request has one length");
    }
    let is_none = |length: &[u8]| length.iter().all(|digit| *digit == b'0');
    if fields.contains_key(header::TRANSFER_ENCODING)
        || length.is_some_and(|length| !is_none(length.as_bytes()))
    {
        return Some(NO_BODY);
    }
    let has_path = match request.method {
        Method::CONNECT => true,
        Method::OPTIONS if request.uri.path() == "*" => true,
        _ => request.uri.path().starts_with('/'),
    };
    (!has_path).then_some("the target of a request is a path")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(method: &str, target: &str, fields: &[(&str, &str)]) -> Option<&'static str> {
        let mut request = http::Request::builder().method(method).uri(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        refusal(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn a_request_has_a_path_one_host_and_no_body() {
        let host = ("Host", "h");
        for (fields, is_good) in [
            (&[host][..], true),
            (&[host, ("Content-Length", "0")], true),
            (&[host, ("Expect", "100-continue")], true),
            (&[("Host", "")], true),
            (&[], false),
            (&[host, host], false),
            (&[host, ("Content-Length", "5")], false),
            (
                &[host, ("Content-Length", "0"), ("Content-Length", "0")],
                false,
            ),
            (&[host, ("Transfer-Encoding", "chunked")], false),
        ] {
            for method in ["GET", "HEAD", "OPTIONS", "POST"] {
                let refused = refused(method, "/a?b", fields);
                assert_eq!(refused.is_none(), is_good, "{method} {fields:?}");
            }
        }
        for (method, target, is_good) in [
            ("GET", "http://h/a", true),
            ("GET", "http://h", true),
            ("OPTIONS", "*", true),
            ("CONNECT", "h:443", true),
            ("GET", "*", false),
            ("GET", "h:443", false),
        ] {
            let refused = refused(method, target, &[host]);
            assert_eq!(refused.is_none(), is_good, "{method} {target}");
        }
    }

    #[test]
    fn a_client_of_http_1_0_need_not_name_a_host() {
        let request = http::Request::get("/").version(Version::HTTP_10);
        assert_eq!(refusal(&request.body(()).unwrap().into_parts().0), None);
    }

    #[test]
    fn over_http_2_the_authority_is_the_host_and_nothing_follows_the_head() {
        let refused = |target: &str, fields: &[(&str, &str)], has_body| {
            let mut request = http::Request::get(target).version(Version::HTTP_2);
            for (name, value) in fields {
                request = request.header(*name, *value);
            }
            let request = request.body(()).unwrap().into_parts().0;
            refusal_over_http2(&request, has_body).map(|(status, _)| status.as_u16())
        };
        let many: Vec<_> = (0..101).map(|_| ("a", "b")).collect();
        for (target, fields, has_body, status) in [
            ("http://h:1/a", &[][..], false, None),
            ("http://h:1/a", &[("host", "H:1")], false, None),
            ("/a", &[("host", "h")], false, None),
            ("/a", &[], false, Some(400)),
            ("http://h:1/a", &[("host", "other")], false, Some(400)),
            (
                "http://h/a",
                &[("host", "h"), ("host", "h")],
                false,
                Some(400),
            ),
            ("http://h/a", &[], true, Some(400)),
            ("http://h/a", &[("content-length", "5")], false, Some(400)),
            ("http://h/a", &[("content-length", "0")], false, None),
            ("http://h/a", &many[..100], false, None),
            ("http://h/a", &many, false, Some(431)),
        ] {
            assert_eq!(
                refused(target, fields, has_body),
                status,
                "{target} {fields:?}"
            );
        }
    }
}
