//! Certificates of clients, and tokens that are bound to them (RFC 8705).

use std::time::Instant;

use serde_json::{Value, json};

use super::{PAIR, deployment_of};
use crate::deployment::{Configuration, Deployment};
use crate::mint::certificate::{Certificate, CertificateAuthority};
use crate::wire::http2::Http2;
use crate::wire::tls::TlsClient;
use crate::wire::{DEADLINE, bearer};

/// A gate whose clients have certificates of an authority.
struct Setting {
    deployment: Deployment,
    gate: CertificateAuthority,
    clients: CertificateAuthority,
}

impl Setting {
    fn new(demand: &str) -> Self {
        Self::of(Configuration::default(), demand)
    }

    fn of(configuration: Configuration, demand: &str) -> Self {
        let (gate, clients) = (CertificateAuthority::new("gate"), CertificateAuthority::new("clients"));
        let server = gate.server();
        let files = [
            ("tls.crt", &*server.pem()),
            ("tls.key", &*server.key_pem()),
            ("clients.crt", &*clients.pem()),
        ];
        let clients_of = format!("client_certificates: {{ ca_file: clients.crt, demand: {demand} }}");
        let deployment = deployment_of(configuration, &format!("{PAIR}, {clients_of}"), &files);
        Self {
            deployment,
            gate,
            clients,
        }
    }

    fn client(&self) -> TlsClient {
        TlsClient::trusting(&[&self.gate])
    }

    /// The status, the error of the challenge and the code in the log of a request with `token`.
    async fn answer(&self, client: &TlsClient, token: &str) -> (String, Option<String>, Value) {
        let count = self.deployment.gate.decisions().len();
        let address = self.deployment.gate.address;
        let answer = client
            .get(address, "/orders/7", &[&bearer(token)])
            .await
            .expect("an answer");
        let status = answer.split(' ').nth(1).expect("a status").to_owned();
        let error = answer
            .split_once("error=\"")
            .and_then(|(_, rest)| rest.split('"').next());
        let code = self.deployment.gate.decision_after(count)["code"].clone();
        (status, error.map(str::to_owned), code)
    }

    fn bound_to(&self, certificate: &Certificate) -> String {
        let cnf = json!({ "x5t#S256": certificate.thumbprint() });
        self.deployment.issuer.token(json!({ "cnf": cnf }))
    }
}

fn invalid_token(code: &str) -> (String, Option<String>, Value) {
    ("401".to_owned(), Some("invalid_token".to_owned()), json!(code))
}

fn allowed() -> (String, Option<String>, Value) {
    ("200".to_owned(), None, Value::Null)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bound_token_is_good_with_its_certificate_alone() {
    let setting = Setting::new("optional");
    let (own, other) = (setting.clients.client("one"), setting.clients.client("other"));
    let token = setting.bound_to(&own);
    let without = setting.client();
    let with_other = setting.client().with_certificate(other);
    let mismatch = || invalid_token("certificate_mismatch");
    let unproven = || invalid_token("invalid_confirmation");
    // Before and after the token is cached.
    assert_eq!(setting.answer(&with_other, &token).await, mismatch());
    assert_eq!(setting.answer(&without, &token).await, unproven());
    let with_own = setting.client().with_certificate(own);
    assert_eq!(setting.answer(&with_own, &token).await, allowed());
    assert_eq!(setting.answer(&with_own, &token).await, allowed());
    assert_eq!(setting.answer(&with_other, &token).await, mismatch());
    assert_eq!(setting.answer(&without, &token).await, unproven());
    assert_eq!(setting.deployment.upstream.count(), 2);

    // The same connection over HTTP/2.
    let client = with_own.offering(&["h2"]);
    let address = setting.deployment.gate.address;
    let socket = client.connect(address).await.unwrap();
    let http2 = Http2::over(socket, "https", &address.to_string()).await;
    assert_eq!(http2.get("/orders/7", &[&bearer(&token)]).await.status, 200);
}

/// Sends requests on an open connection until one is not answered as before.
async fn last_answer(http2: &Http2, token: &str) -> Option<u16> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let answer = http2.send(http2.request("GET", "/orders/7", &[&bearer(token)])).await;
        match answer.map(|answer| answer.status.as_u16()) {
            Ok(200) => assert!(Instant::now() < deadline, "the connection stays open"),
            other => return other.ok(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_ends_with_the_settings_that_its_client_was_verified_by() {
    let setting = Setting::new("optional");
    let own = setting.clients.client("one");
    let token = setting.bound_to(&own);
    let client = setting.client().with_certificate(own).offering(&["h2"]);
    let gate = &setting.deployment.gate;
    let open = async || {
        let socket = client.connect(gate.address).await.unwrap();
        let http2 = Http2::over(socket, "https", &gate.address.to_string()).await;
        assert_eq!(http2.get("/orders/7", &[&bearer(&token)]).await.status, 200);
        http2
    };
    // After a reload each client must have a certificate.
    let http2 = open().await;
    let text = gate.read("actgate.yaml").expect("the configuration");
    gate.write("actgate.yaml", &text.replace("demand: optional", "demand: required"));
    let ended = last_answer(&http2, &token).await;
    assert!(matches!(ended, None | Some(421)), "{ended:?}");
    // Another authority in the file.
    let http2 = open().await;
    gate.write("clients.crt", &CertificateAuthority::new("others").pem());
    let ended = last_answer(&http2, &token).await;
    assert!(matches!(ended, None | Some(421)), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_can_require_a_token_that_is_bound() {
    let policy = "routes: [{ match: GET /orders/7, token: { sender_constrained: true } }]\n";
    let setting = Setting::of(Configuration::of_policy(policy), "optional");
    let own = setting.clients.client("one");
    let bound = setting.bound_to(&own);
    let client = setting.client().with_certificate(own);
    assert_eq!(setting.answer(&client, &bound).await, allowed());
    // A certificate beside a bearer token is no proof of it.
    let of_bearer = ("403".to_owned(), None, json!("token_not_sender_constrained"));
    for (kind, claims) in [
        ("a bearer token", json!({})),
        (
            "a binding of the actor",
            json!({ "act": { "sub": "a1", "cnf": { "x5t#S256": "x" } } }),
        ),
    ] {
        let token = setting.deployment.issuer.token(claims);
        assert_eq!(setting.answer(&client, &token).await, of_bearer, "{kind}");
    }
    assert_eq!(setting.deployment.upstream.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_bindings_and_bearer_tokens_are_as_without_certificates() {
    let setting = Setting::new("optional");
    let own = setting.clients.client("one");
    let thumbprint = own.thumbprint();
    let client = setting.client().with_certificate(own);
    let issuer = &setting.deployment.issuer;
    for cnf in [
        json!({}),
        json!({ "jkt": thumbprint }),
        json!({ "x5t#S256": thumbprint, "jkt": "x" }),
    ] {
        let token = issuer.token(json!({ "cnf": cnf }));
        assert_eq!(
            setting.answer(&client, &token).await,
            invalid_token("invalid_confirmation"),
            "{cnf}"
        );
    }
    assert_eq!(setting.answer(&client, &issuer.token(json!({}))).await, allowed());
    assert_eq!(
        setting.answer(&setting.client(), &issuer.token(json!({}))).await,
        allowed()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority_is_refused() {
    let other = CertificateAuthority::new("other");
    for demand in ["optional", "required"] {
        let setting = Setting::new(demand);
        let client = setting.client().with_certificate(other.client("one"));
        let address = setting.deployment.gate.address;
        assert!(client.get(address, "/open/x", &[]).await.is_err(), "{demand}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_certificate_is_needed_on_every_route() {
    let setting = Setting::new("required");
    let address = setting.deployment.gate.address;
    assert!(setting.client().get(address, "/open/x", &[]).await.is_err());
    let client = setting.client().with_certificate(setting.clients.client("one"));
    let answer = client.get(address, "/open/x", &[]).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(setting.deployment.upstream.count(), 1);
}
