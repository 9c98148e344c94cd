//! A gate of the library in front of a handler, and the tokens of the issuer that it trusts.

use std::convert::Infallible;
use std::sync::LazyLock;

use actgate::clock::FixedClock;
use actgate::profile::Profile;
use actgate::testing::TestIssuer;
use actgate::{AuthorizeLayer, Authorizer, Error, Policy, TrustedIssuer};
use http::{Request, Response};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};

use crate::fixture::{Fixture, Names, identity};

static ISSUER: LazyLock<TestIssuer> = LazyLock::new(|| TestIssuer::new().unwrap());

/// One route for every token, one for a token that a person initiates.
const POLICY: &str = "routes: [{ match: GET /any }, { match: GET /human, initiator: { kind: human } }]";

pub(crate) const NAMES: Names<'static> = Names {
    issuer: TestIssuer::ISSUER,
    audience: TestIssuer::AUDIENCE,
};

/// The issuer of tokens without `iss`.
const TRUST_DOMAIN: &str = "spiffe://td.example";

/// A gate that trusts an issuer and a trust domain, both with one profile.
pub(crate) struct Gate(AuthorizeLayer);

impl Gate {
    pub(crate) fn with_preset(name: &str) -> Gate {
        Gate::new(name.parse().unwrap())
    }

    pub(crate) fn new(profile: Profile) -> Gate {
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
    pub(crate) async fn compare(&self, file: &str, fixture: &Fixture) -> Option<String> {
        let expected = fixture.expected(NAMES);
        let got = self.read("/any", &fixture.token()).await;
        let got = got.unwrap_or_else(|error| json!({ "error": error.to_string() }));
        let place = format!("{file}: {}", fixture.name);
        (got != expected).then(|| format!("{place}:\n  expected {expected}\n  got      {got}"))
    }

    /// The identity that a handler gets.
    pub(crate) async fn read(&self, target: &str, token: &str) -> Result<Value, Error> {
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

impl Fixture {
    pub(crate) fn token(&self) -> String {
        self.token_of_type(None)
    }

    /// The token, or the same one with another media type.
    pub(crate) fn token_of_type(&self, typ: Option<&str>) -> String {
        let mut header = self.header("ES256", "testing");
        if let Some(typ) = typ {
            header["typ"] = typ.into();
        }
        let claims = self.claims(NAMES, TestIssuer::NOW + 300);
        ISSUER.token_with_header(header, claims).unwrap()
    }
}
