//! Requests to a session: their answers, and a line of the log for each.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts as Request;
use http::{Response, header};

use super::accept::{Port, serve};
use super::http1::{Handles, Peer};
use super::limits::Limits;
use crate::clock;
use crate::replayer::body::Body;
use crate::replayer::body::ending::Ending;
use crate::replayer::request::timeline::format_time;
use crate::replayer::respond::{AskedPath, Responds};
use crate::replayer::response::reply::Reply;

/// Serves a session, or an archive, to all clients until `shutdown` comes.
pub async fn run<R: Responds>(
    port: Port,
    replay: Arc<R>,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) {
    let answer = move |request, handles| {
        let replay = Arc::clone(&replay);
        async move { answer(&replay, request, handles).await }
    };
    serve(port, limits, answer, shutdown).await;
}

/// Answers out of a session.
async fn answer<R: Responds>(
    replay: &Arc<R>,
    request: Request,
    handles: Handles,
) -> Option<Response<Body>> {
    let mut request = replay.receive(request);
    if let Some(reply) = replay.respond_at_once(&request) {
        tracing::info!("{}", log_line(request.parts(), &reply));
        return reply.response;
    }
    let received = clock::instant();
    handles.attach(request.parts());
    let reply = replay.respond(&request).await;
    tracing::info!("{}", log_line(request.parts(), &reply));
    if reply.wait > Duration::ZERO {
        // A client that goes away ends this.
        tokio::time::sleep_until(received + reply.held + reply.wait).await;
    }
    if reply.resets
        && let Some(ending) = request.parts().extensions.get::<Ending>()
    {
        ending.reset();
    }
    reply.response
}

/// The log line of a request: when, its path, the exchange that answers it, and the changes made to the answer.
pub(super) fn log_line(request: &Request, reply: &Reply) -> String {
    let time = reply.session_us.map_or_else(|| "-".to_owned(), format_time);
    let status = reply
        .response
        .as_ref()
        .map_or_else(|| "---".to_owned(), |r| r.status().as_u16().to_string());
    let length = |r: &Response<Body>| {
        let length = r
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        length.or(http_body::Body::size_hint(r.body()).exact())
    };
    let bytes = reply
        .response
        .as_ref()
        .and_then(length)
        .map_or_else(|| "-".to_owned(), |n| n.to_string());
    let exchange = reply
        .exchange
        .map_or_else(String::new, |id| format!("exchange {id}, "));
    let done: String = reply.done.iter().map(|one| format!(", {one}")).collect();
    let asked = request.extensions.get::<AskedPath>();
    let path = asked.map_or(request.uri.path(), |asked| &*asked.0);
    let what = without_queries(&reply.what);
    let client = client(request);
    format!(
        "{time} {status} {} {path} {bytes} bytes, {exchange}{what}{done}{client}",
        request.method
    )
}

/// To whom an answer goes: an address, and what the client calls itself.
fn client(request: &Request) -> String {
    let Some(Peer(address)) = request.extensions.get() else {
        return String::new();
    };
    let agent = request.headers.get(header::USER_AGENT);
    let agent = agent.and_then(|agent| agent.to_str().ok());
    // Browsers all begin alike; the last word tells them apart.
    let product = agent.and_then(|agent| match agent.starts_with("Mozilla/") {
        true => agent.split_whitespace().next_back(),
        false => agent.split_whitespace().next(),
    });
    match product {
        Some(product) => {
            let product: String = product.chars().take(LONGEST_PRODUCT).collect();
            format!("; to {address} ({product})")
        }
        None => format!("; to {address}"),
    }
}

/// Longer names of clients are cut.
const LONGEST_PRODUCT: usize = 40;

/// A query may hold a secret.
fn without_queries(text: &str) -> String {
    let words = text.split(' ').map(|word| match word.contains("://") {
        true => word.split('?').next().unwrap_or_default(),
        false => word,
    });
    words.collect::<Vec<_>>().join(" ")
}
