//! Why a host is not connected to.

use std::io;

/// The host name could not be resolved: our resolver's own error, so that it is known for what it is.
#[derive(Debug, thiserror::Error)]
#[error("{host} could not be resolved: {source}")]
pub(crate) struct Unresolved {
    pub host: String,
    pub source: io::Error,
}

/// A public playlist named a host that is at no public address.
#[derive(Debug, thiserror::Error)]
#[error("{host} is a {what} address, {NOT_PUBLIC}")]
pub(crate) struct NotPublic {
    pub host: String,
    pub what: &'static str,
}

const NOT_PUBLIC: &str = "which a public origin may not lead to (see --allow-private)";

impl NotPublic {
    /// Whether the error of a request says this. A host that is `unreachable` for another reason may be back at any moment.
    pub(crate) fn is_said_by(error: &str) -> bool {
        error.ends_with(NOT_PUBLIC)
    }
}
