//! Claims by their name, or by their path within objects (JSON Pointer, RFC 6901): `/realm_access/roles`.

use std::borrow::Cow;

use serde_json::Value;

use crate::json::{Json, Object};

/// A claim that is written with dots, as other products write a path.
pub(crate) struct DottedPath {
    /// What is wrong.
    pub(crate) message: String,
    /// What to write.
    pub(crate) help: String,
}

impl DottedPath {
    /// The mistake in `realm_access.roles`: plain words with dots between them, which is the name of few claims.
    pub(crate) fn of(claim: &str) -> Option<DottedPath> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(is_plain);
        (claim.contains('.') && claim.split('.').all(is_word)).then(|| DottedPath {
            message: format!("`{claim}` is a path with dots, and a claim of this name is rare"),
            help: format!(
                "write `/{}`, or `/{claim}` for a claim of this very name",
                claim.replace('.', "/")
            ),
        })
    }
}

/// The claim of this name, or at this path.
pub(crate) fn find<'o, 'a>(claim: &str, object: &'o Object<'a>) -> Option<&'o Json<'a>> {
    let Some(path) = claim.strip_prefix('/') else {
        return object.get(claim);
    };
    let (first, names) = path
        .split_once('/')
        .map_or((path, None), |(first, rest)| (first, Some(rest)));
    let first = object.get(&unescaped(first))?;
    let mut names = names.into_iter().flat_map(|names| names.split('/'));
    names.try_fold(first, |value, name| match value {
        Json::Object(object) => object.get(&unescaped(name)),
        _ => None,
    })
}

/// The names on the way to a claim: its name, or the steps of its path.
pub(crate) fn steps(claim: &str) -> Vec<Cow<'_, str>> {
    match claim.strip_prefix('/') {
        None => vec![claim.into()],
        Some(path) => path.split('/').map(unescaped).collect(),
    }
}

/// Whether a value is within a claim, or is the claim: both are the name of a claim, or the path of a value in one.
pub fn is_within(value: &str, claim: &str) -> bool {
    steps(value).starts_with(&steps(claim))
}

/// The place in a list that a step of a path names: digits, without a zero before others.
pub(crate) fn index(step: &str) -> Option<usize> {
    let is_index = step == "0" || !step.starts_with(['0', '+']);
    step.parse().ok().filter(|_| is_index)
}

/// RFC 6901 section 4.
pub(crate) fn unescaped(name: &str) -> Cow<'_, str> {
    match name.contains('~') {
        true => name.replace("~1", "/").replace("~0", "~").into(),
        false => name.into(),
    }
}

/// Sets a value at the steps of a path within another value. An object on the way is added where it is missing, and takes the place of
/// a value that is no object; the items of a list are not reached.
pub(crate) fn set(within: &mut Value, steps: &[&str], value: Value) {
    let Some((step, rest)) = steps.split_first() else {
        *within = value;
        return;
    };
    if !within.is_object() {
        *within = Value::Object(serde_json::Map::new());
    }
    if let Value::Object(members) = within {
        set(members.entry(*step).or_insert(Value::Null), rest, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    #[test]
    fn a_claim_is_found_by_its_name_or_its_path() {
        let claims = r#"{"a":{"b":{"c":1},"x/y":2,"~":3,"":4},"/a":5,"a.b":6,"l":[7]}"#;
        let claims = crate::json::object(claims.as_bytes(), &Limits::default()).unwrap();
        let number = |claim: &str| match find(claim, &claims) {
            Some(Json::Number(number)) => number.as_u64(),
            _ => None,
        };
        for (claim, expected) in [
            ("/a/b/c", Some(1)),
            ("/a/x~1y", Some(2)),
            ("/a/~0", Some(3)),
            ("/a/", Some(4)),
            ("/~1a", Some(5)),
            ("a.b", Some(6)),
            ("/a.b", Some(6)),
            ("/l/0", None),
            ("/a/none", None),
            ("/none/b", None),
            ("a/b/c", None),
            ("/", None),
        ] {
            assert_eq!(number(claim), expected, "{claim}");
        }
    }

    #[test]
    fn dots_between_plain_words_are_a_path_of_other_products() {
        let help = |claim: &str| DottedPath::of(claim).map(|dotted| dotted.help);
        let expected = "write `/realm_access/roles`, or `/realm_access.roles` for a claim of this very name";
        assert_eq!(help("realm_access.roles").as_deref(), Some(expected));
        for claim in [
            "roles",
            "https://example.com/roles",
            "cognito:groups",
            ".a",
            "a.",
            "/a.b",
            "",
        ] {
            assert!(help(claim).is_none(), "{claim}");
        }
    }
}
