//! Which stream of an archive a path is of. Pure.
//!
//! An archive of one stream has the paths of a session. In one of several each stream has those of a session beneath its name, as
//! behind a proxy that takes a prefix off: all references in answers are relative.

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What a path is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Of<'a> {
    /// A stream, by its place among the names; and the path and query in its session.
    Stream(usize, &'a str),
    /// All of them.
    All,
    /// It is at another path of this server.
    Moved(String),
    /// No stream.
    None,
}

/// What a path and query are of.
pub(super) fn of<'a>(names: &[String], path: &'a str) -> Of<'a> {
    if let [_] = names {
        return Of::Stream(0, path);
    }
    let (only, query) = path.split_once('?').unwrap_or((path, ""));
    let behind = |query: &str| match query {
        "" => String::new(),
        query => format!("?{query}"),
    };
    match only {
        "" | "/" => return Of::All,
        "/stream.m3u8" => {
            let first = names.first().map_or("", String::as_str);
            return Of::Moved(format!("/{}/stream.m3u8{}", encoded(first), behind(query)));
        }
        _ => {}
    }
    let Some(rest) = only.strip_prefix('/') else {
        return Of::None;
    };
    let (first, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let place = |text: &str| {
        let name = percent_decode_str(text).decode_utf8().ok()?;
        names.iter().position(|own| *own == name)
    };
    if let Some(place) = place(first) {
        let at = 1 + first.len();
        return match path.get(at..) {
            Some(inner) if inner.starts_with('/') => Of::Stream(place, inner),
            // Relative references of the page need the slash.
            _ => Of::Moved(format!("/{first}/{}", behind(query))),
        };
    }
    // The clock stands behind the name.
    let is_clock = first.starts_with('@') || first.starts_with("%40");
    let (second, rest) = rest.split_once('/').unwrap_or((rest, ""));
    match is_clock && place(second).is_some() {
        true => Of::Moved(format!("/{second}/{first}/{rest}{}", behind(query))),
        false => Of::None,
    }
}

/// A name in a path.
pub(super) fn encoded(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn one_stream_has_the_paths_of_a_session() {
        let one = names(&["a b"]);
        for path in [
            "/",
            "/stream.m3u8",
            "/a%20b/stream.m3u8",
            "/@5/https/h:443/x?y",
        ] {
            assert_eq!(of(&one, path), Of::Stream(0, path));
        }
    }

    #[test]
    fn several_have_them_beneath_their_names() {
        let two = names(&["a b", "c"]);
        let moved = |path: &str| Of::Moved(path.to_owned());
        for (path, is) in [
            ("/", Of::All),
            ("/?x", Of::All),
            ("/c/", Of::Stream(1, "/")),
            (
                "/c/stream.m3u8?offset=5",
                Of::Stream(1, "/stream.m3u8?offset=5"),
            ),
            (
                "/a%20b/@5/https/h:443/x?y/z",
                Of::Stream(0, "/@5/https/h:443/x?y/z"),
            ),
            ("/c", moved("/c/")),
            ("/c?x=/1", moved("/c/?x=/1")),
            (
                "/stream.m3u8?offset=5",
                moved("/a%20b/stream.m3u8?offset=5"),
            ),
            ("/@5/c/stream.m3u8?x", moved("/c/@5/stream.m3u8?x")),
            ("/@5/d/stream.m3u8", Of::None),
            ("/https/h:443/x", Of::None),
            ("//c/x", Of::None),
            ("/%ff/x", Of::None),
            ("x", Of::None),
        ] {
            assert_eq!(of(&two, path), is, "{path}");
        }
    }
}
