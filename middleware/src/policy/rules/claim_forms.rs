//! What the check of a token demands of a claim: a rule on it that asks for another form is never met.

use std::fmt;

use super::claims::{ClaimCondition, ClaimTest};
use super::scalar::Scalar;
use crate::claim_path;
use crate::profile::{Profile, ScopeForm};

/// The publication of RFC 7519, May 2015: no access token expired before.
const FIRST_EXPIRATION: u64 = 1_430_438_400;

/// The form that a claim has in every valid token that has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::policy) enum ClaimForm {
    Text,
    /// Seconds since 1970 (RFC 7519 section 2).
    Date,
    /// A date that is not past.
    LaterDate,
    Flag,
    List,
    TextOrList,
}

impl fmt::Display for ClaimForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ClaimForm::Text => "a text",
            ClaimForm::Date => "a whole number of seconds since 1970",
            ClaimForm::LaterDate => "the time at which the token expires, in seconds since 1970",
            ClaimForm::Flag => "`true` or `false`",
            ClaimForm::List => "a list of texts",
            ClaimForm::TextOrList => "a text or a list of texts",
        })
    }
}

impl ClaimForm {
    /// That of a claim with any profile.
    fn of_every_token(claim: &str) -> Option<ClaimForm> {
        match claim {
            "iss" | "jti" => Some(ClaimForm::Text),
            "exp" => Some(ClaimForm::LaterDate),
            "nbf" | "iat" => Some(ClaimForm::Date),
            "chain_complete" => Some(ClaimForm::Flag),
            _ => None,
        }
    }

    /// That of a claim with this profile.
    fn of(claim: &str, profile: &Profile) -> Option<ClaimForm> {
        if profile.subject.claim.as_str() == claim || profile.client.iter().any(|name| name.as_str() == claim) {
            return Some(ClaimForm::Text);
        }
        if profile.audience.claim.as_str() == claim {
            return Some(ClaimForm::TextOrList);
        }
        let scope = profile.scope.iter().find(|scope| scope.claim.as_str() == claim)?;
        Some(match scope.form {
            ScopeForm::Text => ClaimForm::Text,
            ScopeForm::List => ClaimForm::List,
            ScopeForm::TextOrList => ClaimForm::TextOrList,
        })
    }

    fn has(self, scalar: &Scalar) -> bool {
        let value = scalar.value();
        match self {
            ClaimForm::Text | ClaimForm::TextOrList => value.is_string(),
            ClaimForm::Date => value.is_u64(),
            ClaimForm::LaterDate => value.as_u64().is_some_and(|time| time >= FIRST_EXPIRATION),
            ClaimForm::Flag => value.is_boolean(),
            ClaimForm::List => false,
        }
    }

    fn is_list(self) -> bool {
        matches!(self, ClaimForm::List | ClaimForm::TextOrList)
    }
}

impl ClaimCondition {
    /// The form of its claim in every valid token, with this profile or with any, unless a claim of this form may meet it.
    pub(in crate::policy) fn unmet_form(&self, profile: Option<&Profile>) -> Option<ClaimForm> {
        let mut steps = self.path().steps();
        let claim = steps.next()?;
        let form = match profile {
            None => ClaimForm::of_every_token(claim),
            Some(profile) => ClaimForm::of(claim, profile),
        }?;
        let may_meet = match (steps.next(), self.test()) {
            (None, ClaimTest::OneOf(values)) => values.iter().any(|value| form.has(value)),
            (None, ClaimTest::Contains(item)) => form.is_list() && item.value().is_string(),
            (Some(index), ClaimTest::OneOf(values)) => {
                let is_item = claim_path::index(index).is_some() && steps.next().is_none();
                form.is_list() && is_item && values.iter().any(|value| value.value().is_string())
            }
            (Some(_), ClaimTest::Contains(_)) => false,
        };
        (!may_meet).then_some(form)
    }

    /// The texts one of which this claim has to be; [`None`] for a rule on another claim, or on an item of it.
    pub(in crate::policy) fn texts_of(&self, claim: &str) -> Option<Vec<&str>> {
        let mut steps = self.path().steps();
        match self.test() {
            ClaimTest::OneOf(values) if steps.next() == Some(claim) && steps.next().is_none() => {
                Some(values.iter().filter_map(|scalar| scalar.value().as_str()).collect())
            }
            _ => None,
        }
    }
}
