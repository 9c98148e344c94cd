//! One test on the value of a claim.

use std::fmt;

use super::claim_name::ClaimName;
use super::entity_profile::EntityProfile;
use super::scalar::Scalar;
use crate::claim_path;
use crate::error::Reason;
use crate::json::{Json, Object};

/// A test on a claim. An absent claim, and a blank text, meet none but those that say so.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ClaimTest {
    /// It is one of these values.
    OneOf(Box<[Scalar]>),
    /// It is a number, or a text, a list or an object that is not empty.
    Present,
    /// It is not there.
    Absent,
    /// It is a text that begins so.
    Prefix(Box<str>),
    /// It is a text that does not begin so, without ASCII case and leading white space.
    NotPrefix(Box<str>),
    /// It is a text that ends so.
    Suffix(Box<str>),
    /// It is a text with this word; words are separated by one space and compared without ASCII case. Some issuers write such
    /// words as a list of texts.
    Word(Box<str>),
    /// It is absent, or a text or a list without this word.
    NotWord(Box<str>),
    /// It is a text with this whole number among its words.
    Facet(u64),
    /// It is absent, or a text of whole numbers without this one.
    NotFacet(u64),
    /// It is a list with this value.
    Contains(Scalar),
    /// It is a text of entity profiles that classify the party so.
    EntityProfile(EntityProfile),
    /// It is a text, and the other claim is the same.
    SameAs(ClaimName),
    /// Both are texts, and they differ.
    NotSameAs(ClaimName),
}

/// Why a claim does not meet a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unmet {
    pub(crate) claim: &'static str,
    pub(crate) reason: Reason,
}

impl ClaimTest {
    /// Whether it is met by what the claim contains, and not by what it lacks.
    pub(super) fn is_positive(&self) -> bool {
        match self {
            ClaimTest::OneOf(_) | ClaimTest::Present | ClaimTest::Prefix(_) | ClaimTest::Suffix(_) => true,
            ClaimTest::Word(_) | ClaimTest::Facet(_) | ClaimTest::Contains(_) => true,
            ClaimTest::EntityProfile(_) | ClaimTest::SameAs(_) => true,
            ClaimTest::Absent | ClaimTest::NotPrefix(_) | ClaimTest::NotWord(_) => false,
            ClaimTest::NotFacet(_) | ClaimTest::NotSameAs(_) => false,
        }
    }

    /// Whether it compares with the claim of this name.
    pub(super) fn refers_to(&self, name: ClaimName) -> bool {
        self.other() == Some(name)
    }

    /// The claim that it compares with.
    pub(super) fn other(&self) -> Option<ClaimName> {
        match self {
            ClaimTest::SameAs(other) | ClaimTest::NotSameAs(other) => Some(*other),
            _ => None,
        }
    }

    /// Tests the claim of an object.
    ///
    /// # Errors
    /// [`Unmet`], with [`Reason::Malformed`] for a claim of a type that the test cannot read.
    pub(crate) fn check(&self, claim: ClaimName, object: &Object<'_>) -> Result<(), Unmet> {
        let claim = claim.as_str();
        let unmet = |reason| Err(Unmet { claim, reason });
        let met = |met| if met { Ok(()) } else { unmet(Reason::Mismatch) };
        let value = claim_path::find(claim, object);
        let text = match (self, value) {
            (ClaimTest::Absent, value) => return met(value.is_none()),
            (ClaimTest::NotWord(_) | ClaimTest::NotFacet(_), None) => return Ok(()),
            (_, None) => return unmet(Reason::Missing),
            (ClaimTest::Present, Some(value)) => {
                return match value {
                    Json::Null | Json::Bool(_) => unmet(Reason::Malformed),
                    Json::String(text) if text.trim().is_empty() => unmet(Reason::Missing),
                    Json::Array(items) if items.is_empty() => unmet(Reason::Missing),
                    Json::Object(members) if members.is_empty() => unmet(Reason::Missing),
                    Json::Number(_) | Json::String(_) | Json::Array(_) | Json::Object(_) => Ok(()),
                };
            }
            (ClaimTest::OneOf(values), Some(value)) => {
                return match Scalar::find(values, value) {
                    Some(found) => met(found),
                    None => unmet(Reason::Malformed),
                };
            }
            (ClaimTest::Contains(wanted), Some(value)) => {
                return match value {
                    Json::Array(items) => met(items.iter().any(|item| wanted.is(item))),
                    _ => unmet(Reason::Malformed),
                };
            }
            (ClaimTest::Word(word) | ClaimTest::NotWord(word), Some(Json::Array(items))) => {
                let words: Option<Vec<&str>> = items.iter().map(Json::as_str).collect();
                let Some(words) = words else {
                    return unmet(Reason::Malformed);
                };
                let has_word = words.iter().any(|other| other.eq_ignore_ascii_case(word));
                return met(has_word == matches!(self, ClaimTest::Word(_)));
            }
            (_, Some(Json::String(text))) => &**text,
            (_, Some(_)) => return unmet(Reason::Malformed),
        };
        // What most tokens are tested by: a blank text is no entity profile.
        if let ClaimTest::EntityProfile(profile) = self
            && let Some(found) = EntityProfile::of(text)
        {
            return met(found == *profile);
        }
        let trimmed = text.trim();
        let begins = |prefix: &str| {
            let start = trimmed.get(..prefix.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        let has_word = |wanted: &str| text.split(' ').any(|word| word.eq_ignore_ascii_case(wanted));
        match self {
            ClaimTest::NotWord(word) => return met(!has_word(word)),
            ClaimTest::NotFacet(facet) => {
                return match facets(text) {
                    Some(mut facets) => met(facets.all(|other| other != *facet)),
                    None => unmet(Reason::Malformed),
                };
            }
            _ if trimmed.is_empty() => return unmet(Reason::Missing),
            _ => {}
        }
        let other = |other: ClaimName| match object.get(other.as_str()) {
            Some(Json::String(text)) if !text.trim().is_empty() => Ok(&**text),
            None | Some(Json::String(_)) => Err(Reason::Missing),
            Some(_) => Err(Reason::Malformed),
        };
        match self {
            ClaimTest::Prefix(prefix) => met(text.starts_with(&**prefix)),
            ClaimTest::NotPrefix(prefix) => met(!begins(prefix)),
            ClaimTest::Suffix(suffix) => met(text.ends_with(&**suffix)),
            ClaimTest::Word(word) => met(has_word(word)),
            ClaimTest::Facet(facet) => match facets(text) {
                Some(mut facets) => met(facets.any(|other| other == *facet)),
                None => unmet(Reason::Malformed),
            },
            ClaimTest::SameAs(name) => other(*name)
                .or_else(unmet_of(*name))
                .and_then(|other| met(text == other)),
            ClaimTest::NotSameAs(name) => other(*name)
                .or_else(unmet_of(*name))
                .and_then(|other| met(text != other)),
            // Every other test has returned, but for a profile of a text that is none.
            _ => unmet(Reason::Mismatch),
        }
    }
}

/// The entity profile that a claim states of the party; [`None`] for an absent one and for a text that is no entity profile.
///
/// # Errors
/// [`Reason::Malformed`] for a claim of another type.
pub(super) fn entity_profile(claim: ClaimName, object: &Object<'_>) -> Result<Option<EntityProfile>, Unmet> {
    let claim = claim.as_str();
    match claim_path::find(claim, object) {
        None => Ok(None),
        Some(Json::String(text)) => Ok(EntityProfile::of(text)),
        Some(_) => Err(Unmet {
            claim,
            reason: Reason::Malformed,
        }),
    }
}

fn unmet_of<T>(name: ClaimName) -> impl FnOnce(Reason) -> Result<T, Unmet> {
    move |reason| {
        Err(Unmet {
            claim: name.as_str(),
            reason,
        })
    }
}

/// Whole numbers separated by one space; [`None`] for anything else. `113` is neither 13 nor 11.
fn facets(text: &str) -> Option<impl Iterator<Item = u64>> {
    let number = |word: &str| {
        let is_plain = word.bytes().all(|byte| byte.is_ascii_digit());
        word.parse::<u64>().ok().filter(|_| is_plain)
    };
    let words = || text.split(' ').filter(|_| !text.is_empty());
    words()
        .all(|word| number(word).is_some())
        .then(|| words().filter_map(number))
}

/// The test in words, after the name of the claim.
impl fmt::Display for ClaimTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClaimTest::OneOf(values) => {
                f.write_str("is ")?;
                for (index, value) in values.iter().enumerate() {
                    let separator = if index == 0 { "" } else { " or " };
                    write!(f, "{separator}{value}")?;
                }
                Ok(())
            }
            ClaimTest::Present => f.write_str("is present"),
            ClaimTest::Absent => f.write_str("is absent"),
            ClaimTest::Prefix(prefix) => write!(f, "begins with `{prefix}`"),
            ClaimTest::NotPrefix(prefix) => write!(f, "does not begin with `{prefix}`"),
            ClaimTest::Suffix(suffix) => write!(f, "ends with `{suffix}`"),
            ClaimTest::Word(word) => write!(f, "has the word `{word}`"),
            ClaimTest::NotWord(word) => write!(f, "does not have the word `{word}`"),
            ClaimTest::Facet(facet) => write!(f, "has facet {facet}"),
            ClaimTest::NotFacet(facet) => write!(f, "does not have facet {facet}"),
            ClaimTest::Contains(value) => write!(f, "contains {value}"),
            ClaimTest::EntityProfile(profile) => write!(f, "is the entity profile `{}`", profile.word()),
            ClaimTest::SameAs(name) => write!(f, "is the same as `{name}`"),
            ClaimTest::NotSameAs(name) => write!(f, "differs from `{name}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    fn test(yaml: &str) -> Result<ClaimTest, String> {
        let reading = actgate_yaml::read::<std::collections::BTreeMap<String, ClaimTest>>(&format!("c: {yaml}"));
        match reading.value {
            Some(mut value) if reading.diagnostics.is_empty() => Ok(value.remove("c").unwrap()),
            _ => Err(reading.diagnostics.to_string()),
        }
    }

    fn check(yaml: &str, claims: &str) -> Result<(), Reason> {
        let claims = crate::json::object(claims.as_bytes(), &Limits::default()).unwrap();
        let test = test(yaml).unwrap();
        test.check(ClaimName::new("c").unwrap(), &claims)
            .map_err(|unmet| unmet.reason)
    }

    #[test]
    fn each_test_holds_fails_or_finds_a_malformed_claim() {
        use Reason::{Malformed, Mismatch, Missing};
        for (yaml, claims, expected) in [
            ("a", r#"{"c":"a"}"#, Ok(())),
            ("a", r#"{"c":"A"}"#, Err(Mismatch)),
            ("a", r#"{"c":["a"]}"#, Err(Malformed)),
            ("a", r#"{"c":null}"#, Err(Malformed)),
            ("a", "{}", Err(Missing)),
            ("[a, b]", r#"{"c":"b"}"#, Ok(())),
            ("{ literal: 'a*' }", r#"{"c":"a*"}"#, Ok(())),
            ("[{ literal: 'a*' }, b]", r#"{"c":"ab"}"#, Err(Mismatch)),
            ("1", r#"{"c":1}"#, Ok(())),
            ("1", r#"{"c":"1"}"#, Err(Malformed)),
            ("true", r#"{"c":true}"#, Ok(())),
            ("[true, \"true\"]", r#"{"c":"true"}"#, Ok(())),
            ("{ present: true }", r#"{"c":{"a":1}}"#, Ok(())),
            ("{ present: true }", r#"{"c":["a"]}"#, Ok(())),
            ("{ present: true }", r#"{"c":{}}"#, Err(Missing)),
            ("{ present: true }", r#"{"c":[]}"#, Err(Missing)),
            ("{ present: true }", r#"{"c":false}"#, Err(Malformed)),
            ("{ present: true }", r#"{"c":1}"#, Ok(())),
            ("{ present: true }", r#"{"c":" "}"#, Err(Missing)),
            ("{ present: true }", r#"{"c":null}"#, Err(Malformed)),
            ("{ absent: true }", "{}", Ok(())),
            ("{ absent: true }", r#"{"c":""}"#, Err(Mismatch)),
            ("{ prefix: svc- }", r#"{"c":"svc-a"}"#, Ok(())),
            ("{ prefix: svc- }", r#"{"c":" svc-a"}"#, Err(Mismatch)),
            ("{ prefix: svc- }", r#"{"c":"SVC-a"}"#, Err(Mismatch)),
            ("{ prefix: svc- }", r#"{"c":"a"}"#, Err(Mismatch)),
            ("{ not_prefix: svc- }", r#"{"c":"a"}"#, Ok(())),
            ("{ not_prefix: svc- }", r#"{"c":" Svc-a"}"#, Err(Mismatch)),
            ("{ not_prefix: svc- }", "{}", Err(Missing)),
            ("{ not_prefix: svc- }", r#"{"c":"\u00a0"}"#, Err(Missing)),
            ("{ suffix: '@clients' }", r#"{"c":"a@clients"}"#, Ok(())),
            ("{ suffix: '@clients' }", r#"{"c":"a@Clients"}"#, Err(Mismatch)),
            ("{ word: user }", r#"{"c":"x USER"}"#, Ok(())),
            ("{ word: user }", r#"{"c":"users"}"#, Err(Mismatch)),
            ("{ not_word: user }", "{}", Ok(())),
            ("{ not_word: user }", r#"{"c":"x user"}"#, Err(Mismatch)),
            ("{ word: user }", r#"{"c":["x","User"]}"#, Ok(())),
            ("{ word: user }", r#"{"c":["x user"]}"#, Err(Mismatch)),
            ("{ not_word: user }", r#"{"c":["x"]}"#, Ok(())),
            ("{ not_word: user }", r#"{"c":["x","user"]}"#, Err(Mismatch)),
            ("{ not_word: user }", r#"{"c":["x",7]}"#, Err(Malformed)),
            ("{ facet: 13 }", r#"{"c":"3 13"}"#, Ok(())),
            ("{ facet: 13 }", r#"{"c":"113"}"#, Err(Mismatch)),
            ("{ facet: 13 }", r#"{"c":"3,13"}"#, Err(Malformed)),
            ("{ facet: 13 }", r#"{"c":"3  13"}"#, Err(Malformed)),
            ("{ facet: 13 }", r#"{"c":13}"#, Err(Malformed)),
            ("{ facet: 13 }", r#"{"c":"+13"}"#, Err(Malformed)),
            ("{ facet: 13 }", r#"{"c":"13 18446744073709551616"}"#, Err(Malformed)),
            ("{ not_facet: 13 }", "{}", Ok(())),
            ("{ not_facet: 13 }", r#"{"c":""}"#, Ok(())),
            ("{ not_facet: 13 }", r#"{"c":"113 11"}"#, Ok(())),
            ("{ not_facet: 13 }", r#"{"c":"013"}"#, Err(Mismatch)),
            ("{ not_facet: 13 }", r#"{"c":"13,11"}"#, Err(Malformed)),
            ("{ contains: a }", r#"{"c":["b","a"]}"#, Ok(())),
            ("{ contains: a }", r#"{"c":[["a"]]}"#, Err(Mismatch)),
            ("{ contains: a }", r#"{"c":"a"}"#, Err(Malformed)),
            ("{ entity_profile: user }", r#"{"c":"user"}"#, Ok(())),
            ("{ entity_profile: user }", r#"{"c":"user ai_agent"}"#, Err(Mismatch)),
            ("{ entity_profile: user }", r#"{"c":[7]}"#, Err(Malformed)),
            ("{ same_as: d }", r#"{"c":"a","d":"a"}"#, Ok(())),
            ("{ same_as: d }", r#"{"c":"a","d":"b"}"#, Err(Mismatch)),
            ("{ same_as: d }", r#"{"c":"a"}"#, Err(Missing)),
            ("{ same_as: d }", r#"{"c":"","d":""}"#, Err(Missing)),
            ("{ not_same_as: d }", r#"{"c":"a","d":"b"}"#, Ok(())),
            ("{ not_same_as: d }", r#"{"c":"a"}"#, Err(Missing)),
            ("{ not_same_as: d }", r#"{"c":"a","d":7}"#, Err(Malformed)),
        ] {
            assert_eq!(check(yaml, claims), expected, "{yaml}: {claims}");
        }
    }

    #[test]
    fn a_claim_within_an_object_is_found_by_its_path() {
        let claims = r#"{"realm":{"roles":["person"],"a/b":{"c":"x"}},"/realm":"y"}"#;
        let claims = crate::json::object(claims.as_bytes(), &Limits::default()).unwrap();
        let check = |path: &str, yaml: &str| test(yaml).unwrap().check(ClaimName::path(path).unwrap(), &claims);
        assert_eq!(check("/realm/roles", "{ contains: person }"), Ok(()));
        assert_eq!(check("/realm/a~1b/c", "x"), Ok(()));
        for path in ["/realm/none", "/realm/roles/0", "/none/roles", "realm/roles"] {
            assert!(check(path, "{ present: true }").is_err(), "{path}");
        }
        assert!(check("/realm", "{ present: true }").is_ok(), "the object");
        for path in ["/", "/a/", "//a", "/a~2b", "realm.roles"] {
            assert!(ClaimName::path(path).is_err(), "{path}");
        }
        assert!(ClaimName::new("/realm/roles").is_err());
    }

    #[test]
    fn a_test_that_makes_no_sense_is_a_mistake_with_its_place() {
        for (yaml, expected) in [
            (
                "[]",
                "1:4: no value meets an empty list\n  help: write at least one value, or `{ present: true }`",
            ),
            (
                "'a*'",
                "1:4: `a*` looks like a pattern, and values are compared as they are\n  help: write each value, another test such as `{ prefix: … }`, or `{ literal: … }` if the token has this very text",
            ),
            (
                "[b, '${X}']",
                "1:8: `${X}` looks like a pattern, and values are compared as they are\n  help: write each value, another test such as `{ prefix: … }`, or `{ literal: … }` if the token has this very text",
            ),
            (
                "{}",
                "1:4: there is no test\n  help: write one, as in `{ present: true }`",
            ),
            (
                "{ prefix: a, suffix: b }",
                "1:4: a claim has one test here\n  help: write one, or a list of the values that are accepted",
            ),
            (
                "{ prefx: a }",
                "1:6: unknown key `prefx`\n  help: did you mean `prefix`?",
            ),
            (
                "{ present: false }",
                "1:15: only `true` has a meaning here\n  help: write `{ present: true }` or `{ absent: true }`",
            ),
            (
                "{ prefix: ' x' }",
                "1:14: the part of a text is not blank and has no blank at an end\n  help: write a part of the value of the claim",
            ),
            (
                "{ not_word: a b }",
                "1:16: `a b` is more than one word\n  help: write one word, or a test for each",
            ),
            (
                "''",
                "1:4: a blank text is no evidence\n  help: write the value of the claim",
            ),
        ] {
            assert_eq!(test(yaml).unwrap_err(), expected, "{yaml}");
        }
    }
}
