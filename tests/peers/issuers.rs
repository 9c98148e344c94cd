//! A real authorization server that the gate finds by discovery: node-oidc-provider.

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::json;
use url::Url;
use url::form_urlencoded::Serializer;

use crate::deployment::bundled_issuer::{access_token, claims};
use crate::deployment::gate::Gate;
use crate::deployment::upstream::Upstream;
use crate::mint::signing_key::base64url;
use crate::peers::browser;
use crate::peers::program::Service;
use crate::wire::{self, Answer, request};

const ORDERS: &str = "https://orders.example";
const CALLBACK: &str = "http://127.0.0.1/callback";

const ROUTES: &str = "
requirements:
  human-must-initiate:
    initiator: { kind: human }
routes:
  - match: GET /orders/{id}
    scopes: [orders:read]
  - match: POST /refunds
    scopes: [refunds:write]
    require: [human-must-initiate]
";

/// What the operator knows of the accounts and clients of the authorization server: its tokens say nothing of kinds.
const KINDS: &str = "    kinds:
      human: [{ subject: \"person-*\" }]
      service: [{ client: night-batch, subject: night-batch }]
";

/// The authorization server, a gate that trusts it, and the API behind it.
struct Shop {
    provider: Service,
    gate: Gate,
    _upstream: Upstream,
}

impl Shop {
    fn open(kinds: &str) -> Self {
        let (provider, upstream) = (Service::start("oidc_provider.js"), Upstream::start());
        let gate = Gate::run(&format!(
            "listen: 127.0.0.1:0\nupstream: http://{}\nadmin: 127.0.0.1:0\naudience: [{ORDERS}, storefront]\nissuers:\n  - issuer: {}\n    keys: {{ refresh: 300ms, cooldown: 100ms, timeout: 2s, max_stale: 1h }}\n{kinds}{ROUTES}",
            upstream.address(),
            provider.url(),
        ));
        gate.wait_until_ready();
        Self {
            provider,
            gate,
            _upstream: upstream,
        }
    }

    fn token(&self, client: &str, form: &[(&str, &str)]) -> Answer {
        let secret = format!("{client}-secret");
        let credentials = [("client_id", client), ("client_secret", secret.as_str())];
        wire::post_form(self.provider.address, "/token", &[], &[&credentials[..], form].concat())
    }

    fn client_credentials(&self, scope: &str) -> Answer {
        let form = [
            ("grant_type", "client_credentials"),
            ("resource", ORDERS),
            ("scope", scope),
        ];
        self.token("night-batch", &form)
    }

    /// Signs a person in on the pages of the authorization server, with PKCE, and redeems the code.
    fn sign_in(&self, person: &str, scope: &str) -> Answer {
        let verifier = base64url(digest(&SHA256, person.as_bytes()));
        let query = Serializer::new(String::new())
            .extend_pairs([
                ("response_type", "code"),
                ("client_id", "storefront"),
                ("redirect_uri", CALLBACK),
                ("scope", scope),
                ("resource", ORDERS),
                ("code_challenge", &base64url(digest(&SHA256, verifier.as_bytes()))),
                ("code_challenge_method", "S256"),
            ])
            .finish();
        let authorize = format!("{}/auth?{query}", self.provider.url());
        let back = browser::sign_in(&authorize, &[("login", person), ("password", "x")], CALLBACK);
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &parameter(&back, "code")),
            ("redirect_uri", CALLBACK),
            ("code_verifier", &verifier),
        ];
        self.token("storefront", &form)
    }

    fn assert(&self, method: &str, target: &str, token: &str, status: u16, code: &str) {
        let decided = self.gate.decide(method, target, token);
        let expected = (status, code.to_owned());
        assert_eq!(decided, expected, "{method} {target} with {}", claims(token));
    }
}

fn parameter(url: &Url, name: &str) -> String {
    let found = url.query_pairs().find(|(known, _)| known == name);
    let (_, value) = found.unwrap_or_else(|| panic!("no {name} in {url}"));
    value.into_owned()
}

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn a_person_of_oidc_provider_passes_and_its_machine_does_not() {
    let shop = Shop::open(KINDS);
    let signed_in = shop.sign_in("person-alice", "openid orders:read refunds:write");
    let person = access_token(&signed_in);
    let machine = access_token(&shop.client_credentials("orders:read refunds:write"));
    let subjects = [&person, &machine].map(|token| claims(token)["sub"].clone());
    assert_eq!(subjects, ["person-alice", "night-batch"]);
    shop.assert("GET", "/orders/1", &person, 200, "");
    shop.assert("GET", "/orders/1", &machine, 200, "");
    shop.assert("POST", "/refunds", &person, 200, "");
    shop.assert("POST", "/refunds", &machine, 403, "initiator_not_human");

    let reader = access_token(&shop.sign_in("person-bob", "orders:read"));
    shop.assert("POST", "/refunds", &reader, 403, "insufficient_scope");
    // An account whose name is no evidence.
    let other = access_token(&shop.sign_in("alice", "refunds:write"));
    shop.assert("POST", "/refunds", &other, 403, "initiator_kind_unknown");

    // Its audience is the client, which the gate accepts here too.
    let id_token = signed_in.json()["id_token"].as_str().expect("an ID token").to_owned();
    assert_eq!(claims(&id_token)["aud"], json!("storefront"));
    shop.assert("GET", "/orders/1", &id_token, 401, "invalid_claim");
    let event = shop.gate.decisions().pop().expect("a decision");
    assert_eq!(event["reason"], "the `typ` in the header of the token is missing");
}

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn without_evidence_all_of_oidc_provider_are_of_unknown_kind() {
    let shop = Shop::open("");
    let person = access_token(&shop.sign_in("person-alice", "refunds:write"));
    let machine = access_token(&shop.client_credentials("refunds:write"));
    for token in [person, machine] {
        shop.assert("POST", "/refunds", &token, 403, "initiator_kind_unknown");
    }
}

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn keys_that_oidc_provider_replaces_are_followed() {
    let shop = Shop::open("");
    let old = access_token(&shop.client_credentials("orders:read"));
    shop.assert("GET", "/orders/1", &old, 200, "");
    let rotated = wire::answer(
        shop.provider.address,
        &request("POST", "/rotate", &["Content-Length: 0"]),
    );
    assert_eq!(rotated.status, 200);
    let new = access_token(&shop.client_credentials("orders:read"));
    let status = |token: &str| wire::get(shop.gate.address, "/orders/1", token).status;
    shop.gate.wait_until("the new key known", || status(&new) == 200);
    shop.gate.wait_until("the old key gone", || status(&old) == 401);
}
