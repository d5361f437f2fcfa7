//! TLS where the user names the certificates to trust (`--cacert`), as `curl --cacert` takes them: authorities, and
//! certificates of servers themselves.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use crate::clock;

/// Certificate and key of a client, in PEM form.
pub(super) type Identity = Vec<u8>;

/// `None`: there is no certificate among `pem`, or no certificate and key among `identity`.
pub(super) fn trusting(pem: &[u8], identity: Option<&Identity>) -> Option<ClientConfig> {
    let certificates = certificates(pem)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let now = UnixTime::since_unix_epoch(Duration::from_micros(
        u64::try_from(clock::system_us()).unwrap_or(0),
    ));
    let authorities: Vec<_> = certificates
        .iter()
        .filter(|one| is_authority_in_force(one, now, &provider))
        .cloned()
        .collect();
    let verifier = Trusted {
        authorities: verifier(&authorities, &provider),
        all: verifier(&certificates, &provider)?,
        certificates,
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match identity {
        None => config.with_no_client_auth(),
        Some(pem) => {
            let key = PrivateKeyDer::from_pem_slice(pem).ok()?;
            config
                .with_client_auth_cert(self::certificates(pem)?, key)
                .ok()?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Some(config)
}

/// One for which each of these vouches for what its key has signed, whatever it says of that itself.
fn verifier(
    anchors: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Option<Arc<WebPkiServerVerifier>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(anchors.iter().cloned());
    let builder =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    builder.build().ok()
}

/// Whether a certificate may sign others, and its dates say that it is in force.
fn is_authority_in_force(
    certificate: &CertificateDer<'static>,
    now: UnixTime,
    provider: &Arc<CryptoProvider>,
) -> bool {
    let own = std::slice::from_ref(certificate);
    let Some((own, name)) = verifier(own, provider).zip(ServerName::try_from("name.invalid").ok())
    else {
        return false;
    };
    // As a server's certificate it is refused for its dates first, then for what it may sign.
    let judged = own.verify_server_cert(certificate, &[], &name, &[], now);
    matches!(judged, Err(Error::InvalidCertificate(why)) if is_authority(&why))
}

/// At least one.
fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    all.ok().filter(|all| !all.is_empty())
}

/// Certificates that a user trusts.
#[derive(Debug)]
struct Trusted {
    /// Those that may vouch for others; `None`: there are none.
    authorities: Option<Arc<WebPkiServerVerifier>>,
    /// For certificates that were named themselves, and for signatures of handshakes.
    all: Arc<WebPkiServerVerifier>,
    certificates: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Trusted {
    /// A server's own certificate that the user named needs nobody to vouch for it; name and dates count all the same.
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let is_named = self.certificates.contains(end_entity);
        let verifier = match (is_named, &self.authorities) {
            (true, _) => &self.all,
            (false, Some(authorities)) => authorities,
            (false, None) => return Err(CertificateError::UnknownIssuer.into()),
        };
        let judged =
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match judged {
            Err(Error::InvalidCertificate(why)) if is_of_issuer(&why) && is_named => {
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            judged => judged,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.all
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.all
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.all.supported_verify_schemes()
    }
}

/// Whether all that is wrong with a certificate is who signed it, or that it may sign others: its dates were looked
/// at before that.
fn is_of_issuer(why: &CertificateError) -> bool {
    *why == CertificateError::UnknownIssuer || is_authority(why)
}

/// Whether a server shows a certificate that may sign others, as one that signed itself often may.
fn is_authority(why: &CertificateError) -> bool {
    // The library that says so is behind the one that is used here.
    matches!(why, CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity"))
}

/// Why there is no TLS with a server, in words.
pub(super) fn words(error: &Error) -> String {
    use rustls::AlertDescription as Alert;
    let words = match error {
        Error::InvalidCertificate(why) => return certificate_words(why),
        Error::AlertReceived(Alert::CertificateRequired) => {
            "the server asks for a certificate of the client (--cert)"
        }
        Error::AlertReceived(
            Alert::BadCertificate
            | Alert::UnknownCA
            | Alert::CertificateUnknown
            | Alert::CertificateExpired
            | Alert::UnsupportedCertificate
            | Alert::AccessDenied,
        ) => "the server does not accept the client's certificate (--cert)",
        Error::AlertReceived(Alert::UnrecognisedName) => "the server knows no such host",
        Error::AlertReceived(alert) => {
            return format!("the server refused the TLS connection ({alert:?})");
        }
        Error::InvalidMessage(_) => "it does not speak TLS on this port",
        Error::PeerIncompatible(_) => "it speaks no TLS that is known here (1.2 and 1.3 are)",
        other => return format!("TLS: {other}"),
    };
    words.to_owned()
}

/// Names of a certificate that are told.
const MOST_NAMES: usize = 3;
/// No name of a host is longer.
const LONGEST_NAME: usize = 253;

/// In parentheses, the second.
fn in_parentheses(time: UnixTime) -> String {
    let seconds = i64::try_from(time.as_secs()).ok();
    let day = seconds.and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0));
    day.map_or_else(String::new, |day| {
        format!(" ({})", day.format("%Y-%m-%d %H:%M:%SZ"))
    })
}

/// In parentheses, the first names. The library has them as `DnsName("example.com")`.
fn named(presented: &[String]) -> String {
    let bare = |name: &String| -> String {
        let quoted = name.split('"').nth(1).unwrap_or(name);
        quoted.chars().take(LONGEST_NAME).collect()
    };
    let names: Vec<String> = presented.iter().take(MOST_NAMES).map(bare).collect();
    let more = match presented.len() > MOST_NAMES {
        true => ", …",
        false => "",
    };
    match names.is_empty() {
        true => String::new(),
        false => format!(" ({}{more})", names.join(", ")),
    }
}

fn certificate_words(why: &CertificateError) -> String {
    use CertificateError as Why;
    let words = match why {
        Why::ExpiredContext { not_after, .. } => {
            return format!("its certificate has expired{}", in_parentheses(*not_after));
        }
        Why::NotValidForNameContext { presented, .. } => {
            return format!("its certificate is for another host{}", named(presented));
        }
        Why::Expired => "has expired",
        Why::NotValidYet | Why::NotValidYetContext { .. } => {
            "is not valid yet, or the clock of this machine is wrong"
        }
        Why::Revoked => "was revoked",
        Why::UnknownIssuer => "is signed by itself, or by nobody who is trusted here",
        why if is_authority(why) => "is signed by itself, or by nobody who is trusted here",
        Why::NotValidForName => "is for another host",
        why => return format!("its certificate is not accepted: {why}"),
    };
    format!("its certificate {words}")
}
