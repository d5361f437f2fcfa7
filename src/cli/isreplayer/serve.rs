//! Answers players until a signal comes, or the end.

use std::net::TcpListener;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};

use crate::cli::exit::Failure;
use crate::replayer::Limits;
use crate::replayer::connection::opening::tls::TlsAcceptor;
use crate::replayer::connection::{self, Port};
use crate::replayer::respond::Responds;

/// Answers until a signal comes, or the end.
pub(super) async fn serve<R: Responds>(
    (listener, tls): (TcpListener, Option<TlsAcceptor>),
    replay: Arc<R>,
    limits: Limits,
    end: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::failed)?;
    let shutdown = async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = end => {}
        }
    };
    let listener = tokio::net::TcpListener::from_std(listener).map_err(Failure::failed)?;
    let port = Port::over(listener, tls);
    connection::run(port, replay, limits, shutdown).await;
    Ok(())
}
