//! The certificate that a server shows, and its key, out of files.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
pub use tokio_rustls::TlsAcceptor;

/// What is spoken over TLS, what is preferred first.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{0} cannot be read: {1}")]
    File(PathBuf, io::Error),
    /// There is no certificate in a file.
    #[error("{0} has no certificate in PEM form")]
    NoCertificate(PathBuf),
    /// There is no key in a file.
    #[error("{0} has no private key in PEM form")]
    NoKey(PathBuf),
    /// Certificate and key are of no use.
    #[error("this certificate cannot be used with this key: {0}")]
    Unusable(#[from] rustls::Error),
}

/// TLS with the certificates of a file, the server's own first, and the key of a file.
///
/// # Errors
/// They cannot be read, or are not for each other.
pub fn acceptor(certificates: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let own = CertificateDer::pem_slice_iter(&read(certificates)?).collect::<Result<Vec<_>, _>>();
    let own = own.ok().filter(|own| !own.is_empty());
    let own = own.ok_or_else(|| TlsError::NoCertificate(certificates.to_owned()))?;
    let secret = PrivateKeyDer::from_pem_slice(&read(key)?);
    let secret = secret.map_err(|_| TlsError::NoKey(key.to_owned()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(own, secret)?;
    config.alpn_protocols = ALPN.map(<[u8]>::to_vec).into();
    Ok(Arc::new(config).into())
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|error| TlsError::File(path.to_owned(), error))
}
