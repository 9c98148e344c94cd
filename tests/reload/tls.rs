//! A reload changes the certificates of the gate, and whether clients connect by TLS.

use crate::deployment::Deployment;
use crate::mint::certificate::CertificateAuthority;
use crate::tls::deployment;
use crate::wire::tls::TlsClient;
use crate::wire::{self, request};

const PAIR: &str = "certificate: tls.crt, key: tls.key";

fn replace(deployment: &Deployment, from: &str, to: &str) -> (Option<i32>, String) {
    let text = deployment.gate.read("actgate.yaml").expect("the configuration");
    assert!(text.contains(from), "{text}");
    deployment.gate.write("actgate.yaml", &text.replace(from, to));
    deployment.gate.reload()
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_and_tls_itself_change() {
    let authority = CertificateAuthority::new("gate");
    let (first, second) = (authority.server(), authority.server());
    let files = [
        ("tls.crt", first.pem()),
        ("tls.key", first.key_pem()),
        ("second.crt", second.pem()),
        ("second.key", second.key_pem()),
    ];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    let deployment = deployment(PAIR, &files);
    let client = TlsClient::trusting(&[&authority]);
    let shown = async || {
        let socket = client.connect(deployment.gate.address).await.expect("a handshake");
        socket.get_ref().1.peer_certificates().expect("a certificate")[0].to_vec()
    };
    assert_eq!(shown().await, first.certificate);
    let (code, printed) = replace(&deployment, "tls.crt, key: tls.key", "second.crt, key: second.key");
    assert_eq!(code, Some(0), "{printed}");
    assert_eq!(shown().await, second.certificate);
    // A key of another certificate changes nothing.
    let (code, printed) = replace(&deployment, "key: second.key", "key: tls.key");
    assert_eq!(code, Some(78), "{printed}");
    assert!(printed.contains("the key is not that of the certificate"), "{printed}");
    assert_eq!(shown().await, second.certificate);
    let (code, printed) = replace(&deployment, "tls: { certificate: second.crt, key: tls.key }\n", "");
    assert_eq!(code, Some(0), "{printed}");
    let answer = wire::answer(deployment.gate.address, &request("GET", "/open/page", &[]));
    assert_eq!(answer.status, 200, "in plain text");
}
