//! One token and one request, judged in the open: for the operator who holds the token.

use http::HeaderMap;

use crate::authorizer::{Authorizer, Decision, Gate};
use crate::error::{Error, Reason};
use crate::policy::{Check, Collect, Tier};
use crate::request::Target;

/// Every check that was made of one request, and the verdict that enforcement would have reached.
///
/// It shows values of the token's claims: print it for whoever brought the token, never log it.
#[derive(Clone, Debug)]
pub struct Explanation {
    checks: Vec<Check>,
    decision: Decision,
}

impl Explanation {
    /// The checks in the order in which they were made. Every rule of the policy is judged, also after a refusal.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// The decision.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }
}

impl Authorizer {
    /// Judges `token` for `target` as of `now` (seconds since 1970), writing down every check.
    ///
    /// The function that judges is the one that enforces. It does NOT fetch a key that is not here.
    pub fn explain(&self, target: &Target<'_>, token: &str, now: u64) -> Explanation {
        let mut field = HeaderMap::new();
        let presented = match http::HeaderValue::try_from(format!("Bearer {token}")) {
            Ok(value) => {
                field.insert(http::header::AUTHORIZATION, value);
                crate::request::bearer::bearer(&field, target.query())
            }
            Err(_) => Err(Error::InvalidRequest {
                reason: "the token cannot stand in a header",
            }),
        };
        let mut recorder = Collect::default();
        let judged = self.judge_token(&Gate::Routes, target, presented, now, &mut recorder);
        let decision = judged.decision;
        let mut checks = token_checks(&decision, now);
        checks.append(&mut recorder.0);
        Explanation { checks, decision }
    }
}

/// The steps before the policy, in their order: what each asks for.
const STEPS: [(&str, &str); 9] = [
    ("credential", "one bearer token"),
    ("form", "a strict compact JWS"),
    ("issuer", "a trusted issuer"),
    ("type", "an access token"),
    ("key", "a key of the issuer that fits"),
    ("signature", "by that key"),
    ("claims", "every claim and every actor in due form"),
    ("audience", "an audience of ours"),
    ("time", "valid now"),
];
const BINDING: (&str, &str) = ("binding", "no key to prove, or its proof");

/// The steps before the policy. Enforcement keeps no record of them, and needs none: all of them were passed, or the
/// error names the one that was not, and with it those before it that were.
fn token_checks(decision: &Decision, now: u64) -> Vec<Check> {
    let route = Check::new(
        "route",
        Tier::Token,
        "a route of the policy".into(),
        decision.route().unwrap_or("none").into(),
    );
    let mut checks = vec![if decision.route().is_some() {
        route
    } else {
        route.failed("no_route")
    }];
    let mut steps = STEPS.into_iter().chain([BINDING]);
    let check = |(step, expected): (&str, &str), got: String| Check::new(step, Tier::Token, expected.into(), got);
    match (decision.identity(), decision.error()) {
        (Some(identity), _) => {
            let claims = identity.facts().claims();
            let got = |step: &str| match step {
                "issuer" => identity.issuer().to_owned(),
                "audience" => claims.audience.join(", "),
                "time" => format!("{} s left", identity.expires_at().saturating_sub(now)),
                _ => "passed".to_owned(),
            };
            checks.extend(steps.map(|step| check(step, got(step.0))));
        }
        (None, Some(error)) => {
            let refused = step(error);
            let passed = steps.by_ref().take_while(|(step, _)| *step != refused);
            checks.extend(passed.map(|step| check(step, "passed".to_owned())));
            let expected = STEPS.into_iter().chain([BINDING]).find(|(step, _)| *step == refused);
            checks.extend(expected.map(|step| check(step, error.to_string()).failed(error.code())));
        }
        // A public route: no token was looked at.
        (None, None) => {}
    }
    checks
}

/// The step at which a token was refused.
fn step(error: &Error) -> &'static str {
    match error {
        Error::MissingToken | Error::InvalidRequest { .. } => "credential",
        Error::MalformedToken { .. } => "form",
        Error::UnsupportedAlgorithm | Error::UnknownKey | Error::Unavailable { .. } => "key",
        Error::InvalidSignature => "signature",
        Error::InvalidClaim { claim: "iss", .. } => "issuer",
        Error::InvalidClaim { claim: "typ", .. } => "type",
        Error::InvalidClaim {
            claim: "aud",
            reason: Reason::Mismatch,
        } => "audience",
        Error::InvalidClaim {
            reason: Reason::Expired | Reason::NotYetValid,
            ..
        } => "time",
        Error::InvalidClaim { .. } | Error::InvalidChain { .. } => "claims",
        Error::InvalidConfirmation => "binding",
        // Only reached with an identity.
        Error::InsufficientScope { .. } | Error::InsufficientUserAuthentication { .. } | Error::Denied { .. } => {
            "claims"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Policy;
    use crate::policy::Outcome;
    use crate::testing::Authority;
    use http::{Method, Uri};
    use serde_json::json;

    #[test]
    fn every_step_is_shown_up_to_the_one_that_refused() {
        let authority = Authority::new().unwrap();
        let policy = Policy::from_yaml(
            "routes: [{ match: GET /, initiator: { kind: human } }, { match: GET /p, public: true }]",
        );
        let trusted = authority.trusted(Authority::AUDIENCE).unwrap();
        let authorizer = Authorizer::new([trusted], policy.unwrap()).unwrap();
        let explain = |path, token: &str| {
            authorizer.explain(
                &Target::new(&Method::GET, &Uri::from_static(path)).unwrap(),
                token,
                Authority::NOW,
            )
        };
        let last = |token: &str| {
            let explanation = explain("/", token);
            let check = explanation.checks().last().unwrap();
            assert_eq!(check.outcome, Outcome::Failed);
            let passed = explanation
                .checks()
                .iter()
                .filter(|check| check.outcome == Outcome::Passed)
                .count();
            (check.rule.clone(), passed)
        };
        let token = |claims| authority.token(claims).unwrap();
        assert_eq!(last("a b"), ("credential".into(), 1));
        assert_eq!(last("a.b.c"), ("form".into(), 2));
        assert_eq!(last(&token(json!({"iss": "https://other.test"}))), ("issuer".into(), 3));
        assert_eq!(last(&token(json!({"sub": 7}))), ("claims".into(), 7));
        assert_eq!(
            last(&token(json!({"aud": "https://other.test"}))),
            ("audience".into(), 8)
        );
        assert_eq!(last(&token(json!({"exp": 7}))), ("time".into(), 9));
        assert_eq!(last(&token(json!({"cnf": {}}))), ("binding".into(), 10));
        assert_eq!(last(&token(json!({}))), ("GET /: initiator.kind".into(), 12));
        assert_eq!(explain("/p", "a.b.c").checks().len(), 1);
        assert_eq!(explain("/x", &token(json!({}))).checks()[0].code, Some("no_route"));
    }
}
