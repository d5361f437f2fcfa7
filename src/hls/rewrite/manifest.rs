//! JSON that players of HLS follow (steering manifests, lists of assets), as a replay serves it: what would
//! lead a player away is replaced in its place, and every other byte stays.

use std::borrow::Cow;

use url::Url;

use super::playlist::{Place, Replacement, references_elsewhere, with_replacements};
use crate::hls::text::json::{JsonString, strings, written};

/// A steering manifest or a list of assets as a replay serves it. For the parameters see [`super::rewrite`].
///
/// Every string that is an http or https URL is replaced by its place in the replay, whatever it is for; so
/// are relative references where names say that they are some and players would not get to that place.
/// Clones of pathways (RFC 8216bis 7.2) are not recorded under their own names: without their HOST and URIs
/// they mean what they are clones of.
///
/// What is no JSON is treated in the same way, as far as strings can be found in it.
pub fn rewrite_json<'b>(
    body: &'b [u8],
    place: &Place,
    replay_path: &dyn Fn(&Url) -> Option<String>,
) -> Cow<'b, [u8]> {
    let mut reference = references_elsewhere(place, replay_path);
    let replacement = |string: JsonString<'_>| {
        let text = match what(&string) {
            What::Other => return None,
            What::CloneOf => (!string.text.is_empty()).then(String::new),
            What::Reference => reference(&string.text),
        }?;
        Some(Replacement {
            span: string.span,
            text: written(&text),
        })
    };
    with_replacements(body, strings(body).filter_map(replacement).collect())
}

/// What a string is to a player.
enum What {
    Reference,
    /// It makes URIs of a clone of those of its base.
    CloneOf,
    Other,
}

fn what(string: &JsonString<'_>) -> What {
    let name = string.name.as_deref().unwrap_or_default();
    match (string.object.as_deref(), name) {
        (Some("URI-REPLACEMENT"), "HOST") => What::CloneOf,
        (Some("PER-VARIANT-URIS" | "PER-RENDITION-URIS"), _) => What::CloneOf,
        _ if name.ends_with("URI") || is_absolute(&string.text) => What::Reference,
        _ => What::Other,
    }
}

/// Whether it is a URL with a host, and not just a text that begins like one.
fn is_absolute(text: &str) -> bool {
    let text = text.trim();
    let has_host = |url: Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    if text.contains(char::is_whitespace) {
        return false;
    }
    match text.starts_with("//") || text.starts_with(r"\\") {
        true => Url::parse(&format!("http:{text}")).is_ok_and(has_host),
        false => Url::parse(text).is_ok_and(has_host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::testing::url;
    use crate::hls::{Variables, replay_path};
    use proptest::prelude::*;

    fn at(served: &str, body: &str) -> String {
        let variables = Variables::default();
        let place = Place {
            origin: &url("https://ads.example/b/list.json?q=1"),
            served: &url(served),
            imports: &variables,
        };
        let served = rewrite_json(body.as_bytes(), &place, &replay_path);
        String::from_utf8(served.into_owned()).unwrap()
    }

    /// At its own place.
    fn rewritten(body: &str) -> String {
        at("http://r/https/ads.example:443/b/list.json?q=1", body)
    }

    /// Where a player ends up that reads all strings of the result, wherever they stand.
    fn leads(served: &str, body: &str) -> Vec<String> {
        let base = url(served);
        let text = at(served, body);
        let read = |s: JsonString<'_>| base.join(&s.text).unwrap().to_string();
        strings(text.as_bytes()).map(read).collect()
    }

    #[test]
    fn what_leads_away_is_replaced_and_every_other_byte_stays() {
        let body = "\u{feff}{ \"ASSETS\" : [ {\"URI\":\"a.m3u8\", \"DURATION\": 1.50},\t\
            {\"URI\":\"skd://k\"}, {\"URI\":\"\"}], \"note\":\"see https://h/ for more\", \"x\":\"\\u0041/b\" }\n";
        assert_eq!(rewritten(body), body);
        let away = r#"{"ASSETS":[{"URI":"https:\/\/cdn.example\/a.m3u8?x=\"1\"","X-T":{"urls":["HTTPS://t.example/i"]}}], "n":1}"#;
        let text = rewritten(away);
        assert!(
            !text.contains(r"https:\/\/") && !text.contains("HTTPS:"),
            "{text}"
        );
        let kept: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(kept["n"], 1);
        assert!(
            text.ends_with(r#""}], "n":1}"#) || text.ends_with(r#""]}}], "n":1}"#),
            "{text}"
        );
    }

    #[test]
    fn each_reference_leads_to_its_place_in_the_replay() {
        let body = r#"[{"URI":"a.m3u8"},{"URI":"/c/d?e"},{"RELOAD-URI":"//cdn.example/f"},"http:\/\/h:81/g",{"any":["\\\\k.example\\l"]}]"#;
        let wanted = [
            "/https/ads.example:443/b/a.m3u8",
            "/https/ads.example:443/c/d?e",
            "/https/cdn.example:443/f",
            "/http/h:81/g",
            "/https/k.example:443/l",
        ]
        .map(|path| format!("http://r{path}"));
        for served in [
            "http://r/https/ads.example:443/b/list.json?q=1&_HLS_primary_id=7",
            "http://r/https/ads.example:443/other/alias.json",
        ] {
            assert_eq!(leads(served, body), wanted, "{served}");
        }
    }

    #[test]
    fn clones_of_pathways_lead_to_what_they_are_clones_of() {
        let body = r#"{"PATHWAY-CLONES":[{"ID":"c","URI-REPLACEMENT":{"HOST":"cdn2.example","PARAMS":{"p":"HOST"},
            "PER-VARIANT-URIS":{"v":"https://cdn3.example/v"},"PER-RENDITION-URIS":{"r":"\/r"}}}],"HOST":"h"}"#;
        let wanted = body
            .replace("cdn2.example", "")
            .replace("https://cdn3.example/v", "")
            .replace("\\/r", "");
        assert_eq!(rewritten(body), wanted);
    }

    #[test]
    fn what_is_no_json_leads_nobody_away_either() {
        let text = rewritten(r#"{"URI":"https://h/a",} // {"URI":"https://h/b"} trailing "#);
        assert!(!text.contains("https://"), "{text}");
    }

    proptest! {
        #[test]
        fn json_stays_json(json in "[\\[\\]{}\":,\\\\a/ 1]{0,40}", text in "\\PC{0,20}") {
            rewritten(&json);
            let body = serde_json::json!({"URI": text, "n": [1.5, null, text]}).to_string();
            let served: serde_json::Value = serde_json::from_str(&rewritten(&body)).unwrap();
            prop_assert_eq!(&served["n"][0], 1.5);
        }
    }
}
