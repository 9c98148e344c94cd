//! What an explanation shows of a request without a route, and of one with two.

use super::pipeline::Pipeline;
use crate::policy::Ambiguity;
use crate::request::Target;

impl Pipeline<'_> {
    /// For a request without a route: what the policy has instead.
    pub(super) fn missed_route(&self, target: &Target<'_>) -> String {
        let near_miss = self.policy.near_miss(target.method().as_str(), target.forms());
        near_miss.map_or("none".to_owned(), |near_miss| format!("none: {near_miss}"))
    }

    /// For an ambiguous request: the route of the other access, and what states that the API distinguishes the two.
    pub(super) fn other_access(&self, target: &Target<'_>, ambiguity: Ambiguity) -> String {
        let method = target.method().as_str();
        let parameter = match (ambiguity, target.query()) {
            (Ambiguity::Method, Some(query)) => self.policy.denied_methods(target).named_in(query),
            _ => None,
        };
        let served = parameter.as_deref().unwrap_or(method);
        let other = self.policy.route_of_other_access(method, target.forms(), served);
        let other = other.map_or("the policy has no route for it".to_owned(), |route| {
            format!("that of `{route}`")
        });
        match ambiguity {
            Ambiguity::Escape => other,
            Ambiguity::EscapedSlash => match self.policy.route_of_decoded_slashes(method, target.forms()) {
                Some(route) => format!("that of `{route}` if the API decodes it"),
                None => {
                    "state `escaped_slash: pass` on its route if the API reads it as a part of a segment".to_owned()
                }
            },
            Ambiguity::Spelling | Ambiguity::Method => {
                format!("{other}; state `spelling: exact` if the API distinguishes the two")
            }
        }
    }
}
