//! Values that are compared as they are written. What looks like a pattern is a mistake, because it would be compared too.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use crate::look::Look;

/// A text that looks like a pattern, and is compared as it is.
/// Example: `{ literal: 'orders:*' }`
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Literal {
    /// The text.
    /// Example: `'orders:*'`
    literal: Box<str>,
}

/// A text that does not look like a pattern.
#[cfg(feature = "schema")]
pub(super) struct ExactText;

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// A text that is compared as it is: without `*`, and without a blank at an end.
    ExactText = "ExactText", { "type": "string", "pattern": r"^[^*\s]([^*]*[^*\s])?$" };
}

/// Reads a text that does not look like a pattern, or one that is a literal.
pub(super) fn deserialize<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<Box<str>, Error = &'static str>,
{
    struct Exact<T>(PhantomData<T>);
    impl<'de, T: TryFrom<Box<str>, Error = &'static str>> Visitor<'de> for Exact<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            let value = T::try_from(text.into()).map_err(E::custom)?;
            check(text, "the list").map(|()| value)
        }
        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::try_from(literal(map)?.into()).map_err(A::Error::custom)
        }
    }
    deserializer.deserialize_any(Exact(PhantomData))
}

/// Reads the text of `{ literal: .. }`.
pub(super) fn literal<'de, A: MapAccess<'de>>(map: A) -> Result<String, A::Error> {
    let Literal { literal } = Literal::deserialize(MapAccessDeserializer::new(map))?;
    Ok(literal.into())
}

/// Rejects a text that looks like a pattern. `key` is what is left out where every value is accepted.
pub(super) fn check<E: Error>(text: &str, key: &str) -> Result<(), E> {
    let shown = shown(text);
    let literal = format!("`{{ literal: {} }}`", quoted(text));
    Err(E::custom(match Look::of(text) {
        None => return Ok(()),
        Some(Look::Several) => format!(
            "`{shown}` is one value that looks like several\nwrite each as an item of its own, or {literal} if the token has this very text"
        ),
        Some(Look::Blank) => format!(
            "`{shown}` begins or ends with a blank\nwrite `{}`, or {literal} if the token has this very text",
            shown.trim()
        ),
        Some(Look::Any) => format!(
            "`{shown}` is a wildcard, and values are compared as they are\nleave {key} out where every value is accepted, or write {literal}"
        ),
        Some(Look::Pattern) => format!(
            "`{shown}` is a pattern, and values are compared as they are\nwrite each value in full, or {literal} if the token has this very text"
        ),
        Some(Look::Template) => format!(
            "`{shown}` is a template, and variables are not replaced\nwrite the value itself, or {literal} if the token has this very text"
        ),
    }))
}

/// A text as a message shows it: a control character, which could change the line, becomes a space.
pub(super) fn shown(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// A text as a YAML scalar.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::policy::Policy;
    use crate::policy::testing::{agent, code, human};

    /// The mistake of a list with one item, without its place.
    fn mistake(list: &str, item: &str) -> Option<String> {
        let body = list.replace("ITEM", item);
        let policy = Policy::from_yaml(&format!("routes:\n  - match: GET /\n    {body}\n"));
        let mistakes = policy.err()?;
        assert_eq!(mistakes.iter().count(), 1, "{mistakes}");
        assert_eq!(mistakes.iter().next()?.line(), 3, "{mistakes}");
        Some(mistakes.to_string().split_once(": ")?.1.replace("\n  help: ", "; "))
    }

    const PARTIES: &[&str] = &[
        "actor: { one_of: [a, ITEM] }",
        "actor: { none_of: [ITEM] }",
        "initiator: { one_of: [ITEM] }",
        "initiator: { none_of: [ITEM] }",
        "chain: { all_of: [ITEM] }",
        "chain: { none_of: [ITEM] }",
        "any_of: [{ actor: { none_of: [ITEM] } }]",
    ];
    const VALUES: &[&str] = &[
        "scopes: [a, ITEM]",
        "scopes: { any_of: [ITEM] }",
        "scopes: { none_of: [ITEM] }",
        "initiator: { amr: [ITEM] }",
        "initiator: { amr: ITEM }",
        "initiator: { acr: [ITEM] }",
        "actor: { issuer: ITEM }",
        "actor: { issuer: [same, ITEM] }",
        "actor: { none_of: [{ issuer: ITEM, subject: a }] }",
        "client: { one_of: [ITEM] }",
        "client: { none_of: [ITEM] }",
        "claims: { tid: ITEM }",
        "claims: { tid: { equals: ITEM } }",
        "claims: { tid: { one_of: [a, ITEM] } }",
        "claims: { tid: { contains: ITEM } }",
    ];

    #[test]
    fn a_pattern_in_a_list_is_a_mistake() {
        for list in PARTIES {
            assert_eq!(
                mistake(list, "'evil-*'").unwrap(),
                "`evil-*` is a pattern, and parties are compared as they are; write each party in full, or \
                 `{ subject: 'evil-*' }` if the token has this very text",
                "{list}"
            );
            assert!(
                mistake(list, "'*'")
                    .unwrap()
                    .contains("`*` is a wildcard, and parties are compared as they are"),
                "{list}"
            );
            for item in ["'^a'", "'a$'", "/a/", "'{{a}}'", "'[a-z]'"] {
                assert!(mistake(list, item).is_some(), "{list}: {item}");
            }
            assert_eq!(mistake(list, "{ subject: 'evil-*' }"), None, "{list}");
        }
        for list in VALUES {
            assert_eq!(
                mistake(list, "'orders:*'").unwrap(),
                "`orders:*` is a pattern, and values are compared as they are; write each value in full, or \
                 `{ literal: 'orders:*' }` if the token has this very text",
                "{list}"
            );
            assert!(
                mistake(list, "'*'")
                    .unwrap()
                    .contains("out where every value is accepted"),
                "{list}"
            );
            for item in ["'^a'", "'a$'", "/a/", "'{{a}}'", "'[a-z]'"] {
                assert!(mistake(list, item).is_some(), "{list}: {item}");
            }
            assert_eq!(mistake(list, "{ literal: 'orders:*' }"), None, "{list}");
        }
        assert!(mistake("claims: { 'role*': a }", "").is_some());
        assert!(mistake("claims: { tid: { literal: a, equals: b } }", "").is_some());
    }

    #[test]
    fn a_literal_is_compared_as_it_is() {
        let body = "scopes: [{ literal: 'orders:*' }]";
        assert_eq!(code(body, json!({"scope": "orders:*"})), "allow");
        assert_eq!(code(body, json!({"scope": "orders:read"})), "insufficient_scope");
        let body = "actor: { none_of: [{ subject: 'a*b' }] }";
        assert_eq!(code(body, human(agent("a*b"))), "actor_not_allowed");
        assert_eq!(code(body, human(agent("axb"))), "allow");
        for body in [
            "claims: { tid: { literal: 'T*' } }",
            "claims: { tid: { one_of: [{ literal: 'T*' }] } }",
        ] {
            assert_eq!(code(body, json!({"tid": "T*"})), "allow");
            assert_eq!(code(body, json!({"tid": "T1"})), "claim_not_met");
        }
    }
}
