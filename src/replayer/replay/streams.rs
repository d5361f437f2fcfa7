//! Streams by the names that paths give them.

use http::StatusCode;
use url::Url;

use super::Replay;
use crate::replayer::response::reply::Reply;
use crate::session::StreamInfo;

impl Replay {
    /// The stream of a name, or the first one.
    pub(crate) fn stream(&self, name: Option<&str>) -> Result<StreamInfo, Box<Reply>> {
        let streams = self.streams();
        let stream = match name {
            Some(name) => streams.iter().find(|stream| stream.name == name),
            None => streams.first(),
        };
        stream.cloned().ok_or_else(|| self.no_stream())
    }

    pub(crate) fn no_stream(&self) -> Box<Reply> {
        let streams = self.streams();
        let names: Vec<&str> = streams.iter().map(|stream| stream.name.as_str()).collect();
        let sentence = format!(
            "{} has no such stream; it has: {}",
            self.name_in_answers(),
            names.join(", ")
        );
        Box::new(Reply::sentence(StatusCode::NOT_FOUND, &sentence))
    }

    pub(crate) fn stream_url(&self, name: Option<&str>) -> Result<Url, Box<Reply>> {
        let stream = self.stream(name)?;
        Url::parse(&stream.url).map_err(|_| self.no_stream())
    }
}
