//! Which formats there are, and what the first bytes tell.

/// A format of streams that are recorded as they come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    MpegTs,
    Flv,
    MpegAudio,
    Adts,
    Ogg,
    WebM,
    Matroska,
    Asf,
    Mp4,
}

/// What the first bytes of a body say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Too little to tell.
    More,
    Stream(Format),
    /// None of the formats: a playlist, a page.
    Other,
}

impl Format {
    /// The extension of its files.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::MpegTs => "ts",
            Self::Flv => "flv",
            Self::MpegAudio => "mp3",
            Self::Adts => "aac",
            Self::Ogg => "ogg",
            Self::WebM => "webm",
            Self::Matroska => "mkv",
            Self::Asf => "asf",
            Self::Mp4 => "mp4",
        }
    }

    /// As a Content-Type says it: a hint only.
    pub(super) fn hinted(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        Some(match essence.to_ascii_lowercase().as_str() {
            "video/mp2t" | "video/mpeg" => Self::MpegTs,
            "audio/mpeg" | "audio/mp3" => Self::MpegAudio,
            "audio/aac" | "audio/aacp" | "audio/x-aac" => Self::Adts,
            _ => return None,
        })
    }
}
