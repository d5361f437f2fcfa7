//! TLS: whom the recorder trusts, and what it records where it does not.

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::support::{Ask, Origin, Recorder, Reply, Window, ts};

fn vod(ask: &Ask) -> Reply {
    match ask.path() {
        "/vod.m3u8" => Reply::playlist(Window::new(0, 1).ended().text()),
        path => Reply::segment(ts(path)),
    }
}

/// An origin with a certificate that it made itself, and that certificate.
fn self_signed() -> (Origin, String) {
    let names = vec!["localhost".to_owned()];
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    (Origin::over_tls(config, vod), cert.pem())
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_a_fault_and_nothing_is_asked_for() {
    // Only the connection comes; so there is a request of our own to keep the origin content.
    let (origin, _) = self_signed();
    let mut recording = Recorder::new(origin.by_name("/vod.m3u8")).start();
    recording.until_at_least(2, "SELECT count(*) FROM exchange");
    let session = recording.interrupt().session();
    let outcomes: Vec<String> = session.list("SELECT DISTINCT outcome FROM exchange");
    assert_eq!(outcomes, ["tls"]);
    assert_eq!(origin.asks().len(), 0);
    Recorder::new(origin.by_name("/vod.m3u8"))
        .args(["-k"])
        .run()
        .session();
}

#[test]
fn a_certificate_is_trusted_where_the_user_says_so() {
    let (origin, pem) = self_signed();
    let url = origin.by_name("/vod.m3u8");
    let with_file = || {
        let recorder = Recorder::new(&url);
        std::fs::write(recorder.folder().join("ca.pem"), &pem).unwrap();
        recorder
    };
    let recordings = [
        Recorder::new(&url).args(["--insecure"]),
        with_file().args(["--cacert", "ca.pem"]),
        with_file().env("SSL_CERT_FILE", "ca.pem"),
    ];
    for recording in recordings {
        let session = recording.run().session();
        let seg = session.answer(&origin.by_name("/seg0.ts"), session.zero_us());
        assert_eq!(seg, Some(ts("/seg0.ts")));
    }
}
