//! What the rules of a policy read that is no normalised fact: claims by their names, and values of requests.

use super::policy::Policy;
use super::read::Need;

/// A claim that is no normalised fact, such as the scope or the audience, and a rule that reads it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct ClaimUse {
    /// The claim, by its name or its path as the rule writes it.
    pub claim: String,
    /// The rule, as the policy lists it.
    pub rule: String,
    /// Whether the rule depends on the value itself, as a bound of a number and an `expression` do, and not only on whether it is one
    /// of the values that the rule names.
    pub needs_value: bool,
}

/// A value of requests, and a rule that reads it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct RequestUse {
    /// The value: `query.NAME`, `headers.NAME`, `json.POINTER` or `arguments.POINTER` as the rule writes it, or `mcp.name`.
    pub place: String,
    /// The rule, as the policy lists it, or the route that is for messages of some names.
    pub rule: String,
    /// Whether the rule depends on the value itself, as a bound and a pattern do, and not only on whether it is one of the values that
    /// the rule names.
    pub needs_value: bool,
}

impl Policy {
    /// The values of requests that the rules of the routes read, with those in shadow, and names of messages of MCP: what a
    /// [record](crate::chain::RecordedFacts) of a decision can contain beside claims.
    pub fn request_uses(&self) -> Vec<RequestUse> {
        let mut uses = Vec::new();
        for requirement in self.route_requirements() {
            for read in requirement.reads().all {
                uses.extend(read.place.of_request().map(|place| RequestUse {
                    place,
                    rule: read.rule.to_string(),
                    needs_value: read.need == Need::Value,
                }));
            }
        }
        uses.extend(self.routes_of_names().map(|(route, needs_value)| RequestUse {
            place: "mcp.name".to_owned(),
            rule: route.to_owned(),
            needs_value,
        }));
        uses.sort();
        uses.dedup();
        uses
    }

    /// The claims that the rules of the routes read, with those in shadow: what a [record](crate::chain::RecordedFacts) of a decision
    /// can contain.
    pub fn claim_uses(&self) -> Vec<ClaimUse> {
        let mut uses = Vec::new();
        for requirement in self.route_requirements() {
            uses.extend(requirement.reads().claims().map(|(read, claim)| ClaimUse {
                claim: claim.to_owned(),
                rule: read.rule.to_string(),
                needs_value: read.need == Need::Value,
            }));
        }
        uses.sort();
        uses.dedup();
        uses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_listed_with_each_rule_that_reads_it() {
        let text = "
requirements:
  tenant: { mode: shadow, claims: { tid: T1 } }
routes:
  - { match: GET /, claims: { roles: { contains: a } }, require: [tenant] }
  - { match: POST /, authorization_details: { type: a, members: { b: { max: 5 } } } }
";
        let policy = Policy::from_yaml(text).unwrap_or_else(|error| panic!("{error}"));
        let uses = policy.claim_uses();
        let uses: Vec<_> = uses
            .iter()
            .map(|used| (&*used.claim, &*used.rule, used.needs_value))
            .collect();
        let expected = [
            ("authorization_details", "POST /: authorization_details", true),
            ("roles", "GET /: claims.roles", false),
            ("tid", "GET /: tenant.claims.tid", false),
        ];
        assert_eq!(uses, expected);
    }

    #[test]
    fn a_value_of_a_request_is_listed_with_each_rule_that_reads_it() {
        let text = "
requirements:
  dry: { mode: shadow, operation: { query: { dry_run: 'true' } } }
routes:
  - { match: POST /, operation: { json: { /amount: { max: 5 } } }, require: [dry] }
  - { match: POST /mcp, mcp: { method: tools/call, name: refund } }
  - { match: POST /mcp, mcp: { method: tools/call, name: 'report_*' } }
  - { match: POST /mcp, mcp: tools/list }
";
        let policy = Policy::from_yaml(text).unwrap_or_else(|error| panic!("{error}"));
        let uses = policy.request_uses();
        let uses: Vec<_> = uses
            .iter()
            .map(|used| (&*used.place, &*used.rule, used.needs_value))
            .collect();
        let expected = [
            ("json./amount", "POST /: operation.json./amount", true),
            ("mcp.name", "POST /mcp mcp tools/call refund", false),
            ("mcp.name", "POST /mcp mcp tools/call report_*", true),
            ("query.dry_run", "POST /: dry.operation.query.dry_run", false),
        ];
        assert_eq!(uses, expected);
    }
}
