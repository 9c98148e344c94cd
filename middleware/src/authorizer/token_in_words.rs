//! What is wrong with a token, in words.

use crate::error::{Error, Reason};
use crate::profile::Profile;
use crate::token::UnverifiedToken;

/// What is wrong with a token, and of which form a malformed claim is.
pub(super) fn in_words(error: &Error, token: &UnverifiedToken<'_>, profile: &Profile) -> String {
    let form = match error {
        Error::InvalidClaim {
            claim,
            reason: Reason::Malformed,
        } => token.claim_form(claim, profile),
        _ => None,
    };
    form.map_or(error.to_string(), |form| format!("{error}: {form}"))
}

/// Values as an explanation lists them.
pub(super) fn joined<'t>(values: impl Iterator<Item = &'t str>) -> String {
    values.collect::<Vec<_>>().join(" or ")
}
