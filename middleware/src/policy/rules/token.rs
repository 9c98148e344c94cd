//! `token`: the token itself.

use actgate_yaml::Spanned;
use serde::Deserialize;

use super::finding::Finding;
use crate::chain::Core;
use crate::policy::evaluation_time::EvaluationTime;
use crate::policy::syntax::{Collector, Conditions, Context, Seconds};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a mapping\nwrite `token: { max_lifetime: VALUE }`")]
pub(in crate::policy) struct TokenDocument {
    max_lifetime: Option<Seconds>,
}

#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) enum TokenCondition {
    /// `exp` is at most so many seconds after `iat`.
    MaxLifetime(u64),
}

pub(super) fn compile(document: &Spanned<TokenDocument>, context: &mut Context<'_>) -> Conditions<TokenCondition> {
    let mut conditions = Collector::new("token", document.span(), context);
    if let Some(Seconds(seconds)) = document.value.max_lifetime {
        conditions.add("max_lifetime", TokenCondition::MaxLifetime(seconds));
    }
    conditions.finish()
}

impl TokenCondition {
    /// A token without `iat`, or with one after `exp` or in the future, has no known lifetime.
    pub(super) fn evaluate(&self, core: &Core<'_>, time: &EvaluationTime) -> Finding {
        let TokenCondition::MaxLifetime(most) = self;
        let met = lifetime(core, time).is_some_and(|lifetime| lifetime <= *most);
        Finding::met_if(met, "token_lifetime_too_long")
    }

    pub(super) fn explain(&self, core: &Core<'_>, time: &EvaluationTime) -> (String, String) {
        let TokenCondition::MaxLifetime(most) = self;
        let got = match (lifetime(core, time), core.claims.issued_at) {
            (Some(lifetime), _) => format!("{lifetime} s"),
            (None, Some(_)) => "an iat after exp or in the future".to_owned(),
            (None, None) => "no iat".to_owned(),
        };
        (format!("a lifetime of at most {most} s"), got)
    }
}

/// The seconds from `iat` to `exp`.
fn lifetime(core: &Core<'_>, time: &EvaluationTime) -> Option<u64> {
    let issued_at = core.claims.issued_at?;
    let is_past = issued_at <= time.now.saturating_add(time.leeway);
    core.claims.expiration.checked_sub(issued_at).filter(|_| is_past)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::policy::Policy;
    use crate::policy::testing::{checks, code};

    #[test]
    fn a_lifetime_is_limited_to_the_second() {
        let body = "token: { max_lifetime: 1h }";
        let of = |claims| code(body, claims);
        assert_eq!(of(json!({"iat": 1000, "exp": 4600})), "allow");
        assert_eq!(of(json!({"iat": 1000, "exp": 4601})), "token_lifetime_too_long");
        assert_eq!(of(json!({"exp": 4600})), "token_lifetime_too_long");
        assert_eq!(of(json!({"iat": 4601, "exp": 4600})), "token_lifetime_too_long");
        let now = crate::policy::testing::NOW;
        assert_eq!(of(json!({"iat": now + 30, "exp": now + 100})), "allow");
        assert_eq!(
            of(json!({"iat": now + 31, "exp": now + 100})),
            "token_lifetime_too_long"
        );
        let checks = checks(body, json!({"exp": 4600}));
        let check = checks.last().unwrap();
        assert_eq!((&*check.rule, &*check.got), ("GET /: token.max_lifetime", "no iat"));
    }

    #[test]
    fn a_token_block_needs_a_lifetime_with_a_unit() {
        for block in [
            "{}",
            "{ max_lifetime: 3600 }",
            "{ max_lifetime: 0s }",
            "{ max_life: 1h }",
        ] {
            let text = format!("routes: [{{ match: GET /, token: {block} }}]");
            assert!(Policy::from_yaml(&text).is_err(), "{block}");
        }
    }
}
