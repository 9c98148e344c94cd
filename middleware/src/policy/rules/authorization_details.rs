//! `authorization_details`: what the token was granted in detail (RFC 9396).

use std::collections::BTreeMap;

use actgate_yaml::{OneOrMany, Spanned};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::finding::Finding;
use super::list::all_in;
use super::member::{MemberDocument, MemberTest};
use crate::chain::Core;
use crate::policy::change::{self, Fact, Remedies};
use crate::policy::evaluation_time::EvaluationTime;
use crate::policy::read::{Need, Reader};
use crate::policy::syntax::{Conditions, Context, Name, joined};
use crate::token::ExactValue;

/// One of the details of the token (RFC 9396) is of this type, and has all that is written beside it. Denied with
/// `authorization_details_not_met`.
/// Example: `{ type: payment, members: { currency: EUR, /instructedAmount/amount: { max: 500 } } }`
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    deny_unknown_fields,
    expecting = "a mapping\nwrite `authorization_details: { type: VALUE }`"
)]
pub(in crate::policy) struct DetailsDocument {
    /// The type of the detail.
    /// Example: `payment`
    #[serde(rename = "type")]
    kind: Name,
    /// This text, or each of a list, is in `actions` of the detail.
    /// Example: `[initiate]`
    #[cfg_attr(feature = "schema", schemars(extend("x-non-empty" = true)))]
    actions: Option<OneOrMany<Name>>,
    /// This text, or each of a list, is in `locations` of the detail.
    /// Example: `https://bank.example`
    #[cfg_attr(feature = "schema", schemars(extend("x-non-empty" = true)))]
    locations: Option<OneOrMany<Name>>,
    /// Tests on other members of the detail, by their name or their JSON pointer.
    /// Example: `{ currency: EUR, /instructedAmount/amount: { max: 500 } }`
    #[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1)))]
    members: Option<Spanned<BTreeMap<String, Spanned<MemberDocument>>>>,
}

/// One of the details is of the type, and has everything else.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) struct DetailsCondition {
    kind: Name,
    /// Each of these is in `actions`.
    actions: Box<[Name]>,
    /// Each of these is in `locations`.
    locations: Box<[Name]>,
    members: Box<[MemberTest]>,
}

pub(super) fn compile(document: &Spanned<DetailsDocument>, context: &mut Context<'_>) -> Conditions<DetailsCondition> {
    let written = &document.value;
    let list = |key: &str, list: &Option<OneOrMany<Name>>, context: &mut Context<'_>| -> Box<[Name]> {
        if list.as_ref().is_some_and(|list| list.is_empty()) {
            context.empty(document.span(), key);
        }
        list.iter().flat_map(|list| list.iter()).cloned().collect()
    };
    let (actions, locations) = (
        list("actions", &written.actions, context),
        list("locations", &written.locations, context),
    );
    let mut members = Vec::new();
    if let Some(written) = &written.members {
        if written.value.is_empty() {
            context.empty(written.span(), "members");
        }
        for (name, test) in &written.value {
            members.extend(MemberTest::compile(name, test, context));
        }
    }
    let condition = DetailsCondition {
        kind: written.kind.clone(),
        actions,
        locations,
        members: members.into(),
    };
    vec![("".into(), condition)]
}

impl DetailsCondition {
    /// Whether whatever meets this condition meets the other one.
    pub(in crate::policy) fn implies(&self, other: &DetailsCondition) -> bool {
        self.kind == other.kind
            && all_in(&other.actions, &self.actions)
            && all_in(&other.locations, &self.locations)
            && all_in(&other.members, &self.members)
    }

    /// A claim that is no list of objects with a type grants nothing that is known.
    pub(super) fn evaluate(&self, core: &Core<'_>, _: &EvaluationTime) -> Finding {
        let details = core.claims.authorization_details().and_then(Self::list);
        let met = details.is_some_and(|details| details.iter().any(|detail| self.first_unmet(detail).is_none()));
        Finding::met_if(met, "authorization_details_not_met")
    }

    /// Every detail, if each is well formed (RFC 9396 section 2).
    fn list(claim: &ExactValue) -> Option<&[ExactValue]> {
        let has_type = |detail: &ExactValue| detail.get("type").and_then(ExactValue::as_text).is_some();
        match claim {
            ExactValue::List(details) if details.iter().all(has_type) => Some(details),
            _ => None,
        }
    }

    /// What a detail lacks.
    fn first_unmet<'s>(&'s self, detail: &ExactValue) -> Option<Unmet<'s>> {
        if detail.get("type").and_then(ExactValue::as_text) != Some(&*self.kind) {
            return Some(Unmet::Type);
        }
        for (member, wanted) in [("actions", &self.actions), ("locations", &self.locations)] {
            let listed = detail.get(member);
            let is_listed = |name: &&Name| listed.is_some_and(|listed| listed.lists(name));
            if let Some(name) = wanted.iter().find(|name| !is_listed(name)) {
                return Some(Unmet::Listed(member, name));
            }
        }
        let unmet = self.members.iter().find(|test| !test.is_met(detail));
        unmet.map(Unmet::Member)
    }

    pub(super) fn explain(&self, core: &Core<'_>, _: &EvaluationTime) -> (String, String) {
        let mut expected = vec![format!("a detail of type {}", self.kind)];
        for (member, wanted) in [("actions", &self.actions), ("locations", &self.locations)] {
            if !wanted.is_empty() {
                expected.push(format!("{member} {}", joined(wanted.iter(), ", ")));
            }
        }
        expected.extend(self.members.iter().map(MemberTest::expected));
        let got = match (
            core.claims.authorization_details(),
            core.claims.authorization_details().and_then(Self::list),
        ) {
            (None, _) => "no authorization_details".to_owned(),
            (Some(_), None) => "no list of details with a type each".to_owned(),
            (Some(_), Some([])) => "no detail".to_owned(),
            (Some(_), Some(details)) => {
                let shown = details.iter().map(|detail| self.shown(detail));
                shown.collect::<Vec<_>>().join("; ")
            }
        };
        (expected.join(", with "), got)
    }

    /// The type of a detail, and what it lacks.
    fn shown(&self, detail: &ExactValue) -> String {
        let kind = detail.get("type").and_then(ExactValue::as_text).unwrap_or_default();
        match self.first_unmet(detail) {
            None => format!("{kind} with all of it"),
            Some(Unmet::Type) => kind.to_owned(),
            Some(Unmet::Listed(member, name)) => format!("{kind} without {name} in {member}"),
            Some(Unmet::Member(test)) => format!("{kind} with {}", test.got(detail)),
        }
    }
}

enum Unmet<'s> {
    Type,
    Listed(&'static str, &'s Name),
    Member(&'s MemberTest),
}

impl DetailsCondition {
    /// The claim, and the values that its members are compared with.
    pub(super) fn read<'p>(&'p self, reader: &mut Reader<'_, 'p>) {
        let need = match self.members.iter().any(MemberTest::needs_value) {
            true => Need::Value,
            false => Need::Comparison,
        };
        reader.claim(
            "authorization_details",
            ["type", "actions", "locations"].into_iter(),
            need,
        );
        for name in [&self.kind].into_iter().chain(&self.actions).chain(&self.locations) {
            reader.text(name);
        }
        self.members.iter().for_each(|test| test.read(reader));
    }

    /// A detail that meets the condition, beside those of the token.
    pub(super) fn remedies(&self, core: &Core<'_>, time: &EvaluationTime, remedies: &mut Remedies<'_>) {
        let mut detail = Map::new();
        detail.insert("type".to_owned(), (*self.kind).into());
        for (member, wanted) in [("actions", &self.actions), ("locations", &self.locations)] {
            if !wanted.is_empty() {
                let wanted = wanted.iter().map(|name| Value::from(&**name)).collect();
                detail.insert(member.to_owned(), wanted);
            }
        }
        let mut detail = Value::Object(detail);
        for test in &self.members {
            test.meet(&mut detail);
        }
        let words = self.explain(core, time).0;
        remedies.add(Fact::Detail((*words).into()), change::Value::Json(detail), words);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::policy::Policy;
    use crate::policy::testing::{checks, code, raw_code};

    const DENIED: &str = "authorization_details_not_met";

    fn of(body: &str, details: Value) -> &'static str {
        let body = format!("authorization_details: {{ {body} }}");
        code(&body, json!({"authorization_details": details}))
    }

    fn payment() -> Value {
        json!({"type": "payment", "actions": ["initiate", "status"], "locations": ["https://api.example"],
            "max": 100, "currency": "EUR", "amount": {"value": "123.50"}, "open": true})
    }

    #[test]
    fn one_detail_of_the_type_has_everything() {
        let one = || json!([payment()]);
        for body in [
            "type: payment",
            "type: payment, actions: initiate",
            "type: payment, actions: [status, initiate], locations: ['https://api.example']",
            "type: payment, members: { currency: EUR, max: { max: 100 }, open: true }",
            "type: payment, members: { /amount/value: { max: 500, min: '123.5' } }",
            "type: payment, members: { currency: { one_of: [USD, EUR] }, actions: { contains: status } }",
            "type: payment, members: { max: 100, /actions/0: initiate }",
        ] {
            assert_eq!(of(body, one()), "allow", "{body}");
        }
        for body in [
            "type: Payment",
            "type: account",
            "type: payment, actions: [initiate, cancel]",
            "type: payment, locations: 'https://api.example/'",
            "type: payment, members: { currency: eur }",
            "type: payment, members: { max: { max: 99 } }",
            "type: payment, members: { max: '100' }",
            "type: payment, members: { open: 'true' }",
            "type: payment, members: { missing: { max: 1 } }",
            "type: payment, members: { currency: { max: 1 } }",
            "type: payment, members: { open: { min: 0 } }",
            "type: payment, members: { amount: { max: 500 } }",
            "type: payment, members: { /amount/value: { max: '123.49' } }",
        ] {
            assert_eq!(of(body, one()), DENIED, "{body}");
        }
        let split = json!([{"type": "payment", "actions": ["a"]}, {"type": "payment", "actions": ["b"]}]);
        assert_eq!(
            of("type: payment, actions: [a, b]", split.clone()),
            DENIED,
            "in two details"
        );
        assert_eq!(of("type: payment, actions: b", split), "allow");
    }

    #[test]
    fn an_unknown_type_and_a_malformed_claim_grant_nothing() {
        let body = "type: payment";
        assert_eq!(of(body, json!([{"type": "other"}, payment()])), "allow");
        for details in [
            json!([]),
            json!([{"type": "other"}]),
            json!(null),
            json!("payment"),
            payment(),
            json!([payment(), "x"]),
            json!([payment(), {}]),
            json!([payment(), {"type": 7}]),
            json!([{"type": ["payment"]}]),
        ] {
            assert_eq!(of(body, details.clone()), DENIED, "{details}");
        }
        assert_eq!(code("authorization_details: { type: payment }", json!({})), DENIED);
        let of_actor = json!({"act": {"sub": "a", "authorization_details": [payment()]}});
        assert_eq!(code("authorization_details: { type: payment }", of_actor), DENIED);
        for odd in [json!("initiate"), json!({"0": "initiate"}), json!([["initiate"]])] {
            let details = json!([{"type": "payment", "actions": odd}]);
            assert_eq!(of("type: payment, actions: initiate", details), DENIED);
        }
    }

    #[test]
    fn bounds_are_exact() {
        let met = |number: &str, bounds: &str| {
            let claims = format!(r#"{{"authorization_details": [{{"type": "p", "n": {number}}}]}}"#);
            let body = format!("authorization_details: {{ type: p, members: {{ n: {{ {bounds} }} }} }}");
            match raw_code(&body, &claims) {
                "allow" => true,
                DENIED => false,
                other => panic!("{other}"),
            }
        };
        for (number, most) in [
            ("500", true),
            ("500.0", true),
            ("5e2", true),
            ("499.999999999999999999", true),
            ("500.000000000000001", false),
            ("500.01", false),
            ("501", false),
            ("5E3", false),
            ("-1", true),
        ] {
            assert_eq!(met(number, "max: 500"), most, "{number}");
        }
        for text in ["\"500\"", "\"499.99\"", "\"0\""] {
            assert!(met(text, "max: 500"), "{text}");
        }
        for text in [
            "\"500.01\"",
            "\"5e1\"",
            "\"\"",
            "\" 5\"",
            "\"0x1\"",
            "\"1,5\"",
            "\"1_0\"",
            "\"NaN\"",
            "null",
            "[1]",
            "true",
        ] {
            assert!(!met(text, "max: 500"), "{text}");
        }
        assert!(met("9007199254740993", "min: 9007199254740993"));
        assert!(!met("9007199254740992", "min: 9007199254740993"));
        assert!(met("0.3", "min: '0.3', max: '0.3'") && !met("0.30000000000000004", "max: '0.3'"));
        assert!(met("-5", "min: -5, max: -5") && !met("-6", "min: -5"));
    }

    #[test]
    fn explain_shows_what_each_detail_lacks() {
        let shown = |details: Value| {
            let body = "authorization_details: { type: payment, actions: initiate, members: { max: { max: 50 }, currency: EUR } }";
            let check = checks(body, json!({"authorization_details": details})).pop().unwrap();
            assert_eq!(&*check.rule, "GET /: authorization_details");
            assert_eq!(
                check.expected,
                "a detail of type payment, with actions initiate, with currency \"EUR\", with max at most 50"
            );
            check.got
        };
        let other = json!({"type": "payment", "actions": []});
        assert_eq!(
            shown(json!([payment(), other, {"type": "x"}])),
            "payment with max 100; payment without initiate in actions; x"
        );
        assert_eq!(shown(json!({})), "no list of details with a type each");
        assert_eq!(shown(json!([])), "no detail");
    }

    #[test]
    fn what_is_no_rule_on_details_is_a_mistake() {
        for body in [
            "{}",
            "payment",
            "{ actions: a }",
            "{ type: ~ }",
            "{ type: '*' }",
            "{ type: [a, b] }",
            "{ type: a, actions: [] }",
            "{ type: a, locations: 'https://*' }",
            "{ type: a, members: {} }",
            "{ type: a, members: { n: {} } }",
            "{ type: a, members: { n: ~ } }",
            "{ type: a, members: { n: { max: 1.5 } } }",
            "{ type: a, members: { n: { max: '1e3' } } }",
            "{ type: a, members: { n: { max: many } } }",
            "{ type: a, members: { n: { min: 3, max: 2 } } }",
            "{ type: a, members: { n: { min: 3, equals: 4 } } }",
            "{ type: a, members: { n: { one_of: [] } } }",
            "{ type: a, members: { type: b } }",
            "{ type: a, members: { a.b: 1 } }",
            "{ type: a, members: { '': 1 } }",
            "{ type: a, max: 5 }",
        ] {
            let text = format!("routes: [{{ match: GET /, authorization_details: {body} }}]");
            assert!(Policy::from_yaml(&text).is_err(), "{body}");
        }
    }
}
