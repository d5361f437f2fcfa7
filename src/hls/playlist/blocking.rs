//! Requests that an origin holds until its playlist has something new (RFC 8216bis 6.2.5.2).

use url::Url;

use super::media::entries::MediaFacts;
use super::media::items::attribute;
use super::steering::without_directives;
use crate::hls::text::numbers::integer;
use crate::hls::text::resolve::Resolver;
use crate::hls::text::scan::{Line, lines};
use crate::hls::text::variables::Variables;

/// What a blocking request waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Awaited {
    /// `_HLS_msn`: a segment with this media sequence number, or a later one, ...
    pub sequence: u64,
    /// ... or `_HLS_part`: the part of it with this index; `None`: all of it.
    pub part: Option<u64>,
}

impl Awaited {
    /// What comes next in a playlist that offers to wait for it; `None`: it does not, or nothing comes any more.
    pub fn next(facts: &MediaFacts) -> Option<Self> {
        if !facts.control.can_block || facts.ended {
            return None;
        }
        let next = match facts.last_sequence {
            Some(last) => last.wrapping_add(1),
            None => facts.media_sequence,
        };
        Some(Self {
            sequence: next,
            part: facts.part_target.map(|_| facts.next_parts),
        })
    }

    /// Whether a playlist has it. Numbers wrap around.
    pub fn is_in(&self, facts: &MediaFacts) -> bool {
        let next = match facts.last_sequence {
            Some(last) => last.wrapping_add(1),
            None => facts.media_sequence,
        };
        let segments = next.wrapping_sub(self.sequence).cast_signed();
        segments > 0 || segments == 0 && self.part.is_some_and(|part| facts.next_parts > part)
    }

    /// Whether it is the last thing that a playlist has: nothing came since then.
    pub fn is_last_of(&self, facts: &MediaFacts) -> bool {
        let parts = match facts.last_sequence {
            Some(last) if last == self.sequence && facts.next_parts == 0 => facts.last_parts,
            Some(last) if last.wrapping_add(1) != self.sequence => return false,
            // Of a segment that is not whole.
            _ if self.part.is_some() => facts.next_parts,
            _ => return false,
        };
        self.part.is_none_or(|part| parts == part.saturating_add(1)) && self.is_in(facts)
    }

    /// The directives that ask for it, in the order of their names.
    pub fn directives(&self) -> String {
        match self.part {
            Some(part) => format!("_HLS_msn={}&_HLS_part={part}", self.sequence),
            None => format!("_HLS_msn={}", self.sequence),
        }
    }

    /// A URL with them.
    pub fn add_to(&self, url: &Url) -> Url {
        add(&self.directives(), url)
    }
}

/// A URL with directives. Parameters of a query are to be in the order of their bytes (RFC 8216bis 6.3.2); those that a
/// query has stay as they are, since it may be signed.
fn add(directives: &str, url: &Url) -> Url {
    let mut with = url.clone();
    let query = url.query().filter(|query| !query.is_empty());
    let query = query.map_or(directives.to_owned(), |query| {
        let behind = query.split('&').position(|own| own > directives);
        let mut parameters: Vec<&str> = query.split('&').collect();
        parameters.insert(behind.unwrap_or(parameters.len()), directives);
        parameters.join("&")
    });
    with.set_query(Some(&query));
    with
}

/// Where a redirect of a playlist leads somebody whose request had this query: his directives go along, and those of
/// whoever was redirected before do not.
pub fn carry_directives(query: Option<&str>, target: &Url) -> Url {
    let is_of_playlists = |one: &&str| {
        ["_HLS_msn=", "_HLS_part=", "_HLS_skip="]
            .iter()
            .any(|name| one.starts_with(name))
    };
    let own: Vec<&str> = query
        .unwrap_or_default()
        .split('&')
        .filter(is_of_playlists)
        .collect();
    let has_others = target
        .query()
        .is_some_and(|query| query.split('&').any(|one| is_of_playlists(&one)));
    let target = match has_others {
        true => without_directives(target),
        false => target.clone(),
    };
    match own.is_empty() {
        true => target,
        false => add(&own.join("&"), &target),
    }
}

/// What a playlist announces in an `EXT-X-PRELOAD-HINT` (RFC 8216bis 4.4.5.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announced {
    /// The resource.
    pub url: Url,
    /// Its first byte that is announced.
    pub first: u64,
}

/// A playlist has one for each type, and there are two of these.
const MOST_ANNOUNCED: usize = 8;

/// What a playlist announces, the first few. `base`: the URL that answered.
pub fn announced(text: &[u8], base: &str) -> Vec<Announced> {
    let hint = |line: Line<'_>| line.tag().is_some_and(|tag| tag.name == HINT);
    let (Ok(base), true) = (Url::parse(base), lines(text).any(hint)) else {
        return Vec::new();
    };
    let variables = Variables::read(text, &base, &Variables::default());
    let mut resolver = Resolver::new(&base, &variables);
    let tags = lines(text).filter_map(|line| line.tag());
    let hints = tags.filter(|tag| tag.name == HINT).take(MOST_ANNOUNCED);
    let mut read = |tag| {
        let url = attribute(tag, b"URI").filter(|uri| !uri.is_empty())?;
        Some(Announced {
            url: resolver.request(url)?,
            first: attribute(tag, b"BYTERANGE-START")
                .and_then(integer)
                .unwrap_or(0),
        })
    };
    hints.filter_map(&mut read).collect()
}

const HINT: &[u8] = b"#EXT-X-PRELOAD-HINT";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::testing::url;
    use crate::hls::{Variables, read_media};

    fn facts(text: &str) -> MediaFacts {
        let head = "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES\n";
        let text = format!("{head}{text}");
        let base = url("http://h/live/a.m3u8");
        read_media(text.as_bytes(), &base, &Variables::default()).facts
    }

    const PARTS: &str =
        "#EXT-X-PART-INF:PART-TARGET=1\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:4,\n7.mp4\n";
    const PART: &str = "#EXT-X-PART:DURATION=1,URI=\"p\"\n";

    #[test]
    fn what_comes_next_is_the_part_or_the_segment_behind_the_last() {
        let next = |text: &str| Awaited::next(&facts(text)).map(|next| next.directives());
        let is = |directives: &str| Some(directives.to_owned());
        assert_eq!(next(PARTS), is("_HLS_msn=8&_HLS_part=0"));
        assert_eq!(
            next(&format!("{PARTS}{PART}{PART}")),
            is("_HLS_msn=8&_HLS_part=2")
        );
        assert_eq!(next("#EXTINF:4,\na\n"), is("_HLS_msn=1"));
        assert_eq!(next("#EXT-X-MEDIA-SEQUENCE:5\n"), is("_HLS_msn=5"));
        assert_eq!(next("#EXTINF:4,\na\n#EXT-X-ENDLIST\n"), None);
        let last = format!("#EXT-X-MEDIA-SEQUENCE:{}\n#EXTINF:4,\na\n", u64::MAX);
        assert_eq!(next(&last), is("_HLS_msn=0"));
    }

    #[test]
    fn an_answer_has_what_was_asked_for_or_what_comes_later() {
        let awaited = Awaited {
            sequence: 8,
            part: Some(1),
        };
        let has = |text: &str| awaited.is_in(&facts(text));
        assert!(!has(PARTS) && !has(&format!("{PARTS}{PART}")));
        assert!(has(&format!("{PARTS}{PART}{PART}")));
        let later = format!("{PARTS}#EXTINF:4,\n8.mp4\n");
        assert!(has(&later) && has(&format!("{later}{PART}")));
        let whole = Awaited {
            part: None,
            ..awaited
        };
        assert!(!whole.is_in(&facts(&format!("{PARTS}{PART}"))) && whole.is_in(&facts(&later)));
        // An encoder that counts anew has not got there.
        assert!(!has("#EXTINF:4,\n0.mp4\n"));
    }

    #[test]
    fn an_answer_with_something_behind_what_was_asked_for_came_later_than_that() {
        let is_last = |sequence, part, text: &str| {
            let awaited = Awaited { sequence, part };
            awaited.is_last_of(&facts(text))
        };
        let two = format!("{PARTS}{PART}{PART}");
        assert!(is_last(8, Some(1), &two));
        assert!(!is_last(8, Some(0), &two) && !is_last(8, Some(2), &two));
        // The last part of a segment comes with its parent, or before it.
        let whole = format!("{two}#EXTINF:4,\n8.mp4\n");
        assert!(is_last(8, Some(1), &whole) && is_last(8, None, &whole));
        let with_next = format!("{whole}{PART}");
        assert!(is_last(9, Some(0), &with_next));
        for part in [Some(1), None] {
            assert!(!is_last(8, part, &with_next), "{part:?}");
        }
        assert!(!is_last(7, Some(0), &with_next) && !is_last(7, None, &two));
        // Parts that are listed no more are not counted.
        assert!(!is_last(8, Some(1), &format!("{PARTS}#EXTINF:4,\n8.mp4\n")));
    }

    #[test]
    fn a_redirect_takes_the_directives_of_who_follows_it_along() {
        for (query, target, with) in [
            (None, "http://h/b?x=1", "http://h/b?x=1"),
            (None, "http://h/b?_HLS_msn=7&x=1", "http://h/b?x=1"),
            (
                Some("a=1&_HLS_msn=9"),
                "http://h/b?_HLS_msn=7&_HLS_part=2&x=1",
                "http://h/b?_HLS_msn=9&x=1",
            ),
            (
                Some("_HLS_msn=9&_HLS_part=0"),
                "http://h/b",
                "http://h/b?_HLS_msn=9&_HLS_part=0",
            ),
            (
                Some("_HLS_pathway=z"),
                "http://h/b?_HLS_pathway=y",
                "http://h/b?_HLS_pathway=y",
            ),
        ] {
            assert_eq!(carry_directives(query, &url(target)).as_str(), with);
        }
    }

    #[test]
    fn what_a_hint_names_is_announced_and_nothing_else() {
        let text = b"#EXTM3U\n#EXT-X-DEFINE:NAME=\"v\",VALUE=\"b\"\n#EXT-X-PART:DURATION=1,URI=\"a\"\n\
            #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"../{$v}?x=1\"\n#EXT-X-PRELOAD-HINT:TYPE=MAP,URI=\"i#f\",BYTERANGE-START=7\n\
            #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"\"\n";
        let found = announced(text, "http://h/live/c/p.m3u8");
        let found: Vec<_> = found
            .iter()
            .map(|one| (one.url.as_str(), one.first))
            .collect();
        assert_eq!(
            found,
            [("http://h/live/b?x=1", 0), ("http://h/live/c/i", 7)]
        );
        assert_eq!(announced(text, "no URL"), []);
        let many = format!(
            "#EXTM3U\n{}",
            "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"a\"\n".repeat(100)
        );
        assert_eq!(
            announced(many.as_bytes(), "http://h/p").len(),
            MOST_ANNOUNCED
        );
    }

    #[test]
    fn directives_stand_in_the_order_of_names_and_all_else_stays() {
        let awaited = Awaited {
            sequence: 8,
            part: Some(1),
        };
        for (plain, with) in [
            ("http://h/a", "http://h/a?_HLS_msn=8&_HLS_part=1"),
            (
                "http://h/a?token=%2f+x",
                "http://h/a?_HLS_msn=8&_HLS_part=1&token=%2f+x",
            ),
            (
                "http://h/a?A=1&b=2",
                "http://h/a?A=1&_HLS_msn=8&_HLS_part=1&b=2",
            ),
            ("http://h/a?A=1&", "http://h/a?A=1&&_HLS_msn=8&_HLS_part=1"),
        ] {
            assert_eq!(awaited.add_to(&url(plain)).as_str(), with);
        }
    }
}
