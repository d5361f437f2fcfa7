//! `isrecorder --metrics`: what Prometheus scrapes, on a thread of its own.

#[cfg(feature = "archive")]
mod archive;
mod text;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use http::request::Parts as Request;
use http::{Method, Response, StatusCode, header};

use crate::cli::listen::{listen, refusal};
use crate::recorder::Board;
use crate::replayer::body::{self, Body};
use crate::replayer::{Limits, connection};
use crate::session::SessionFolder;
use text::Metrics;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Connections at once.
const MOST_CONNECTIONS: usize = 16;

/// A port that metrics are read at.
#[derive(Debug)]
pub(crate) struct MetricsPort(TcpListener);

/// `PORT` of this machine alone, or `ADDRESS:PORT`.
pub(crate) fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let port = text.parse().map(|port| (Ipv4Addr::LOCALHOST, port).into());
    let address = port.or_else(|_| text.parse());
    address.map_err(|_| "write a port, or ADDRESS:PORT, such as 0.0.0.0:9464".to_owned())
}

impl MetricsPort {
    /// Takes the port; nobody is answered yet.
    ///
    /// # Errors
    /// Why not, for people.
    pub(crate) fn bind(address: SocketAddr) -> Result<Self, String> {
        let (host, port) = (Some(address.ip()), address.port());
        let listener =
            listen(host, port).map_err(|error| refusal(&error, host, port, "--metrics"))?;
        Ok(Self(listener))
    }

    /// Answers until the process ends.
    pub(crate) fn start(
        self,
        folder: &SessionFolder,
        board: Board,
        #[cfg(feature = "archive")] archive: Option<crate::archive::TailState>,
    ) {
        if let Ok(address) = self.0.local_addr() {
            tracing::info!("metrics at http://{address}/metrics");
        }
        #[cfg_attr(not(feature = "archive"), expect(unused_mut))]
        let mut metrics = Metrics::new(board, folder.path().to_owned());
        #[cfg(feature = "archive")]
        metrics.add_archive(archive);
        let thread = std::thread::Builder::new().name("metrics".to_owned());
        let started = thread.spawn(move || {
            if let Err(error) = run(self.0, metrics) {
                tracing::error!("there are no metrics: {error}");
            }
        });
        if let Err(error) = started {
            tracing::error!("there are no metrics: {error}");
        }
    }
}

fn run(listener: TcpListener, metrics: Metrics) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let metrics = Arc::new(metrics);
        let answer = move |request, _| {
            let response = respond(&request, &metrics);
            async move { Some(response) }
        };
        let limits = Limits {
            connections: MOST_CONNECTIONS,
            per_address: MOST_CONNECTIONS,
            ..Limits::for_descriptors(MOST_CONNECTIONS)
        };
        connection::serve(
            connection::Port::plain(listener),
            limits,
            answer,
            std::future::pending(),
        )
        .await;
        Ok(())
    })
}

fn respond(request: &Request, metrics: &Metrics) -> Response<Body> {
    let plain = |status, text: &'static str| {
        let mut response = Response::new(body::full(text));
        *response.status_mut() = status;
        response
    };
    if request.uri.path() != "/metrics" {
        return plain(StatusCode::NOT_FOUND, "metrics are at /metrics\n");
    }
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "they are only read\n");
    }
    match metrics.text() {
        Ok(text) => {
            let mut response = Response::new(body::full(text));
            let kind = header::HeaderValue::from_static(CONTENT_TYPE);
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            response
        }
        // Writing to a `String` does not fail.
        Err(std::fmt::Error) => plain(StatusCode::INTERNAL_SERVER_ERROR, "they cannot be told\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_for_this_machine_alone() {
        let parsed = |text| parse_address(text).map(|address| address.to_string());
        assert_eq!(parsed("9464").unwrap(), "127.0.0.1:9464");
        assert_eq!(parsed("0.0.0.0:9464").unwrap(), "0.0.0.0:9464");
        assert_eq!(parsed("[::]:0").unwrap(), "[::]:0");
        assert!(parsed("localhost").is_err());
        assert!(parsed("65536").is_err());
    }
}
