//! Requests that the routes of a policy match: one for each, with a text that no route names in the place of its parameters.

use super::methods;
use super::route_pattern::{Pattern, Segment};
use super::route_table::RouteTable;

/// Requests that a route matches.
pub(super) struct Samples<'t> {
    pub(super) routes: &'t RouteTable,
    /// The value of a parameter: no route has it as a segment.
    pub(super) value: String,
}

impl<'t> Samples<'t> {
    pub(super) fn new(routes: &'t RouteTable) -> Self {
        let mut value = "0".to_owned();
        let is_literal = |value: &str| {
            let mut segments = routes.routes().flat_map(|(pattern, _)| &pattern.segments);
            segments.any(|segment| matches!(segment, Segment::Literal(text) if **text == *value))
        };
        while is_literal(&value) {
            value.push('0');
        }
        Samples { routes, value }
    }

    /// Every method that a pattern names; for `*`, every one that another route names, and one that none names.
    pub(super) fn methods<'p>(&self, pattern: &'p Pattern) -> Vec<&'p str>
    where
        't: 'p,
    {
        if !pattern.methods.is_empty() {
            return pattern.methods.iter().map(|method| &**method).collect();
        }
        let unnamed = methods::REGISTERED
            .iter()
            .find(|method| !self.routes.methods().any(|named| named == **method));
        self.routes.methods().chain(unnamed.copied()).collect()
    }

    pub(super) fn path(&self, pattern: &Pattern) -> String {
        let values = pattern.segments.iter().map(|segment| match segment {
            Segment::Literal(text) => text,
            Segment::Parameter(_) | Segment::CatchAll(_) => &*self.value,
        });
        values.flat_map(|value| ["/", value]).collect()
    }

    /// The path in other spellings: one for each difference that a server may ignore.
    pub(super) fn spellings(&self, pattern: &Pattern) -> Vec<String> {
        let path = self.path(pattern);
        let with_slash = match path.strip_suffix('/') {
            Some("") => None,
            Some(without) => Some(without.to_owned()),
            None => Some(format!("{path}/")),
        };
        let swap = |character: char| match character {
            _ if character.is_ascii_lowercase() => character.to_ascii_uppercase(),
            _ => character.to_ascii_lowercase(),
        };
        let other_case: String = path.chars().map(swap).collect();
        let other_case = Some(other_case).filter(|other| *other != path);
        let with_dot = (path != "/").then(|| format!("{}.", path.trim_end_matches('/')));
        [with_slash, other_case, with_dot].into_iter().flatten().collect()
    }
}
