//! The rules in shadow: what the decision would be if they were enforced.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::authenticate::Authenticate;
use super::decision::{Conclusion, Denied, DeniedInShadow, Shadow};
use super::mcp_message::NoRoute;
use super::pending::Authorization;
use super::pipeline::Pipeline;
use super::request_facts::request_facts;
use super::step::Step;
use crate::chain::Facts;
use crate::error::Error;
use crate::policy::{
    Check, EvaluationTime, MetByToken, Mode, Recorder, Requirement, Route, Unmet, evaluate, evaluate_after,
};
use crate::request::Presented;

/// The outcome with the rules in shadow.
#[derive(Debug)]
pub(super) enum ShadowOutcome {
    /// No rule is in shadow.
    Absent,
    Met,
    Unmet {
        unmet: Unmet,
        /// The rules in shadow that are not met.
        rules: Vec<Arc<str>>,
    },
}

impl ShadowOutcome {
    /// What a decision holds of it, with the denial that `denied` makes.
    pub(super) fn map(self, denied: impl FnOnce(Unmet) -> Denied) -> Shadow {
        match self {
            ShadowOutcome::Absent => Shadow::Absent,
            ShadowOutcome::Met => Shadow::Met,
            ShadowOutcome::Unmet { unmet, rules } => Shadow::Unmet(Box::new(DeniedInShadow {
                denied: denied(unmet),
                rules,
            })),
        }
    }
}

/// Evaluates a requirement, of which the first rules are known to be met. Where rules are in shadow beside it, these have no effect on the
/// first outcome.
pub(super) fn evaluate_all(
    met: MetByToken,
    requirement: &Requirement,
    facts: &Facts,
    presented: &Presented<'_>,
    time: &EvaluationTime,
    recorder: &mut impl Recorder,
) -> (Result<(), Unmet>, ShadowOutcome) {
    let request = request_facts(requirement, presented);
    let Some(promoted) = requirement.promoted() else {
        let outcome = evaluate_after(met, requirement, facts, &request, time, recorder);
        return (outcome, ShadowOutcome::Absent);
    };
    let outcome = evaluate_after(met, requirement, facts, &request, time, &mut Enforced(&*recorder));
    let request = request_facts(promoted, presented);
    let mut recorder = InShadow {
        recorder,
        rules: Vec::new(),
    };
    let shadow = match evaluate(promoted, facts, &request, time, &mut recorder) {
        Ok(()) => ShadowOutcome::Met,
        Err(unmet) => ShadowOutcome::Unmet {
            unmet,
            rules: recorder.rules,
        },
    };
    (outcome, shadow)
}

/// Ends at the first unmet rule of those that are enforced, and keeps nothing.
struct Enforced<'r, R>(&'r R);

impl<R: Recorder> Recorder for Enforced<'_, R> {
    fn met(&mut self, _: impl FnOnce() -> Check) {}

    fn unmet(&mut self, _: impl FnOnce() -> Check) -> ControlFlow<()> {
        ControlFlow::Break(())
    }

    fn skips(&self, rule: &str) -> bool {
        self.0.skips(rule)
    }
}

/// Goes on after an unmet rule, so that every rule in shadow is evaluated, and keeps the names of those.
struct InShadow<'r, R> {
    recorder: &'r mut R,
    rules: Vec<Arc<str>>,
}

impl<R: Recorder> Recorder for InShadow<'_, R> {
    fn met(&mut self, check: impl FnOnce() -> Check) {
        self.recorder.met(check);
    }

    fn unmet(&mut self, check: impl FnOnce() -> Check) -> ControlFlow<()> {
        let _ = self.recorder.unmet(check);
        ControlFlow::Continue(())
    }

    fn unmet_rule(&mut self, rule: &Arc<str>, mode: Mode, check: impl FnOnce() -> Check) -> ControlFlow<()> {
        if mode == Mode::Shadow {
            self.rules.push(Arc::clone(rule));
        }
        self.unmet(check)
    }

    fn skips(&self, rule: &str) -> bool {
        self.recorder.skips(rule)
    }
}

impl Pipeline<'_> {
    /// Authorizes a request that has a route, where rules are in shadow: with them it may have none.
    #[inline(never)]
    pub(super) fn authorize_beside_shadow(
        &self,
        route: &Route,
        source: &impl Authenticate,
        presented: &Presented<'_>,
        now: u64,
        recorder: &mut impl Recorder,
    ) -> Authorization<Conclusion> {
        let in_shadow = self.error_of_promoted_route(presented);
        if let Some(error) = &in_shadow {
            Step::ROUTE.report_in_shadow(recorder, error);
        }
        let authorization = self.authorize_for(route, source, presented, now, recorder);
        match in_shadow {
            None => authorization,
            Some(error) => authorization.map(|conclusion| conclusion.with_shadow(error)),
        }
    }

    /// Why a request that has a route would have none if the rules in shadow were enforced.
    fn error_of_promoted_route(&self, presented: &Presented<'_>) -> Option<Error> {
        let policy = self.policy.promoted()?;
        let promoted = Pipeline { policy, ..*self };
        match promoted.route(presented) {
            Err(NoRoute::Ambiguous(ambiguity)) => Some(ambiguity.error()),
            Err(NoRoute::Message(error)) => Some(error),
            // Without a credential it is denied in any case.
            Ok(_) | Err(NoRoute::NoCredential(_)) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::header::AUTHORIZATION;
    use http::{HeaderMap, HeaderValue, Method, Uri};
    use serde_json::{Value, json};

    use crate::clock::FixedClock;
    use crate::error::Error;
    use crate::policy::Mode;
    use crate::request::Target;
    use crate::testing::TestIssuer;
    use crate::{Authorizer, Decision, Policy};

    fn authorizer(issuer: &TestIssuer, policy: &str) -> Authorizer {
        let builder = Authorizer::builder().issuer(issuer.trusted(TestIssuer::AUDIENCE).unwrap());
        let builder = builder.policy(Policy::from_yaml(policy).unwrap()).reads_bodies();
        builder.clock(FixedClock::at(TestIssuer::NOW)).build().unwrap()
    }

    async fn decide(authorizer: &Authorizer, target: &str, token: Option<&str>) -> Decision {
        let uri: Uri = target.parse().unwrap();
        let target = Target::new(&Method::GET, &uri).unwrap();
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            let field = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
            headers.insert(AUTHORIZATION, field);
        }
        authorizer.decide(&target, &headers).await
    }

    fn code(outcome: Result<(), &Error>) -> &'static str {
        outcome.err().map_or("allow", Error::code)
    }

    #[tokio::test]
    async fn a_challenge_of_the_decision_names_no_scope_in_shadow() {
        let issuer = TestIssuer::new().unwrap();
        let policy = "requirements: { a: { mode: shadow, scopes: [shadow] } }\n\
                      routes: [{ match: GET /, scopes: [one], require: [a] }]";
        let authorizer = authorizer(&issuer, policy);
        let field = |challenge: Option<crate::challenge::Challenge>| {
            challenge.and_then(|challenge| Some(challenge.www_authenticate()?.to_str().ok()?.to_owned()))
        };
        let bare = decide(&authorizer, "/", None).await;
        assert!(field(authorizer.challenge_to(&bare)).unwrap().contains("scope=\"one\""));
        assert!(bare.shadow().is_none() && authorizer.shadow_challenge_to(&bare).is_none());
        let token = issuer.token(json!({ "scope": "" })).unwrap();
        let denied = decide(&authorizer, "/", Some(&token)).await;
        assert!(
            field(authorizer.challenge_to(&denied))
                .unwrap()
                .contains("scope=\"one\"")
        );
        let in_shadow = field(authorizer.shadow_challenge_to(&denied)).unwrap();
        assert!(in_shadow.contains("scope=\"shadow one\""), "{in_shadow}");
        let token = issuer.token(json!({ "scope": "one" })).unwrap();
        let allowed = decide(&authorizer, "/", Some(&token)).await;
        assert!(allowed.outcome().is_ok());
        assert!(
            field(authorizer.shadow_challenge_to(&allowed))
                .unwrap()
                .contains("insufficient_scope")
        );
    }

    #[tokio::test]
    async fn routes_that_differ_in_shadow_alone_are_one_access_until_they_are_promoted() {
        let issuer = TestIssuer::new().unwrap();
        let token = issuer.token(json!({ "scope": "a b" })).unwrap();
        let routes = |mode: &str| {
            format!(
                "routes: [{{ match: GET /orders, scopes: [a] }}, {{ match: '* /{{*rest}}', scopes: [a], require: [b] }}]\n\
                     requirements: {{ b: {{ {mode} client: {{ one_of: [x] }} }} }}"
            )
        };
        let outcome = |decision: &Decision| (code(decision.outcome()), decision.shadow().map(code));
        let promoted = authorizer(&issuer, &routes(""));
        let authorizer = authorizer(&issuer, &routes("mode: shadow,"));
        for (path, expected) in [
            ("/orders", ("allow", None)),
            ("/Orders", ("allow", Some("invalid_request"))),
            ("/orders/", ("allow", Some("invalid_request"))),
            ("/orders?_method=DELETE", ("allow", Some("invalid_request"))),
            ("/other", ("allow", Some("client_not_allowed"))),
        ] {
            let decision = decide(&authorizer, path, Some(&token)).await;
            assert_eq!(outcome(&decision), expected, "{path}");
            let uri = path.parse::<Uri>().unwrap();
            let target = Target::new(&Method::GET, &uri).unwrap();
            let presented = crate::request::Presented::token(&target, &token);
            let explanation = authorizer.explain(&presented, TestIssuer::NOW);
            let failed = explanation
                .checks()
                .iter()
                .find(|check| check.rule == "route" && check.code.is_some());
            let in_shadow = expected.1.filter(|code| *code == "invalid_request");
            let expected_check = in_shadow.map(|code| (Mode::Shadow, Some(code)));
            assert_eq!(failed.map(|check| (check.mode, check.code)), expected_check, "{path}");
            let other = decide(&promoted, path, Some(&token)).await;
            assert_eq!(code(other.outcome()), expected.1.unwrap_or("allow"), "{path}");
        }
    }

    #[tokio::test]
    async fn every_rule_in_shadow_is_counted_and_of_enforced_ones_the_one_that_denies() {
        let issuer = TestIssuer::new().unwrap();
        let policy = |requirement: &str| {
            format!(
                "requirements: {{ a: {{ {requirement} }} }}\n\
                     routes: [{{ match: GET /, scopes: [s], client: {{ one_of: [c] }}, require: [a] }}]"
            )
        };
        let in_shadow = "mode: shadow, initiator: { kind: human, one_of: [u] }, chain: { max_depth: 1 }";
        let authorizer = authorizer(&issuer, &policy(in_shadow));
        let counts = |authorizer: &Authorizer| {
            let unmet = authorizer.rules().into_iter().filter(|rule| rule.unmet > 0);
            let name = |rule: &str| rule.replace("GET /: ", "");
            unmet
                .map(|rule| (name(&rule.rule), rule.mode, rule.unmet))
                .collect::<Vec<_>>()
        };
        let request = async |authorizer: &Authorizer, claims: Value| {
            decide(authorizer, "/", Some(&issuer.token(claims).unwrap())).await;
        };
        request(
            &authorizer,
            json!({ "sub": "u", "sub_profile": "user", "scope": "s", "client_id": "c" }),
        )
        .await;
        assert_eq!(counts(&authorizer), []);
        assert!(authorizer.rules().iter().any(|rule| &*rule.rule == "GET /: scopes"));
        assert!(!authorizer.rules().iter().any(|rule| rule.rule.starts_with("a: ")));
        let machine = json!({ "sub": "m", "sub_profile": "ai_agent", "act": { "sub": "b", "act": { "sub": "c" } } });
        request(&authorizer, machine.clone()).await;
        decide(&authorizer, "/", None).await;
        let expected = [
            ("a.chain.max_depth".to_owned(), Mode::Shadow, 1),
            ("a.initiator.kind".to_owned(), Mode::Shadow, 1),
            ("a.initiator.one_of".to_owned(), Mode::Shadow, 1),
            ("scopes".to_owned(), Mode::Enforce, 1),
        ];
        assert_eq!(counts(&authorizer), expected);

        let narrower = in_shadow.replace(", one_of: [u]", "");
        let replace = |text: &str| {
            authorizer
                .replace_policy(Policy::from_yaml(&policy(text)).unwrap())
                .unwrap()
        };
        replace(&narrower);
        request(&authorizer, machine).await;
        let kept = [
            ("a.chain.max_depth".to_owned(), Mode::Shadow, 2),
            ("a.initiator.kind".to_owned(), Mode::Shadow, 2),
            ("scopes".to_owned(), Mode::Enforce, 2),
        ];
        assert_eq!(counts(&authorizer), kept);
        replace(&narrower.replace("mode: shadow, ", ""));
        assert_eq!(counts(&authorizer), [("scopes".to_owned(), Mode::Enforce, 2)]);
    }

    #[tokio::test]
    async fn a_request_above_the_ceiling_of_its_agent_is_counted_for_the_rule_of_ceilings() {
        let issuer = TestIssuer::new().unwrap();
        let policy = "agents: [{ subject: b, ceiling: { initiators: { kind: service } } }]\nroutes: [{ match: GET / }]";
        let authorizer = authorizer(&issuer, policy);
        let token = issuer.token(json!({ "sub": "u", "sub_profile": "user", "act": { "sub": "b" } }));
        let decision = decide(&authorizer, "/", Some(&token.unwrap())).await;
        assert_eq!(code(decision.outcome()), "above_ceiling");
        assert_eq!(
            decision.error().and_then(|error| error.rule()),
            Some("agents.b.ceiling.initiators.kind")
        );
        let unmet: Vec<_> = authorizer.rules().into_iter().filter(|rule| rule.unmet > 0).collect();
        let unmet: Vec<_> = unmet.iter().map(|rule| (&*rule.rule, rule.unmet)).collect();
        assert_eq!(unmet, [("GET /: ceiling", 1)]);
    }

    #[tokio::test]
    async fn a_ceiling_that_is_in_shadow_for_one_rule_alone_is_counted_there() {
        let issuer = TestIssuer::new().unwrap();
        let policy = "agents: [{ subject: b, ceiling: { scopes: a } }]\n\
                      requirements: { r: { mode: shadow, scopes: [c] } }\n\
                      routes: [{ match: GET /, scopes: [a], require: [r] }]";
        let authorizer = authorizer(&issuer, policy);
        let token = issuer.token(json!({ "scope": "a c", "act": { "sub": "b" } })).unwrap();
        let decision = decide(&authorizer, "/", Some(&token)).await;
        assert_eq!(code(decision.outcome()), "allow");
        assert_eq!(decision.shadow().map(code), Some("above_ceiling"));
        let counts = authorizer
            .rules()
            .into_iter()
            .filter(|rule| &*rule.rule == "GET /: ceiling");
        let counts: Vec<_> = counts.map(|rule| (rule.mode, rule.unmet)).collect();
        assert_eq!(counts, [(Mode::Enforce, 0), (Mode::Shadow, 1)]);
    }

    #[tokio::test]
    async fn a_body_that_only_shadow_reads_is_not_needed_for_the_decision() {
        let issuer = TestIssuer::new().unwrap();
        let body = "operation: { json: { /a: { max: 5 } }, max: 1KiB }";
        let policy = format!(
            "routes: [{{ match: GET /, mode: shadow, {body} }}, {{ match: GET /b, require: [a], {body} }}]\n\
             requirements: {{ a: {{ mode: shadow, operation: {{ json: {{ /b: x }}, max: 2KiB }} }} }}"
        );
        let authorizer = authorizer(&issuer, &policy);
        let token = issuer.token(json!({})).unwrap();
        let present = async |path: &'static str, body: Option<&str>| {
            let mut headers = HeaderMap::new();
            let field = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
            headers.insert(AUTHORIZATION, field);
            headers.insert("content-type", HeaderValue::from_static("application/json"));
            let uri = Uri::from_static(path);
            let target = Target::new(&Method::GET, &uri).unwrap();
            let presented = crate::request::Presented::headers(&target, &headers);
            let presented = match body {
                Some(body) => presented.body(body.as_bytes()),
                None => presented,
            };
            authorizer.decide_presented(&presented).await
        };
        let unread = present("/", None).await;
        assert_eq!(
            (code(unread.outcome()), unread.shadow().map(code)),
            ("allow", Some("body_not_read"))
        );
        assert_eq!((unread.body_limit(), unread.shadow_body_limit()), (None, Some(1024)));
        for (body, shadow) in [
            ("{\"a\": 5}", "allow"),
            ("{\"a\": 6}", "operation_not_met"),
            ("x", "body_malformed"),
        ] {
            let read = present("/", Some(body)).await;
            assert_eq!(
                (code(read.outcome()), read.shadow().map(code)),
                ("allow", Some(shadow)),
                "{body}"
            );
            assert_eq!(read.shadow_body_limit(), None);
        }
        // One body is read for both.
        let unread = present("/b", None).await;
        assert_eq!(code(unread.outcome()), "body_not_read");
        assert_eq!((unread.body_limit(), unread.shadow_body_limit()), (Some(2048), None));
        let long = format!("{{\"a\": 1, \"b\": \"x\"{}}}", " ".repeat(1100));
        let read = present("/b", Some(&long)).await;
        assert_eq!(
            (code(read.outcome()), read.shadow().map(code)),
            ("body_too_large", Some("body_too_large"))
        );
        let read = present("/b", Some("{\"a\": 1}")).await;
        assert_eq!(
            (code(read.outcome()), read.shadow().map(code)),
            ("allow", Some("operation_not_met"))
        );
    }
}
