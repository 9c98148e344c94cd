//! The cases reach every rule of their policy both ways, and all of them together every word of the language and every code.

use std::collections::BTreeSet;

use actgate::Policy;
use actgate::analysis::RulePlaces;
use actgate::policy::{Check, Outcome, Tier};
use serde_json::Value;

use super::example::{Example, time_of};

/// Rules of every route or of every one that reads a kind or an actor, which no route writes.
const IMPLICIT: &[&str] = &["self_actor", "chain_inverted", "unregistered_agents", "ceiling"];

/// What a rule of a key of a ceiling, which is named where it is not met, has in its name.
const CEILING: &str = ".ceiling.";

/// The keys of a ceiling.
const CEILINGS: &[&str] = &["routes", "scopes", "initiators"];

/// What the cases of an example reach.
#[derive(Default)]
struct Reached {
    routes: BTreeSet<String>,
    met: BTreeSet<String>,
    unmet: BTreeSet<String>,
    codes: BTreeSet<&'static str>,
}

impl Reached {
    fn by(example: &Example) -> Reached {
        let test = example.test();
        let mut reached = Reached::default();
        for case in example.cases.iter() {
            let result = test.run(case, time_of(case)).unwrap();
            let explanation = result.explanation();
            reached.routes.extend(explanation.decision().route().map(str::to_owned));
            reached
                .codes
                .extend(explanation.decision().error().map(|error| error.code()));
            explanation.checks().iter().for_each(|check| reached.add(check));
        }
        reached
    }

    fn add(&mut self, check: &Check) {
        self.codes.extend(check.code);
        if check.tier != Tier::Token {
            let outcome = match check.outcome {
                Outcome::Passed => &mut self.met,
                _ => &mut self.unmet,
            };
            outcome.insert(check.rule.clone());
        }
        check.alternatives.iter().flatten().for_each(|inner| self.add(inner));
    }

    /// What no case reaches: routes, and rules in one of both ways.
    fn missing<'r>(&'r self, policy: &'r Policy) -> impl Iterator<Item = String> + 'r {
        let routes = policy.routes().filter(|route| !self.routes.contains(*route));
        let routes = routes.map(|route| format!("no case is for `{route}`"));
        let is_implicit =
            |rule: &&String| rule.contains(CEILING) || IMPLICIT.iter().any(|name| rule.ends_with(&format!(": {name}")));
        let rules = self
            .met
            .symmetric_difference(&self.unmet)
            .filter(move |rule| !is_implicit(rule));
        routes.chain(rules.map(|rule| match self.met.contains(rule) {
            true => format!("no case is denied by `{rule}`"),
            false => format!("no case meets `{rule}`"),
        }))
    }
}

#[test]
fn every_rule_of_a_policy_is_met_by_a_case_and_not_met_by_another() {
    let mut missing = Vec::new();
    for example in Example::all() {
        let policy = Policy::from_yaml(&example.policy).unwrap();
        let reached = Reached::by(&example);
        missing.extend(reached.missing(&policy).map(|what| format!("{}: {what}", example.name)));
    }
    assert!(missing.is_empty(), "{} gaps:\n{}", missing.len(), missing.join("\n"));
}

#[test]
fn every_rule_that_is_written_has_its_line() {
    let (mut places, mut missing) = (0, BTreeSet::new());
    for example in Example::all() {
        let test = example.test();
        let lines = RulePlaces::new(&test.policy(), &example.policy);
        for case in example.cases.iter() {
            let result = test.run(case, time_of(case)).unwrap();
            let checks = result.explanation().checks().iter();
            for check in checks.filter(|check| check.tier != Tier::Token) {
                let inner = check.alternatives.iter().flatten();
                for check in inner.chain([check]) {
                    let is_implicit = IMPLICIT.iter().any(|name| check.rule.ends_with(&format!(": {name}")));
                    match lines.of(&check.rule) {
                        Some(place) => places += usize::from(place.line > 0),
                        None if is_implicit => {}
                        None => drop(missing.insert(format!("{}: {}", example.name, check.rule))),
                    }
                }
            }
        }
    }
    assert_eq!(missing, BTreeSet::new());
    assert!(places > 1_000, "{places}");
}

#[test]
fn the_examples_together_reach_every_word_and_every_code_of_the_language() {
    let mut reached = Reached::default();
    for example in Example::all() {
        let one = Reached::by(&example);
        reached.codes.extend(one.codes);
        reached.met.extend(one.met);
        reached.unmet.extend(one.unmet);
    }
    let mut missing = Vec::new();
    for key in CEILINGS {
        let rule = format!("{CEILING}{key}");
        if !reached.unmet.iter().any(|unmet| unmet.contains(&rule)) {
            missing.push(format!("no case is above `{key}` of a ceiling"));
        }
    }
    for implicit in IMPLICIT {
        for (rules, what) in [(&reached.met, "met"), (&reached.unmet, "unmet")] {
            if !rules.iter().any(|rule| rule.ends_with(implicit)) {
                missing.push(format!("`{implicit}` is never {what}"));
            }
        }
    }
    for row in rows() {
        let codes = row.codes.iter().filter(|code| !UNREACHABLE.contains(&code.as_str()));
        let unreached = codes.filter(|code| !reached.codes.contains(code.as_str()));
        missing.extend(unreached.map(|code| format!("no case has the code `{code}`")));
        for word in row.words {
            for (rules, what) in [(&reached.met, "met"), (&reached.unmet, "unmet")] {
                if !rules.iter().any(|rule| is_of(&word, rule)) {
                    missing.push(format!("`{word}` is never {what}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{} gaps:\n{}", missing.len(), missing.join("\n"));
}

/// The codes that no case can have: each case gives its body to the gate, and cases count nothing.
const UNREACHABLE: &[&str] = &["body_not_read", "limit_exceeded", "limit_unavailable"];

/// Words that one rule belongs to, whatever is written within them; and words whose members an owner names.
const WHOLE: &[&str] = &[
    "time",
    "authorization_details",
    "claims",
    "operation.query",
    "operation.json",
    "operation.arguments",
    "limit",
];

/// Words of a route without a rule of their own.
const WITHOUT_RULE: &[&str] = &["match", "public", "require", "operation.max", "limit"];

/// A row of the table of all words in the documentation of the language.
struct Row {
    /// As in the names of rules: `chain.prior.first`.
    words: Vec<String>,
    codes: Vec<String>,
}

fn rows() -> Vec<Row> {
    let page = include_str!("../../middleware/src/policy/mod.rs");
    let lines = page.lines().skip_while(|line| *line != "//! # Every word");
    let table = lines.filter_map(|line| line.strip_prefix("//! | `"));
    let rows: Vec<Row> = table.map(row).collect();
    assert!(rows.len() > 50, "{} rows", rows.len());
    rows
}

fn row(line: &str) -> Row {
    let (key, rest) = line.split_once("` | ").unwrap();
    let (meaning, codes) = rest.strip_suffix(" |").and_then(|rest| rest.rsplit_once(" |")).unwrap();
    let codes = codes.split('`').skip(1).step_by(2);
    let codes = codes.filter(|code| code.contains('_')).map(str::to_owned).collect();
    let mut words = Vec::new();
    if !meaning.starts_with("beside ") {
        let key = match key.contains(':') {
            true => key.to_owned(),
            false => format!("{key}:"),
        };
        let written = actgate_yaml::read::<Value>(&key).check(|value, _, _| Some(value));
        names(
            "",
            &written.unwrap_or_else(|error| panic!("{key}: {error}")),
            &mut words,
        );
        words.retain(|word| !WITHOUT_RULE.contains(&word.as_str()));
    }
    Row { words, codes }
}

/// The names of the members of a written form, each with those it is in.
fn names(path: &str, value: &Value, words: &mut Vec<String>) {
    match value {
        Value::Object(members) if !WHOLE.contains(&path) => {
            for (name, value) in members {
                let path = match path {
                    "" => name.clone(),
                    _ => format!("{path}.{name}"),
                };
                names(&path, value, words);
            }
        }
        _ => words.push(path.to_owned()),
    }
}

/// Whether the rule of this name is one on the word.
fn is_of(word: &str, rule: &str) -> bool {
    let Some((_, path)) = rule.rsplit_once(": ") else {
        return false;
    };
    let path = format!(".{path}.");
    path.contains(&format!(".{word}."))
}
