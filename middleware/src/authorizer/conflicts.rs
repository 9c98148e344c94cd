//! What a policy holds that cannot be used with an issuer or a resource.

use crate::error::ConfigError;
use crate::issuer::TrustedIssuer;
use crate::policy::{Policy, Truncation};
use crate::profile::{ChainCompleteness, PriorActors};
use crate::resource::{PathComparison, Resource, WELL_KNOWN, overlaps};

/// How the paths of requests are compared with those of resources.
pub(super) fn path_comparison(policy: &Policy) -> PathComparison {
    match policy.compares_spelling_exactly() {
        true => PathComparison::Exact,
        false => PathComparison::Folded,
    }
}

/// Resources that cannot be protected together, and a route for the metadata that is published here: the policy does not decide
/// on it.
pub(super) fn resource_conflicts(resources: &[Resource], policy: &Policy) -> impl Iterator<Item = ConfigError> {
    let is_published = resources.iter().any(|resource| resource.publication.is_here());
    let route = if is_published {
        policy.route_below(WELL_KNOWN)
    } else {
        None
    };
    let route = route.map(|(route, line, column)| ConfigError::MetadataRoute {
        route: route.to_owned(),
        line,
        column,
        help: "remove the route",
    });
    overlaps(resources, path_comparison(policy)).into_iter().chain(route)
}

/// The rules on prior actors that the chain of `issuer` cannot support (RFC 8693 section 4.1 guarantees nothing of it).
pub(super) fn history_conflicts<'p>(
    issuer: &'p TrustedIssuer,
    policy: &'p Policy,
) -> impl Iterator<Item = ConfigError> + 'p {
    policy.history_needs().filter_map(|need| {
        let (reason, help) = if issuer.prior_actors != PriorActors::Enforce {
            (
                "its prior actors are not enforced",
                "set `prior_actors: enforce` on the issuer, or remove the rule",
            )
        } else if issuer.completeness() != ChainCompleteness::Complete && need.truncation == Truncation::Refused {
            (
                "its chain is not complete, so that a dropped actor evades the rule",
                "set `chain_completeness: complete` if the issuer keeps every actor, or write `accept_truncation: true` beside the rule",
            )
        } else {
            return None;
        };
        Some(ConfigError::HistoryRule {
            rule: need.rule.to_owned(),
            line: need.line,
            column: need.column,
            issuer: issuer.issuer.to_string(),
            reason,
            help,
        })
    })
}
