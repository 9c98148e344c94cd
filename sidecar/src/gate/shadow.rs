//! What the decision on a request would be if every rule in shadow were enforced, for the decision log.

use actgate::{Decision, Error};

use super::head_error::HeadError;
use crate::log::event::{Effect, Shadow};

/// How the body of a request was read for rules in shadow alone.
#[derive(Debug)]
pub(crate) enum ReadInShadow {
    /// The decision with it.
    Read(Decision),
    /// It was not read, or its request would be denied with it: why.
    Unread(HeadError),
}

/// What the log has of the rules in shadow; none where there are none. `unread` is why the body was not read for them.
pub(super) fn shadow(decision: Option<&Decision>, unread: Option<HeadError>) -> Option<Shadow<'_>> {
    if let Some(error) = unread {
        return Some(Shadow {
            decision: Effect::Deny,
            status: Some(error.status.as_u16()),
            code: Some(error.code),
            rule: None,
            reason: Some(error.reason.to_owned()),
        });
    }
    let error = decision?.shadow()?.err();
    Some(Shadow {
        decision: if error.is_some() { Effect::Deny } else { Effect::Allow },
        status: error.map(|error| error.status().as_u16()),
        code: error.map(Error::code),
        rule: error.and_then(Error::rule),
        reason: error.map(ToString::to_string),
    })
}
