//! The presets, by the tokens that each issuer product writes: one JSON file of fixtures for each, and `others.json` for
//! products without a preset. Each token goes through the layer.
//!
//! In a fixture `{issuer}` and `{audience}` are those that the layer trusts, `{absent}` is a claim that is left out, and
//! `iss`, `aud` and `exp` are added where they are not written. The trust domain `td.example` is trusted too.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a fixture that cannot be read fails the test"
)]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use actgate::clock::FixedClock;
use actgate::profile::{Kind, Profile};
use actgate::testing::TestIssuer;
use actgate::{AuthorizeLayer, Authorizer, Error, Identity, Policy, TrustedIssuer};
use http::{Request, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tower::{Layer, ServiceExt, service_fn};

static ISSUER: LazyLock<TestIssuer> = LazyLock::new(|| TestIssuer::new().unwrap());

/// One route for every token, one for a token that a person initiates.
const POLICY: &str = "routes: [{ match: GET /any }, { match: GET /human, initiator: { kind: human } }]";

/// The issuer of tokens without `iss`.
const TRUST_DOMAIN: &str = "spiffe://td.example";

/// Media types of tokens that are never access tokens.
const NEVER: &[&str] = &[
    "aic+jwt",
    "client-authentication+jwt",
    "dpop+jwt",
    "kb+jwt",
    "logout+jwt",
    "mission-txn-token+jwt",
    "oauth-authz-req+jwt",
    "oauth-client-attestation+jwt",
    "oauth-client-attestation-pop+jwt",
    "oauth-id-jag+jwt",
    "oauth-wag+jwt",
    "secevent+jwt",
    "statuslist+jwt",
    "token-introspection+jwt",
    "txn-authz-challenge+jwt",
    "txntoken+jwt",
    "wit+jwt",
    "wpt+jwt",
];

/// One token and what is read from it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Fixture {
    #[serde(default)]
    case: Option<Case>,
    name: String,
    /// The profile of a token in `others.json`, as YAML.
    #[serde(default)]
    profile: Option<String>,
    #[serde(default)]
    header: Map<String, Value>,
    claims: Map<String, Value>,
    expect: Value,
}

/// What every preset has a fixture of.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Case {
    Human,
    Machine,
    Delegated,
    IdToken,
    Trap,
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/profiles")
}

fn fixtures(name: &str) -> Vec<Fixture> {
    let text = fs::read_to_string(folder().join(format!("{name}.json"))).expect(name);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

impl Fixture {
    fn token(&self) -> String {
        self.token_of_type(None)
    }

    /// The token, or the same one with another media type.
    fn token_of_type(&self, typ: Option<&str>) -> String {
        let mut header = json!({"alg": "ES256", "kid": "testing"});
        header.as_object_mut().unwrap().extend(self.header.clone());
        if let Some(typ) = typ {
            header["typ"] = typ.into();
        }
        let mut claims = json!({"iss": "{issuer}", "aud": "{audience}", "exp": TestIssuer::NOW + 300});
        claims.as_object_mut().unwrap().extend(self.claims.clone());
        fill(&mut claims);
        ISSUER.token_with_header(header, claims).unwrap()
    }
}

/// Replaces `{issuer}` and `{audience}`, and removes claims that are `{absent}`.
fn fill(value: &mut Value) {
    match value {
        Value::String(text) if text == "{issuer}" => *text = TestIssuer::ISSUER.to_owned(),
        Value::String(text) if text == "{audience}" => *text = TestIssuer::AUDIENCE.to_owned(),
        Value::Array(items) => items.iter_mut().for_each(fill),
        Value::Object(members) => {
            members.retain(|_, member| member != "{absent}");
            members.values_mut().for_each(fill);
        }
        _ => {}
    }
}

/// A gate that trusts an issuer and a trust domain, both with one profile.
struct Gate(AuthorizeLayer);

impl Gate {
    fn with_preset(name: &str) -> Gate {
        Gate::new(name.parse().unwrap())
    }

    fn new(profile: Profile) -> Gate {
        let domain = TrustedIssuer::new(TRUST_DOMAIN, ISSUER.key_set().unwrap()).unwrap();
        let domain = domain.audience(TestIssuer::AUDIENCE).unwrap().profile(profile.clone());
        let trusted = ISSUER.trusted(TestIssuer::AUDIENCE).unwrap().profile(profile);
        let authorizer = Authorizer::builder()
            .issuer(trusted)
            .issuer(domain)
            .policy(Policy::from_yaml(POLICY).unwrap())
            .clock(FixedClock::at(TestIssuer::NOW));
        Gate(AuthorizeLayer::new(authorizer.build().unwrap()))
    }

    /// What is read from a token, if it is not what the fixture expects.
    async fn compare(&self, file: &str, fixture: &Fixture) -> Option<String> {
        let mut expected = fixture.expect.clone();
        fill(&mut expected);
        let got = self.read("/any", &fixture.token()).await;
        let got = got.unwrap_or_else(|error| json!({ "error": error.to_string() }));
        let place = format!("{file}: {}", fixture.name);
        (got != expected).then(|| format!("{place}:\n  expected {expected}\n  got      {got}"))
    }

    /// The identity that a handler gets.
    async fn read(&self, target: &str, token: &str) -> Result<Value, Error> {
        let handler = service_fn(|request: Request<()>| async move {
            let identity = identity(request.extensions().get().unwrap());
            Ok::<_, Infallible>(Response::builder().extension(identity).body(()).unwrap())
        });
        let request = Request::get(target).header("authorization", format!("Bearer {token}"));
        let service = self.0.layer(handler);
        let response = service.oneshot(request.body(()).unwrap()).await.unwrap();
        match response.extensions().get::<Error>() {
            None => Ok(response.extensions().get::<Value>().unwrap().clone()),
            Some(error) => Err(error.clone()),
        }
    }
}

fn identity(identity: &Identity) -> Value {
    let chain = identity.chain();
    let current = chain.current();
    let prior = chain.prior().iter().map(|actor| actor.party().subject());
    json!({
        "subject": identity.subject(),
        "kind": identity.kind().to_string(),
        "client": identity.client(),
        "scopes": identity.scopes().collect::<Vec<_>>(),
        "actor": current.map(|actor| actor.party().subject()),
        "actor_kind": current.map(|actor| actor.kind().to_string()),
        "prior": prior.collect::<Vec<_>>(),
        "depth": chain.depth(),
    })
}

#[tokio::test]
async fn every_preset_reads_its_fixtures() {
    let mut wrong = Vec::new();
    for name in Profile::names() {
        let gate = Gate::with_preset(name);
        for fixture in fixtures(name) {
            wrong.extend(gate.compare(name, &fixture).await);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn tokens_of_other_products_are_read_with_a_profile_of_the_owner() {
    let mut wrong = Vec::new();
    for fixture in fixtures("others") {
        let profile = fixture.profile.as_deref().unwrap();
        let profile = Profile::from_yaml(profile).unwrap_or_else(|error| panic!("{}: {error}", fixture.name));
        wrong.extend(Gate::new(profile).compare("others", &fixture).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_preset_has_a_fixture_of_each_case() {
    for name in Profile::names() {
        let fixtures = fixtures(name);
        for case in [Case::Human, Case::Machine, Case::Delegated, Case::IdToken, Case::Trap] {
            let found = fixtures.iter().any(|fixture| fixture.case == Some(case));
            assert!(found, "{name} has no fixture of {case:?}");
        }
    }
}

#[tokio::test]
async fn a_person_initiates_where_the_preset_can_prove_it_and_no_machine_does() {
    for name in Profile::names() {
        let gate = Gate::with_preset(name);
        let proves = name.parse::<Profile>().unwrap().can_prove(Kind::Human);
        for fixture in fixtures(name) {
            let is_allowed = gate.read("/human", &fixture.token()).await.is_ok();
            match fixture.case {
                Some(Case::Human) => assert_eq!(is_allowed, proves, "{name}: {}", fixture.name),
                Some(Case::Machine | Case::IdToken) => assert!(!is_allowed, "{name}: {}", fixture.name),
                _ => assert_eq!(
                    is_allowed,
                    fixture.expect["kind"] == "human",
                    "{name}: {}",
                    fixture.name
                ),
            }
        }
    }
}

#[tokio::test]
async fn no_preset_accepts_a_media_type_of_other_tokens() {
    for name in Profile::names() {
        let gate = Gate::with_preset(name);
        let fixtures = fixtures(name);
        let access_token = fixtures
            .iter()
            .find(|fixture| fixture.case == Some(Case::Human))
            .unwrap();
        for typ in NEVER {
            for typ in [(*typ).to_owned(), typ.to_uppercase(), format!("application/{typ}")] {
                let got = gate.read("/any", &access_token.token_of_type(Some(&typ))).await;
                let got = got.unwrap_err().to_string();
                assert_eq!(
                    got, "the `typ` in the header of the token is not an accepted one",
                    "{name}: {typ}"
                );
            }
        }
    }
}

/// Every fixture with every preset. A preset that is set at another issuer denies its tokens or reads the same facts: no
/// machine becomes a person, no ID token an access token, no party another one.
#[tokio::test]
async fn presets_at_the_tokens_of_other_issuers() {
    let gates: Vec<_> = Profile::names()
        .iter()
        .map(|name| (*name, Gate::with_preset(name)))
        .collect();
    let mut table = String::new();
    let mut misread = Vec::new();
    for issuer in Profile::names() {
        for fixture in fixtures(issuer) {
            let token = fixture.token();
            let mut outcomes = BTreeMap::<String, Vec<&str>>::new();
            for (preset, gate) in &gates {
                let got = gate.read("/any", &token).await;
                let is_misread = match (fixture.case, &got) {
                    (Some(Case::Machine), Ok(got)) => got["kind"] == "human",
                    (Some(Case::IdToken), Ok(_)) => true,
                    _ => false,
                };
                if is_misread {
                    misread.push(format!("{preset} at {issuer}: {}: {}", fixture.name, outcome(&got)));
                }
                outcomes.entry(outcome(&got)).or_default().push(preset);
            }
            writeln!(table, "{issuer}: {}", fixture.name).unwrap();
            for (outcome, presets) in outcomes {
                writeln!(table, "    {outcome}: {}", presets.join(" ")).unwrap();
            }
        }
    }
    assert!(misread.is_empty(), "{}", misread.join("\n"));
    let path = folder().join("crossings.txt");
    if fs::read_to_string(&path).unwrap_or_default() != table {
        let new = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("crossings.txt");
        fs::write(&new, table).unwrap();
        panic!(
            "the decisions differ from the committed table; review them, and copy the new one:\n    cp {} {}",
            new.display(),
            path.display()
        );
    }
}

/// One line: the code of a denial, or the facts.
fn outcome(got: &Result<Value, Error>) -> String {
    let got = match got {
        Ok(got) => got,
        Err(error) => return format!("denied {}", error.code()),
    };
    let text = |member: &str| got[member].as_str().unwrap_or("-").to_owned();
    let mut line = format!("{} {}", text("kind"), text("subject"));
    if !got["actor"].is_null() {
        write!(line, ", actor {} {}", text("actor_kind"), text("actor")).unwrap();
    }
    let prior: Vec<_> = got["prior"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if !prior.is_empty() {
        write!(line, ", prior {}", prior.join(" ")).unwrap();
    }
    write!(line, ", client {}", text("client")).unwrap();
    let scopes: Vec<_> = got["scopes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if !scopes.is_empty() {
        write!(line, ", scopes {}", scopes.join(" ")).unwrap();
    }
    line
}
