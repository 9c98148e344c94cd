//! `token`: the token itself, its times, its audience and its binding to a key.

use actgate_yaml::Spanned;
use serde::Deserialize;

use super::finding::Finding;
use crate::chain::Core;
use crate::policy::change::{Fact, Remedies, Value};
use crate::policy::evaluation_time::EvaluationTime;
use crate::policy::syntax::{Collector, Conditions, Context, Seconds, Stated};

/// The token itself: its times, its audience and its binding to a key.
/// Example: `{ max_lifetime: 1h }`
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, expecting = "a mapping\nwrite `token: { max_lifetime: VALUE }`")]
#[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1)))]
pub(in crate::policy) struct TokenDocument {
    /// `exp` is at most so long after `iat`. A token without `iat`, or with one in the future, is denied. Denied with
    /// `token_lifetime_too_long`.
    /// Example: `1h`
    max_lifetime: Option<Seconds>,
    /// `iat` is at most so long ago. A token without it, or with one in the future, is denied. Denied with `token_too_old`.
    /// Example: `10m`
    max_age: Option<Seconds>,
    /// `aud` has exactly one value. Denied with `token_audience_not_single`.
    /// Example: `true`
    single_audience: Option<Stated>,
    /// The token is bound to a key (`cnf`), the proof of which was verified (RFC 8705). Denied with
    /// `token_not_sender_constrained`.
    /// Example: `true`
    sender_constrained: Option<Stated>,
}

#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) enum TokenCondition {
    /// `exp` is at most so many seconds after `iat`.
    MaxLifetime(u64),
    /// `iat` is at most so many seconds ago.
    MaxAge(u64),
    /// `aud` has one value.
    SingleAudience,
    /// The token is bound to a key, the proof of which is verified.
    SenderConstrained,
}

pub(super) fn compile(document: &Spanned<TokenDocument>, context: &mut Context<'_>) -> Conditions<TokenCondition> {
    let mut conditions = Collector::new("token", document.span(), context);
    let written = &document.value;
    if let Some(Seconds(seconds)) = written.max_lifetime {
        conditions.add("max_lifetime", TokenCondition::MaxLifetime(seconds));
    }
    if let Some(Seconds(seconds)) = written.max_age {
        conditions.add("max_age", TokenCondition::MaxAge(seconds));
    }
    if let Some(Stated) = written.single_audience {
        conditions.add("single_audience", TokenCondition::SingleAudience);
    }
    if let Some(Stated) = written.sender_constrained {
        conditions.add("sender_constrained", TokenCondition::SenderConstrained);
    }
    conditions.finish()
}

impl TokenCondition {
    /// Whether whatever meets this condition meets the other one.
    pub(in crate::policy) fn implies(&self, other: &TokenCondition) -> bool {
        match (self, other) {
            (TokenCondition::MaxLifetime(one), TokenCondition::MaxLifetime(other))
            | (TokenCondition::MaxAge(one), TokenCondition::MaxAge(other)) => one <= other,
            (one, other) => one == other,
        }
    }

    /// A token without `iat`, or with one after `exp` or in the future, has no known lifetime and no known age.
    pub(super) fn evaluate(&self, core: &Core<'_>, time: &EvaluationTime) -> Finding {
        let claims = core.claims;
        match self {
            TokenCondition::MaxLifetime(most) => {
                let met = lifetime(core, time).is_some_and(|lifetime| lifetime <= *most);
                Finding::met_if(met, "token_lifetime_too_long")
            }
            TokenCondition::MaxAge(most) => {
                let is_young = |issued_at| time.is_within(issued_at, *most);
                Finding::met_if(claims.issued_at.is_some_and(is_young), "token_too_old")
            }
            TokenCondition::SingleAudience => {
                Finding::met_if(claims.audience_count() == 1, "token_audience_not_single")
            }
            TokenCondition::SenderConstrained => Finding::met_if(
                claims.confirmation.is_sender_constrained(),
                "token_not_sender_constrained",
            ),
        }
    }

    pub(super) fn explain(&self, core: &Core<'_>, time: &EvaluationTime) -> (String, String) {
        let claims = core.claims;
        match self {
            TokenCondition::MaxLifetime(most) => {
                let got = match (lifetime(core, time), claims.issued_at) {
                    (Some(lifetime), _) => format!("{lifetime} s"),
                    (None, Some(_)) => "an iat after exp or in the future".to_owned(),
                    (None, None) => "no iat".to_owned(),
                };
                (format!("a lifetime of at most {most} s"), got)
            }
            TokenCondition::MaxAge(most) => {
                let got = match claims.issued_at {
                    None => "no iat".to_owned(),
                    Some(issued_at) if issued_at > time.now => format!("{} s in the future", issued_at - time.now),
                    Some(issued_at) => format!("{} s ago", time.now - issued_at),
                };
                (format!("issued at most {most} s ago"), got)
            }
            TokenCondition::SingleAudience => {
                let got = format!("{}: {}", claims.audience_count(), claims.audience().join(", "));
                ("one audience".to_owned(), got)
            }
            TokenCondition::SenderConstrained => {
                let got = match claims.confirmation.is_sender_constrained() {
                    true => "bound to a certificate",
                    false => "no bound key",
                };
                ("a token that is bound to a key".to_owned(), got.to_owned())
            }
        }
    }
}

/// The seconds from `iat` to `exp`.
fn lifetime(core: &Core<'_>, time: &EvaluationTime) -> Option<u64> {
    let issued_at = core.claims.issued_at?;
    let is_past = issued_at <= time.now.saturating_add(time.leeway);
    core.claims.expiration.checked_sub(issued_at).filter(|_| is_past)
}

impl TokenCondition {
    /// Other times, one audience, and a key that the token is bound to.
    pub(super) fn remedies(&self, remedies: &mut Remedies<'_>) {
        let least = |known: Option<u64>, most: u64| Some(known.map_or(most, |known| known.min(most)));
        match self {
            TokenCondition::MaxLifetime(most) => {
                remedies.times(|times| times.lifetime = least(times.lifetime, *most));
            }
            TokenCondition::MaxAge(most) => remedies.times(|times| times.age = least(times.age, *most)),
            TokenCondition::SingleAudience => {
                remedies.add(
                    Fact::Audience,
                    Value::Held(true),
                    "a token with one audience".to_owned(),
                );
            }
            TokenCondition::SenderConstrained => {
                let words = "a token that is bound to a key".to_owned();
                remedies.add(Fact::Binding, Value::Held(true), words);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::policy::Policy;
    use crate::policy::testing::{NOW, checks, code, requirement};

    #[test]
    fn a_lifetime_is_limited_to_the_second() {
        let body = "token: { max_lifetime: 1h }";
        let of = |claims| code(body, claims);
        assert_eq!(of(json!({"iat": 1000, "exp": 4600})), "allow");
        assert_eq!(of(json!({"iat": 1000, "exp": 4601})), "token_lifetime_too_long");
        assert_eq!(of(json!({"exp": 4600})), "token_lifetime_too_long");
        assert_eq!(of(json!({"iat": 4601, "exp": 4600})), "token_lifetime_too_long");
        assert_eq!(of(json!({"iat": NOW + 30, "exp": NOW + 100})), "allow");
        assert_eq!(
            of(json!({"iat": NOW + 31, "exp": NOW + 100})),
            "token_lifetime_too_long"
        );
        let checks = checks(body, json!({"exp": 4600}));
        let check = checks.last().unwrap();
        assert_eq!((&*check.rule, &*check.got), ("GET /: token.max_lifetime", "no iat"));
    }

    #[test]
    fn the_age_of_a_token_is_inclusive_and_never_in_the_future() {
        let body = "token: { max_age: 5m }";
        let at = |issued_at: u64| code(body, json!({"iat": issued_at}));
        assert_eq!(at(NOW - 300), "allow");
        assert_eq!(at(NOW - 301), "token_too_old");
        assert_eq!(at(NOW + 30), "allow", "a clock that is ahead by the leeway");
        assert_eq!(at(NOW + 31), "token_too_old");
        assert_eq!(code(body, json!({})), "token_too_old");
        let got = |claims| {
            let check = checks(body, claims).pop().unwrap();
            (check.expected, check.got)
        };
        let expected = || "issued at most 300 s ago".to_owned();
        assert_eq!(got(json!({"iat": NOW - 301})), (expected(), "301 s ago".to_owned()));
        assert_eq!(
            got(json!({"iat": NOW + 31})),
            (expected(), "31 s in the future".to_owned())
        );
        assert_eq!(got(json!({})), (expected(), "no iat".to_owned()));
    }

    #[test]
    fn a_single_audience_is_one_value_in_either_form() {
        let body = "token: { single_audience: true }";
        let of = |aud: Value| code(body, json!({"aud": aud}));
        assert_eq!(of(json!("a")), "allow");
        assert_eq!(of(json!(["a"])), "allow");
        assert_eq!(of(json!(["a", "b"])), "token_audience_not_single");
        assert_eq!(of(json!(["a", "a"])), "token_audience_not_single");
        assert_eq!(of(json!(["a", "a/"])), "token_audience_not_single");
        let check = checks(body, json!({"aud": ["bot", "a"]})).pop().unwrap();
        assert_eq!((&*check.expected, &*check.got), ("one audience", "2: bot, a"));
    }

    #[test]
    fn only_the_binding_of_the_token_itself_constrains_its_sender() {
        let body = "token: { sender_constrained: true }";
        let bound = json!({"x5t#S256": "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"});
        assert_eq!(code(body, json!({"cnf": bound})), "allow");
        let denial = "token_not_sender_constrained";
        assert_eq!(code(body, json!({})), denial);
        let of_actor = json!({"sub": "a1", "sub_profile": "ai_agent", "cnf": bound});
        assert_eq!(code(body, json!({"act": of_actor})), denial);
        // Without a proof of these the token does not reach its policy.
        for other in [json!({"jkt": "x"}), json!({}), json!({"x5t#S256": "x", "jkt": "x"})] {
            assert_eq!(code(body, json!({"cnf": other})), denial);
        }
        let check = checks(body, json!({})).pop().unwrap();
        assert_eq!(
            (&*check.expected, &*check.got),
            ("a token that is bound to a key", "no bound key")
        );
    }

    #[test]
    fn a_shorter_time_implies_a_longer_one() {
        let implies = |one: &str, other: &str| requirement(one).implies(&requirement(other));
        for word in ["max_age", "max_lifetime"] {
            let at_most = |time: &str| format!("token: {{ {word}: {time} }}");
            assert!(implies(&at_most("5m"), &at_most("10m")), "{word}");
            assert!(!implies(&at_most("10m"), &at_most("5m")), "{word}");
        }
        assert!(!implies("token: { max_age: 5m }", "token: { max_lifetime: 1h }"));
        let both = "token: { single_audience: true, sender_constrained: true }";
        assert!(implies(both, "token: { sender_constrained: true }"));
        assert!(!implies("token: { sender_constrained: true }", both));
    }

    #[test]
    fn a_token_block_has_times_with_a_unit_and_rules_that_are_true() {
        for block in [
            "{}",
            "{ max_lifetime: 3600 }",
            "{ max_lifetime: 0s }",
            "{ max_life: 1h }",
            "{ max_age: 0s }",
            "{ max_age: 300 }",
            "{ max_age: ~ }",
            "{ single_audience: ~ }",
            "{ single_audience: yes }",
            "{ sender_constrained: 1 }",
        ] {
            let text = format!("routes: [{{ match: GET /, token: {block} }}]");
            assert!(Policy::from_yaml(&text).is_err(), "{block}");
        }
        let text = "routes:\n  - match: GET /\n    token: { single_audience: false, sender_constrained: false }\n";
        assert_eq!(
            Policy::from_yaml(text).unwrap_err().to_string(),
            "3:31: `false` requires nothing\n  help: write `true`, or remove the key\n\
             3:58: `false` requires nothing\n  help: write `true`, or remove the key"
        );
    }
}
