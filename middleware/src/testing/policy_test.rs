//! Runs cases against a policy.

use std::fmt;
use std::sync::Arc;

use http::HeaderName;
use http::header::AUTHORIZATION;
use serde_json::{Map, Value, json};

use super::case_request::CaseRequest;
use super::issuer::{TestIssuer, TestIssuerError, failed};
use crate::analysis::{Case, CaseOutcome, CaseToken, Cases, SmallestChange};
use crate::authorizer::{Authorizer, AuthorizerBuilder, Explanation};
use crate::clock::FixedClock;
use crate::issuer::TrustedIssuer;
use crate::keys::KeySource;
use crate::policy::policy::Policy;
use crate::profile::{ChainCompleteness, PriorActors, Profile};
use crate::request::Target;

/// How long the token of a case is valid, in seconds.
const LIFETIME: u64 = 300;

/// A policy with trusted issuers in memory, which decides cases.
///
/// The tokens of cases are signed with a key that is made for the test, so that a case runs every step of a decision: the one
/// function that enforces decides it.
pub struct PolicyTest {
    issuer: TestIssuer,
    clock: FixedClock,
    authorizer: Authorizer,
    issuers: Vec<TestedIssuer>,
}

/// An issuer of the tokens of cases, and what a claim of theirs is where the case leaves it out.
#[derive(Clone, Debug)]
pub struct TestedIssuer {
    trusted: TrustedIssuer,
    audience: String,
    claims: Map<String, Value>,
}

impl TestedIssuer {
    /// A trusted issuer, whose tokens have this audience. Its keys are replaced.
    pub fn new(trusted: TrustedIssuer, audience: impl Into<String>) -> TestedIssuer {
        TestedIssuer {
            trusted,
            audience: audience.into(),
            claims: Map::new(),
        }
    }

    /// Adds a claim to its tokens, such as one that the issuer is trusted for.
    #[must_use]
    pub fn with_claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> TestedIssuer {
        self.claims.insert(name.into(), value.into());
        self
    }
}

impl PolicyTest {
    /// For a policy and the issuers of a cases file, each of which has a complete chain whose prior actors are enforced. The
    /// audience is [`TestIssuer::AUDIENCE`].
    ///
    /// # Errors
    /// Where the policy and the issuers cannot be used together.
    pub fn new(policy: impl Into<Arc<Policy>>, cases: &Cases) -> Result<PolicyTest, TestIssuerError> {
        let builder = Authorizer::builder().policy(policy).reads_bodies();
        let mut tested = Vec::new();
        for issuer in cases.issuers(TestIssuer::ISSUER) {
            // No key is fetched: it is replaced.
            let keys = KeySource::JwksUri("https://issuer.test/jwks".to_owned());
            let trusted = TrustedIssuer::new(&issuer.identifier, keys).map_err(failed)?;
            let trusted = trusted.profile(issuer.profile).audience(TestIssuer::AUDIENCE);
            let trusted = trusted.map_err(failed)?.chain_completeness(ChainCompleteness::Complete);
            let trusted = trusted.prior_actors(PriorActors::Enforce);
            tested.push(TestedIssuer::new(trusted, TestIssuer::AUDIENCE));
        }
        PolicyTest::with_issuers(builder, tested)
    }

    /// For an authorizer without issuers, and the issuers that it is to trust. A token that names no issuer is of the first one.
    ///
    /// # Errors
    /// Where they cannot be used together, and without an issuer.
    pub fn with_issuers(builder: AuthorizerBuilder, issuers: Vec<TestedIssuer>) -> Result<PolicyTest, TestIssuerError> {
        let issuer = TestIssuer::new()?;
        let clock = FixedClock::at(TestIssuer::NOW);
        let mut builder = builder.clock(clock.clone());
        for tested in &issuers {
            builder = issuer.add_to(builder, tested.trusted.clone())?;
        }
        Ok(PolicyTest {
            issuer,
            clock,
            authorizer: builder.build().map_err(failed)?,
            issuers,
        })
    }

    /// The policy.
    pub fn policy(&self) -> Arc<Policy> {
        self.authorizer.policy()
    }

    /// The authorizer that decides the cases, and the clock that it reads.
    pub fn authorizer(&self) -> (&Authorizer, &FixedClock) {
        (&self.authorizer, &self.clock)
    }

    /// The profile of a trusted issuer, by its identifier.
    pub fn profile(&self, issuer: &str) -> Option<&Profile> {
        let mut issuers = self.issuers.iter();
        let tested = issuers.find(|tested| tested.trusted.identifier() == issuer)?;
        Some(&tested.trusted.profile)
    }

    /// The signed token of a case whose request arrives at `now`, in seconds since 1970; [`None`] of a case without one.
    ///
    /// # Errors
    /// Where no issuer has the preset of the token.
    pub fn token(&self, case: &Case, now: u64) -> Result<Option<String>, TestIssuerError> {
        let Some(token) = case.token() else { return Ok(None) };
        let tested = self.issuer_of(token)?;
        let issuer = tested.trusted.identifier();
        let mut claims =
            json!({ "iss": issuer, "aud": tested.audience, "iat": now, "exp": now.saturating_add(LIFETIME) });
        let own = tested.claims.clone();
        let mut typ = token.header_type();
        let mut of_fixture = token.fixture_claims(issuer, &tested.audience);
        if token.preset().is_none() {
            typ = Some("at+jwt".to_owned());
            let usual = [("sub", "someone"), ("client_id", "client"), ("jti", "testing")];
            of_fixture.extend(usual.map(|(name, text)| (name.to_owned(), text.into())));
            claims["nbf"] = now.into();
        }
        let typ = case.header_type().or(typ.as_deref());
        let further = [own, of_fixture, token.claims().clone()];
        self.issuer.token_of_type(typ, claims, further).map(Some)
    }

    /// The field with the token of a case.
    fn field(&self, case: &Case, now: u64) -> Result<Option<(HeaderName, String)>, TestIssuerError> {
        let (Some(token), Some(signed)) = (case.token(), self.token(case, now)?) else {
            return Ok(None);
        };
        Ok(Some(match self.issuer_of(token)?.trusted.carrier() {
            Some(own) => (own.clone(), signed),
            None => (AUTHORIZATION, format!("Bearer {signed}")),
        }))
    }

    fn issuer_of(&self, token: &CaseToken) -> Result<&TestedIssuer, TestIssuerError> {
        let named = token.claims().get("iss").and_then(Value::as_str);
        let is_of_preset = |tested: &&TestedIssuer| {
            let profile = &tested.trusted.profile;
            token.preset().is_none_or(|preset| profile.preset() == Some(preset))
        };
        let is_named = |tested: &&TestedIssuer| named.is_none_or(|named| tested.trusted.identifier() == named);
        let mut of_preset = self.issuers.iter().filter(is_of_preset);
        let found = of_preset.clone().find(is_named).or_else(|| of_preset.next());
        found.ok_or_else(|| match token.preset() {
            Some(preset) => failed(format!("no trusted issuer has the profile `{preset}`")),
            None => failed("no issuer is trusted"),
        })
    }

    /// Decides a case whose request arrives at its own time, or at `now`, in seconds since 1970.
    ///
    /// # Errors
    /// Where no issuer has the preset of the token.
    pub fn run(&self, case: &Case, now: u64) -> Result<CaseResult, TestIssuerError> {
        let now = case.at().unwrap_or(now);
        let request = CaseRequest::with_field(case, self.field(case, now)?);
        let result = request.and_then(|request| {
            let target = Target::with_escaped_slashes(&request.method, &request.uri)?;
            let presented = request.presented(&target);
            let mut result = CaseResult::new(case, now, self.authorizer.explain(&presented, now));
            if !result.is_expected && case.expected().is_allowed() {
                result.change = self.authorizer.smallest_change(&result.explanation, &presented, now);
            }
            Ok(result)
        });
        Ok(result.unwrap_or_else(|error| CaseResult::new(case, now, self.authorizer.explain_without_target(error))))
    }
}

impl fmt::Debug for PolicyTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyTest").finish_non_exhaustive()
    }
}

/// The decision on a case.
#[derive(Clone, Debug)]
pub struct CaseResult {
    now: u64,
    outcome: CaseOutcome,
    shadow: Option<CaseOutcome>,
    is_expected: bool,
    explanation: Explanation,
    change: Option<SmallestChange>,
}

impl CaseResult {
    fn new(case: &Case, now: u64, explanation: Explanation) -> CaseResult {
        let decision = explanation.decision();
        let outcome = CaseOutcome::from(decision.outcome());
        let shadow = decision.shadow().map(CaseOutcome::from);
        CaseResult {
            now,
            is_expected: outcome == *case.expected() && shadow.as_ref() == case.expected_in_shadow(shadow.as_ref()),
            outcome,
            shadow,
            explanation,
            change: None,
        }
    }

    /// Whether the decision is the expected one, also with the rules in shadow.
    pub fn is_expected(&self) -> bool {
        self.is_expected
    }

    /// The decision.
    pub fn outcome(&self) -> &CaseOutcome {
        &self.outcome
    }

    /// The decision if every rule in shadow were enforced; [`None`] where none is in shadow, or the request is denied before its
    /// rules.
    pub fn in_shadow(&self) -> Option<&CaseOutcome> {
        self.shadow.as_ref()
    }

    /// Every check of it.
    pub fn explanation(&self) -> &Explanation {
        &self.explanation
    }

    /// The smallest change that would allow a case that is expected to be allowed and is denied; [`None`] for any other case.
    pub fn smallest_change(&self) -> Option<&SmallestChange> {
        self.change.as_ref()
    }

    /// The time of the request, in seconds since 1970.
    pub fn now(&self) -> u64 {
        self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(policy: &str, cases: &str) -> Vec<String> {
        let policy = Policy::from_yaml(policy).unwrap();
        let cases = Cases::from_yaml(cases).unwrap_or_else(|error| panic!("{error}"));
        let test = PolicyTest::new(policy, &cases).unwrap();
        let run = |case: &Case| test.run(case, TestIssuer::NOW).unwrap().outcome().to_string();
        cases.iter().map(run).collect()
    }

    #[test]
    fn a_token_by_preset_is_read_by_the_profile_of_its_issuer() {
        let policy = "routes: [{ match: GET /, initiator: { kind: human }, scopes: [orders:read] }]";
        let case = |token: &str| format!("  - {{ name: a, request: GET /, expect: allow, token: {token} }}\n");
        let tokens = [
            (
                "{ preset: keycloak, fixture: human, claims: { scope: orders:read } }",
                "allow",
            ),
            (
                "{ preset: okta, fixture: human, claims: { scp: [orders:read] } }",
                "allow",
            ),
            (
                "{ preset: keycloak, fixture: machine, claims: { scope: orders:read } }",
                "deny initiator_not_human (403)",
            ),
            ("{ preset: keycloak, fixture: human }", "deny insufficient_scope (403)"),
            ("{ preset: keycloak, fixture: id-token }", "deny invalid_claim (401)"),
            (
                "{ preset: keycloak, claims: { sub: u1, scope: orders:read } }",
                "deny invalid_claim (401)",
            ),
            (
                "{ preset: keycloak, claims: { typ: Bearer, sub: u1, scope: orders:read } }",
                "deny initiator_kind_unknown (403)",
            ),
            ("{ sub_profile: user, scope: orders:read }", "allow"),
            (
                "{ sub_profile: user, scope: orders:read, iss: https://keycloak.test }",
                "deny invalid_claim (401)",
            ),
        ];
        let cases = "cases:\n".to_owned() + &tokens.map(|(token, _)| case(token)).concat();
        assert_eq!(outcomes(policy, &cases), tokens.map(|(_, expected)| expected));
    }

    #[test]
    fn every_fixture_is_decided_and_those_of_words_are_access_tokens() {
        let policy = || Policy::from_yaml("routes: [{ match: GET / }]").unwrap();
        for preset in crate::profile::Profile::names() {
            for name in crate::analysis::fixture_names(preset) {
                let token = format!("{{ preset: {preset}, fixture: {} }}", json!(name));
                let text = format!("cases: [{{ name: a, request: GET /, token: {token}, expect: allow }}]");
                let cases = Cases::from_yaml(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
                let test = PolicyTest::new(policy(), &cases).unwrap();
                let result = test.run(cases.iter().next().unwrap(), TestIssuer::NOW).unwrap();
                match &*name {
                    "human" | "machine" => assert!(result.is_expected(), "{text}: {}", result.outcome()),
                    "id-token" => assert!(!result.outcome().is_allowed(), "{text}"),
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn a_request_that_no_server_accepts_is_denied() {
        let policy = "routes: [{ match: GET / }]";
        let cases = "cases:\n  - { name: a, request: GET a b, expect: allow }\n".replace("a b", "//");
        assert_eq!(outcomes(policy, &cases), ["deny invalid_request (400)"]);
        let cases = "cases:\n  - { name: a, request: 'GET :', expect: allow }\n";
        assert_eq!(outcomes(policy, cases), ["deny invalid_request (400)"]);
    }
}
