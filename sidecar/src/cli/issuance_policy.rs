//! `--guard` of `actgate issuer`: a policy that decides which tokens it issues.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use actgate::profile::{ChainCompleteness, PriorActors};
use actgate::request::{Presented, Target};
use actgate::testing::{GivenClaims, TestIssuer};
use actgate::{Authorizer, AuthorizerBuilder, ConfigError, Policy, TrustedIssuer};
use actgate_issuer::{IssuancePolicy, IssuanceRequest};
use actgate_yaml::{Diagnostic, Diagnostics, OneOrMany, Span, Spanned, nearest};
use http::{Method, Uri};
use serde::Deserialize;
use serde_json::Value;

use crate::config::{NO_ROUTE, diagnostic};
use crate::exit::Failure;
use crate::files::text_file::read_text;

/// The code of a denial without a decision: the policy could not be asked.
const UNDECIDED: &str = "undecided";

/// The path of each grant, as `name` writes it.
const PATHS: [&str; 6] = [
    "/client-credentials",
    "/authorization-code",
    "/refresh",
    "/ciba",
    "/device",
    "/token-exchange",
];

/// The routes of a policy, for their places.
#[derive(Default, Deserialize)]
#[serde(default)]
struct GuardDocument {
    routes: Vec<RouteDocument>,
}

#[derive(Deserialize)]
struct RouteDocument {
    #[serde(rename = "match")]
    matches: OneOrMany<Spanned<String>>,
}

/// A policy in the language of the gate. A token is decided on as the one of a request `POST /GRANT` to its audience.
pub(super) struct GuardPolicy(Arc<Policy>);

impl GuardPolicy {
    /// Reads a policy, and checks it with the issuer that it is for. Each route must match a token of some grant.
    pub(super) fn read(file: &Path, issuer: &str) -> Result<GuardPolicy, Failure> {
        let failed = |mistakes: Diagnostics| Failure::Configuration(mistakes.in_file(file));
        let whole = |message: &str, help: &str| {
            let mistake = Diagnostic::new(Span::default(), message, help);
            failed(Diagnostics::from_iter([mistake]))
        };
        let text = read_text(file).map_err(|error| whole(&error.message, error.help))?;
        let policy = Policy::from_yaml(&text).map_err(|error| failed(error.iter().map(diagnostic).collect()))?;
        let written = actgate_yaml::read::<GuardDocument>(&text).value.unwrap_or_default();
        let routes: Vec<_> = written.routes.iter().flat_map(|route| route.matches.iter()).collect();
        if routes.is_empty() {
            return Err(whole(
                NO_ROUTE,
                "write one for each grant, such as `match: POST /token-exchange`",
            ));
        }
        let guard = GuardPolicy(Arc::new(policy));
        let trusted = trusted(issuer, "https://api.example").map_err(|message| whole(&message, ""))?;
        let mut mistakes: Diagnostics = routes.iter().filter_map(|route| unmatched(route)).collect();
        let conflicts = guard.builder().issuer(trusted).check();
        mistakes.extend(conflicts.iter().map(|error| conflict(error, &routes)));
        mistakes.extend(guard.0.limits().iter().map(|limit| limited(&limit.rule, &routes)));
        match mistakes.is_empty() {
            true => Ok(guard),
            false => Err(failed(mistakes)),
        }
    }

    fn builder(&self) -> AuthorizerBuilder {
        Authorizer::builder().policy(Arc::clone(&self.0))
    }

    /// The claims with an authorizer that has the policy, and takes them from their issuer and for their audience.
    fn given(&self, claims: &Value) -> Result<GivenClaims, String> {
        let text = |name: &str| claims[name].as_str().unwrap_or_default();
        let issuer = trusted(text("iss"), text("aud"))?;
        GivenClaims::new(self.builder(), [issuer], &claims.to_string()).map_err(|error| error.to_string())
    }
}

/// The issuer whose tokens for an audience the policy is asked about. It writes every actor itself.
fn trusted(issuer: &str, audience: &str) -> Result<TrustedIssuer, String> {
    let failed = |error: &dyn fmt::Display| error.to_string();
    let keys = TestIssuer::new().map_err(|error| failed(&error))?.key_set();
    let keys = keys.map_err(|error| failed(&error))?;
    let trusted = TrustedIssuer::with_insecure_http(issuer, keys).and_then(|issuer| issuer.audience(audience));
    let trusted = trusted.map_err(|error| failed(&error))?;
    Ok(trusted
        .chain_completeness(ChainCompleteness::Complete)
        .prior_actors(PriorActors::Enforce))
}

/// The mistake of a route that no token matches. A token is that of a `POST` to the path of its grant.
fn unmatched(route: &Spanned<String>) -> Option<Diagnostic> {
    let (methods, path) = route
        .value
        .trim_ascii()
        .split_once(|space: char| space.is_ascii_whitespace())?;
    let path = path.trim_ascii_start();
    let takes_every_grant = path.starts_with("/{") && path.matches('/').count() == 1;
    let help = match PATHS.contains(&path) || takes_every_grant {
        true if methods == "*" || methods.split(',').any(|method| method == "POST") => return None,
        true => format!("write `POST {path}`"),
        false => nearest(path, &PATHS),
    };
    let message = format!("the route `{}` matches no token", route.value);
    Some(Diagnostic::new(route.span(), message, help))
}

/// What the policy asks for and a token that is to be issued does not have.
fn conflict(error: &ConfigError, routes: &[&Spanned<String>]) -> Diagnostic {
    let ConfigError::BodyRule { rule, .. } = error else {
        return Diagnostic::new(Span::default(), error.to_string(), "");
    };
    let message = format!("`{rule}` reads the body of a request, and a token that is to be issued has none");
    let help = "remove it: a policy on tokens reads their claims";
    Diagnostic::new(place(rule, routes), message, help)
}

/// A limit, which nothing would count.
fn limited(rule: &str, routes: &[&Spanned<String>]) -> Diagnostic {
    let message = format!("`{rule}` counts requests, and a policy on tokens counts none");
    Diagnostic::new(
        place(rule, routes),
        message,
        "remove it, and limit the requests to the issuer",
    )
}

/// The place of the route of a rule.
fn place(rule: &str, routes: &[&Spanned<String>]) -> Span {
    let route = routes.iter().find(|route| rule.contains(&*route.value));
    route.map(|route| route.span()).unwrap_or_default()
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
    use serde_json::json;

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
