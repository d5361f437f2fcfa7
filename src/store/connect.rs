//! The connection to a bucket: whom it trusts, how long it waits, and what becomes of an answer that is a refusal.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
    ReqwestConnector,
};

use super::error::Answered;

/// An answer to a request of some megabytes is waited for so long, sending it included.
const PATIENCE: Duration = Duration::from_secs(120);
const CONNECT: Duration = Duration::from_secs(10);
/// A connection that nobody used for longer may be closed at the other end, which is seen only when it is used.
const IDLE: Duration = Duration::from_secs(4);
/// Of the text of a refusal so much is looked at, in bytes.
const MOST_OF_REFUSAL: usize = 16 * 1024;

/// What holds for all requests. `plain`: the user named a server without TLS.
pub(super) fn options(plain: bool) -> ClientOptions {
    ClientOptions::new()
        .with_timeout(PATIENCE)
        .with_connect_timeout(CONNECT)
        .with_pool_idle_timeout(IDLE)
        .with_allow_http(plain)
}

/// Connects as the recorder does: one library, one provider of TLS.
#[derive(Debug)]
pub(super) struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        // It fails where one is installed already: just as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Service(Arc::new(client))))
    }
}

#[derive(Debug)]
struct Service(Arc<HttpClient>);

type Answer<'s> = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 's>>;

impl HttpService for Service {
    fn call<'s, 'a>(&'s self, request: HttpRequest) -> Answer<'a>
    where
        's: 'a,
        Self: 'a,
    {
        let client = Arc::clone(&self.0);
        Box::pin(async move {
            let response = client.execute(request).await?;
            match response.status().as_u16() {
                // What the library makes something of: not there, there already, moved, no such range. 409 says that
                // somebody else is writing just now, and not that anything is there.
                200..=399 | 404 | 412 | 416 => Ok(response),
                _ => Err(refusal(response).await),
            }
        })
    }
}

/// Some of what a refusal says repeats what was signed: a code is all that is taken out of it.
async fn refusal(response: HttpResponse) -> HttpError {
    let (parts, body) = response.into_parts();
    let mut text = Vec::new();
    let mut body = body.bytes_stream();
    while let Some(Ok(bytes)) = body.next().await {
        text.extend_from_slice(&bytes);
        if text.len() > MOST_OF_REFUSAL {
            break;
        }
    }
    let retry_after = parts.headers.get("retry-after");
    let seconds = retry_after.and_then(|value| value.to_str().ok()?.trim().parse::<u32>().ok());
    let answered = Answered {
        status: parts.status.as_u16(),
        code: code(&String::from_utf8_lossy(&text)),
        retry_after: seconds.map(|seconds| Duration::from_secs(seconds.into())),
    };
    HttpError::new(HttpErrorKind::Unknown, answered)
}

/// The code of an error as S3 writes it.
fn code(text: &str) -> Option<String> {
    let code = text.split_once("<Code>")?.1.split_once("</Code>")?.0;
    let is_code = code.len() <= 64 && code.bytes().all(|b| b.is_ascii_alphanumeric());
    is_code.then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_refusal_only_its_code_is_told() {
        let text = "<Error><Code>SignatureDoesNotMatch</Code><StringToSign>x-amz-security-token:secret</StringToSign></Error>";
        assert_eq!(code(text).unwrap(), "SignatureDoesNotMatch");
        assert_eq!(code("<Code>a b</Code>"), None);
        assert_eq!(code(&format!("<Code>{}</Code>", "a".repeat(65))), None);
        assert_eq!(code("nginx"), None);
    }
}
