//! The connection to a bucket: whom it trusts, how long it waits, and what becomes of an answer that is a refusal.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use http_body_util::{BodyExt as _, Limited};
use object_store::client::{
    ClientConfigKey, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest,
    HttpResponse, HttpResponseBody, HttpService,
};
use object_store::{ClientOptions, Error};
use reqwest::redirect::Policy;

use super::error::Answered;

/// An answer to a request of some megabytes is waited for so long, sending it included.
const PATIENCE: Duration = Duration::from_secs(120);
const CONNECT: Duration = Duration::from_secs(10);
/// A connection that nobody used for longer may be closed at the other end, which is seen only when it is used.
const IDLE: Duration = Duration::from_secs(4);
/// Of the text of a refusal so much is looked at, in bytes.
const MOST_OF_REFUSAL: usize = 16 * 1024;

/// A page of a listing has a thousand names of at most a kibibyte, as XML; of more bytes nothing is read.
const MOST_OF_PAGE: usize = 32 * 1024 * 1024;
/// Pages of one listing: one that never ends would hold the program, whether or not there is anything in them.
const MOST_PAGES: u32 = 20_000;
/// The same of a listing of folders, whose names are all held at once.
const MOST_PAGES_OF_FOLDERS: u32 = 1_000;

/// What holds for all requests. `plain`: the user named a server without TLS.
pub(super) fn options(plain: bool) -> ClientOptions {
    ClientOptions::new().with_allow_http(plain)
}

/// Connects as the recorder does: one library, one provider of TLS. To the server that is named, and to no other: a redirect would take
/// the session token of the credentials with it, which is a header field like any other.
#[derive(Debug)]
pub(super) struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        // It fails where one is installed already: just as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let plain = options.get_config_value(&ClientConfigKey::AllowHttp);
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .https_only(plain.as_deref() != Some("true"))
            .timeout(PATIENCE)
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .build()
            .map_err(|error| Error::Generic {
                store: "S3",
                source: error.into(),
            })?;
        Ok(HttpClient::new(Service {
            client,
            pages: Arc::default(),
        }))
    }
}

#[derive(Debug)]
struct Service {
    client: reqwest::Client,
    /// How many pages each listing under way has had, by what is listed.
    pages: Arc<Mutex<HashMap<String, u32>>>,
}

type Answer<'s> = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 's>>;

impl HttpService for Service {
    fn call<'s, 'a>(&'s self, request: HttpRequest) -> Answer<'a>
    where
        's: 'a,
        Self: 'a,
    {
        let client = HttpClient::new(self.client.clone());
        let pages = Arc::clone(&self.pages);
        Box::pin(async move {
            let listed = request.uri().query().and_then(Listing::of);
            if let Some(listing) = &listed {
                let mut pages = pages.lock().unwrap_or_else(PoisonError::into_inner);
                listing.counted(&mut pages)?;
            }
            let response = client.execute(request).await?;
            match response.status().as_u16() {
                // What the library makes something of: not there, there already, no such range. 409 says that
                // somebody else is writing just now, and not that anything is there.
                200..=299 | 304 | 404 | 412 | 416 if listed.is_some() => Ok(bounded(response)),
                200..=299 | 304 | 404 | 412 | 416 => Ok(response),
                _ => Err(refusal(response).await),
            }
        })
    }
}

/// A page of a listing that is asked for.
struct Listing {
    /// What is listed.
    of: String,
    is_of_folders: bool,
    /// It is not the first page.
    goes_on: bool,
}

impl Listing {
    fn of(query: &str) -> Option<Self> {
        let fields = || url::form_urlencoded::parse(query.as_bytes());
        let field = |name: &str| {
            let mut fields = fields();
            fields.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
        };
        field("list-type")?;
        let is_of_folders = field("delimiter").is_some();
        let part = |name| field(name).unwrap_or_default();
        Some(Self {
            of: format!(
                "{}\n{}\n{is_of_folders}",
                part("prefix"),
                part("start-after")
            ),
            is_of_folders,
            goes_on: field("continuation-token").is_some(),
        })
    }

    fn counted(&self, pages: &mut HashMap<String, u32>) -> Result<(), HttpError> {
        if !self.goes_on {
            pages.remove(&self.of);
            return Ok(());
        }
        let most = match self.is_of_folders {
            true => MOST_PAGES_OF_FOLDERS,
            false => MOST_PAGES,
        };
        let count = pages.entry(self.of.clone()).or_default();
        *count += 1;
        match *count < most {
            true => Ok(()),
            false => Err(too_much(format!("the listing has more than {most} pages"))),
        }
    }
}

/// An answer of which no more is read than a page of a listing has.
fn bounded(response: HttpResponse) -> HttpResponse {
    response.map(|body| {
        let limited = Limited::new(body, MOST_OF_PAGE);
        HttpResponseBody::new(
            limited.map_err(|error| match error.downcast::<HttpError>() {
                Ok(error) => *error,
                Err(_) => too_much(format!(
                    "a page of the listing has more than {MOST_OF_PAGE} bytes"
                )),
            }),
        )
    })
}

fn too_much(what: String) -> HttpError {
    HttpError::new(HttpErrorKind::Decode, io::Error::other(what))
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
    fn a_listing_that_never_ends_is_ended() {
        let mut pages = HashMap::new();
        let first = Listing::of("list-type=2&prefix=tv%2Fstreams%2F&delimiter=%2F").unwrap();
        let next = "list-type=2&prefix=tv/streams/&delimiter=/&continuation-token=a";
        let next = Listing::of(next).unwrap();
        for _ in 0..2 {
            first.counted(&mut pages).unwrap();
            for _ in 1..MOST_PAGES_OF_FOLDERS {
                next.counted(&mut pages).unwrap();
            }
            assert!(next.counted(&mut pages).is_err());
        }
        assert!(Listing::of("partNumber=1&uploadId=x").is_none());
    }

    #[test]
    fn of_a_refusal_only_its_code_is_told() {
        let text = "<Error><Code>SignatureDoesNotMatch</Code><StringToSign>x-amz-security-token:secret</StringToSign></Error>";
        assert_eq!(code(text).unwrap(), "SignatureDoesNotMatch");
        assert_eq!(code("<Code>a b</Code>"), None);
        assert_eq!(code(&format!("<Code>{}</Code>", "a".repeat(65))), None);
        assert_eq!(code("nginx"), None);
    }
}
