//! Tokens in the form of each product, at a gate with each preset.

use serde_json::Value;

use crate::deployment::bundled_issuer::{ALICE_BY_PASSWORD, BundledIssuer, ORDERS, access_token, claims};
use crate::deployment::gate::Gate;
use crate::deployment::upstream::Upstream;
use crate::wire::{self, bearer, request};

const DIALECTS: [&str; 10] = [
    "rfc9068",
    "ping-aic",
    "thunderid",
    "keycloak",
    "auth0",
    "okta",
    "entra",
    "cognito",
    "wso2",
    "zitadel",
];

const ROUTES: [&str; 5] = ["/any", "/human", "/agent", "/service", "/delegated"];

const POLICY: &str = "
routes:
  - match: GET /any
  - match: GET /human
    initiator: { kind: human }
  - match: GET /agent
    initiator: { kind: agent }
  - match: GET /service
    initiator: { kind: service }
  - match: GET /delegated
    actor: { required: true }
";

/// The tokens of one issuer, each with what it is.
struct Tokens {
    issuer: BundledIssuer,
    /// A user through an application.
    application: String,
    /// A user through an agent that signed the user in.
    agent: String,
    /// A user through an agent, after an exchange.
    exchanged: String,
    /// A user through two agents.
    two: String,
    machine_agent: String,
    service: String,
    id_token: String,
}

impl Tokens {
    fn of(dialect: &str) -> Tokens {
        let issuer = BundledIssuer::start_as_product(dialect);
        let scope = "openid orders:read";
        let agent = issuer.sign_in("assistant", ALICE_BY_PASSWORD, ORDERS, scope);
        let id_token = agent.json()["id_token"].as_str().expect("an ID token").to_owned();
        let user = access_token(&issuer.sign_in("storefront", ALICE_BY_PASSWORD, "https://assistant.example", scope));
        let exchanged = access_token(&issuer.exchange("assistant", &user, ORDERS, "orders:read"));
        let first = access_token(&issuer.exchange("assistant", &user, "https://shopper.example", "orders:read"));
        let own = access_token(&issuer.client_credentials("night-batch", "https://night-batch.example", "orders:read"));
        Tokens {
            application: access_token(&issuer.sign_in("storefront", ALICE_BY_PASSWORD, ORDERS, scope)),
            agent: access_token(&agent),
            exchanged,
            two: access_token(&issuer.exchange("shopper", &first, ORDERS, "orders:read")),
            machine_agent: access_token(&issuer.exchange("night-batch", &own, ORDERS, "orders:read")),
            service: access_token(&issuer.client_credentials("warehouse", ORDERS, "orders:read")),
            id_token,
            issuer,
        }
    }

    fn all(&self) -> [(&'static str, &str); 7] {
        [
            ("application", &self.application),
            ("agent", &self.agent),
            ("exchanged", &self.exchanged),
            ("two", &self.two),
            ("machine agent", &self.machine_agent),
            ("service", &self.service),
            ("id token", &self.id_token),
        ]
    }
}

/// A gate that reads the tokens of every issuer with this preset. The audiences are those that any of them writes.
fn gate(preset: &str, issuers: &[Tokens], upstream: &Upstream) -> Gate {
    let mut text = format!(
        "listen: 127.0.0.1:0\nupstream: http://{}\nadmin: 127.0.0.1:0\naudience: [{ORDERS}, storefront, assistant, shopper, night-batch, warehouse]\nissuers:\n",
        upstream.address(),
    );
    for tokens in issuers {
        text.push_str(&format!("  - issuer: {}\n    profile: {preset}\n", tokens.issuer.url()));
    }
    let gate = Gate::run(&(text + POLICY));
    gate.wait_until_ready();
    gate
}

/// The routes that allow a token, or the code of the token check.
fn allowed(gate: &Gate, token: &str) -> String {
    let mut allowed = Vec::new();
    for route in ROUTES {
        let answer = wire::answer(gate.address, &request("GET", route, &[&bearer(token)]));
        match answer.status {
            200 => allowed.push(route.trim_start_matches('/')),
            401 => return "401".to_owned(),
            403 => {}
            other => panic!("{other} at {route}"),
        }
    }
    allowed.join(" ")
}

#[test]
fn each_preset_reads_the_tokens_of_its_product_and_no_other_misreads_them() {
    let upstream = Upstream::start();
    let issuers: Vec<Tokens> = DIALECTS.map(Tokens::of).into();
    let mut found = String::new();
    for preset in DIALECTS {
        let gate = gate(preset, &issuers, &upstream);
        for (dialect, tokens) in DIALECTS.iter().zip(&issuers) {
            for (name, token) in tokens.all() {
                let allowed = allowed(&gate, token);
                if *dialect == preset {
                    found.push_str(&format!("{preset:10} {name:14} {allowed}\n"));
                    continue;
                }
                let is_user = matches!(name, "application" | "agent" | "exchanged" | "two");
                let routes: Vec<&str> = allowed.split(' ').collect();
                let misread = match name {
                    "id token" => allowed != "401",
                    _ if is_user => routes.contains(&"agent") || routes.contains(&"service"),
                    "service" => {
                        routes.contains(&"human") || routes.contains(&"agent") || routes.contains(&"delegated")
                    }
                    _ => routes.contains(&"human") || routes.contains(&"delegated"),
                };
                assert!(
                    !misread,
                    "{dialect} read as {preset}: {name} is allowed at {allowed}: {}",
                    claims(token)
                );
            }
        }
    }
    let expected = include_str!("dialects.txt");
    assert!(found == expected, "{found}");
}

#[test]
fn ping_has_its_own_addresses_and_both_audiences() {
    let issuer = BundledIssuer::start_as_product("ping-aic");
    let path = "/am/oauth2/realms/root/realms/alpha";
    assert!(issuer.url().ends_with(path), "{}", issuer.url());
    let form = [
        ("grant_type", "client_credentials"),
        ("resource", "https://night-batch.example"),
        ("client_id", "night-batch"),
        ("client_secret", "night-batch-secret"),
    ];
    let own = access_token(&wire::post_form(
        issuer.address,
        &format!("{path}/access_token"),
        &[],
        &form,
    ));
    assert_eq!(claims(&own)["aud"], "night-batch");
    let token = access_token(&issuer.exchange("night-batch", &own, ORDERS, "orders:read"));
    let target = format!("{path}/tokeninfo?access_token={token}");
    let shown = wire::answer(issuer.address, &request("GET", &target, &[]));
    assert_eq!(shown.json(), claims(&token));
    let shown = shown.json();
    assert_eq!(shown["aud"], serde_json::json!(["night-batch", ORDERS]));
    assert_eq!(
        (&shown["sub"], &shown["act"]["sub"]),
        (&Value::from("night-batch"), &Value::from("night-batch"))
    );
    let dead = wire::answer(
        issuer.address,
        &request("GET", &format!("{path}/tokeninfo?access_token=x"), &[]),
    );
    assert_eq!(dead.status, 400);
}
