//! One token and one request, judged in the open: for the operator who holds the token.

use http::HeaderMap;

use crate::authorizer::{Authorizer, Decision, Gate};
use crate::error::Error;
use crate::policy::{Check, Collect, Tier};
use crate::target::Target;

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
                crate::credential::bearer(&field, target.query())
            }
            Err(_) => Err(Error::InvalidRequest {
                reason: "the token cannot stand in a header",
            }),
        };
        let mut recorder = Collect::default();
        let judged = self.judge_token(&Gate::Routes, target, presented, now, &mut recorder);
        let decision = judged.decision;
        let mut checks = token_checks(self, &decision, now);
        checks.append(&mut recorder.0);
        Explanation { checks, decision }
    }
}

/// The steps before the policy, of which enforcement keeps no record: all of them passed, or the verdict names the one.
fn token_checks(authorizer: &Authorizer, decision: &Decision, now: u64) -> Vec<Check> {
    let route = |got: &str| Check::new("route", Tier::Token, "a route of the policy".into(), got.into());
    let mut checks = vec![match decision.route() {
        Some(name) => route(name),
        None => route("none").failed("no_route"),
    }];
    if let Some(identity) = decision.identity() {
        let claims = identity.facts().claims();
        let mut passed =
            |rule, expected: &str, got: String| checks.push(Check::new(rule, Tier::Token, expected.into(), got));
        passed("signature", "by a key of the issuer", "valid".into());
        passed("issuer", "a trusted issuer", identity.issuer().to_owned());
        passed("audience", "an audience of ours", claims.audience.join(", "));
        let left = identity.expires_at().saturating_sub(now);
        let expected = format!("not expired, within {} s", authorizer.leeway());
        passed("time", &expected, format!("{left} s left"));
    } else if let Some(error) = decision.error() {
        let check = Check::new("token", Tier::Token, "a valid access token".into(), error.to_string());
        checks.push(check.failed(error.code()));
    }
    checks
}
