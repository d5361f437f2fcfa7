//! TLS: whom the recorder trusts, and what it records where it does not.

use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedKey, IsCa, Issuer, KeyPair,
    generate_simple_self_signed,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;

use crate::support::{Ask, Origin, Recorder, Reply, Stage, Window, ts};

fn vod(ask: &Ask) -> Reply {
    match ask.path() {
        "/vod.m3u8" => Reply::playlist(Window::new(0, 1).ended().text()),
        path => Reply::segment(ts(path)),
    }
}

/// A certificate that it made itself, and its key in PEM form.
fn certificate(name: &str) -> (Certificate, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed([name.to_owned()]).unwrap();
    (cert, signing_key.serialize_pem())
}

fn key_of(pem: &str) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap()
}

/// An origin with a certificate that it made itself, and that certificate.
fn self_signed() -> (Origin, String) {
    over_tls(vod)
}

/// A certificate that signed itself and may sign others, as `openssl req -x509` makes them, and its key.
fn as_openssl_makes_it(name: &str, years: std::ops::Range<i32>) -> (Certificate, String) {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = rcgen::date_time_ymd(years.start, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.end, 1, 1);
    let key = KeyPair::generate().unwrap();
    (params.self_signed(&key).unwrap(), key.serialize_pem())
}

fn over_tls(script: impl Fn(&Ask) -> Reply + Send + Sync + 'static) -> (Origin, String) {
    with_certificate(certificate("localhost"), script)
}

fn with_certificate(
    (cert, key): (Certificate, String),
    script: impl Fn(&Ask) -> Reply + Send + Sync + 'static,
) -> (Origin, String) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key_of(&key))
        .unwrap();
    (Origin::over_tls(config, script), cert.pem())
}

/// Three files that a client shows itself with, and an origin that lets nobody else in.
fn for_members_only(folder: &Path) -> Origin {
    let (server, key) = certificate("localhost");
    let (member, member_key) = certificate("member.example");
    let mut members = rustls::RootCertStore::empty();
    members.add(member.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(members), provider.clone());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(vec![server.der().clone()], key_of(&key))
        .unwrap();
    std::fs::write(folder.join("member.pem"), member.pem()).unwrap();
    std::fs::write(folder.join("member.key"), &member_key).unwrap();
    std::fs::write(folder.join("both.pem"), member.pem() + &member_key).unwrap();
    Origin::over_tls(config, vod)
}

#[test]
fn a_client_shows_its_certificate_where_it_has_one() {
    let keys = tempfile::tempdir().unwrap();
    let origin = for_members_only(keys.path());
    let url = origin.by_name("/vod.m3u8");
    let file = |name: &str| keys.path().join(name).to_str().unwrap().to_owned();
    let mut stranger = Recorder::new(&url).args(["-k"]).start();
    stranger.until_at_least(1, "SELECT count(*) FROM exchange");
    let session = stranger.interrupt().session();
    assert_eq!(
        session.list::<String>("SELECT DISTINCT outcome FROM exchange"),
        ["tls"]
    );
    assert_eq!(origin.asks().len(), 0);

    let in_two = [
        "-k",
        "--cert",
        &file("member.pem"),
        "--key",
        &file("member.key"),
    ];
    let in_one = ["-k", "--cert", &file("both.pem")];
    for arguments in [&in_two[..], &in_one] {
        let session = Recorder::new(&url)
            .args(arguments.iter().copied())
            .run()
            .session();
        assert_eq!(
            session.number("SELECT count(*) FROM segments WHERE error IS NULL"),
            1
        );
    }
}

#[test]
fn a_host_without_a_trust_store_still_records_http() {
    let origin = Origin::new(vod);
    let recorder = Recorder::new(origin.url("/vod.m3u8"));
    recorder
        .env("SSL_CERT_FILE", "no-such-file.pem")
        .env("SSL_CERT_DIR", "no-such-folder")
        .run()
        .session();
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

#[test]
fn a_servers_own_certificate_is_trusted_that_the_user_names_and_its_name_and_dates_count() {
    let record = |cert: (Certificate, String), named: Option<&str>| {
        let (origin, pem) = with_certificate(cert, vod);
        let recorder = Recorder::new(origin.by_name("/vod.m3u8")).args(["--duration", "2"]);
        std::fs::write(recorder.folder().join("own.pem"), named.unwrap_or(&pem)).unwrap();
        let finished = recorder.args(["--cacert", "own.pem"]).run();
        if origin.asks().is_empty() {
            Recorder::new(origin.by_name("/vod.m3u8"))
                .args(["-k"])
                .run()
                .session();
        }
        finished
    };
    let made = || as_openssl_makes_it("localhost", 2020..2090);
    let session = record(made(), None).session();
    assert_eq!(session.number("SELECT count(*) FROM revision"), 1);
    let another = made().0.pem();
    for (cert, named, why) in [
        (
            as_openssl_makes_it("localhost", 2010..2011),
            None,
            "has expired (2011-01-01 00:00:00Z)",
        ),
        (
            as_openssl_makes_it("localhost", 2089..2090),
            None,
            "is not valid yet",
        ),
        (
            as_openssl_makes_it("other.example", 2020..2090),
            None,
            "is for another host (other.example)",
        ),
        (
            made(),
            Some(another.as_str()),
            "is signed by itself, or by nobody",
        ),
    ] {
        let finished = record(cert, named);
        assert_eq!(finished.status.code(), Some(1), "{}", finished.stderr);
        let told = format!(": its certificate {why}");
        let lines = || finished.stderr.lines().filter(|line| line.contains(&told));
        let is_of_trust = why.contains("trusted") || why.contains("signed by");
        let may_help = lines().any(|line| line.contains("--cacert"));
        assert_eq!(may_help, is_of_trust, "{}", finished.stderr);
        let advised = lines().filter(|line| line.contains("-k accepts any certificate"));
        assert_eq!(
            advised.count(),
            2,
            "in the log and at the end: {}",
            finished.stderr
        );
    }
}

/// The certificate of `localhost` and its key, signed by one that is `is_ca`, and in force until a year; and that one.
fn signed_by(is_ca: IsCa, until: i32) -> ((Certificate, String), String) {
    let mut issuer = CertificateParams::new(["issuer.example".to_owned()]).unwrap();
    issuer.is_ca = is_ca;
    issuer.not_before = rcgen::date_time_ymd(2010, 1, 1);
    issuer.not_after = rcgen::date_time_ymd(until, 1, 1);
    let issuer_key = KeyPair::generate().unwrap();
    let named = issuer.self_signed(&issuer_key).unwrap().pem();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let issuer = Issuer::new(issuer, issuer_key);
    let own = params.signed_by(&key, &issuer).unwrap();
    ((own, key.serialize_pem()), named)
}

#[test]
fn only_an_authority_that_is_in_force_vouches_for_other_certificates() {
    let asked_for_anything = |(cert, named): ((Certificate, String), String)| {
        let (origin, _) = with_certificate(cert, vod);
        let recorder = Recorder::new(origin.by_name("/vod.m3u8")).args(["--duration", "2"]);
        std::fs::write(recorder.folder().join("named.pem"), named).unwrap();
        recorder.args(["--cacert", "named.pem"]).run();
        let was_asked = !origin.asks().is_empty();
        // It can be asked, in any case.
        let anyhow = Recorder::new(origin.by_name("/vod.m3u8")).args(["-k"]);
        anyhow.run().session();
        was_asked
    };
    let authority = || IsCa::Ca(BasicConstraints::Unconstrained);
    assert!(asked_for_anything(signed_by(authority(), 2090)));
    assert!(!asked_for_anything(signed_by(authority(), 2011)));
    // The certificate of a server itself says nothing of others, though its key has signed them.
    assert!(!asked_for_anything(signed_by(IsCa::ExplicitNoCa, 2090)));
    assert!(!asked_for_anything(signed_by(IsCa::NoCa, 2090)));
}

#[test]
fn why_there_is_no_tls_is_told_in_words() {
    let plain = Origin::new(vod);
    let url = plain.url("/vod.m3u8").replace("http://", "https://");
    let finished = Recorder::new(url).args(["--duration", "1"]).run();
    let said = &finished.stderr;
    assert!(said.contains(" speak TLS on this port"), "{said}");
    assert!(!said.contains("-k accepts"), "{said}");
    Recorder::new(plain.url("/vod.m3u8")).run().session();

    let keys = tempfile::tempdir().unwrap();
    let members = for_members_only(keys.path());
    let finished = Recorder::new(members.by_name("/vod.m3u8"))
        .args(["-k", "--duration", "1"])
        .run();
    let said = &finished.stderr;
    assert!(
        said.contains("asks for a certificate of the client (--cert)"),
        "{said}"
    );
    let both = keys.path().join("both.pem");
    let arguments = ["-k", "--cert", both.to_str().unwrap()];
    let url = members.by_name("/vod.m3u8");
    Recorder::new(url).args(arguments).run().session();
}

/// What of the user's own a request says, and its cookies.
fn said(ask: &Ask) -> (bool, bool, Vec<String>) {
    let cookies = ask.header("cookie").unwrap_or_default();
    let cookies = cookies.split("; ").filter(|pair| !pair.is_empty());
    let mut cookies: Vec<String> = cookies.map(str::to_owned).collect();
    cookies.sort();
    let has = |name| ask.header(name).is_some();
    (has("x-token"), has("authorization"), cookies)
}

#[test]
fn a_redirect_from_https_to_http_is_refused_and_the_message_names_the_option() {
    let (front, _) = over_tls(|_| Reply::redirect(302, "http://localhost:9/live.m3u8"));
    let url = front.by_name("/tv.m3u8");
    let mut recording = Recorder::new(&url).args(["-k"]).start();
    recording.until_it_says("--allow-downgrade");
    let session = recording.interrupt().session();
    let outcomes: Vec<String> = session.list("SELECT DISTINCT outcome FROM exchange");
    assert_eq!(outcomes, ["scheme"]);
    let error: String = session.one("SELECT error FROM exchange LIMIT 1");
    assert!(error.contains("https to http"), "{error}");
}

#[test]
fn what_is_the_users_own_stays_with_https_where_a_redirect_leads_to_http() {
    // The edge tells its own visitors by a cookie, as edges do.
    let edge = Origin::new(|ask: &Ask| match ask.path() {
        "/e/live.m3u8" => Reply::playlist(Window::new(0, 2).ended().text())
            .with("Set-Cookie", "visitor=7; Path=/"),
        _ if ask.header("cookie").is_none() => Reply::html(403),
        path => Reply::segment(ts(path)),
    });
    let target = edge.by_name("/e/live.m3u8");
    let (front, _) = over_tls(move |_: &Ask| {
        Reply::redirect(302, &target).with("Set-Cookie", "account=me; Path=/")
    });
    let url = front.by_name("/tv.m3u8");
    let typed = url.replace("https://", "https://me:pw@");
    let arguments = [
        "-k",
        "--allow-downgrade",
        "--trust-hosts",
        "*",
        "-H",
        "X-Token: t",
        "-b",
        "mine=1",
    ];
    let session = Recorder::new(typed).args(arguments).run().session();
    let first = &front.asks()[0];
    assert_eq!(said(first), (true, true, vec!["mine=1".to_owned()]));
    for ask in edge.asks() {
        let (token, password, cookies) = said(&ask);
        assert!(!token && !password, "{}", ask.target);
        let allowed = match ask.path() {
            "/e/live.m3u8" => vec![],
            _ => vec!["visitor=7"],
        };
        assert_eq!(cookies, allowed, "{}", ask.target);
    }
    assert_eq!(edge.count("/e/seg1.ts"), 1);
    let seg = session.answer(&edge.by_name("/e/seg0.ts"), session.end_us());
    assert_eq!(seg, Some(ts("/e/seg0.ts")));
    let live = session.answer(&edge.by_name("/e/live.m3u8"), session.end_us());
    assert!(live.is_some(), "a replay follows the redirect");
}

#[test]
fn what_a_playlist_behind_such_a_redirect_names_is_asked_for_without_credentials() {
    // The user typed http, so credentials may go there; not where https has been left again.
    let (there, back) = (Stage::default(), Stage::default());
    let (front_port, home_port) = (there.clone(), back.clone());
    let home = Origin::new(move |ask: &Ask| match ask.path() {
        "/tv.m3u8" => Reply::redirect(302, &format!("https://localhost:{}/on", front_port.at())),
        "/main.m3u8" => Reply::playlist("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv/a.m3u8\n"),
        "/v/a.m3u8" => Reply::playlist(Window::new(0, 1).ended().text()),
        path => Reply::segment(ts(path)),
    });
    let (front, _) = over_tls(move |_: &Ask| {
        Reply::redirect(
            302,
            &format!("http://localhost:{}/main.m3u8", home_port.at()),
        )
    });
    there.go(front.port().into());
    back.go(home.port().into());
    let arguments = ["-k", "--allow-downgrade", "-H", "X-Token: t"];
    let recorder = Recorder::new(home.by_name("/tv.m3u8")).args(arguments);
    recorder.run().session();
    for ask in home.asks() {
        let may = ask.path() == "/tv.m3u8";
        assert_eq!(said(&ask).0, may, "{}", ask.target);
    }
    assert_eq!(home.count("/v/seg0.ts"), 1);
}

#[test]
fn a_scheme_that_the_port_does_not_speak_is_told_with_the_one_to_try() {
    let plain = Origin::new(vod);
    let (over_tls, _) = self_signed();
    for (typed, port, advice) in [
        (
            "https",
            plain.port(),
            "(the server may speak plain HTTP there: try http://…)",
        ),
        (
            "http",
            over_tls.port(),
            "(the server may speak TLS on this port: try https://…)",
        ),
    ] {
        let url = format!("{typed}://localhost:{port}/vod.m3u8");
        let finished = Recorder::new(&url).args(["--duration", "1"]).run();
        let last = finished.stderr.lines().last().unwrap();
        assert!(
            last.starts_with("isrecorder: nothing was recorded: "),
            "{last}"
        );
        assert!(last.ends_with(advice), "{}", finished.stderr);
        // As it says.
        let other = if typed == "http" { "https" } else { "http" };
        let url = format!("{other}://localhost:{port}/vod.m3u8");
        Recorder::new(&url).args(["--insecure"]).run().session();
    }
}
