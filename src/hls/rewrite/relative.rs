//! From one path of a server to another, without naming the place of either: what a player resolves
//! rightly behind any prefix that a proxy takes off.

/// The relative reference (RFC 3986 4.2) that leads from `base` to `target`; both are a path, with a
/// query or without, that begins at the root. `base` has no dot segments.
///
/// It never begins with a slash, and never with what could be read as a scheme.
pub fn relative(base: &str, target: &str) -> String {
    let (base, wanted) = (folder(base), folder(target));
    let same = base.bytes().zip(wanted.bytes()).take_while(|(a, b)| a == b);
    let same = base.get(..same.count()).unwrap_or_default();
    // Whole segments only.
    let common = same.rfind('/').map_or(0, |slash| slash + 1);
    let left = base.get(common..).unwrap_or_default();
    let rest = target.get(common..).unwrap_or_default();
    let ups = left.bytes().filter(|b| *b == b'/').count();
    let first = rest.split(['/', '?']).next().unwrap_or_default();
    match ups == 0 && (first.is_empty() || first.contains(':')) {
        true => format!("./{rest}"),
        false => "../".repeat(ups) + rest,
    }
}

/// A path up to its last slash.
fn folder(path_and_query: &str) -> &str {
    let path = path_and_query.split('?').next().unwrap_or_default();
    let end = path.rfind('/').map_or(0, |slash| slash + 1);
    path.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use url::{Position, Url};

    #[test]
    fn the_shortest_way_in_whole_segments() {
        let cases = [
            ("/stream.m3u8", "/https/h:443/a.ts", "https/h:443/a.ts"),
            ("/@5/a/stream.m3u8", "/@5/https/h:443/a", "../https/h:443/a"),
            ("/@5", "/@5/stream.m3u8", "@5/stream.m3u8"),
            ("/@57/x", "/@5/x", "../@5/x"),
            (
                "/https/h:443/a/b.m3u8?c=/d/e",
                "/https/i:443/a?f=../g",
                "../../i:443/a?f=../g",
            ),
            ("/https/h:443/a/b", "/https/h:443/a/c", "c"),
            ("/https/x", "/https/h:443/a", "./h:443/a"),
            ("/a/b", "/a/", "./"),
            ("/a/b", "/a/?c", "./?c"),
            ("/a/b?c", "/a/b", "b"),
            ("/a/b", "/a//c", ".//c"),
            ("/a//b", "/a/c", "../c"),
            ("/a/b/c", "//c", "../..//c"),
        ];
        for (base, target, expected) in cases {
            assert_eq!(relative(base, target), expected, "{base} to {target}");
        }
    }

    /// RFC 3986 5.2.3 and 5.2.4, as a player that knows nothing else has it.
    fn resolved(base: &str, reference: &str) -> String {
        let (path, query) = match reference.split_once('?') {
            Some((path, query)) => (path, format!("?{query}")),
            None => (reference, String::new()),
        };
        let merged = format!("{}{path}", folder(base));
        let mut output: Vec<&str> = Vec::new();
        let mut is_folder = false;
        for segment in merged.split('/').skip(1) {
            is_folder = matches!(segment, "." | "..");
            match segment {
                "." => {}
                ".." => drop(output.pop()),
                _ => output.push(segment),
            }
        }
        if is_folder {
            output.push("");
        }
        format!("/{}{query}", output.join("/"))
    }

    proptest! {
        #[test]
        fn it_leads_to_the_target_behind_any_prefix(
            base in "(/(a|b|h:443|@5|%40|)){1,6}(\\?[/.a]{0,3})?",
            target in "(/(a|b|h:443|@5|%2F|)){1,6}(\\?[/.:a]{0,4})?",
            prefix in "(/lab|/x/y|/lab/)?",
        ) {
            let reference = relative(&base, &target);
            let (base, target) = (format!("{prefix}{base}"), format!("{prefix}{target}"));
            let shown = format!("{base} to {target}: {reference}");
            prop_assert!(!reference.starts_with('/'), "{}", shown);
            prop_assert_eq!(resolved(&base, &reference), &*target, "{}", shown);
            let url = Url::parse(&format!("http://replay.test{base}")).unwrap();
            let url = url.join(&reference).unwrap();
            prop_assert_eq!(&url[Position::BeforePath..], &*target, "{}", shown);
            prop_assert_eq!(url.host_str(), Some("replay.test"));
        }
    }
}
