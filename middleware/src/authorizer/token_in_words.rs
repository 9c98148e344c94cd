//! What is wrong with a token, in words.

use crate::error::{Error, Reason};
use crate::profile::Profile;
use crate::token::{UnverifiedToken, claim_form};

/// What is wrong with a token, and of which form a malformed claim is.
pub(super) fn in_words(error: &Error, token: &UnverifiedToken<'_>, profile: &Profile) -> String {
    with_form(error, |claim| token.claim_form(claim, profile))
}

/// The same for the members of an introspection.
pub(super) fn claim_in_words(error: &Error, payload: &[u8], profile: &Profile) -> String {
    with_form(error, |claim| claim_form(payload, claim, profile))
}

fn with_form(error: &Error, form: impl Fn(&str) -> Option<String>) -> String {
    let form = match error {
        Error::InvalidClaim {
            claim,
            reason: Reason::Malformed,
        } => form(claim),
        _ => None,
    };
    form.map_or(error.to_string(), |form| format!("{error}: {form}"))
}

/// Values as an explanation lists them.
pub(super) fn joined<'t>(values: impl Iterator<Item = &'t str>) -> String {
    values.collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::limits::Limits;
    use crate::testing::TestIssuer;

    #[test]
    fn the_form_of_a_claim_is_added_where_it_is_malformed() {
        let text = TestIssuer::new().unwrap().token(json!({ "sub": 7 })).unwrap();
        let token = UnverifiedToken::decode(&text, &Limits::default()).unwrap();
        let (malformed, other) = (
            Error::claim("sub", Reason::Malformed),
            Error::claim("sub", Reason::Missing),
        );
        let words = |error: &Error| in_words(error, &token, &Profile::default());
        assert_eq!(words(&malformed), format!("{malformed}: a number, expected a text"));
        assert_eq!(words(&other), other.to_string());
    }

    #[test]
    fn values_are_joined_as_alternatives() {
        assert_eq!(joined(["a", "b"].into_iter()), "a or b");
    }
}
