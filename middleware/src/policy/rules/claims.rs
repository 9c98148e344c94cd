//! `claims`: top-level claims of the token, compared exactly.

use std::collections::BTreeMap;

use actgate_yaml::{Span, Spanned};
use serde_json::Value;

use super::finding::Finding;
use super::list::{all_in, none_in};
use super::member_path::MemberPath;
use super::scalar::Scalar;
use crate::chain::Core;
use crate::claim_path::{self, DottedPath};
use crate::policy::change::{self, Fact, Remedies};
use crate::policy::evaluation_time::EvaluationTime;
use crate::policy::read::{Need, Reader};
use crate::policy::syntax::{Conditions, Context, joined};

/// The tests by the name of their claim.
pub(in crate::policy) type ClaimsDocument = BTreeMap<String, Spanned<ClaimDocument>>;

/// The test of one claim. A bare value is `equals`. Denied with `claim_not_met`.
/// Example: `acme`
/// Example: `{ one_of: [acme, globex] }`
#[derive(Clone, Debug, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename = "shorthand equals", deny_unknown_fields)]
#[cfg_attr(feature = "schema", schemars(rename = "ClaimTest", extend("x-shorthand" = "equals", "minProperties" = 1, "maxProperties" = 1)))]
pub(in crate::policy) struct ClaimDocument {
    /// The claim is this value: a text, a whole number, `true` or `false`.
    /// Example: `acme`
    equals: Option<Scalar>,
    /// The claim is one of these values.
    /// Example: `[acme, globex]`
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    one_of: Option<Vec<Scalar>>,
    /// The claim is a list with this value in it.
    /// Example: `admin`
    contains: Option<Scalar>,
    /// The claim is exactly this text, which looks like a pattern.
    /// Example: `'orders:*'`
    literal: Option<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) struct ClaimCondition {
    /// The exact name of a claim, or a JSON Pointer (RFC 6901) to a value inside one.
    path: MemberPath,
    test: ClaimTest,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum ClaimTest {
    OneOf(Box<[Scalar]>),
    Contains(Scalar),
}

pub(super) fn compile(document: &Spanned<ClaimsDocument>, context: &mut Context<'_>) -> Conditions<ClaimCondition> {
    if document.value.is_empty() {
        context.empty(document.span(), "claims");
    }
    let mut compile = |(claim, test): (&String, &Spanned<ClaimDocument>)| {
        let condition = condition(claim, test, context)?;
        Some((claim.as_str().into(), condition))
    };
    document.value.iter().filter_map(&mut compile).collect()
}

/// The path of a claim that a rule reads.
pub(super) fn path(claim: &str, span: Span, context: &mut Context<'_>) -> Option<MemberPath> {
    let top = claim.strip_prefix('/').unwrap_or(claim);
    let forbidden = match top.split('/').next().unwrap_or(top) {
        "" => Some((
            "the claim has no name",
            "write the name of a claim, or a JSON pointer such as `/a/b`",
        )),
        "act" => Some((
            "`claims` cannot read `act`",
            "use `actor` for the current actor, `chain` for prior ones",
        )),
        "cnf" => Some((
            "`claims` cannot read `cnf`: a binding counts only with its proof",
            "remove it",
        )),
        _ if top.contains('*') => Some((
            "the name of a claim has no wildcard",
            "write the name in full, or a JSON pointer such as `/a/b`; `contains` tests the items of a list",
        )),
        _ => None,
    };
    if let Some((message, help)) = forbidden {
        context.mistake(span, message, help);
        return None;
    }
    if let Some(DottedPath { message, help }) = DottedPath::of(claim) {
        context.mistake(span, message, help);
        return None;
    }
    Some(MemberPath::of(claim))
}

/// The value at a path in the claims of a token.
pub(super) fn value<'f>(path: &MemberPath, core: &Core<'f>) -> Option<&'f Value> {
    let mut steps = path.steps();
    let claim = core.claims.get(steps.next()?)?;
    MemberPath::follow(claim, steps)
}

fn condition(claim: &str, document: &Spanned<ClaimDocument>, context: &mut Context<'_>) -> Option<ClaimCondition> {
    let path = path(claim, document.span(), context)?;
    let ClaimDocument {
        equals,
        one_of,
        contains,
        literal,
    } = &document.value;
    let test = match (equals, one_of.as_deref(), contains, literal) {
        (Some(value), None, None, None) => ClaimTest::OneOf([value.clone()].into()),
        (None, Some(values @ [_, ..]), None, None) => ClaimTest::OneOf(values.into()),
        (None, None, Some(value), None) => ClaimTest::Contains(value.clone()),
        (None, None, None, Some(text)) => ClaimTest::OneOf([Scalar::text(text)].into()),
        _ => {
            let message = format!("the claim `{claim}` needs one test");
            let help = "write a value, or one of `equals`, `one_of` (not empty), `contains`";
            context.mistake_if_whole(document.span(), message, help);
            return None;
        }
    };
    let condition = ClaimCondition { path, test };
    if let Some(form) = condition.unmet_form(None) {
        let message = format!("no valid token meets the rule on the claim `{claim}`, which is {form}");
        context.mistake(document.span(), message, "correct the value, or remove the rule");
    }
    Some(condition)
}

impl ClaimCondition {
    /// Whether whatever meets this condition meets the other one.
    pub(in crate::policy) fn implies(&self, other: &ClaimCondition) -> bool {
        self.path.is_of(&other.path)
            && match (&self.test, &other.test) {
                (ClaimTest::OneOf(one), ClaimTest::OneOf(other)) => all_in(one, other),
                (one, other) => one == other,
            }
    }

    /// Whether nothing meets both conditions: a claim is not a list and another value, and has members only if it is an object.
    pub(in crate::policy) fn excludes(&self, other: &ClaimCondition) -> bool {
        self.has_no_member_at(&other.path) || other.has_no_member_at(&self.path) || self.excludes_value(other)
    }

    /// Whether a value that meets the condition has nothing at a longer path.
    fn has_no_member_at(&self, path: &MemberPath) -> bool {
        match (path.within(&self.path), &self.test) {
            (None, _) => false,
            (Some(_), ClaimTest::OneOf(_)) => true,
            (Some(step), ClaimTest::Contains(_)) => claim_path::index(step).is_none(),
        }
    }

    fn excludes_value(&self, other: &ClaimCondition) -> bool {
        self.path.is_of(&other.path)
            && match (&self.test, &other.test) {
                (ClaimTest::OneOf(one), ClaimTest::OneOf(other)) => none_in(one, other),
                (ClaimTest::Contains(_), ClaimTest::Contains(_)) => false,
                (ClaimTest::OneOf(_), ClaimTest::Contains(_)) | (ClaimTest::Contains(_), ClaimTest::OneOf(_)) => true,
            }
    }

    pub(super) fn evaluate(&self, core: &Core<'_>, _: &EvaluationTime) -> Finding {
        let met = match (&self.test, value(&self.path, core)) {
            (_, None) => false,
            (ClaimTest::OneOf(accepted), Some(value)) => accepted.iter().any(|scalar| scalar.value() == value),
            (ClaimTest::Contains(wanted), Some(value)) => {
                value.as_array().is_some_and(|items| items.contains(wanted.value()))
            }
        };
        Finding::met_if(met, "claim_not_met")
    }

    pub(super) fn explain(&self, core: &Core<'_>, _: &EvaluationTime) -> (String, String) {
        let expected = match &self.test {
            ClaimTest::OneOf(accepted) => joined(accepted, " or "),
            ClaimTest::Contains(wanted) => format!("a list with {wanted}"),
        };
        let got = value(&self.path, core).map_or("no such claim".to_owned(), Value::to_string);
        (expected, got)
    }
}

impl ClaimCondition {
    pub(super) fn path(&self) -> &MemberPath {
        &self.path
    }

    pub(super) fn test(&self) -> &ClaimTest {
        &self.test
    }

    /// The claim, and the values that it is compared with.
    pub(super) fn read<'p>(&'p self, reader: &mut Reader<'_, 'p>) {
        reader.claim(self.path.written(), self.path.steps(), Need::Comparison);
        match &self.test {
            ClaimTest::OneOf(accepted) => accepted.iter().for_each(|scalar| reader.value(scalar.exact())),
            ClaimTest::Contains(wanted) => reader.value(wanted.exact()),
        }
    }

    /// Other values of the claim.
    pub(super) fn remedies(&self, remedies: &mut Remedies<'_>) {
        let path = self.path.to_string();
        match &self.test {
            ClaimTest::OneOf(accepted) => {
                for scalar in accepted {
                    let value = change::Value::Json(scalar.value().clone());
                    remedies.add(Fact::Claim((*path).into()), value, format!("claim {path} {scalar}"));
                }
            }
            ClaimTest::Contains(wanted) => {
                let fact = Fact::ClaimItem((*path).into(), wanted.to_string().into());
                let value = change::Value::Json(wanted.value().clone());
                remedies.add(fact, value, format!("claim {path}, a list with {wanted}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::policy::testing::code;

    #[test]
    fn claims_are_compared_exactly() {
        let claims = || {
            json!({"tid": "T1", "level": 3, "roles": ["sre", "dev"], "realm_access": {"roles": ["x"]},
            "https://example.com/roles": ["x"], "cognito:groups": ["x"], "acme.roles": ["x"]})
        };
        for body in [
            "claims: { tid: T1 }",
            "claims: { tid: { one_of: [T0, T1] } }",
            "claims: { level: 3 }",
            "claims: { roles: { contains: sre } }",
            "claims: { /realm_access/roles: { contains: x } }",
            "claims: { https://example.com/roles: { contains: x } }",
            "claims: { cognito:groups: { contains: x } }",
            "claims: { /acme.roles: { contains: x } }",
        ] {
            assert_eq!(code(body, claims()), "allow", "{body}");
        }
        for body in [
            "claims: { tid: T2 }",
            "claims: { tid: { contains: T1 } }",
            "claims: { level: '3' }",
            "claims: { roles: { contains: s } }",
            "claims: { roles: sre }",
            "claims: { missing: T1 }",
            "claims: { /realm_access/none: { contains: x } }",
            "claims: { /tid/: T1 }",
            "claims: { /tid/x: T1 }",
        ] {
            assert_eq!(code(body, claims()), "claim_not_met", "{body}");
        }
    }
}
