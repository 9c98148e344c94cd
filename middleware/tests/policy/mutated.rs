//! The cases of every example notice each rule that is deleted from its policy.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use actgate::Policy;
use actgate::analysis::{Cases, Coverage, RulePlaces};
use actgate::testing::{PolicyTest, TestIssuer};
use serde_json::Value;

/// Mutants that decide as their policies do: another rule denies whatever the deleted one denies.
const EQUIVALENT: &[(&str, &str)] = &[
    // The other words of `actor` need an actor.
    ("05-actor-allow-list", "/requirements/listed-agent/actor/required"),
    ("13-actor-must-be-an-agent", "/requirements/agent-acts/actor/required"),
    (
        "55-actors-name-their-issuer",
        "/requirements/an-agent-of-the-issuer/actor/required",
    ),
    // The list of `all_of` has neither a party of another issuer nor one that is excluded.
    ("30-earlier-agents", "/requirements/planned/chain/prior/issuers"),
    ("30-earlier-agents", "/requirements/planned/chain/prior/none_of"),
    // The route that is not named needs a scope that the ceiling does not have.
    ("46-ceiling-of-an-agent", "/agents/0/ceiling/routes"),
];

/// A policy with the decisions that are expected.
struct Example {
    name: String,
    text: String,
    policy: Value,
    cases: Cases,
}

fn examples() -> Vec<Example> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy-examples");
    let folders = fs::read_dir(examples)
        .expect("the examples")
        .map(|entry| entry.expect("a folder").path());
    let mut examples: Vec<Example> = folders
        .filter_map(|folder| {
            let text = fs::read_to_string(folder.join("policy.yaml")).ok()?;
            let cases = fs::read_to_string(folder.join("cases.yaml")).expect("cases");
            Some(Example {
                name: folder.file_name()?.to_string_lossy().into_owned(),
                policy: actgate_yaml::read::<Value>(&text).value.expect("a policy"),
                cases: Cases::from_yaml(&cases).expect("cases"),
                text,
            })
        })
        .collect();
    examples.sort_by(|one, other| one.name.cmp(&other.name));
    examples
}

impl Example {
    /// Whether every case is decided by a policy as it expects.
    fn is_as_expected(&self, policy: Policy) -> bool {
        let Ok(test) = PolicyTest::new(policy, &self.cases) else {
            return false;
        };
        let is_as_expected = |case| test.run(case, TestIssuer::NOW).expect("a decision").is_expected();
        self.cases.iter().all(is_as_expected)
    }

    fn unreached(&self) -> Vec<String> {
        let policy = Policy::from_yaml(&self.text).expect("a policy");
        let places = RulePlaces::new(&policy, &self.text);
        let test = PolicyTest::new(policy, &self.cases).expect("a test");
        let policy = test.policy();
        let mut coverage = Coverage::new(&policy, &places);
        for case in self.cases.iter() {
            coverage.record(test.run(case, TestIssuer::NOW).expect("a decision").explanation());
        }
        let unreached = coverage.unreached();
        let shown = unreached
            .iter()
            .map(|branch| format!("{}:{} {}: {}", self.name, branch.line, branch.name, branch.kind));
        shown.collect()
    }
}

#[test]
fn the_cases_of_every_example_reach_every_branch() {
    let unreached: Vec<String> = examples().iter().flat_map(Example::unreached).collect();
    assert!(
        unreached.is_empty(),
        "{} gaps:\n{}",
        unreached.len(),
        unreached.join("\n")
    );
}

#[test]
fn the_cases_of_every_example_notice_each_rule_that_is_deleted() {
    let (mut count, mut survivors) = (0, BTreeSet::new());
    for example in examples() {
        for pointer in pointers(&example.policy) {
            let mutant = without(&example.policy, &pointer);
            // Most rules that are the only one of a key leave an empty one, which is a mistake.
            let Ok(policy) = Policy::from_yaml(&mutant.to_string()) else {
                continue;
            };
            count += 1;
            if example.is_as_expected(policy) {
                survivors.insert((example.name.clone(), pointer));
            }
        }
    }
    let found: Vec<(&str, &str)> = survivors.iter().map(|(name, pointer)| (&**name, &**pointer)).collect();
    assert!(EQUIVALENT.iter().all(|mutant| found.contains(mutant)), "{found:?}");
    let is_equivalent = |(name, pointer): &&(String, String)| EQUIVALENT.contains(&(name.as_str(), pointer.as_str()));
    let survivors: Vec<String> = survivors
        .iter()
        .filter(|survivor| !is_equivalent(survivor))
        .map(|(name, pointer)| format!("{name} {pointer}"))
        .collect();
    assert!(
        survivors.is_empty(),
        "{} of {count}:\n{}",
        survivors.len(),
        survivors.join("\n")
    );
    assert!(count > 250, "{count}");
}

/// The JSON pointers of what can be deleted from a policy: members of mappings, and items of lists.
fn pointers(value: &Value) -> Vec<String> {
    let mut pointers = Vec::new();
    for part in [
        "/routes",
        "/requirements",
        "/defaults",
        "/agents",
        "/unregistered_agents",
    ] {
        if let Some(value) = value.pointer(part) {
            if !["/routes", "/requirements", "/agents"].contains(&part) {
                pointers.push(part.to_owned());
            }
            collect(value, part, &mut pointers);
        }
    }
    pointers
}

fn collect(value: &Value, at: &str, pointers: &mut Vec<String>) {
    let members: Vec<(String, &Value)> = match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.replace('~', "~0").replace('/', "~1"), value))
            .collect(),
        Value::Array(items)
            if at.ends_with("any_of") || at.ends_with("require") || at == "/routes" || at == "/agents" =>
        {
            items
                .iter()
                .enumerate()
                .map(|(index, value)| (index.to_string(), value))
                .collect()
        }
        _ => Vec::new(),
    };
    for (name, value) in members {
        if name == "limit" {
            // Cases count nothing.
            continue;
        }
        let inner = format!("{at}/{name}");
        let is_rule = at != "/routes" && at != "/requirements" && at != "/agents";
        if is_rule
            && ![
                "match",
                "public",
                "mode",
                "weaker_than",
                "subject",
                "mcp",
                "zone",
                "owner",
                "type",
            ]
            .contains(&name.as_str())
        {
            pointers.push(inner.clone());
        }
        collect(value, &inner, pointers);
    }
}

/// The policy without what a pointer leads to, and without what is empty then.
fn without(policy: &Value, pointer: &str) -> Value {
    let mut mutant = policy.clone();
    let mut pointer = pointer.to_owned();
    while let Some((outer, name)) = pointer.rsplit_once('/') {
        let name = name.replace("~1", "/").replace("~0", "~");
        let is_empty = match mutant.pointer_mut(outer) {
            Some(Value::Object(members)) => {
                members.remove(&name);
                members.is_empty()
            }
            Some(Value::Array(items)) => {
                items.remove(name.parse().expect("an index"));
                items.is_empty()
            }
            _ => return mutant,
        };
        if !is_empty || outer.matches('/').count() < 2 {
            return mutant;
        }
        pointer = outer.to_owned();
    }
    mutant
}
