//! A claim or a member of an object by its name, or by its JSON Pointer (RFC 6901). It is decoded once, when the policy is read.

use std::fmt;

use serde_json::Value;

use crate::claim_path;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct MemberPath {
    written: Box<str>,
    steps: Box<[Box<str>]>,
}

impl MemberPath {
    pub(super) fn of(written: &str) -> Self {
        let steps = match written.strip_prefix('/') {
            None => [written.into()].into(),
            Some(pointer) => pointer
                .split('/')
                .map(|step| claim_path::unescaped(step).into())
                .collect(),
        };
        MemberPath {
            written: written.into(),
            steps,
        }
    }

    pub(super) fn steps(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map(|step| &**step)
    }

    /// The first step of the path after another one that it leads through; [`None`] where it does not.
    pub(super) fn within(&self, outer: &MemberPath) -> Option<&str> {
        let rest = self.steps.strip_prefix(&*outer.steps)?;
        rest.first().map(|step| &**step)
    }

    /// Whether it leads to the same value as another one, which may be written in another way.
    pub(super) fn is_of(&self, other: &MemberPath) -> bool {
        self.steps == other.steps
    }

    /// The name or the pointer, as it is written.
    pub(super) fn written(&self) -> &str {
        &self.written
    }

    /// The value at the rest of a path.
    pub(super) fn follow<'v, 'p>(value: &'v Value, mut rest: impl Iterator<Item = &'p str>) -> Option<&'v Value> {
        rest.try_fold(value, |value, step| match value {
            Value::Object(members) => members.get(step),
            Value::Array(items) => items.get(claim_path::index(step)?),
            _ => None,
        })
    }
}

impl fmt::Display for MemberPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pointer_is_decoded_and_a_name_is_taken_as_it_is() {
        let steps = |written: &str| MemberPath::of(written).steps().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(steps("a/b~1"), ["a/b~1"]);
        assert_eq!(steps("/a~1b/~01/0"), ["a/b", "~1", "0"]);
        let value = json!({"a/b": [{"~1": 1}], "x": "y"});
        let at = |written: &str| {
            let path = MemberPath::of(written);
            MemberPath::follow(&value, path.steps()).cloned()
        };
        assert_eq!(at("/a~1b/0/~01"), Some(json!(1)));
        for absent in ["/a~1b/00/~01", "/a~1b/1", "/a~1b/+0", "/x/y", "/x/", "/"] {
            assert_eq!(at(absent), None, "{absent}");
        }
    }
}
