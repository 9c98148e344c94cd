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
    Item,
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
        let words = sorted(words).map(|(name, word)| self.word(name, word, &[]));
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
        if !self.shown.insert(definition) {
            return;
        }
        let words = sorted(&found).map(|(name, word)| self.word(name, word, &steps));
        let words = words.collect();
        self.sections.push(Section {
            title: format!("`{path}`{suffix}"),
            of: path.to_owned(),
            about: text(&word["description"]),
            words,
        });
        for (name, word) in sorted(&found) {
            let mut within = steps.clone();
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
            let names = sample.as_object().and_then(|members| members.keys().next());
            steps.push(Step::Key(names.map_or("NAME", String::as_str).to_owned()));
            return self.mapping(&schema["additionalProperties"], &Value::Null, steps);
        }
        None
    }

    fn word(&self, name: &str, schema: &Value, steps: &[Step]) -> Word {
        let mut steps = steps.to_vec();
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

/// A value in its place: `{ kind: human }` becomes `{ initiator: { kind: human } }`.
fn placed(value: &Value, steps: &[Step]) -> Value {
    steps.iter().rev().fold(value.clone(), |value, step| match step {
        Step::Key(name) => Value::Object(Map::from_iter([(name.clone(), value)])),
        Step::Item => Value::Array(vec![value]),
    })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
