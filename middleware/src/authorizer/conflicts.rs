//! What cannot be used together: issuers with resources, and either with a policy.

use std::collections::BTreeSet;

use actgate_yaml::nearest;

use crate::error::ConfigError;
use crate::issuer::TrustedIssuer;
use crate::policy::{HistoryNeed, Policy, Truncation};
use crate::profile::{ChainCompleteness, PriorActors};
use crate::request::header_name::same;
use crate::resource::{PathComparison, Resource, WELL_KNOWN, overlaps};
use crate::token::introspection::Introspection;

/// Audiences of a resource for an issuer that is not trusted, or has audiences of its own.
pub(super) fn audience_conflicts(issuers: &[TrustedIssuer], resources: &[Resource]) -> Vec<ConfigError> {
    let mut found = Vec::new();
    for issuer in issuers.iter().filter(|issuer| !issuer.audiences.is_empty()) {
        let mut named = resources.iter().flat_map(|resource| &resource.audiences_of);
        if resources.len() > 1 || named.any(|(named, _)| **named == *issuer.issuer) {
            found.push(ConfigError::AudienceOfIssuer(issuer.issuer.to_string()));
        }
    }
    let known: Vec<&str> = issuers.iter().map(|issuer| &*issuer.issuer).collect();
    for resource in resources {
        let mut earlier: Vec<&str> = Vec::new();
        for (issuer, _) in &resource.audiences_of {
            if known.contains(&&**issuer) || earlier.contains(&&**issuer) {
                continue;
            }
            earlier.push(issuer);
            found.push(ConfigError::AudienceOfUnknownIssuer {
                resource: resource.identifier().to_owned(),
                issuer: issuer.to_string(),
                help: nearest(issuer, &known),
            });
        }
    }
    found
}

/// Headers of two issuers that some servers do not distinguish, at the later issuer.
pub(super) fn header_conflicts(issuers: &[TrustedIssuer]) -> impl Iterator<Item = ConfigError> {
    let headers = || issuers.iter().filter_map(|issuer| issuer.header.as_ref());
    headers().enumerate().filter_map(move |(index, header)| {
        let mut earlier = headers().take(index);
        let other = earlier.find(|other| *other != header && same(other.as_str(), header.as_str()))?;
        Some(ConfigError::HeaderSpelling {
            header: header.to_string(),
            other: other.to_string(),
            help: "write it as that of the other issuer",
        })
    })
}

/// Whether opaque tokens are of this issuer.
pub(super) fn has_opaque(issuer: &TrustedIssuer) -> bool {
    issuer.introspection.as_ref().is_some_and(Introspection::has_opaque)
}

/// Two issuers that opaque tokens could be of.
pub(super) fn opaque_conflict(issuers: &[TrustedIssuer]) -> Option<ConfigError> {
    let mut having = issuers.iter().filter(|issuer| has_opaque(issuer));
    let (first, second) = (having.next()?, having.next()?);
    Some(ConfigError::OpaqueTokens {
        issuer: second.issuer.to_string(),
        other: first.issuer.to_string(),
    })
}

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

/// The rules on prior actors that the chain of `issuer` cannot support (RFC 8693 section 4.1 guarantees nothing of it): the first
/// one of those that the same change helps, and of each place in the policy.
pub(super) fn history_conflicts(issuer: &TrustedIssuer, policy: &Policy) -> Vec<ConfigError> {
    let is_enforced = issuer.prior_actors == PriorActors::Enforce;
    let is_complete = issuer.completeness() == ChainCompleteness::Complete;
    let is_evaded = |need: &HistoryNeed<'_>| !is_complete && need.truncation == Truncation::Refused;
    let needs: Vec<HistoryNeed<'_>> = policy.history_needs().collect();
    let is_any_evaded = needs.iter().any(is_evaded);
    let mut errors: Vec<ConfigError> = Vec::new();
    let mut places = BTreeSet::new();
    for need in &needs {
        let (reason, help) = match (is_enforced, is_any_evaded) {
            (false, _) if !errors.is_empty() => break,
            (false, true) => (
                "its prior actors are not enforced",
                "set `prior_actors: enforce` and `chain_completeness: complete` on the issuer if it keeps every actor, or remove the rule",
            ),
            (false, false) => (
                "its prior actors are not enforced",
                "set `prior_actors: enforce` on the issuer, or remove the rule",
            ),
            (true, _) if is_evaded(need) && places.insert((need.line, need.column)) => (
                "its chain is not complete, so that a dropped actor evades the rule",
                "set `chain_completeness: complete` if the issuer keeps every actor, or write `accept_truncation: true` beside the rule",
            ),
            (true, _) => continue,
        };
        errors.push(ConfigError::HistoryRule {
            rule: need.rule.to_owned(),
            line: need.line,
            column: need.column,
            issuer: issuer.issuer.to_string(),
            reason,
            help,
        });
    }
    errors
}

/// Whether the program that authorizes passes the bodies of requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Bodies {
    #[default]
    Absent,
    Passed,
}

/// The rule of a policy on the body of requests, where none is passed.
pub(super) fn body_conflict(bodies: Bodies, policy: &Policy) -> Option<ConfigError> {
    let rule = policy.body_rule().filter(|_| bodies == Bodies::Absent)?;
    Some(ConfigError::BodyRule {
        rule: rule.to_owned(),
        help: "call `reads_bodies` of the builder, and `with_bodies` of the layer or `Presented::body`",
    })
}
