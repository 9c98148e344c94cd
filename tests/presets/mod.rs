//! The tokens of every issuer product, through the library and through the binary: both read what the fixture expects.

mod examples;
#[path = "../../middleware/tests/profiles/fixture.rs"]
mod fixture;
mod trusted;

use actgate::keys::{Algorithm, KeySet};
use actgate::profile::{Kind, Profile};
use actgate::request::Target;
use actgate::{Authorizer, Policy, TrustedIssuer};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, Uri};
use serde_json::{Value, json};

use crate::deployment::gate::Gate;
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::upstream::{Received, Upstream};
use crate::mint::{AUDIENCE, TokenIssuer};
use crate::presets::fixture::{Case, Fixture, identity};
use crate::presets::trusted::{Trusted, trusted};
use crate::wire;

/// A route for every valid token, and one that a person must initiate.
const POLICY: &str = "routes:
  - match: GET /any
  - match: GET /human
    initiator: { kind: human }
";

/// Both ways to run one policy, with the issuer of every fixture file.
struct Rig {
    authorizer: Authorizer,
    gate: Gate,
    upstream: Upstream,
    issuer: TokenIssuer,
    _keys: KeyServer,
}

impl Rig {
    fn start(all: &[Trusted]) -> Rig {
        let issuer = TokenIssuer::new();
        let keys = KeyServer::start(Conduct::Publish(issuer.document()));
        let upstream = Upstream::start();
        let mut configuration = format!(
            "listen: 127.0.0.1:0\nupstream: http://{}\nadmin: 127.0.0.1:0\naudience: {AUDIENCE}\nissuers:\n",
            upstream.address()
        );
        let policy = Policy::from_yaml(POLICY).expect("a policy");
        let mut builder = Authorizer::builder().policy(policy);
        for Trusted {
            identifier, profile, ..
        } in all
        {
            configuration += &format!(
                "  - issuer: {identifier}\n    jwks_uri: {}\n    profile: {profile}\n",
                keys.jwks_uri()
            );
            let document = issuer.document();
            let set = KeySet::from_json(document.as_bytes(), Algorithm::all());
            let trusted = TrustedIssuer::new(identifier, set.expect("keys")).expect("an issuer");
            let profile = Profile::from_yaml(profile).unwrap_or_else(|error| panic!("{identifier}: {error}"));
            builder = builder.issuer(trusted.profile(profile).audience(AUDIENCE).expect("an audience"));
        }
        let gate = Gate::run(&(configuration + POLICY));
        gate.wait_until_ready();
        Rig {
            authorizer: builder.build().expect("an authorizer"),
            gate,
            upstream,
            issuer,
            _keys: keys,
        }
    }

    /// What the library decides: status, and the identity or the reason.
    async fn library(&self, path: &'static str, token: &str) -> (u16, Value) {
        let mut headers = HeaderMap::new();
        headers.insert(
            AUTHORIZATION,
            HeaderValue::try_from(format!("Bearer {token}")).expect("ASCII"),
        );
        let uri = Uri::from_static(path);
        let target = Target::new(&Method::GET, &uri).expect("a target");
        let decision = self.authorizer.decide(&target, &headers).await;
        match decision.outcome() {
            Ok(()) => (200, identity(decision.identity().expect("an identity"))),
            Err(error) => (error.status().as_u16(), json!({ "error": error.to_string() })),
        }
    }

    /// What the binary answers: the status, and what the upstream receives of an allowed request.
    fn sidecar(&self, path: &str, token: &str) -> (u16, Option<Value>) {
        let before = self.upstream.count();
        let status = wire::get(self.gate.address, path, token).status;
        let received = self.upstream.since(before);
        (status, received.first().map(received_identity))
    }
}

fn received_identity(received: &Received) -> Value {
    let value = |name: &str| received.head.value(name);
    let chain: Value = serde_json::from_str(&value("x-auth-chain").expect("a chain")).expect("JSON");
    let actors = chain["actors"].as_array().cloned().unwrap_or_default();
    let prior: Vec<&Value> = actors.iter().skip(1).map(|actor| &actor["sub"]).collect();
    let scopes = value("x-auth-scope").unwrap_or_default();
    json!({
        "subject": value("x-auth-subject"),
        "kind": value("x-auth-kind"),
        "client": value("x-auth-client"),
        "scopes": scopes.split_whitespace().collect::<Vec<_>>(),
        "actor": value("x-auth-actor"),
        "actor_kind": actors.first().map(|actor| &actor["kind"]),
        "prior": prior,
        "depth": actors.len(),
    })
}

/// A fixture on one route, and what both ways made of it.
struct Row<'f> {
    place: String,
    fixture: &'f Fixture,
    issuer: &'f str,
    path: &'static str,
    library: (u16, Value),
    sidecar: (u16, Option<Value>),
}

#[tokio::test(flavor = "multi_thread")]
async fn library_and_binary_read_every_fixture_alike() {
    let all = trusted();
    let rig = Rig::start(&all);
    let mut rows = Vec::new();
    for Trusted {
        identifier, fixtures, ..
    } in &all
    {
        for fixture in fixtures {
            let token = fixture.token(&rig.issuer, identifier);
            for path in ["/any", "/human"] {
                rows.push(Row {
                    place: format!("{identifier} {path}: {}", fixture.name),
                    fixture,
                    issuer: identifier,
                    path,
                    library: rig.library(path, &token).await,
                    sidecar: rig.sidecar(path, &token),
                });
            }
        }
    }
    // The reason of a denial is in the decision log alone.
    rig.gate.decision_after(rows.len() - 1);
    let events = rig.gate.decisions();
    let mut wrong = Vec::new();
    for (row, event) in rows.iter().zip(&events) {
        let (status, received) = &row.sidecar;
        let reason = json!({ "error": event["reason"] });
        let sidecar = (*status, received.clone().unwrap_or(reason));
        let expected = expected(row.fixture, row.issuer);
        let is_right = match row.path {
            "/any" => row.library == expected && sidecar == expected,
            _ => row.library.0 == human_status(row.fixture, &expected) && sidecar == row.library,
        };
        if !is_right {
            let Row { place, library, .. } = row;
            wrong.push(format!(
                "{place}\n  expected {expected:?}\n  library  {library:?}\n  sidecar  {sidecar:?}"
            ));
        }
    }
    assert!(rows.len() > 400 && events.len() == rows.len(), "{} rows", rows.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The status and the facts on a route without a rule on kinds.
fn expected(fixture: &Fixture, issuer: &str) -> (u16, Value) {
    let expected = fixture.read_from(issuer);
    let status = if expected["error"].is_null() { 200 } else { 401 };
    (status, expected)
}

/// The status where a person must initiate: no machine and no ID token is allowed, whatever the fixture expects.
fn human_status(fixture: &Fixture, (status, expected): &(u16, Value)) -> u16 {
    let is_human = expected["kind"] == Kind::Human.to_string();
    let is_no_person = matches!(fixture.case, Some(Case::Machine | Case::IdToken));
    match status {
        200 if is_no_person || !is_human => 403,
        status => *status,
    }
}
