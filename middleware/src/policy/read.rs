//! What rules read that is no normalised fact: claims by their name, and values of the request.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::request::MemberPath;
use crate::token::ExactValue;

/// What the rules of a requirement read, and the values that they compare it with.
#[derive(Default)]
pub(crate) struct Reads<'p> {
    pub(crate) all: Vec<Read<'p>>,
    /// Texts, numbers and booleans that claims and values of the request are compared with.
    pub(crate) values: Vec<ExactValue>,
    /// The names of members within claims.
    pub(crate) members: BTreeSet<&'p str>,
}

/// A value that a rule reads.
pub(crate) struct Read<'p> {
    /// The rule, as the policy lists it: the outermost one of a rule within alternatives.
    pub(crate) rule: &'p Arc<str>,
    pub(crate) place: Place<'p>,
    pub(crate) need: Need,
}

/// Where a value is.
pub(crate) enum Place<'p> {
    /// A claim, by its name or its path.
    Claim(Cow<'p, str>),
    /// A parameter of the query.
    Parameter(&'p str),
    /// A header.
    #[cfg_attr(not(feature = "cel"), expect(dead_code, reason = "only expressions read headers"))]
    Header(&'p str),
    /// A member of the body, with the headers that describe it.
    Member(MemberPlace<'p>),
}

/// A member of the body.
#[derive(Clone, Copy)]
pub(crate) struct MemberPlace<'p> {
    pub(crate) path: &'p MemberPath,
    /// Whether it is within the arguments of the message of MCP that the headers name.
    pub(crate) is_argument: bool,
    /// How many names lead to the arguments.
    pub(super) depth: usize,
}

impl MemberPlace<'_> {
    /// Its JSON pointer within the body.
    pub(crate) fn pointer(self) -> String {
        pointer(self.path.names())
    }
}

impl Place<'_> {
    /// The name of a place of the request, as a configuration lists it; [`None`] of a claim.
    pub(crate) fn of_request(&self) -> Option<String> {
        Some(match self {
            Place::Claim(_) => return None,
            Place::Parameter(name) => format!("query.{name}"),
            Place::Header(name) => format!("headers.{name}"),
            Place::Member(MemberPlace {
                path,
                is_argument,
                depth,
            }) => {
                let names = path.names().get(*depth..).unwrap_or_default();
                format!("{}.{}", if *is_argument { "arguments" } else { "json" }, pointer(names))
            }
        })
    }
}

fn pointer(names: &[Box<str>]) -> String {
    let escaped = |name: &str| format!("/{}", name.replace('~', "~0").replace('/', "~1"));
    names.iter().map(|name| escaped(name)).collect()
}

/// What a rule needs to know of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Whether it is one of the values that the rule names.
    Comparison,
    /// The value itself.
    Value,
}

impl Reads<'_> {
    /// The claims, by their name or their path.
    pub(crate) fn claims(&self) -> impl Iterator<Item = (&Read<'_>, &str)> {
        self.all.iter().filter_map(|read| match &read.place {
            Place::Claim(claim) => Some((read, &**claim)),
            Place::Parameter(_) | Place::Header(_) | Place::Member(_) => None,
        })
    }
}

/// Where the conditions of one rule add what they read.
pub(super) struct Reader<'r, 'p> {
    pub(super) reads: &'r mut Reads<'p>,
    pub(super) rule: &'p Arc<str>,
}

impl<'p> Reader<'_, 'p> {
    /// A claim by its name or its path, and the names on the way to the value and within it.
    pub(super) fn claim(&mut self, claim: &'p str, names: impl Iterator<Item = &'p str>, need: Need) {
        self.members(names);
        self.add(Place::Claim(claim.into()), need);
    }

    /// A claim by its name alone.
    #[cfg(feature = "cel")]
    pub(super) fn claim_of_name(&mut self, name: &'p str, need: Need) {
        let place = match name.starts_with('/') {
            true => Cow::Owned(format!("/{}", name.replace('~', "~0").replace('/', "~1"))),
            false => Cow::Borrowed(name),
        };
        self.add(Place::Claim(place), need);
    }

    /// The names of members within a claim.
    pub(super) fn members(&mut self, names: impl Iterator<Item = &'p str>) {
        self.reads.members.extend(names);
    }

    /// A value that claims, or values of the request, are compared with.
    pub(super) fn value(&mut self, value: ExactValue) {
        self.reads.values.push(value);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.value(ExactValue::Text(text.into()));
    }

    pub(super) fn add(&mut self, place: Place<'p>, need: Need) {
        let rule = self.rule;
        self.reads.all.push(Read { rule, place, need });
    }
}
