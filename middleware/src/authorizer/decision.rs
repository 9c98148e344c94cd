//! The decision about one request.

use std::sync::Arc;

use tracing::level_filters::LevelFilter;
use tracing::{Level, event};

use super::in_force::InForce;
use super::protected::Protected;
use super::rule_counts::RuleCounts;
use crate::error::Error;
use crate::identity::{Identity, Proof};
use crate::policy::{Agent, Deciding, Limit, Policy, PolicyLimit, Requirement};

/// The target of the event of a decision: part of the public interface.
const TARGET: &str = "actgate::decision";

/// The decision about one request.
#[derive(Clone, Debug)]
pub struct Decision {
    in_force: Arc<InForce>,
    conclusion: Conclusion,
}

/// What a policy decides on a request.
#[derive(Clone, Debug)]
pub(crate) struct Conclusion {
    deciding: Option<Deciding>,
    identity: Option<Identity>,
    outcome: Result<(), Box<Denied>>,
    shadow: Shadow,
}

/// What the decision would be if the rules in shadow were enforced.
#[derive(Clone, Debug)]
pub(super) enum Shadow {
    /// No rule is in shadow.
    Absent,
    Met,
    Unmet(Box<DeniedInShadow>),
}

/// Why a request would be denied.
#[derive(Clone, Debug)]
pub(super) struct DeniedInShadow {
    pub(super) denied: Denied,
    /// The rules in shadow that are not met.
    pub(super) rules: Vec<Arc<str>>,
}

/// Why a request is denied, and what its challenge names.
#[derive(Clone, Debug)]
pub(crate) struct Denied {
    pub(crate) error: Error,
    /// The rule that is not met, as the policy lists it.
    pub(super) rule: Option<Arc<str>>,
    /// What the request is for; [`None`] where that is not known.
    pub(super) protected: Option<Arc<Protected>>,
    /// The scopes that the route requires.
    pub(super) scope: Option<Arc<str>>,
    /// Where the decision depends on the body alone, which was not given: how many bytes of it can be accepted.
    pub(super) body_limit: Option<usize>,
    /// Whether a rule on the body denies it, which does so only where no other one does.
    pub(super) is_by_body: bool,
}

impl From<Error> for Box<Denied> {
    fn from(error: Error) -> Self {
        Box::new(Denied {
            error,
            rule: None,
            protected: None,
            scope: None,
            body_limit: None,
            is_by_body: false,
        })
    }
}

impl Conclusion {
    pub(super) fn new(
        deciding: Option<Deciding>,
        identity: Option<Identity>,
        outcome: Result<(), Box<Denied>>,
    ) -> Conclusion {
        Conclusion {
            deciding,
            identity,
            outcome,
            shadow: Shadow::Absent,
        }
    }

    /// On a request that is denied before its route is known.
    pub(crate) fn without_route(error: Error) -> Conclusion {
        Conclusion::new(None, None, Err(error.into()))
    }

    /// The same beside the outcome with the rules in shadow.
    pub(super) fn beside(self, shadow: Shadow) -> Conclusion {
        Conclusion { shadow, ..self }
    }

    /// The same on a request that would be denied with `error` if the rules in shadow were enforced.
    pub(super) fn with_shadow(mut self, error: Error) -> Conclusion {
        self.shadow = match self.shadow {
            Shadow::Unmet(mut unmet) => {
                unmet.denied.error = error;
                unmet.denied.body_limit = None;
                unmet.denied.is_by_body = false;
                Shadow::Unmet(unmet)
            }
            Shadow::Absent | Shadow::Met => {
                let denied = *Box::<Denied>::from(error);
                let rules = Vec::new();
                Shadow::Unmet(Box::new(DeniedInShadow { denied, rules }))
            }
        };
        self
    }

    pub(super) fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// The identity of an allowed request about which nothing is left to do: neither a limit nor a counter nor an event depends on it,
    /// and no rule is in shadow. `in_force` is what the request was decided by.
    pub(crate) fn into_admitted(self, in_force: &InForce) -> Result<Identity, Conclusion> {
        let is_unlimited = |deciding| {
            let requirement = in_force.policy.deciding(deciding);
            requirement.is_some_and(|requirement| requirement.limit().is_none())
        };
        match self {
            Conclusion {
                deciding: Some(deciding),
                identity: Some(identity),
                outcome: Ok(()),
                shadow: Shadow::Absent,
            } if is_unlimited(deciding) && !Decision::is_traced() => Ok(identity),
            other => Err(other),
        }
    }
}

impl Decision {
    /// `conclusion` is that of the policy in force.
    pub(super) fn new(in_force: Arc<InForce>, conclusion: Conclusion) -> Decision {
        Decision { in_force, conclusion }
    }

    /// The decision about a request that is denied before its route is known.
    pub(crate) fn without_route(in_force: Arc<InForce>, error: Error) -> Decision {
        Decision::new(in_force, Conclusion::without_route(error))
    }

    /// The policy that the request is decided by, which may have been replaced since.
    pub fn policy(&self) -> &Policy {
        &self.in_force.policy
    }

    /// The counters of its rules.
    pub(super) fn rule_counts(&self) -> &RuleCounts {
        &self.in_force.counts
    }

    /// What the request is decided by, for a later decision on it.
    pub(crate) fn in_force(&self) -> Arc<InForce> {
        Arc::clone(&self.in_force)
    }

    /// The same decision about a request that would be denied with `error` if the rules in shadow were enforced.
    pub(crate) fn with_shadow(self, error: Error) -> Decision {
        Decision::new(self.in_force, self.conclusion.with_shadow(error))
    }

    /// The same decision about a request whose body was read for rules in shadow alone ([`shadow_body_limit`](Self::shadow_body_limit));
    /// `by_body` is the decision with it. What is allowed stays allowed.
    pub fn with_shadow_of(self, by_body: Decision) -> Decision {
        let shadow = match (by_body.conclusion.shadow, by_body.conclusion.outcome) {
            // The token may have expired since, or its key may be withdrawn.
            (Shadow::Absent | Shadow::Met, Err(denied)) => Shadow::Unmet(Box::new(DeniedInShadow {
                denied: *denied,
                rules: Vec::new(),
            })),
            (shadow, _) => shadow,
        };
        Decision::new(self.in_force, self.conclusion.beside(shadow))
    }

    /// Whether the request is allowed, and if not, why.
    pub fn outcome(&self) -> Result<(), &Error> {
        match &self.conclusion.outcome {
            Ok(()) => Ok(()),
            Err(denied) => Err(&denied.error),
        }
    }

    /// The decision that would be made if every rule in shadow were enforced: whether the request would be allowed, and if not,
    /// why. A request that is denied would be denied then, too, perhaps for another reason.
    ///
    /// [`None`] where no rule is in shadow, and where the request is denied before its rules: its token, and whether it has a route, are
    /// checked in every mode.
    pub fn shadow(&self) -> Option<Result<(), &Error>> {
        match &self.conclusion.shadow {
            Shadow::Absent => None,
            Shadow::Met => Some(Ok(())),
            Shadow::Unmet(unmet) => Some(Err(&unmet.denied.error)),
        }
    }

    pub(super) fn denied_in_shadow(&self) -> Option<&Denied> {
        match &self.conclusion.shadow {
            Shadow::Absent | Shadow::Met => None,
            Shadow::Unmet(unmet) => Some(&unmet.denied),
        }
    }

    /// The rules in shadow that are not met.
    pub(super) fn unmet_in_shadow(&self) -> &[Arc<str>] {
        match &self.conclusion.shadow {
            Shadow::Absent | Shadow::Met => &[],
            Shadow::Unmet(unmet) => &unmet.rules,
        }
    }

    /// Why the request is denied.
    pub fn error(&self) -> Option<&Error> {
        self.denied().map(|denied| &denied.error)
    }

    pub(super) fn denied(&self) -> Option<&Denied> {
        self.conclusion.outcome.as_ref().err().map(|denied| &**denied)
    }

    /// Whether the decision depends on the body, which was not given: the token and every other rule allow the request. The denial
    /// has the code `body_not_read`. To decide by the body, read it, up to so many bytes, and
    /// [decide again](crate::Authorizer::decide_again) with [`Presented::body`](crate::request::Presented::body).
    pub fn body_limit(&self) -> Option<usize> {
        self.denied().and_then(|denied| denied.body_limit)
    }

    /// The same, for an allowed request whose [`shadow`](Self::shadow) depends on the body: a rule on the body is in shadow, and every
    /// other one is met. Whatever the body is, and also if it cannot be read, the request is allowed.
    pub fn shadow_body_limit(&self) -> Option<usize> {
        match self.conclusion.outcome {
            Ok(()) => self.denied_in_shadow().and_then(|denied| denied.body_limit),
            Err(_) => None,
        }
    }

    /// How many bytes of the body to read before the decision is final.
    pub(crate) fn limit_of_body(&self) -> Option<usize> {
        self.body_limit().or_else(|| self.shadow_body_limit())
    }

    /// The identity of a verified token, also when the policy denies. [`None`] on public routes, and in the explanation of a
    /// [record](crate::chain::RecordedFacts).
    pub fn identity(&self) -> Option<&Identity> {
        self.conclusion
            .identity()
            .filter(|identity| identity.proof() != Proof::Record)
    }

    /// The identity, also that of a record.
    pub(crate) fn explained_identity(&self) -> Option<&Identity> {
        self.conclusion.identity()
    }

    /// The agent that acts by a verified token, as the policy names it under `agents`, also when the policy denies: the current
    /// actor, or the initiator where no other party acts for it. [`None`] for any other party, and on public routes.
    pub fn agent(&self) -> Option<&Agent> {
        let facts = self.explained_identity()?.facts();
        self.policy().acting_agent(facts)
    }

    /// The route that matched, as the policy writes it.
    pub fn route(&self) -> Option<&str> {
        self.policy().name(self.conclusion.deciding?)
    }

    /// The limit that the request is counted by, where the rules allow it.
    pub(super) fn limit(&self) -> Option<(&Limit, &Identity)> {
        let Conclusion {
            deciding,
            identity,
            outcome,
            shadow,
        } = &self.conclusion;
        let (Ok(()), Some(identity)) = (outcome, identity) else {
            return None;
        };
        let requirement = self.policy().deciding((*deciding)?)?;
        let in_shadow = || match shadow {
            // It would be denied, and not counted.
            Shadow::Unmet(_) => None,
            Shadow::Absent | Shadow::Met => requirement.promoted()?.limit(),
        };
        Some((requirement.limit().or_else(in_shadow)?, identity))
    }

    /// The limit of the policy that counts requests like this one, where the rules allow it.
    pub fn counted_by(&self) -> Option<PolicyLimit> {
        self.limit().map(|(limit, _)| limit.into())
    }

    /// Whether a limit counts the request.
    pub(crate) fn is_limited(&self) -> bool {
        self.limit().is_some()
    }

    /// The same decision, denied with `error` by what is evaluated after all rules; `unmet` is what the request does not meet.
    pub(super) fn denied_by(mut self, unmet: Option<Arc<str>>, error: Error) -> Decision {
        let mut denied = Box::<Denied>::from(error);
        denied.rule = unmet;
        let is_denied_in_shadow = match &self.conclusion.shadow {
            Shadow::Absent => true,
            Shadow::Met => false,
            // A rule on a body that has not been read says nothing yet.
            Shadow::Unmet(unmet) => unmet.denied.body_limit.is_none(),
        };
        if !is_denied_in_shadow {
            self.conclusion = self.conclusion.with_shadow(denied.error.clone());
        }
        self.conclusion.outcome = Err(denied);
        self
    }

    /// The same decision on a request that would be denied in this way if the rules in shadow were enforced.
    pub(super) fn denied_in_shadow_by(mut self, unmet: Option<Arc<str>>, error: Error) -> Decision {
        self.conclusion = self.conclusion.with_shadow(error);
        if let Shadow::Unmet(denied) = &mut self.conclusion.shadow {
            denied.rules.extend(unmet);
        }
        self
    }

    /// The requirement that decided; [`None`] on public routes and without a route.
    pub(crate) fn requirement(&self) -> Option<&Requirement> {
        self.policy().deciding(self.conclusion.deciding?)
    }

    /// Emits the one event of this decision. It contains no value of the caller.
    pub(crate) fn trace(&self) {
        if Decision::is_traced() {
            self.emit();
        }
    }

    fn is_traced() -> bool {
        LevelFilter::current() >= LevelFilter::DEBUG
    }

    /// Apart from [`trace`](Self::trace), so that a decision without a subscriber costs one comparison.
    #[cold]
    fn emit(&self) {
        let (route, policy_hash) = (self.route(), self.policy().hash().as_str());
        let shadow = self.shadow();
        let shadow_error = shadow.and_then(Result::err);
        let shadow = shadow.map(|shadow| if shadow.is_ok() { "allow" } else { "deny" });
        let shadow_status = shadow_error.map(|error| error.status().as_u16());
        let shadow_code = shadow_error.map(Error::code);
        let shadow_rule = shadow_error.and_then(Error::rule);
        match &self.conclusion.outcome {
            Ok(()) => event!(
                target: TARGET,
                Level::DEBUG,
                decision = "allow",
                route,
                policy_hash,
                shadow,
                shadow_status,
                shadow_code,
                shadow_rule,
            ),
            Err(denied) => event!(
                target: TARGET,
                Level::DEBUG,
                decision = "deny",
                route,
                policy_hash,
                status = denied.error.status().as_u16(),
                code = denied.error.code(),
                rule = denied.error.rule(),
                shadow,
                shadow_status,
                shadow_code,
                shadow_rule,
            ),
        }
    }

    /// The identity of an allowed request.
    pub(crate) fn into_identity(self) -> Result<Option<Identity>, Box<Denied>> {
        let Conclusion { identity, outcome, .. } = self.conclusion;
        outcome.map(|()| identity)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Write as _};
    use std::sync::{Arc, Mutex};

    use http::header::AUTHORIZATION;
    use http::{HeaderMap, HeaderValue, Method, Uri};
    use serde_json::json;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    use crate::clock::FixedClock;
    use crate::request::Target;
    use crate::testing::TestIssuer;
    use crate::{Authorizer, Policy};

    /// Writes each event as one line.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<String>>);

    impl Visit for Lines {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            write!(self.0.lock().unwrap(), " {field}={value:?}").unwrap();
        }
    }

    impl Subscriber for Lines {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &Event<'_>) {
            let metadata = event.metadata();
            write!(self.0.lock().unwrap(), "{} {}", metadata.level(), metadata.target()).unwrap();
            event.record(&mut self.clone());
            self.0.lock().unwrap().push('\n');
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    #[tokio::test]
    async fn each_decision_is_one_event_without_a_value_of_the_caller() {
        let issuer = TestIssuer::new().unwrap();
        let policy =
            "routes: [{ match: 'GET /orders/{id}', initiator: { kind: human } }, { match: GET /open, public: true }]";
        let builder = Authorizer::builder().policy(Policy::from_yaml(policy).unwrap());
        let builder = builder.issuer(issuer.trusted(TestIssuer::AUDIENCE).unwrap());
        let authorizer = builder.clock(FixedClock::at(TestIssuer::NOW)).build().unwrap();
        let human = issuer.token(json!({"sub": "alice", "sub_profile": "user"})).unwrap();
        let agent = issuer.token(json!({"sub": "bot", "sub_profile": "ai_agent"})).unwrap();
        let lines = Lines::default();
        let _default = tracing::subscriber::set_default(lines.clone());
        for (path, token) in [
            ("/orders/secret", &*human),
            ("/orders/secret", &*human),
            ("/orders/secret", &*agent),
            ("/orders/secret", "secret"),
            ("/secret", &*human),
            ("/open", &*human),
        ] {
            let (uri, field) = (path.parse::<Uri>().unwrap(), format!("Bearer {token}"));
            let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::try_from(field).unwrap())]);
            let target = Target::new(&Method::GET, &uri).unwrap();
            authorizer.decide(&target, &headers).await;
        }
        let hash = format!("policy_hash=\"{}\"", authorizer.policy().hash());
        let orders = format!("\"GET /orders/{{id}}\" {hash}");
        let denied = "DEBUG actgate::decision decision=\"deny\"";
        let expected = format!(
            "DEBUG actgate::decision decision=\"allow\" route={orders}\n\
             DEBUG actgate::decision decision=\"allow\" route={orders}\n\
             {denied} route={orders} status=403 code=\"initiator_not_human\" rule=\"GET /orders/{{id}}: initiator.kind\"\n\
             {denied} route={orders} status=401 code=\"malformed_token\"\n\
             {denied} {hash} status=403 code=\"no_route\" rule=\"routes\"\n\
             DEBUG actgate::decision decision=\"allow\" route=\"GET /open\" {hash}\n"
        );
        assert_eq!(*lines.0.lock().unwrap(), expected);
        lines.0.lock().unwrap().clear();
        let in_shadow = Policy::from_yaml(&format!("mode: shadow\n{policy}")).unwrap();
        authorizer.replace_policy(in_shadow).unwrap();
        let uri = Uri::from_static("/orders/secret");
        let target = Target::new(&Method::GET, &uri).unwrap();
        for token in [&human, &agent] {
            let field = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
            let headers = HeaderMap::from_iter([(AUTHORIZATION, field)]);
            authorizer.decide(&target, &headers).await;
        }
        let lines = lines.0.lock().unwrap();
        let ends = [
            " shadow=\"allow\"",
            " shadow=\"deny\" shadow_status=403 shadow_code=\"initiator_not_human\" \
             shadow_rule=\"GET /orders/{id}: initiator.kind\"",
        ];
        for (line, end) in lines.lines().zip(ends) {
            assert!(line.contains(" decision=\"allow\"") && line.ends_with(end), "{line}");
        }
        assert_eq!(lines.lines().count(), 2);
    }
}
