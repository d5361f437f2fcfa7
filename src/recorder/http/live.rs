//! A response that goes on: an endless body, and the bytes by which it was told.

use crate::recorder::formats::format::Format;
use bytes::Bytes;
use http::HeaderName;
use reqwest::Response;

/// Asks for metadata between the sound.
pub(crate) const ICY_METADATA: HeaderName = HeaderName::from_static("icy-metadata");

pub(crate) const ICY_INTERVAL: HeaderName = HeaderName::from_static("icy-metaint");

/// A response whose body still comes.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) response: Response,
    /// What has come so far.
    pub(crate) begun: Bytes,
    pub(crate) format: Format,
}

impl Live {
    pub(crate) fn new(response: Response, begun: Bytes, format: Format) -> Self {
        Self {
            response,
            begun,
            format,
        }
    }
}
