//! Several resources behind one gate.

mod audiences;
mod explain;
mod mistakes;

use serde_json::{Value, json};

use crate::deployment::gate::Gate;
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::upstream::Upstream;
use crate::mint::{ISSUER, TokenIssuer};
use crate::wire::challenge::Challenge;
use crate::wire::{Answer, answer, bearer};

const ORDERS: &str = "https://api.example.com/orders";
const BILLING: &str = "https://api.example.com/billing";
const ADMIN: &str = "https://admin.example.com";

const RESOURCES: &str = "
resources:
  - resource: https://api.example.com/orders
    path: /orders
    name: Orders
  - resource: https://api.example.com/billing
    audience: [billing]
    path: /billing
    scopes_supported: [billing:read, offline_access]
  - resource: https://admin.example.com
    hosts: [admin.example.com]
    resource_metadata: https://docs.example.com/admin
";

const ROUTES: &str = "
routes:
  - match: GET /orders/{id}
    scopes: [orders:read]
  - match: GET /billing/{id}
    scopes: [billing:read]
  - match: GET /health
    public: true
  - match: GET /{page}
";

struct Deployment {
    gate: Gate,
    upstream: Upstream,
    issuer: TokenIssuer,
    _key_server: KeyServer,
}

impl Deployment {
    fn start() -> Self {
        let issuer = TokenIssuer::new();
        let key_server = KeyServer::start(Conduct::Publish(issuer.document()));
        let upstream = Upstream::start();
        let gate = Gate::run(&format!(
            "listen: 127.0.0.1:0\nupstream: http://{}\nadmin: 127.0.0.1:0\nissuers:\n  - issuer: {ISSUER}\n    jwks_uri: {}\n{RESOURCES}{ROUTES}",
            upstream.address(),
            key_server.jwks_uri()
        ));
        gate.wait_until_ready();
        Deployment {
            gate,
            upstream,
            issuer,
            _key_server: key_server,
        }
    }

    fn token(&self, audience: &str) -> String {
        bearer(
            &self
                .issuer
                .token(json!({ "aud": audience, "scope": "orders:read billing:read" })),
        )
    }

    fn get(&self, host: &str, target: &str, credential: Option<&str>) -> Answer {
        let credential = credential.map(|line| format!("{line}\r\n")).unwrap_or_default();
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n{credential}Connection: close\r\n\r\n");
        answer(self.gate.address, request.as_bytes())
    }
}

#[test]
fn a_token_is_for_the_resource_of_its_request() {
    let deployment = Deployment::start();
    let tokens = [ORDERS, BILLING, "billing", ADMIN].map(|audience| deployment.token(audience));
    // The second round is that of cached tokens.
    for _ in 0..2 {
        for (host, target, expected) in [
            ("api.example.com", "/orders/1", [200, 401, 401, 401]),
            ("other.example.com", "/orders/1", [200, 401, 401, 401]),
            ("api.example.com", "/billing/1", [401, 200, 200, 401]),
            ("admin.example.com", "/orders/1", [401, 401, 401, 200]),
            ("ADMIN.example.com", "/orders/1", [401, 401, 401, 200]),
            ("admin.example.com.:8443", "/orders/1", [401, 401, 401, 200]),
            ("admin.example.com", "/page", [401, 401, 401, 200]),
            ("admin.example.com.evil.example", "/page", [401, 401, 401, 401]),
            ("x.admin.example.com", "/page", [401, 401, 401, 401]),
            ("api.example.com", "/page", [401, 401, 401, 401]),
            ("api.example.com", "/ordersx", [401, 401, 401, 401]),
            ("api.example.com", "/orders", [200, 401, 401, 401]),
            ("api.example.com", "/orders/", [403, 401, 401, 401]),
            ("api.example.com", "/Orders/1", [400, 400, 400, 400]),
            ("api.example.com", "/orders./1", [400, 400, 400, 400]),
            ("api.example.com", "/%6Frders/1", [400, 400, 400, 400]),
            ("api.example.com", "//orders/1", [400, 400, 400, 400]),
            ("api.example.com", "/x/../orders/1", [400, 400, 400, 400]),
            (
                "api.example.com",
                "http://admin.example.com/orders/1",
                [401, 401, 401, 200],
            ),
        ] {
            let seen = deployment.upstream.count();
            let statuses = [0, 1, 2, 3].map(|index| deployment.get(host, target, Some(&tokens[index])).status);
            assert_eq!(statuses, expected, "{target} at {host}");
            let allowed = expected.iter().filter(|status| **status == 200).count();
            assert_eq!(deployment.upstream.count() - seen, allowed, "{target} at {host}");
        }
    }
    assert_eq!(
        deployment.get("unknown.example.com", "/health", None).status,
        200,
        "a public route"
    );
}

#[test]
fn each_challenge_names_the_metadata_of_the_resource() {
    let deployment = Deployment::start();
    let parameter = |host, target, name| {
        let field = deployment
            .get(host, target, None)
            .field("www-authenticate")
            .unwrap_or_default();
        let challenge = Challenge::parse(&field).unwrap_or_else(|error| panic!("{error}: {field}"));
        challenge.parameter(name).map(str::to_owned)
    };
    let well_known = "https://api.example.com/.well-known/oauth-protected-resource";
    for (host, target, realm, metadata, scope) in [
        (
            "api.example.com",
            "/orders/1",
            Some(ORDERS),
            Some(format!("{well_known}/orders")),
            Some("orders:read"),
        ),
        (
            "api.example.com",
            "/billing/1",
            Some(BILLING),
            Some(format!("{well_known}/billing")),
            Some("billing:read"),
        ),
        (
            "admin.example.com",
            "/page",
            Some(ADMIN),
            Some("https://docs.example.com/admin".to_owned()),
            None,
        ),
        ("api.example.com", "/page", None, None, None),
    ] {
        assert_eq!(parameter(host, target, "realm").as_deref(), realm, "{target} at {host}");
        assert_eq!(
            parameter(host, target, "resource_metadata"),
            metadata,
            "{target} at {host}"
        );
        assert_eq!(parameter(host, target, "scope").as_deref(), scope, "{target} at {host}");
    }
}

#[test]
fn each_resource_has_its_document_where_its_path_is_inserted() {
    let deployment = Deployment::start();
    let path = |rest: &str| format!("/.well-known/oauth-protected-resource{rest}");
    for (rest, resource, scopes, name) in [
        ("/orders", ORDERS, json!(["orders:read"]), json!("Orders")),
        ("/billing", BILLING, json!(["billing:read"]), Value::Null),
    ] {
        let got = deployment.get("api.example.com", &path(rest), None);
        assert_eq!(got.status, 200, "{rest}");
        let document = got.json();
        assert_eq!(document["resource"], json!(resource));
        assert_eq!(document["scopes_supported"], scopes);
        assert_eq!(document["resource_name"], name);
        assert_eq!(document["authorization_servers"], json!([ISSUER]));
    }
    for (host, rest) in [
        ("api.example.com", ""),
        ("api.example.com", "/orders/"),
        ("api.example.com", "/orders/1"),
        ("api.example.com", "/Orders"),
        ("admin.example.com", ""),
    ] {
        assert_eq!(deployment.get(host, &path(rest), None).status, 404, "{rest} at {host}");
    }
    assert_eq!(deployment.upstream.count(), 0);
}
