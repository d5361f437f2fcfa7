//! Paths of raw streams: `/NAME/stream.EXT`, `/NAME/dump.EXT`, without a name the first one. Pure.

/// Extensions of raw streams.
const EXTENSIONS: [&str; 9] = [
    "ts", "flv", "mp3", "aac", "ogg", "webm", "mkv", "asf", "mp4",
];

/// The files of a raw stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RawFile {
    /// As it came.
    Stream,
    /// All so far.
    Dump,
}

impl RawFile {
    /// As it stands in the path.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Dump => "dump",
        }
    }
}

/// What a path asks for of a raw stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawPath {
    /// Its name, as it stands in the path; `None`: the first stream.
    pub name: Option<String>,
    /// Which file of it.
    pub what: RawFile,
    /// The extension in the path.
    pub extension: String,
}

/// `None`: it is another path.
pub(crate) fn raw_path(path: &str) -> Option<RawPath> {
    let mut segments = path.strip_prefix('/')?.rsplit('/');
    let (stem, extension) = segments.next()?.split_once('.')?;
    let what = match stem {
        "stream" => RawFile::Stream,
        "dump" => RawFile::Dump,
        _ => return None,
    };
    let name = segments.next();
    let is_one = segments.next().is_none() && name != Some("") && EXTENSIONS.contains(&extension);
    is_one.then(|| RawPath {
        name: name.map(str::to_owned),
        what,
        extension: extension.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_streams_have_paths_with_their_extension() {
        let of = |path: &str| raw_path(path).map(|p| (p.name, p.what, p.extension));
        let some = |name: Option<&str>, what, extension: &str| {
            Some((name.map(str::to_owned), what, extension.to_owned()))
        };
        assert_eq!(of("/stream.ts"), some(None, RawFile::Stream, "ts"));
        assert_eq!(
            of("/hall/dump.mp3"),
            some(Some("hall"), RawFile::Dump, "mp3")
        );
        for what in [RawFile::Stream, RawFile::Dump] {
            assert_eq!(
                of(&format!("/{}.ogg", what.as_str())),
                some(None, what, "ogg")
            );
        }
        for none in [
            "/stream.m3u8",
            "/hall/stream.m3u8",
            "/a/b/dump.ts",
            "//dump.ts",
            "/dump.exe",
            "/x.ts",
        ] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
