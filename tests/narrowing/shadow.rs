//! Rules in shadow change no decision, and their outcome is that of the policy in which all rules are enforced.

use std::collections::BTreeMap;
use std::sync::Mutex;

use actgate::Error;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use super::policies::{Endpoint, has_no_conflict, policy_for};
use super::requests::{Request, requests};
use super::tokens::claims;
use super::{ISSUER, NOW, authorizer};

type Outcome = Result<(), Error>;

/// What is in shadow, and how the route, the defaults and the two requirements are connected.
#[derive(Clone, Copy, Debug)]
struct Places {
    document: bool,
    /// The mode of the route, where it is written.
    route: Option<bool>,
    defaults: bool,
    shared: bool,
    further: bool,
    /// Whether the defaults require `further`, where there are some.
    is_default: bool,
    /// Whether `shared` requires `further`.
    is_nested: bool,
    /// Whether the route requires `further`.
    is_required: bool,
}

impl Places {
    fn is_route_in_shadow(self) -> bool {
        self.route.unwrap_or(self.document)
    }

    /// The policy of these requirements, without any mode.
    fn connect(self, policy: &Value, other: &Value) -> Value {
        let mut policy = policy.clone();
        policy["requirements"]["further"] = other["requirements"]["shared"].clone();
        policy["routes"][0]["require"] = match self.is_required {
            true => json!(["shared", "further"]),
            false => json!(["shared"]),
        };
        if self.is_nested {
            policy["requirements"]["shared"]["require"] = json!(["further"]);
        }
        if self.is_default && policy.get("defaults").is_some() {
            policy["defaults"]["require"] = json!(["further"]);
        }
        policy
    }

    /// The policy with its modes.
    fn with_modes(self, policy: &Value) -> Value {
        let mut policy = policy.clone();
        if self.document {
            policy["mode"] = json!("shadow");
        }
        if let Some(is_in_shadow) = self.route {
            policy["routes"][0]["mode"] = json!(if is_in_shadow { "shadow" } else { "enforce" });
        }
        if self.defaults && policy.get("defaults").is_some() {
            policy["defaults"]["mode"] = json!("shadow");
        }
        for (name, is_in_shadow) in [("shared", self.shared), ("further", self.further)] {
            if is_in_shadow {
                policy["requirements"][name]["mode"] = json!("shadow");
            }
        }
        policy
    }

    /// The policy without the rules in shadow.
    fn without_shadow(self, policy: &Value) -> Value {
        let mut policy = policy.clone();
        if self.is_route_in_shadow() {
            let route = policy["routes"][0].as_object_mut().unwrap();
            route.retain(|key, _| ["match", "mcp"].contains(&&**key));
            let members = policy.as_object_mut().unwrap();
            members.retain(|key, _| !["defaults", "unregistered_agents"].contains(&&**key));
            for agent in members
                .get_mut("agents")
                .and_then(Value::as_array_mut)
                .into_iter()
                .flatten()
            {
                agent.as_object_mut().unwrap().remove("ceiling");
            }
            return policy;
        }
        if self.defaults {
            policy.as_object_mut().unwrap().remove("defaults");
        }
        let mut required = vec![("shared", self.shared)];
        if self.is_required {
            required.push(("further", self.further));
        }
        let required: Vec<&str> = required
            .iter()
            .filter(|(_, shadow)| !shadow)
            .map(|(name, _)| *name)
            .collect();
        match &required[..] {
            [] => drop(policy["routes"][0].as_object_mut().unwrap().remove("require")),
            names => policy["routes"][0]["require"] = json!(names),
        }
        if self.further {
            for place in ["/requirements/shared", "/defaults"] {
                if let Some(requiring) = policy.pointer_mut(place) {
                    requiring.as_object_mut().unwrap().remove("require");
                }
            }
        }
        policy
    }
}

fn places() -> impl Strategy<Value = Places> {
    let modes = (
        proptest::bool::weighted(0.2),
        proptest::option::weighted(0.4, any::<bool>()),
        any::<bool>(),
        any::<bool>(),
        proptest::bool::weighted(0.4),
    );
    // What the defaults require has no effect in a route.
    let ways = (
        any::<bool>(),
        prop_oneof![Just((true, false)), Just((false, true)), Just((false, false))],
    );
    (modes, ways).prop_map(
        |((document, route, defaults, shared, further), (is_nested, (is_default, is_required)))| Places {
            document,
            route,
            defaults,
            shared,
            further,
            is_default,
            is_nested,
            is_required,
        },
    )
}

#[test]
fn rules_in_shadow_change_no_decision() {
    let seen: Mutex<BTreeMap<&str, usize>> = Mutex::default();
    let count = |what| *seen.lock().unwrap().entry(what).or_default() += 1;
    let mut runner = TestRunner::new(Config {
        cases: 2_000,
        failure_persistence: None,
        ..Config::default()
    });
    let policies = prop_oneof![4 => Just(Endpoint::Any), 1 => Just(Endpoint::Tool)];
    let policies = policies.prop_flat_map(|endpoint| (policy_for(endpoint), policy_for(endpoint)));
    let result = runner.run(
        &(policies, places(), claims(), requests()),
        |((policy, other), places, claims, request)| {
            let whole = places.connect(&policy, &other);
            prop_assume!(has_no_conflict(&whole));
            let token = ISSUER.token(claims).unwrap();
            let (got, shadow) = decide(&places.with_modes(&whole), &token, &request);
            let (all, none) = decide(&whole, &token, &request);
            prop_assert_eq!(none, None, "no rule is in shadow");
            let (expected, _) = decide(&places.without_shadow(&whole), &token, &request);
            // A route in shadow enforces no rule, and none that it has without being written.
            let is_implicit = |error: &Error| places.is_route_in_shadow() && error.code() == "self_actor";
            let expected = match expected {
                Err(error) if is_implicit(&error) => Ok(()),
                expected => expected,
            };
            prop_assert_eq!(&got, &expected, "decided with rules in shadow");
            match &shadow {
                Some(shadow) => prop_assert_eq!(by_way(shadow), by_way(&all), "the outcome in shadow"),
                None => prop_assert_eq!(by_way(&got), by_way(&all), "without an outcome in shadow"),
            }
            if got.is_err() {
                prop_assert!(!matches!(shadow, Some(Ok(()))), "allowed in shadow alone");
            }
            count(match (&got, &shadow) {
                (_, None) => "not evaluated",
                (Ok(()), Some(Ok(()))) => "allowed in both",
                (Ok(()), Some(Err(_))) => "denied in shadow alone",
                (Err(enforced), Some(Err(shadow))) if enforced == shadow => "denied alike",
                _ => "denied for another reason in shadow",
            });
            Ok(())
        },
    );
    if let Err(failure) = result {
        panic!("{failure}");
    }
    // Without each of these outcomes the property is vacuous.
    let seen = seen.into_inner().unwrap();
    println!("shadow: {seen:?}");
    assert_eq!(seen.len(), 5, "{seen:?}");
    assert!(seen.values().all(|count| *count > 20), "{seen:?}");
}

/// An outcome with one name for each rule of `further`. It is named by the defaults, unless the route alone enforces it.
fn by_way(outcome: &Outcome) -> String {
    format!("{outcome:?}").replace("defaults.further.", "further.")
}

/// Decides one request, and checks that `explain` has the same outcomes.
fn decide(policy: &Value, token: &str, request: &Request) -> (Outcome, Option<Outcome>) {
    let authorizer = authorizer(policy);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    request.present(token, |presented| {
        let decision = runtime.block_on(authorizer.decide_presented(presented));
        let explanation = authorizer.explain(presented, NOW);
        assert_eq!(explanation.decision().outcome(), decision.outcome());
        assert_eq!(explanation.decision().shadow(), decision.shadow());
        let shadow = decision.shadow().map(|shadow| shadow.map_err(Clone::clone));
        (decision.outcome().map_err(Clone::clone), shadow)
    })
}
