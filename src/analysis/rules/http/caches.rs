//! H07 last-modified, H13 expires: what answers say to caches of how old they are, and for how long they stay.

use super::answer::Answered;
use crate::analysis::rules::broken::Broken;
use crate::session::{Kind, seconds};

pub(super) fn judge(answered: &Answered<'_>, out: &mut Vec<Broken>) {
    if !answered.is_good() {
        return;
    }
    modified(answered, out);
    if answered.is_media() || answered.exchange.kind == Kind::Key {
        lifetime(answered, out);
    }
}

/// H07, of a new text of a playlist that goes on.
fn modified(answered: &Answered<'_>, out: &mut Vec<Broken>) {
    let Some((Some(target_us), false)) = answered.exchange.revision else {
        return;
    };
    let Some((modified, date)) = answered.modified else {
        return;
    };
    let old_us = i64::try_from(date.saturating_sub(modified)).unwrap_or(i64::MAX);
    let old_us = old_us.saturating_mul(1_000_000);
    if old_us > target_us.saturating_mul(3) {
        let text = format!(
            "Last-Modified of a new text is {} s before Date, and the target duration is {} s",
            seconds(old_us),
            seconds(target_us)
        );
        out.push(Broken::new("H07", text).worse(old_us));
    }
}

/// H13.
fn lifetime(answered: &Answered<'_>, out: &mut Vec<Broken>) {
    let kind = answered.exchange.kind;
    let control = answered.field("cache-control");
    let Some(control) = control.filter(|control| !control.is_empty()) else {
        if !answered.has_expires {
            let text = format!(
                "{} comes with neither Cache-Control nor Expires: for how long it stays, each cache guesses",
                kind.one()
            );
            out.push(Broken::new("H13", text).kind(kind.as_str()));
        }
        return;
    };
    let mut directives = control.split(',').map(str::trim);
    let forbids = |directive: &str| directive.eq_ignore_ascii_case("no-store");
    // Who may have a key is its owner's business.
    if kind != Kind::Key && directives.any(forbids) {
        let text = format!(
            "no cache may keep {} (Cache-Control: {control}): each viewer's request reaches the origin",
            kind.one()
        );
        out.push(Broken::new("H13", text).kind("no-store"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::rules::http::testing::{good, headers};
    use crate::session::SeenExchange;

    /// What is told of an answer: rules and sentences.
    fn told(
        exchange: &SeenExchange,
        fields: &[(&str, &str)],
        has_expires: bool,
        modified: Option<(u64, u64)>,
    ) -> Vec<(&'static str, String)> {
        let fields = headers(fields);
        let answered = Answered {
            has_expires,
            modified,
            ..Answered::new(exchange, &fields)
        };
        let mut out = Vec::new();
        judge(&answered, &mut out);
        let told = out.into_iter();
        told.map(|broken| (broken.rule, broken.text)).collect()
    }

    #[test]
    fn what_is_cached_says_for_how_long() {
        let segment = good(Kind::Segment, "http://localhost/s1.ts");
        let rules = |fields: &[(&str, &str)], has_expires| {
            let told = told(&segment, fields, has_expires, None);
            told.into_iter().map(|(rule, _)| rule).collect::<Vec<_>>()
        };
        assert_eq!(rules(&[("cache-control", "max-age=60")], false), [""; 0]);
        assert_eq!(rules(&[], true), [""; 0]);
        assert_eq!(rules(&[], false), ["H13"]);
        assert_eq!(
            rules(&[("cache-control", "public, No-Store")], true),
            ["H13"]
        );
        let key = good(Kind::Key, "http://localhost/key");
        let private = [("cache-control", "no-store")];
        assert_eq!(told(&key, &private, false, None), []);
        let gone = SeenExchange {
            status: Some(404),
            ..segment.clone()
        };
        assert_eq!(told(&gone, &[], false, None), []);
    }

    #[test]
    fn a_new_text_is_not_old() {
        let list = |target_us, ended| SeenExchange {
            revision: Some((target_us, ended)),
            ..good(Kind::Media, "http://localhost/list.m3u8")
        };
        let live = list(Some(4_000_000), false);
        assert_eq!(told(&live, &[], true, Some((100, 112))), []);
        assert_eq!(
            told(&live, &[], true, Some((100, 113))),
            [(
                "H07",
                "Last-Modified of a new text is 13 s before Date, and the target duration is 4 s"
                    .to_owned()
            )]
        );
        assert_eq!(told(&live, &[], true, Some((113, 100))), [], "two clocks");
        assert_eq!(
            told(&list(Some(4_000_000), true), &[], true, Some((1, 99))),
            []
        );
        assert_eq!(told(&list(None, false), &[], true, Some((1, 99))), []);
    }
}
