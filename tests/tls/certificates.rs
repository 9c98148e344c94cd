//! Which certificate a client gets, and what happens when certificates change.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{PAIR, deployment, with_certificate};
use crate::deployment::Deployment;
use crate::deployment::gate::run_to_end;
use crate::mint;
use crate::mint::certificate::{Certificate, CertificateAuthority, Validity};
use crate::wire::tls::TlsClient;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// The certificate that the gate shows to `client`.
async fn shown(deployment: &Deployment, client: &TlsClient) -> Vec<u8> {
    let socket = client.connect(deployment.gate.address).await.expect("a handshake");
    let chain = socket.get_ref().1.peer_certificates().expect("a certificate");
    chain[0].to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_that_is_asked_for_chooses_the_certificate() {
    let authority = CertificateAuthority::new("gate");
    let of = |names: &[&str]| authority.server_of(names, Validity::ThisCentury);
    let (first, second, third) = (
        of(&["a.example"]),
        of(&["b.example", "c.example"]),
        of(&["*.d.example"]),
    );
    let mut files = Vec::new();
    for (name, certificate) in [("tls", &first), ("b", &second), ("d", &third)] {
        files.push((format!("{name}.crt"), certificate.pem()));
        files.push((format!("{name}.key"), certificate.key_pem()));
    }
    let files: Vec<_> = files.iter().map(|(name, text)| (&**name, &**text)).collect();
    let further = "further: [{ certificate: b.crt, key: b.key }, { certificate: d.crt, key: d.key }]";
    let deployment = deployment(&format!("{PAIR}, {further}"), &files);
    for (name, expected) in [
        ("a.example", &first),
        ("b.example", &second),
        ("c.example", &second),
        ("x.d.example", &third),
        // An address is not asked for by name.
        ("127.0.0.1", &first),
    ] {
        let client = TlsClient::trusting(&[&authority]).for_name(name);
        assert_eq!(shown(&deployment, &client).await, expected.certificate, "{name}");
    }
    // A client of another name gets the first certificate, which it does not accept.
    let other = TlsClient::trusting(&[&authority]).for_name("other.example");
    assert!(other.connect(deployment.gate.address).await.is_err());
}

/// Requests without a pause, each on a connection of its own, until `stop`. The number of answers.
async fn load(deployment: Arc<Deployment>, client: TlsClient, stop: Arc<AtomicBool>, served: Arc<AtomicU64>) {
    let token = deployment.reader();
    while !stop.load(Ordering::Relaxed) {
        let answer = client.get(deployment.gate.address, "/orders/7", &[&token]).await;
        let answer = answer.expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        served.fetch_add(1, Ordering::Relaxed);
    }
}

fn put(deployment: &Deployment, certificate: &Certificate) {
    deployment.gate.write("tls.key", &certificate.key_pem());
    deployment.gate.write("tls.crt", &certificate.pem());
}

#[tokio::test(flavor = "multi_thread")]
async fn new_certificates_are_used_without_a_restart_and_broken_ones_are_not() {
    let authority = CertificateAuthority::new("gate");
    let (old, new) = (authority.server(), authority.server());
    let deployment = Arc::new(with_certificate(&old));
    let client = TlsClient::trusting(&[&authority]);
    let (stop, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let running = tokio::spawn(load(deployment.clone(), client.clone(), stop.clone(), served.clone()));

    put(&deployment, &new);
    while shown(&deployment, &client).await != new.certificate {
        tokio::task::yield_now().await;
    }
    deployment
        .gate
        .process
        .wait_for_line(&["the changed file is in use", "tls.crt"]);

    let breaks: [(&str, &dyn Fn(), &str); 2] = [
        (
            "no PEM",
            &|| deployment.gate.write("tls.crt", "no certificate"),
            "there is no certificate in PEM",
        ),
        (
            "a foreign key",
            &|| put_foreign_key(&deployment, &authority),
            "the key is not that of the certificate",
        ),
    ];
    for (what, break_pair, reason) in breaks {
        break_pair();
        deployment.gate.process.wait_for_line(&["cannot be used", reason]);
        assert_eq!(shown(&deployment, &client).await, new.certificate, "{what}");
    }
    put(&deployment, &old);
    while shown(&deployment, &client).await != old.certificate {
        tokio::task::yield_now().await;
    }
    stop.store(true, Ordering::Relaxed);
    running.await.expect("no request is lost");
    assert!(served.load(Ordering::Relaxed) > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_key_is_reported_and_does_not_hide_a_new_certificate() {
    let authority = CertificateAuthority::new("gate");
    let (old, new) = (authority.server(), authority.server());
    let deployment = with_certificate(&old);
    let client = TlsClient::trusting(&[&authority]);
    deployment.gate.remove("tls.key");
    deployment.gate.write("tls.crt", &new.pem());
    let reported = "the changed file cannot be used; its last content is in use";
    deployment
        .gate
        .process
        .wait_for_line(&["WARN", reported, "tls.key", "the file cannot be read"]);
    assert_eq!(shown(&deployment, &client).await, old.certificate);
    deployment.gate.write("tls.key", &new.key_pem());
    deployment
        .gate
        .process
        .wait_for_line(&["INFO", "the changed file is in use", "tls.key"]);
    assert_eq!(shown(&deployment, &client).await, new.certificate);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_that_clients_reject_is_a_warning() {
    let authority = CertificateAuthority::new("gate");
    let deployment = with_certificate(&authority.server());
    let now = now();
    for (validity, reason) in [
        (Validity::Past, "the certificate has expired, at 2020-02-01T00:00:00Z"),
        (Validity::From(now + DAY), "the certificate is not valid yet"),
        (Validity::Until(now + 13 * DAY), "the certificate expires soon, at "),
    ] {
        put(&deployment, &authority.server_of(&[], validity));
        deployment.gate.process.wait_for_line(&["WARN", reason, "tls.crt"]);
    }
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(mint::now())
}

fn put_foreign_key(deployment: &Deployment, authority: &CertificateAuthority) {
    let (one, other) = (authority.server(), authority.server());
    deployment.gate.write("tls.key", &one.key_pem());
    deployment.gate.write("tls.crt", &other.pem());
}

#[test]
fn the_check_reads_the_files() {
    let authority = CertificateAuthority::new("gate");
    let (server, other) = (authority.server(), authority.server());
    let expired = authority.server_of(&[], Validity::Past);
    let client_ca = "client_certificates: { ca_file: tls.key }";
    let check = |tls: &str, certificate: &str, key: &str| {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("tls.crt", certificate);
        write("tls.key", key);
        let text = format!(
            "listen: 127.0.0.1:0\nupstream: http://127.0.0.1:9\naudience: https://a.example\ntls: {{ {tls} }}\n\
             issuers:\n  - issuer: https://idp.example\nroutes:\n  - match: GET /\n    public: true\n"
        );
        write("actgate.yaml", &text);
        let path = folder.path().join("actgate.yaml");
        let output = run_to_end(&["check", "--config", &path.to_string_lossy()], "");
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        (output.status.code(), text.concat())
    };
    let (certificate, key) = (server.pem(), server.key_pem());
    let (status, text) = check(PAIR, &certificate, &key);
    assert_eq!(status, Some(0), "{text}");
    let rows = [
        (PAIR.to_owned(), "x", &*key, "4:21", "there is no certificate in PEM"),
        (
            PAIR.to_owned(),
            &*key,
            &*key,
            "4:21",
            "there is a private key in the file, and no certificate",
        ),
        (
            PAIR.to_owned(),
            &*certificate,
            &*certificate,
            "4:35",
            "there is a certificate in the file, and no private key",
        ),
        (
            PAIR.to_owned(),
            &*certificate,
            "x",
            "4:35",
            "there is no private key in PEM",
        ),
        (
            PAIR.to_owned(),
            &*certificate,
            &*other.key_pem(),
            "4:35",
            "the key is not that of the certificate",
        ),
        (
            format!("{PAIR}, {client_ca}"),
            &*certificate,
            &*key,
            "4:76",
            "there is no certificate in PEM",
        ),
    ];
    for (tls, certificate, key, place, reason) in rows {
        let (status, text) = check(&tls, certificate, key);
        assert_eq!(status, Some(78), "{text}");
        assert!(
            text.contains(&format!("actgate.yaml:{place}: ")) && text.contains(reason),
            "{text}"
        );
        assert!(text.contains("help: "), "{text}");
    }
    let ends_in = |days: u32| authority.server_of(&[], Validity::Until(now() + days * DAY));
    let (soon, later) = (ends_in(13), ends_in(15));
    for (certificate, reason) in [
        (&expired, "the certificate has expired"),
        (&soon, "the certificate expires soon"),
    ] {
        let (status, text) = check(PAIR, &certificate.pem(), &certificate.key_pem());
        assert_eq!(status, Some(0), "{text}");
        assert!(text.contains(reason), "{text}");
    }
    let (_, text) = check(PAIR, &later.pem(), &later.key_pem());
    assert!(!text.contains("expires"), "{text}");
}
