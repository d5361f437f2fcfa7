//! An origin of a benchmark, over HTTP/1.1.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// Answers whoever connects.
pub async fn serve<B>(
    listener: TcpListener,
    answer: impl Fn(&Request<Incoming>) -> Response<B> + Clone + Send + 'static,
) where
    B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    while let Ok((stream, _)) = listener.accept().await {
        // A socket that refuses is served as well.
        let _ = stream.set_nodelay(true);
        let answer = answer.clone();
        let service = service_fn(move |request| {
            let response = answer(&request);
            async move { Ok::<_, Infallible>(response) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}
