//! The page that says what there is to play, as a response.

use std::sync::Arc;

use http::{Response, StatusCode, header};

use crate::replayer::replay::Replay;
use crate::replayer::request::{Request, references};
use crate::replayer::response::reply::Reply;
use crate::replayer::{body, page};

impl Replay {
    pub(super) async fn index(self: &Arc<Self>, request: &Request) -> Reply {
        let moment_us = self.span().moment_us(request.player.session_us.max(0));
        let description = match self.described(moment_us, request.prefix()).await {
            Ok(description) => description,
            Err(error) => return Reply::failed(&error),
        };
        let accepts = request
            .headers()
            .get(header::ACCEPT)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let query = request.parts.uri.query().unwrap_or_default();
        let wants_json =
            accepts.contains("application/json") || query.split('&').any(|p| p == "format=json");
        let base = references::base_path(&request.parts);
        let description = description.relative_to(&base);
        let (text, media_type) = if wants_json {
            (page::json(&description), "application/json")
        } else {
            let text = page::html(&description, &request.prefix(), &base);
            (text, "text/html; charset=utf-8")
        };
        Reply::new(Response::new(body::full(text)), "index")
            .with_field(header::CONTENT_TYPE, media_type)
            .with_field(header::CACHE_CONTROL, "no-store")
            .with_field(
                header::CONTENT_SECURITY_POLICY,
                page::CONTENT_SECURITY_POLICY,
            )
    }
}

pub(super) fn favicon() -> Reply {
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Reply::new(response, "no icon").with_field(header::CACHE_CONTROL, "max-age=86400")
}
