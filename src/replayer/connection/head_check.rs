//! Which requests are refused although hyper could read them. Pure.
//!
//! A replay takes no body, so a request with one is refused and the connection ends behind the answer: nothing that
//! follows can be read as a request by one of two servers and as a body by the other (RFC 9112 11.2).

use http::request::Parts as Request;
use http::{Method, Version, header};

/// Why a request is answered with 400; `None`: it is answered.
pub(super) fn refusal(request: &Request) -> Option<&'static str> {
    let fields = &request.headers;
    let hosts = fields.get_all(header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version != Version::HTTP_10) {
        return Some("a request has one Host field");
    }
    let mut lengths = fields.get_all(header::CONTENT_LENGTH).iter();
    let length = lengths.next();
    if lengths.next().is_some() {
        return Some("a request has one length");
    }
    let is_none = |length: &[u8]| length.iter().all(|digit| *digit == b'0');
    if fields.contains_key(header::TRANSFER_ENCODING)
        || length.is_some_and(|length| !is_none(length.as_bytes()))
    {
        return Some("a replay takes no body");
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
}
