//! The words of a policy, each with its description and examples, as the JSON Schema of a policy has them.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::cli::schema::Schema;

/// The order of words beside each other, in sections and in examples. Others come after them, by their names.
const ORDER: &[&str] = &[
    "routes",
    "requirements",
    "defaults",
    "match",
    "public",
    "issuer",
    "subject",
    "owner",
    "type",
    "zone",
    "json",
    "min",
    "require",
    "scopes",
    "initiator",
    "actor",
    "client",
    "claims",
    "token",
    "may_act",
    "time",
    "authorization_details",
    "operation",
    "expression",
    "any_of",
    "chain",
    "groups",
    "agents",
    "unregistered_agents",
    "mcp",
    "kind",
    "method",
    "max_depth",
    "required",
    "absent",
    "mode",
    "spelling",
];

/// Words that are written in the same place.
#[derive(Debug)]
pub(crate) struct Section {
    /// The place, as a heading.
    pub(crate) title: String,
    /// The word that holds the others; empty for those of a policy, a route and a requirement.
    pub(crate) of: String,
    pub(crate) about: String,
    pub(crate) words: Vec<Word>,
}

/// A key.
#[derive(Debug)]
pub(crate) struct Word {
    pub(crate) name: String,
    pub(crate) description: String,
    /// Each as it is written in its place.
    pub(crate) examples: Vec<Value>,
    /// Its only values, where they are words, each with its description.
    pub(crate) values: Vec<(String, String)>,
}

/// How far a key is within another one.
#[derive(Clone, Debug)]
enum Step {
    Key(String),
    /// A name that the owner chooses: of the names in a sample, the first with the key within it.
    Name(Map<String, Value>),
    Item,
    /// Keys without which the mapping is not complete.
    Beside(Map<String, Value>),
}

/// The words of a policy, by their places.
pub(crate) fn sections() -> Vec<Section> {
    let schema: Value = serde_json::from_str(Schema::Policy.text()).unwrap_or_default();
    let mut words = Words {
        definitions: &schema["definitions"],
        // They have a section of their own.
        shown: ["Requirement", "Route", "PartyOrGroup", "Party", "Literal"]
            .map(str::to_owned)
            .into(),
        sections: Vec::new(),
    };
    let of_routes = |name: &str| words_of(&words.definitions[name]);
    let (requirement, route) = (of_routes("Requirement"), of_routes("Route"));
    // The mode of a route is described in its own words.
    let is_of_a_route_alone = |name: &&String| *name == "mode" || !requirement.contains_key(*name);
    let route: Map<String, Value> = route
        .iter()
        .filter(|(name, _)| is_of_a_route_alone(name))
        .map(|(name, word)| (name.clone(), word.clone()))
        .collect();
    let about = "What a policy requires of the requests to a route, of those that name a requirement, and of all by `defaults`. \
                 Everything written has to be met.";
    words.section("The top of a policy", &schema["description"], &words_of(&schema));
    words.section("A route", &words.definitions["Route"]["description"], &route);
    words.section("A requirement, in a route too", &about.into(), &requirement);
    let places = [
        (&requirement, ""),
        (&route, " of a route"),
        (&words_of(&schema), " at the top of a policy"),
    ];
    for (place, suffix) in places {
        for (name, word) in sorted(place) {
            words.nested(name, suffix, word, &[Step::Key(name.to_owned())]);
        }
    }
    for (title, definition) in [
        ("A party in a list", "PartyOrGroup"),
        ("A text like a pattern", "Literal"),
    ] {
        let definition = &words.definitions[definition];
        words.section(title, &definition["description"], &words_of(definition));
    }
    words.sections
}

struct Words<'s> {
    definitions: &'s Value,
    /// The definitions whose keys are in a section.
    shown: BTreeSet<String>,
    sections: Vec<Section>,
}

impl Words<'_> {
    fn section(&mut self, title: &str, about: &Value, words: &Map<String, Value>) {
        let words = sorted(words).map(|(name, word)| self.word(name, word, &[], &complement(title, name)));
        let words = words.collect();
        self.sections.push(Section {
            title: title.to_owned(),
            of: String::new(),
            about: text(about),
            words,
        });
    }

    /// Adds the sections of the keys within a word.
    fn nested(&mut self, path: &str, suffix: &str, word: &Value, steps: &[Step]) {
        let mut steps = steps.to_vec();
        let sample = word["examples"][0].clone();
        let Some((definition, found)) = self.mapping(word, &sample, &mut steps) else {
            return;
        };
        let found = found.clone();
        if !self.shown.insert(definition.clone()) {
            return;
        }
        let beside = |name: &str| {
            let mut keys = required(&self.definitions[&definition], &found, name);
            keys.extend(complement(path, name));
            keys
        };
        let words = sorted(&found).map(|(name, word)| self.word(name, word, &steps, &beside(name)));
        let words = words.collect();
        self.sections.push(Section {
            title: format!("`{path}`{suffix}"),
            of: path.to_owned(),
            about: text(&word["description"]),
            words,
        });
        for (name, word) in sorted(&found) {
            let mut within = steps.clone();
            within.push(Step::Beside(beside(name)));
            within.push(Step::Key(name.to_owned()));
            self.nested(&format!("{path}.{name}"), suffix, word, &within);
        }
    }

    /// The keys of the mapping that a word is, or that is in its list or under its names, with the name of its definition.
    fn mapping<'v>(
        &'v self,
        schema: &'v Value,
        sample: &Value,
        steps: &mut Vec<Step>,
    ) -> Option<(String, &'v Map<String, Value>)> {
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            let definition = &self.definitions[name];
            return match properties(definition) {
                Some(properties) => Some((name.to_owned(), properties)),
                None => self.mapping(definition, sample, steps),
            };
        }
        if let Some(choices) = schema["anyOf"].as_array() {
            return choices.iter().find_map(|choice| {
                let mut further = steps.clone();
                let found = self.mapping(choice, sample, &mut further)?;
                *steps = further;
                Some(found)
            });
        }
        if schema["items"].is_object() {
            steps.push(Step::Item);
            return self.mapping(&schema["items"], &sample[0], steps);
        }
        if schema["additionalProperties"].is_object() {
            steps.push(Step::Name(sample.as_object().cloned().unwrap_or_default()));
            return self.mapping(&schema["additionalProperties"], &Value::Null, steps);
        }
        None
    }

    fn word(&self, name: &str, schema: &Value, steps: &[Step], beside: &Map<String, Value>) -> Word {
        let mut steps = steps.to_vec();
        steps.push(Step::Beside(beside.clone()));
        steps.push(Step::Key(name.to_owned()));
        let examples = schema["examples"].as_array().into_iter().flatten();
        Word {
            name: name.to_owned(),
            description: text(&schema["description"]),
            examples: examples.map(|example| placed(example, &steps)).collect(),
            values: self.values(schema),
        }
    }

    /// The words that a value is one of.
    fn values(&self, schema: &Value) -> Vec<(String, String)> {
        let name = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
        if let Some(name) = name {
            return self.values(&self.definitions[name]);
        }
        if let Some(choices) = schema["anyOf"].as_array() {
            let mut values = choices.iter().map(|choice| self.values(choice));
            return values.find(|values| !values.is_empty()).unwrap_or_default();
        }
        let choices = schema["oneOf"].as_array().into_iter().flatten();
        let values = choices.filter_map(|choice| {
            let word = choice["const"].as_str()?;
            Some((word.to_owned(), text(&choice["description"])))
        });
        values.collect()
    }
}

/// The keys of a mapping, or of the mapping that may be written in place of a shorthand.
fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    let own = schema["properties"].as_object();
    own.or_else(|| schema["anyOf"][0]["properties"].as_object())
}

fn words_of(schema: &Value) -> Map<String, Value> {
    properties(schema).cloned().unwrap_or_default()
}

fn sorted(words: &Map<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
    let mut words: Vec<(&str, &Value)> = words.iter().map(|(name, word)| (name.as_str(), word)).collect();
    words.sort_by_key(|(name, _)| (rank(name), *name));
    words.into_iter()
}

/// The place of a word among others.
pub(crate) fn rank(name: &str) -> usize {
    ORDER.iter().position(|word| *word == name).unwrap_or(ORDER.len())
}

/// The keys that a mapping needs beside one of its keys, each with its first example.
fn required(definition: &Value, words: &Map<String, Value>, name: &str) -> Map<String, Value> {
    let names = |of: &Value| -> Vec<String> {
        let names = of["required"].as_array().into_iter().flatten();
        names.filter_map(|name| Some(name.as_str()?.to_owned())).collect()
    };
    let mut required = names(definition);
    let choices = definition["anyOf"].as_array().into_iter().flatten().map(names);
    let choices: Vec<Vec<String>> = choices.filter(|choice| !choice.is_empty()).collect();
    let is_met = |choice: &Vec<String>| choice.iter().all(|key| key == name || required.contains(key));
    if let Some(first) = choices.first().filter(|_| !choices.iter().any(is_met)) {
        required.extend(first.iter().cloned());
    }
    let required = required.into_iter().filter(|key| key != name);
    required
        .map(|key| {
            let example = words.get(&key).map(|word| word["examples"][0].clone());
            (key, example.unwrap_or_default())
        })
        .collect()
}

/// The key that an example needs beside it, where the schema does not say so.
fn complement(place: &str, name: &str) -> Map<String, Value> {
    let (key, value) = match (place, name) {
        ("A party in a list", "issuer") => ("subject", "alice".into()),
        ("expression", "accept_truncation") => ("cel", "chain.size() <= 2".into()),
        ("chain", "accept_truncation") => ("max_depth", 2.into()),
        ("operation", "max") => ("json", serde_json::json!({ "/amount": { "max": 500 } })),
        _ => return Map::new(),
    };
    Map::from_iter([(key.to_owned(), value)])
}

/// A value in its place: `{ kind: human }` becomes `{ initiator: { kind: human } }`.
fn placed(value: &Value, steps: &[Step]) -> Value {
    steps.iter().rev().fold(value.clone(), |value, step| match step {
        Step::Key(name) => Value::Object(Map::from_iter([(name.clone(), value)])),
        Step::Name(sample) => Value::Object(Map::from_iter([(name_for(&value, sample), value)])),
        Step::Item => Value::Array(vec![value]),
        Step::Beside(keys) => {
            let mut members = keys.clone();
            members.extend(value.as_object().cloned().unwrap_or_default());
            Value::Object(members)
        }
    })
}

/// The name in a sample whose value is most like another one: it has the same key, or is a bare value where no range is written.
fn name_for(value: &Value, sample: &Map<String, Value>) -> String {
    let key = value.as_object().and_then(|members| members.keys().next());
    let is_like = |own: &Value| key.is_some_and(|key| own.get(key).is_some());
    let like = sample.iter().find(|(_, own)| is_like(own));
    let bare = || match key.map(String::as_str) {
        Some("min" | "max") => None,
        _ => sample.iter().find(|(_, own)| !own.is_object()),
    };
    let found = like.or_else(bare).or_else(|| sample.iter().next());
    found.map_or("NAME", |(name, _)| name).to_owned()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use actgate::Policy;

    use super::*;
    use crate::cli::yaml_example::lines;

    /// What the examples name: groups, agents, requirements and routes.
    const TOP: [(&str, &str); 3] = [
        ("groups", "groups: { operators: [alice] }\n"),
        (
            "agents",
            "agents: [{ subject: refund-agent, groups: [payments], tenant: acme }]\n",
        ),
        (
            "requirements",
            "requirements: { human-must-initiate: { initiator: { kind: human } } }\n",
        ),
    ];
    const ROUTES: &str = "routes:\n- { match: POST /refunds, scopes: [refunds:write] }\n\
                          - { match: 'GET /files/{*rest}', scopes: [files:read] }\n\
                          - { match: 'GET /orders/{id}', scopes: [orders:read] }\n\
                          - { match: POST /mcp, mcp: tools/call, scopes: [tools:call] }\n";

    /// A policy with an example pasted in, each line of it as it is shown.
    fn policy_with(section: &Section, word: &Word, example: &Value) -> String {
        let pasted = |indent: &str| -> String {
            let lines = lines(example, 76);
            lines.iter().map(|line| format!("{indent}{line}\n")).collect()
        };
        let is_at_the_top = section.title.ends_with("top of a policy");
        let key = example.as_object().and_then(|members| members.keys().next()).unwrap();
        let is_taken = |name: &str| is_at_the_top && key == name;
        let top = TOP.iter().filter(|(name, _)| !is_taken(name));
        let mut text: String = top.map(|(_, text)| *text).collect();
        if !is_taken("routes") {
            text.push_str(ROUTES);
        }
        match &*section.title {
            _ if is_at_the_top => text.push_str(&pasted("")),
            "A party in a list" => {
                text.push_str("- match: PUT /orders/{id}\n  initiator:\n    one_of:\n");
                text.push_str(&pasted("      ").replacen("      ", "    - ", 1));
            }
            "A text like a pattern" => {
                text.push_str("- match: PUT /orders/{id}\n  claims:\n    tid:\n");
                text.push_str(&pasted("      "));
            }
            _ if word.name == "match" => {
                text.push_str(&pasted("  ").replacen("  ", "- ", 1).replace("/orders/", "/o/"))
            }
            _ if key == "weaker_than" => {
                text.push_str("- match: GET /{*rest}\n");
                text.push_str(&pasted("  "));
            }
            _ => {
                text.push_str("- match: POST /orders/{id}\n");
                if word.name == "arguments" {
                    text.push_str("  mcp: tools/call\n");
                }
                text.push_str(&pasted("  "));
            }
        }
        text
    }

    #[test]
    fn each_example_can_be_pasted() {
        let mut failed = Vec::new();
        let mut count = 0;
        for section in &sections() {
            for word in &section.words {
                for example in &word.examples {
                    let text = policy_with(section, word, example);
                    count += 1;
                    if let Err(error) = Policy::from_yaml(&text) {
                        failed.push(format!("{}: {}\n{text}{error}", section.title, word.name));
                    }
                }
            }
        }
        assert!(count > 100, "{count}");
        assert!(
            failed.is_empty(),
            "{} of {count}:\n{}",
            failed.len(),
            failed.join("\n\n")
        );
    }
}
