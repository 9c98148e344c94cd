//! Records every check for one token and request.

use std::sync::Arc;

use super::Authorizer;
use super::decision::Decision;
use super::in_force::InForce;
use super::pending::{Authorization, Pending, Waits};
use super::pipeline::Pipeline;
use super::restored_request::RestoredRequest;
use super::step::Step;
use crate::chain::{ActorChain, FactSource};
use crate::error::Error;
use crate::identity::Identity;
use crate::policy::{Check, Collect, EvaluationTime, Tier};
use crate::profile::Profile;
use crate::request::Presented;
use crate::token::UnverifiedToken;

/// Every check of one request, and the decision.
///
/// It contains values of the token's claims: print it for the holder of the token, do NOT log it.
#[derive(Clone, Debug)]
pub struct Explanation {
    facts: Vec<FactSource>,
    checks: Vec<Check>,
    decision: Decision,
    fitting_presets: Option<Vec<&'static str>>,
    /// The request of a record.
    restored: Option<RestoredRequest>,
}

impl Explanation {
    /// The facts of a verified token, each with the claim or the evidence that it comes from; none for a token that is not
    /// verified.
    pub fn facts(&self) -> &[FactSource] {
        &self.facts
    }

    /// The checks in their order. The first failed step of the token ends them; every rule of the policy is evaluated,
    /// also after one that failed.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// The presets that accept the form of a token, by its `typ` and its claims, where the profile of its trusted issuer does
    /// not; [`None`] for any other token.
    ///
    /// The form does NOT show which product issued the token, and nothing in it is verified.
    pub fn fitting_presets(&self) -> Option<&[&'static str]> {
        self.fitting_presets.as_deref()
    }

    /// The decision.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// The request that was explained, where it is of a record.
    pub(crate) fn restored(&self) -> Option<&RestoredRequest> {
        self.restored.as_ref()
    }

    /// The parties of a token that was verified, also of one from a record.
    pub fn chain(&self) -> Option<ActorChain<'_>> {
        let identity = self.decision.explained_identity();
        identity.map(Identity::chain)
    }

    /// That of a record.
    pub(super) fn of_record(
        facts: Vec<FactSource>,
        mut checks: Vec<Check>,
        decision: Decision,
        restored: RestoredRequest,
    ) -> Explanation {
        let facts = match decision.explained_identity() {
            Some(_) => facts,
            None => Vec::new(),
        };
        checks.iter_mut().for_each(|check| add_source(check, &facts));
        Explanation {
            facts,
            checks,
            decision,
            fitting_presets: None,
            restored: Some(restored),
        }
    }
}

impl Authorizer {
    /// Authorizes a request as of `now`, in seconds since 1970, and records every check.
    ///
    /// It runs the function that enforces: the checks of a token that was verified before are shown as that. It does NOT fetch a key that
    /// is not present.
    pub fn explain(&self, presented: &Presented<'_>, now: u64) -> Explanation {
        self.explain_by(self.in_force(), presented, now).0
    }

    /// The explanation by a policy, and what could change it.
    fn explain_by(
        &self,
        in_force: Arc<InForce>,
        presented: &Presented<'_>,
        now: u64,
    ) -> (Explanation, Option<Pending>) {
        let mut recorder = Collect::default();
        let pipeline = Pipeline::new(&self.inner, &in_force);
        let (conclusion, pending) = match pipeline.authorize(presented, now, &mut recorder) {
            Authorization::Decided(conclusion) => (conclusion, None),
            Authorization::Pending(pending, conclusion) => (conclusion, Some(*pending)),
        };
        let fitting_presets = pipeline.fitting_presets(presented);
        let decision = Decision::new(in_force, conclusion);
        let limits = &self.inner.limits;
        let facts = decision
            .identity()
            .map(|identity| identity.facts().sources(identity.trusted_issuer(), limits));
        let facts = facts.unwrap_or_default();
        let mut checks = recorder.0;
        checks.iter_mut().for_each(|check| add_source(check, &facts));
        let explanation = Explanation {
            facts,
            checks,
            decision,
            fitting_presets,
            restored: None,
        };
        (explanation, pending)
    }

    /// As [`explain`](Self::explain), after it has waited for what [`decide`](Self::decide) waits for: a key that is not present, and
    /// the answer of an issuer that is asked about its tokens.
    pub async fn explain_waiting(&self, presented: &Presented<'_>, now: u64) -> Explanation {
        let in_force = self.in_force();
        let mut waits = Waits::default();
        let (mut explanation, mut pending) = self.explain_by(Arc::clone(&in_force), presented, now);
        while let Some(event) = &pending
            && waits.begin(event)
            && event.resolve().await
        {
            (explanation, pending) = self.explain_by(Arc::clone(&in_force), presented, now);
        }
        explanation
    }

    /// The time of an evaluation at `now`.
    pub(crate) fn evaluation_time(&self, now: u64) -> EvaluationTime {
        let leeway = self.inner.leeway;
        EvaluationTime { now, leeway }
    }

    /// The explanation of a request whose target is ambiguous, so that it has no route.
    pub fn explain_without_target(&self, error: Error) -> Explanation {
        let mut recorder = Collect::default();
        Step::ROUTE.report_failed(&mut recorder, &error);
        Explanation {
            facts: Vec::new(),
            checks: recorder.0,
            decision: Decision::without_route(self.in_force(), error),
            fitting_presets: None,
            restored: None,
        }
    }
}

/// Adds where a fact comes from that claims hold which depend on the profile.
fn add_source(check: &mut Check, facts: &[FactSource]) {
    if check.tier == Tier::Token && check.rule == "audience" {
        check.fact = Some("audience");
    }
    if check.source.is_none() {
        let of_step = step_source(&check.rule).filter(|_| check.tier == Tier::Token);
        let of_fact = || {
            facts
                .iter()
                .find(|fact| Some(&*fact.fact) == check.fact)
                .map(|fact| fact.source.clone())
        };
        check.source = of_fact().or_else(|| of_step.map(str::to_owned));
    }
    let alternatives = check.alternatives.iter_mut().flatten();
    alternatives.for_each(|check| add_source(check, facts));
}

/// What a step before the policy reads.
fn step_source(step: &str) -> Option<&'static str> {
    Some(match step {
        "route" => "method and path",
        "resource" => "host and path",
        "credential" => "the header with the token",
        "issuer" => "`iss`",
        "type" => "`typ` of the header of the token",
        "key" => "`kid` and `alg` of the header of the token",
        "time" => "`exp` and `nbf`",
        "confirmation" => "`cnf`",
        "revocation" => "`jti`, `iat`, the parties and the client",
        "introspection" => "the answer of the issuer",
        "audience" => "`aud`",
        _ => return None,
    })
}

impl Pipeline<'_> {
    fn fitting_presets(&self, presented: &Presented<'_>) -> Option<Vec<&'static str>> {
        let credential = presented.credential(&self.inner.carriers).ok()?;
        let token = UnverifiedToken::decode(credential.text().ok()?, &self.inner.limits).ok()?;
        let claims = token.claims(&self.inner.limits).ok()?;
        let trust = self.trust(&claims).ok()?;
        let fit = |profile: &Profile| claims.fit(profile, token.media_type());
        if fit(&trust.issuer.profile) {
            return None;
        }
        let fits = |name: &&str| name.parse().is_ok_and(|profile| fit(&profile));
        Some(Profile::names().iter().copied().filter(fits).collect())
    }
}

#[cfg(test)]
mod tests {
    use http::{Method, Uri};
    use serde_json::json;

    use super::*;
    use crate::Policy;
    use crate::policy::Outcome;
    use crate::request::Target;
    use crate::testing::TestIssuer;

    #[test]
    fn every_step_is_recorded_up_to_the_one_that_failed() {
        let issuer = TestIssuer::new().unwrap();
        let policy = Policy::from_yaml(
            "routes: [{ match: GET /, initiator: { kind: human } }, { match: GET /p, public: true }]",
        );
        let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
        let builder = Authorizer::builder().issuer(trusted).policy(policy.unwrap());
        let authorizer = builder.build().unwrap();
        let explain = |path, token: &str| {
            let uri = Uri::from_static(path);
            let target = Target::new(&Method::GET, &uri).unwrap();
            authorizer.explain(&Presented::token(&target, token), TestIssuer::NOW)
        };
        let last = |token: &str| {
            let explanation = explain("/", token);
            let check = explanation.checks().last().unwrap();
            assert_eq!(check.outcome, Outcome::Failed);
            let passed = explanation.checks().iter();
            let passed = passed.filter(|check| check.outcome == Outcome::Passed).count();
            (check.rule.clone(), passed)
        };
        let token = |claims| issuer.token(claims).unwrap();
        assert_eq!(last("a b"), ("credential".into(), 1));
        assert_eq!(last("a.b.c"), ("form".into(), 2));
        assert_eq!(last(&token(json!({"iss": "https://other.test"}))), ("issuer".into(), 3));
        let header = json!({"alg": "ES256", "kid": "testing", "typ": "JWT"});
        let typed = issuer
            .token_with_header(header, json!({"iss": TestIssuer::ISSUER}))
            .unwrap();
        assert_eq!(last(&typed), ("type".into(), 4));
        let header = json!({"alg": "ES256", "kid": "other", "typ": "at+jwt"});
        let foreign = issuer
            .token_with_header(header, json!({"iss": TestIssuer::ISSUER}))
            .unwrap();
        assert_eq!(last(&foreign), ("key".into(), 5));
        let forged = TestIssuer::new().unwrap().token(json!({})).unwrap();
        assert_eq!(last(&forged), ("signature".into(), 6));
        assert_eq!(last(&token(json!({"sub": 7}))), ("claims".into(), 7));
        assert_eq!(
            last(&token(json!({"aud": "https://other.test"}))),
            ("audience".into(), 8)
        );
        assert_eq!(last(&token(json!({"exp": 7}))), ("time".into(), 9));
        assert_eq!(last(&token(json!({"cnf": {}}))), ("confirmation".into(), 10));
        assert_eq!(last(&token(json!({}))), ("GET /: initiator.kind".into(), 13));
        assert_eq!(explain("/p", "a.b.c").checks().len(), 1);
        assert_eq!(explain("/x", &token(json!({}))).checks()[0].code, Some("no_route"));
    }

    #[test]
    fn presets_are_proposed_for_a_token_of_another_form_of_a_trusted_issuer() {
        let issuer = TestIssuer::new().unwrap();
        let policy = Policy::from_yaml("routes: [{ match: GET / }]").unwrap();
        let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
        let authorizer = Authorizer::builder().issuer(trusted).policy(policy).build().unwrap();
        let presets = |typ: &str, claims| {
            let header = json!({"alg": "ES256", "kid": "testing", "typ": typ});
            let token = issuer.token_with_header(header, claims).unwrap();
            let uri = Uri::from_static("/");
            let target = Target::new(&Method::GET, &uri).unwrap();
            let explanation = authorizer.explain(&Presented::token(&target, &token), TestIssuer::NOW);
            explanation.fitting_presets().map(<[_]>::to_vec)
        };
        let of_keycloak = json!({"iss": TestIssuer::ISSUER, "typ": "Bearer"});
        assert!(presets("JWT", of_keycloak).is_some_and(|presets| presets.contains(&"keycloak")));
        let of_no_product = json!({"iss": TestIssuer::ISSUER, "sub": "u"});
        assert_eq!(presets("dpop+jwt", of_no_product.clone()), Some(vec![]));
        assert_eq!(presets("at+jwt", of_no_product), None);
        let id_token = json!({"iss": TestIssuer::ISSUER, "at_hash": "x"});
        assert!(presets("at+jwt", id_token).is_some_and(|presets| !presets.contains(&"rfc9068")));
        assert_eq!(
            presets("JWT", json!({"iss": "https://other.test", "typ": "Bearer"})),
            None
        );
    }

    #[test]
    fn a_cached_token_shows_the_same_steps() {
        let issuer = TestIssuer::new().unwrap();
        let policy = Policy::from_yaml("routes: [{ match: GET / }]").unwrap();
        let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
        let authorizer = Authorizer::builder().issuer(trusted).policy(policy).build().unwrap();
        let token = issuer.token(json!({})).unwrap();
        let steps = || -> Vec<String> {
            let uri = Uri::from_static("/");
            let target = Target::new(&Method::GET, &uri).unwrap();
            let explanation = authorizer.explain(&Presented::token(&target, &token), TestIssuer::NOW);
            explanation.checks().iter().map(|check| check.rule.clone()).collect()
        };
        let fresh = steps();
        assert!(fresh.len() > 10, "{fresh:?}");
        assert_eq!(steps(), fresh);
    }

    /// Publishes the keys once; every later fetch fails.
    struct Once(std::sync::Mutex<Option<String>>);

    impl crate::keys::Fetch for Once {
        fn fetch<'a>(&'a self, _: &'a str) -> crate::keys::FetchFuture<'a> {
            let document = self.0.lock().unwrap().take();
            Box::pin(async move {
                document
                    .map(Into::into)
                    .ok_or(crate::keys::FetchError::Status(http::StatusCode::INTERNAL_SERVER_ERROR))
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn without_keys_a_cached_token_shows_the_same_steps_as_a_fresh_one() {
        let issuer = TestIssuer::new().unwrap();
        let source = crate::keys::KeySource::JwksUri("https://issuer.test/jwks".to_owned());
        let trusted = crate::TrustedIssuer::new(TestIssuer::ISSUER, source).unwrap();
        let trusted = trusted.audience(TestIssuer::AUDIENCE).unwrap();
        let policy = Policy::from_yaml("routes: [{ match: GET / }]").unwrap();
        let authorizer = Authorizer::builder().issuer(trusted).policy(policy).build().unwrap();
        let authorizer = authorizer.start_with(Once(Some(issuer.jwks()).into())).unwrap();
        authorizer.ready().await;
        let explain = |token: &str| {
            let uri = Uri::from_static("/");
            let target = Target::new(&Method::GET, &uri).unwrap();
            authorizer.explain(&Presented::token(&target, token), TestIssuer::NOW)
        };
        let (cached, fresh) = (
            issuer.token(json!({})).unwrap(),
            issuer.token(json!({"jti": "2"})).unwrap(),
        );
        assert!(explain(&cached).decision().outcome().is_ok());
        tokio::time::sleep(std::time::Duration::from_secs(25 * 3600)).await;
        for token in [cached, fresh] {
            let explanation = explain(&token);
            assert_eq!(explanation.decision().error().unwrap().code(), "keys_unavailable");
            let steps: Vec<&str> = explanation.checks().iter().map(|check| &*check.rule).collect();
            assert_eq!(steps, ["route", "credential", "form", "issuer", "type", "key"]);
        }
    }
}
