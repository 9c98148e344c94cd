//! Which routes have paths in common with a pattern, without a comparison of each two routes.

use std::collections::BTreeMap;

use super::route_pattern::{Pattern, Segment};

/// The paths of routes as a tree of their segments.
#[derive(Default)]
pub(super) struct CommonPaths<'t> {
    literals: BTreeMap<&'t str, CommonPaths<'t>>,
    parameter: Option<Box<CommonPaths<'t>>>,
    /// The routes that end here, and those that end here in a catch-all.
    ends: Vec<usize>,
    rests: Vec<usize>,
}

impl<'t> CommonPaths<'t> {
    /// Of patterns, each with its number by its place.
    pub(super) fn of(patterns: impl Iterator<Item = &'t Pattern>) -> Self {
        let mut root = CommonPaths::default();
        for (number, pattern) in patterns.enumerate() {
            root.insert(&pattern.segments, number);
        }
        root
    }

    fn insert(&mut self, segments: &'t [Segment], number: usize) {
        let mut node = self;
        for segment in segments {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text).or_default(),
                Segment::Parameter(_) => node.parameter.get_or_insert_default(),
                Segment::CatchAll(_) => {
                    node.rests.push(number);
                    return;
                }
            };
        }
        node.ends.push(number);
    }

    /// The numbers of the patterns that may match a path that this one matches, in their order. The others match none.
    pub(super) fn with(&self, pattern: &Pattern) -> Vec<usize> {
        let mut found = Vec::new();
        let mut nodes = vec![self];
        for segment in &pattern.segments {
            found.extend(nodes.iter().flat_map(|node| &node.rests));
            nodes = match segment {
                Segment::Literal(text) => nodes
                    .iter()
                    .flat_map(|node| node.literals.get(&**text).into_iter().chain(node.parameter.as_deref()))
                    .collect(),
                Segment::Parameter(_) => nodes.iter().flat_map(|node| node.children()).collect(),
                Segment::CatchAll(_) => {
                    while let Some(node) = nodes.pop() {
                        found.extend(&node.ends);
                        found.extend(&node.rests);
                        nodes.extend(node.children());
                    }
                    break;
                }
            };
        }
        found.extend(nodes.iter().flat_map(|node| node.ends.iter().chain(&node.rests)));
        found.sort_unstable();
        found.dedup();
        found
    }

    fn children(&self) -> impl Iterator<Item = &Self> {
        self.literals.values().chain(self.parameter.as_deref())
    }
}
