//! `--guard` of `actgate issuer`: a policy that decides which tokens it issues.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use actgate::profile::{ChainCompleteness, PriorActors};
use actgate::request::{Presented, Target};
use actgate::testing::{GivenClaims, TestIssuer};
use actgate::{Authorizer, Policy, TrustedIssuer};
use actgate_issuer::{IssuancePolicy, IssuanceRequest};
use actgate_yaml::{Diagnostic, Diagnostics, Span};
use http::{Method, Uri};
use serde_json::{Value, json};

use crate::exit::Failure;
use crate::files::text_file::read_text;

/// The code of a denial without a decision: the policy could not be asked.
const UNDECIDED: &str = "undecided";

/// A policy in the language of the gate. A token is decided on as the one of a request `POST /GRANT` to its audience.
pub(super) struct GuardPolicy(Arc<Policy>);

impl GuardPolicy {
    /// Reads a policy, and checks it with the issuer that it is for.
    pub(super) fn read(file: &Path, issuer: &str) -> Result<GuardPolicy, Failure> {
        let mistake = |message: String, help: &str| {
            let mistake = Diagnostic::new(Span::default(), message, help);
            Failure::Configuration(Diagnostics::from_iter([mistake]).in_file(file))
        };
        let text = read_text(file).map_err(|error| mistake(error.message, error.help))?;
        let policy = Policy::from_yaml(&text).map_err(|error| {
            let mistakes = error.iter().map(|one| mistake_of(one.to_string()));
            Failure::Configuration(mistakes.collect::<Diagnostics>().in_file(file))
        })?;
        let guard = GuardPolicy(Arc::new(policy));
        let claims = json!({ "iss": issuer, "aud": "https://api.example" });
        match guard.given(&claims) {
            Ok(_) => Ok(guard),
            Err(message) => Err(mistake(message, "")),
        }
    }

    /// The claims with an authorizer that has the policy, and takes them from their issuer and for their audience.
    fn given(&self, claims: &Value) -> Result<GivenClaims, String> {
        let failed = |error: &dyn fmt::Display| error.to_string();
        let text = |name: &str| claims[name].as_str().unwrap_or_default();
        let keys = TestIssuer::new().map_err(|error| failed(&error))?.key_set();
        let keys = keys.map_err(|error| failed(&error))?;
        let issuer = TrustedIssuer::with_insecure_http(text("iss"), keys);
        let issuer = issuer
            .and_then(|issuer| issuer.audience(text("aud")))
            .map_err(|error| failed(&error))?;
        // The issuer itself writes every actor.
        let issuer = issuer
            .chain_completeness(ChainCompleteness::Complete)
            .prior_actors(PriorActors::Enforce);
        let builder = Authorizer::builder().policy(Arc::clone(&self.0));
        GivenClaims::new(builder, [issuer], &claims.to_string()).map_err(|error| failed(&error))
    }
}

fn mistake_of(text: String) -> Diagnostic {
    Diagnostic::new(Span::default(), text, "")
}

/// Prints no rule of the policy.
impl fmt::Debug for GuardPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GuardPolicy")
    }
}

impl IssuancePolicy for GuardPolicy {
    fn decide(&self, request: &IssuanceRequest<'_>) -> Result<(), &'static str> {
        let claims = request.claims;
        let given = self.given(claims).map_err(|_| UNDECIDED)?;
        let (Some(audience), Some(now)) = (claims["aud"].as_str(), claims["iat"].as_u64()) else {
            return Err(UNDECIDED);
        };
        let at_audience = url::Url::parse(audience).ok().filter(url::Url::has_host);
        let at_audience = at_audience
            .map(|url| url.origin().ascii_serialization())
            .unwrap_or_default();
        let uri: Uri = format!("{at_audience}/{}", name(request.grant))
            .parse()
            .map_err(|_| UNDECIDED)?;
        let target = Target::new(&Method::POST, &uri).map_err(|error| error.code())?;
        let explained = given
            .authorizer()
            .explain(&Presented::token(&target, given.token()), now);
        explained.decision().outcome().map_err(|error| error.code())
    }
}

/// The path of a grant type: `/token-exchange` of `urn:ietf:params:oauth:grant-type:token-exchange`.
fn name(grant: &str) -> String {
    match grant.rsplit(':').next() {
        Some("refresh_token") => "refresh".to_owned(),
        Some("device_code") => "device".to_owned(),
        last => last.unwrap_or_default().replace('_', "-"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "
requirements:
  a-person-began: { initiator: { kind: human } }
routes:
  - match: POST /client-credentials
  - match: POST /token-exchange
    require: [a-person-began]
    chain: { max_depth: 1, none_of: [rogue] }
";

    fn decide(grant: &str, changes: Value) -> Result<(), &'static str> {
        let mut claims = json!({
            "iss": "http://127.0.0.1:9400", "sub": "alice", "sub_profile": "user", "aud": "https://orders.example",
            "client_id": "assistant", "client_profile": "ai_agent", "scope": "orders:read", "iat": 100, "nbf": 100,
            "exp": 200, "jti": "x", "txn": "t",
        });
        claims
            .as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        let guard = GuardPolicy(Arc::new(Policy::from_yaml(POLICY).unwrap()));
        guard.decide(&IssuanceRequest::new(grant, &claims))
    }

    #[test]
    fn a_token_is_decided_on_as_that_of_a_request() {
        let actor = |sub: &str, act: Value| json!({ "iss": "http://127.0.0.1:9400", "sub": sub, "sub_profile": "ai_agent", "act": act });
        assert_eq!(
            decide(
                "token-exchange",
                json!({ "act": { "iss": "http://127.0.0.1:9400", "sub": "assistant", "sub_profile": "ai_agent" } })
            ),
            Ok(())
        );
        assert_eq!(
            decide("client_credentials", json!({ "sub": "bot", "sub_profile": "service" })),
            Ok(())
        );
        let machine = json!({ "sub": "bot", "sub_profile": "ai_agent" });
        assert_eq!(
            decide("urn:ietf:params:oauth:grant-type:token-exchange", machine),
            Err("initiator_not_human")
        );
        let two = actor(
            "shopper",
            json!({ "iss": "http://127.0.0.1:9400", "sub": "assistant", "sub_profile": "ai_agent" }),
        );
        assert_eq!(
            decide("urn:ietf:params:oauth:grant-type:token-exchange", json!({ "act": two })),
            Err("chain_too_deep")
        );
        assert_eq!(
            decide("refresh_token", json!({})),
            Err("no_route"),
            "what has no route is denied"
        );
    }
}
