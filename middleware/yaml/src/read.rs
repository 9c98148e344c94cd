//! Reads a document into a type, and goes on after a mistake until all of them are found.

use std::collections::HashSet;

use serde::de::DeserializeOwned;

use crate::deserializer::NodeDeserializer;
use crate::diagnostic::Diagnostics;
use crate::mistake::Mistake;
use crate::node::Node;
use crate::spanned::Span;
use crate::syntax;
use crate::written::{Written, fields};

/// The number of mistakes after which reading stops, which costs a pass over the document for each. Most that are reported.
const MAX_MISTAKES: usize = 100;

/// Reads one document and finds every mistake of its structure.
///
/// A key or an item that cannot be read is left out, and so is a mapping that lacks a required key; the rest is read
/// again. An empty document is an empty mapping.
pub fn read<T: DeserializeOwned>(text: &str) -> Reading<T> {
    let mut reading = Reading {
        value: None,
        diagnostics: Diagnostics::default(),
        omissions: Omissions::default(),
        written: None,
    };
    let mut root = match Node::parse(text) {
        Ok(root) => root,
        Err(diagnostic) => {
            reading.diagnostics.extend([diagnostic]);
            return reading;
        }
    };
    reading.diagnostics.extend(syntax::tags(text));
    for pass in 0.. {
        match T::deserialize(NodeDeserializer(&root)) {
            Ok(value) => {
                reading.value = Some(value);
                break;
            }
            Err(_) if pass == MAX_MISTAKES => {
                reading
                    .diagnostics
                    .push_last("there are more mistakes", "fix these first");
                break;
            }
            Err(mistake) => {
                if !reading.leave_out(&mut root, mistake) {
                    break;
                }
            }
        }
    }
    reading.written = Some(Written {
        root,
        fields: fields::<T>(),
    });
    reading
}

/// What was read of a document.
#[derive(Debug)]
pub struct Reading<T> {
    /// The document without what could not be read, so that the rest can be checked in the same run; [`None`] where
    /// too little is left. It is complete if and only if there is no diagnostic.
    pub value: Option<T>,
    /// Every mistake of the structure.
    pub diagnostics: Diagnostics,
    /// What the value lacks.
    pub omissions: Omissions,
    written: Option<Written>,
}

impl<T> Reading<T> {
    /// What was read, as it is written; [`None`] of a text that is no YAML.
    pub fn written(&self) -> Option<&Written> {
        self.written.as_ref()
    }

    /// Checks the meaning of what was read, and adds its mistakes to those of the structure.
    ///
    /// # Errors
    /// Every mistake of either kind.
    pub fn check<U>(self, check: impl FnOnce(T, &Omissions, &mut Diagnostics) -> Option<U>) -> Result<U, Diagnostics> {
        let mut diagnostics = self.diagnostics;
        let checked = self
            .value
            .and_then(|value| check(value, &self.omissions, &mut diagnostics));
        diagnostics.limit(MAX_MISTAKES);
        match checked {
            Some(checked) if diagnostics.is_empty() => Ok(checked),
            _ => Err(diagnostics),
        }
    }

    /// Records a mistake and leaves out what it is in, unless that is the whole document.
    fn leave_out(&mut self, root: &mut Node, mistake: Mistake) -> bool {
        let path: Vec<usize> = mistake.path.iter().rev().copied().collect();
        let (missing, meant) = (mistake.missing, mistake.meant);
        let lost = |key: &str| {
            root.at(&path)
                .is_some_and(|node| node.lost.iter().any(|lost| lost == key))
        };
        // A mapping or a list that lacks what was left out of it may have no meaning for that reason alone.
        let follows = mistake.of_meaning && self.omissions.within(mistake.span());
        let is_known = missing.is_some_and(lost);
        if !is_known && !follows {
            self.diagnostics.extend([mistake.into_diagnostic()]);
        }
        let Some((last, container)) = path.split_last() else {
            return false;
        };
        for length in 0..=container.len() {
            self.omissions
                .within
                .extend(root.at(&path[..length]).map(|node| node.span));
        }
        if let Some(node) = root.at(container) {
            node.remove(*last, meant);
            self.omissions.keys.extend(node.lost.iter().cloned());
        }
        true
    }
}

/// What was left out of a document, so that a check does not report what only follows from it.
#[derive(Clone, Debug, Default)]
pub struct Omissions {
    within: HashSet<Span>,
    keys: HashSet<String>,
}

impl Omissions {
    /// Whether something is left out within the list or the mapping at a place.
    pub fn within(&self, span: Span) -> bool {
        self.within.contains(&span)
    }

    /// Whether a key of this name, or one that most likely means it, is left out anywhere.
    pub fn has_key(&self, key: &str) -> bool {
        self.keys.contains(key)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::{Duration, Instant};

    use serde::Deserialize;

    use super::*;
    use crate::spanned::{OneOrMany, Spanned};

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    #[allow(dead_code, reason = "read by serde only")]
    struct Document {
        requirements: BTreeMap<String, Spanned<Requirement>>,
        routes: Vec<Spanned<Route>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "read by serde only")]
    struct Route {
        #[serde(rename = "match")]
        matches: OneOrMany<String>,
        #[serde(default)]
        public: bool,
        scopes: Option<Scopes>,
        chain: Option<Chain>,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    #[allow(dead_code, reason = "read by serde only")]
    struct Requirement {
        kind: Option<OneOrMany<Kind>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Human,
        Agent,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename = "shorthand all_of", deny_unknown_fields)]
    struct Scopes {
        all_of: Option<Vec<String>>,
        any_of: Option<Vec<String>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "read by serde only")]
    struct Chain {
        max_depth: Option<u32>,
    }

    fn mistakes(text: &str) -> Vec<String> {
        let reading = read::<Document>(text);
        reading
            .diagnostics
            .iter()
            .map(|one| one.to_string().replace("\n  help: ", "; "))
            .collect()
    }

    #[test]
    fn a_mistake_is_described_in_terms_of_the_file() {
        let missing = "a value is missing here; add a value or remove the key";
        let list = "a list, not a text; write `[a, b]`, or each item on a line of its own after `- `";
        let mapping = "a mapping, not a text; write keys with their values, as in `key: value`";
        let number = "a whole number from 0 to 4294967295";
        let digits = "write a number in this range, without quotes";
        let tab = "a tab is used where only spaces are allowed; indent with spaces";
        let merge = "merge keys (`<<`) are not supported; write the keys out";
        let several = "the file contains more than one document; keep one, and delete the `---` before the next";
        for (text, place, expected) in [
            ("routes:", "1:7", missing),
            ("requirements: # later", "1:13", missing),
            ("requirements: { a: ~ }", "1:20", missing),
            ("routes:\n  -", "2:4", missing),
            ("routes: [{ match: }]", "1:17", missing),
            ("routes: [{ match: GET /, public: }]", "1:32", missing),
            ("routes: [{ match: GET /, scopes: [null] }]", "1:35", missing),
            ("routes: [{ match: GET /, scopes: { all_of: } }]", "1:42", missing),
            ("routes: [{ match: GET /, chain: { max_depth } }]", "1:45", missing),
            ("requirements: { a: { kind: [~] } }", "1:29", missing),
            (
                "routes: nothing",
                "1:9",
                &format!("expected {}", list.replace("a, b", "nothing")),
            ),
            ("routes: ''", "1:9", &format!("expected {list}")),
            ("routes: [a]", "1:10", &format!("expected {mapping}")),
            (
                "- a",
                "1:1",
                "expected a mapping, not a list; write keys with their values, as in `key: value`",
            ),
            (
                "routes: [{ match: [[a]] }]",
                "1:20",
                "expected a text, not a list; write a single value",
            ),
            (
                "routes: [{ match: 1 }]",
                "1:19",
                "expected a text, not a number; put a text in quotes",
            ),
            (
                "routes: [{ match: GET /, scopes: secret }]",
                "1:34",
                &format!("expected {}", list.replace("a, b", "secret")),
            ),
            (
                "requirements: { a: { kind: 1 } }",
                "1:28",
                "expected a single word, not a number; put a text in quotes",
            ),
            (
                "requirements: { a: { kind: { a: b } } }",
                "1:28",
                "expected a single word, not a mapping; write a single value",
            ),
            (
                "requirements: { a: { kind: humn } }",
                "1:28",
                "unknown word `humn`; did you mean `human`?",
            ),
            (
                "routes: [{ match: GET /, public: yes }]",
                "1:34",
                "expected `true` or `false`, not a text; write `true`",
            ),
            (
                "routes: [{ match: GET /, chain: { max_depth: -1 } }]",
                "1:46",
                &format!("expected {number}; {digits}"),
            ),
            (
                "routes: [{ match: GET /, chain: { max_depth: two } }]",
                "1:46",
                &format!("expected {number}, not a text; {digits}"),
            ),
            ("routes: [{}]", "1:10", "the key `match` is missing; add `match: …`"),
            (
                "routes: [{ match: .inf }]",
                "1:19",
                "expected a finite number; write the number, or a text in quotes",
            ),
            ("routes: []\n---\nroutes: []", "3:1", several),
            ("routes:\n\t- match: GET /", "2:1", tab),
            ("routes:\n  - match: GET /\n\tpublic: true", "3:1", tab),
            (
                "routes: &a [*a]",
                "1:13",
                "an alias occurs within its own anchor; write the value out",
            ),
            (
                "routes: *a",
                "1:9",
                "this alias has no anchor; add `&name` before an earlier value, or quote a text that begins with `*`",
            ),
            ("requirements: { a: &x {}, <<: *x }", "1:27", merge),
            (
                "routes: !!binary x",
                "1:18",
                "the tag does not fit the value; delete the `!` and the tag",
            ),
            (
                "routes: [",
                "1:9",
                "this is not YAML: unclosed bracket '['; close every bracket with one of its kind",
            ),
            (
                "routes: []\nroutes: []",
                "2:1",
                "the key `routes` occurs twice; keep one of them",
            ),
            ("~: []", "1:1", "a key is missing here; add a key before the `:`"),
            ("[a]: []", "1:1", "a key must be a text; write `key: value`"),
            (
                "requirements: { a: &x { kind: humn }, b: *x }",
                "1:31",
                "unknown word `humn`; did you mean `human`?",
            ),
        ] {
            assert_eq!(
                mistakes(text).first().unwrap(),
                &format!("{place}: {expected}"),
                "{text}"
            );
        }
        for deep in ["[".repeat(3000), "[".repeat(100) + &"]".repeat(100), "- ".repeat(3000)] {
            assert!(
                mistakes(&deep)[0].ends_with("lists and mappings are nested too deep"),
                "{}",
                mistakes(&deep)[0]
            );
        }
    }

    #[test]
    fn mistakes_of_every_kind_are_found_in_one_run() {
        let text = "requirements:
  a: { kind: [human, humn], knd: agent }
routes:
  - { match: GET /, public: 1 }
  - { match: [GET /a, 5] }
  - public: true
  - { match: , chain: { max_depth: x } }
rotes: []
requirements: { a: { kind: human }, a: {} }
";
        let expected = [
            "2:22: unknown word `humn`; did you mean `human`?",
            "2:29: unknown key `knd`; did you mean `kind`?",
            "4:29: expected `true` or `false`, not a number; write one of the two without quotes",
            "5:23: expected a text, not a number; put a text in quotes",
            "6:5: the key `match` is missing; add `match: …`",
            "7:12: a value is missing here; add a value or remove the key",
            "7:36: expected a whole number from 0 to 4294967295, not a text; write a number in this range, without quotes",
            "8:1: unknown key `rotes`; did you mean `routes`?",
            "9:1: the key `requirements` occurs twice; keep one of them",
        ];
        assert_eq!(mistakes(text), expected);
        let reading = read::<Document>(text);
        let omissions = reading.omissions;
        let document = reading.value.unwrap();
        let requirement = &document.requirements["a"];
        assert_eq!(requirement.value.kind.as_ref().unwrap().0.len(), 1);
        assert!(omissions.within(requirement.span()));
        assert_eq!(document.routes.len(), 2);
        assert!(["match", "routes", "rotes", "knd", "kind"].map(|key| omissions.has_key(key)) == [true; 5]);
        assert!(!omissions.has_key("chain"));
    }

    #[test]
    fn a_tag_is_a_mistake_wherever_it_is() {
        let expected = |place: &str, tag: &str| {
            format!(
                "{place}: the tag `{tag}` has no meaning here; delete the tag, or quote a text that begins with `!`"
            )
        };
        for (text, place, tag) in [
            ("routes: [{ match: GET /, public: !x true }]", "1:37", "!x"),
            ("routes: [{ match: !!str GET / }]", "1:25", "!!str"),
            ("routes: !!seq [{ match: GET / }]", "1:15", "!!seq"),
            ("routes:\n  - !route\n    match: GET /", "3:5", "!route"),
            ("!doc\nroutes: []", "2:1", "!doc"),
            ("!k routes: []", "1:4", "!k"),
            ("routes: [{ match: ! GET / }]", "1:21", "!"),
        ] {
            assert_eq!(mistakes(text), [expected(place, tag)], "{text}");
        }
        assert!(mistakes("routes: [{ match: '!x' }]").is_empty());
    }

    #[test]
    fn what_follows_from_a_mistake_is_no_second_one() {
        assert_eq!(mistakes("routes: [{ match: 5 }]").len(), 1);
        assert_eq!(
            mistakes("routes: [{ mtch: GET / }]"),
            ["1:12: unknown key `mtch`; did you mean `match`?"]
        );
        assert_eq!(mistakes("routes: [{ colour: GET / }]").len(), 2);
    }

    #[test]
    fn a_value_is_checked_further_and_never_used_with_a_mistake() {
        let check = |text| {
            read::<Document>(text).check(|document, _, diagnostics| {
                for route in document.routes {
                    diagnostics.push(route.span(), "no route is accepted", "");
                }
                Some(())
            })
        };
        assert_eq!(check("routes: []"), Ok(()));
        let both = check("routes: [{ match: GET / }]\nrequirements: 5").unwrap_err();
        assert_eq!(both.len(), 2, "{both}");
        assert!(check("requirements: 5").is_err());
    }

    #[test]
    fn mistakes_beyond_the_limit_are_mentioned() {
        let routes = |count: usize| "routes:\n".to_owned() + &"  - { match: GET /, public: 5 }\n".repeat(count);
        let last = |text: &str| mistakes(text).pop().unwrap();
        assert_eq!(mistakes(&routes(MAX_MISTAKES)).len(), MAX_MISTAKES);
        assert!(last(&routes(MAX_MISTAKES)).starts_with("101:29: expected `true` or `false`"));
        assert_eq!(mistakes(&routes(MAX_MISTAKES + 1)).len(), MAX_MISTAKES + 1);
        assert_eq!(
            last(&routes(MAX_MISTAKES + 1)),
            "101:29: there are more mistakes; fix these first"
        );
        let check = |text: &str| {
            let refused = read::<Document>(text).check(|document, _, diagnostics| {
                for route in document.routes {
                    diagnostics.push(route.span(), "no route is accepted", "");
                }
                Some(())
            });
            refused.unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let valid = routes(MAX_MISTAKES + 8).replace('5', "true");
        assert_eq!(check(&valid).len(), MAX_MISTAKES + 1);
        assert_eq!(
            check(&valid).pop().unwrap(),
            "101:5: there are 8 more mistakes\n  help: fix these first"
        );
    }

    #[test]
    fn an_empty_document_is_an_empty_mapping() {
        for text in ["", "# later", "---", "~"] {
            assert!(mistakes(text).is_empty(), "{text:?}");
            assert!(read::<Document>(text).value.is_some());
        }
        assert_eq!(
            read::<Route>("").diagnostics.to_string().lines().next(),
            Some("1:1: the key `match` is missing")
        );
    }

    #[test]
    fn a_value_without_meaning_for_what_was_left_out_of_it_is_no_second_mistake() {
        #[derive(Debug)]
        struct NotEmpty;
        impl<'de> Deserialize<'de> for NotEmpty {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                match Vec::<Kind>::deserialize(deserializer)?.is_empty() {
                    true => Err(serde::de::Error::custom("empty\nfill it")),
                    false => Ok(NotEmpty),
                }
            }
        }
        let mistakes = |text| read::<BTreeMap<String, NotEmpty>>(text).diagnostics.to_string();
        assert_eq!(mistakes("a: []"), "1:4: empty\n  help: fill it");
        assert_eq!(
            mistakes("a: [dog]"),
            "1:5: unknown word `dog`\n  help: expected one of `human`, `agent`"
        );
        let both = mistakes("a: [dog]\nb: []");
        assert!(both.starts_with("1:5: ") && both.contains("\n2:4: empty"), "{both}");
        assert!(read::<BTreeMap<String, NotEmpty>>("a: [dog]").value.unwrap().is_empty());
    }

    #[test]
    fn a_value_may_be_written_short() {
        let scopes = |text: &str| {
            let scopes = read::<Scopes>(text).value.unwrap();
            (scopes.all_of.is_some(), scopes.any_of.is_some())
        };
        assert_eq!(scopes("[a]"), (true, false));
        assert_eq!(scopes("any_of: [a]"), (false, true));
    }

    #[test]
    fn hostile_documents_cost_little() {
        let begun = Instant::now();
        let mut texts = vec![
            "x".repeat(1 << 20),
            "[".repeat(1 << 20),
            "a: ".repeat(1 << 18),
            "\u{feff}\0".repeat(1 << 18),
        ];
        texts.push("routes:\n".to_owned() + &"  - { match: 5, colour: x }\n".repeat(20_000));
        texts.push((0..20_000).map(|index| format!("key{index}: x\n")).collect());
        let doubled = (1..40).map(|index| format!("k{index}: &a{index} [*a{}, *a{}]\n", index - 1, index - 1));
        texts.push("k0: &a0 [x]\n".to_owned() + &doubled.collect::<String>());
        for text in texts {
            let found = mistakes(&text);
            assert!((1..=MAX_MISTAKES + 1).contains(&found.len()), "{}", found.len());
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    }
}
