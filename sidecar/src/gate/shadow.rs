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

/// What the log has of the rules in shadow; none where there are none.
pub(super) fn shadow<'d>(by_head: Option<&'d Decision>, body: Option<&'d ReadInShadow>) -> Option<Shadow<'d>> {
    let outcome = match body {
        Some(ReadInShadow::Unread(error)) => {
            return Some(Shadow {
                decision: Effect::Deny,
                status: Some(error.status.as_u16()),
                code: Some(error.code),
                rule: None,
                reason: Some(error.reason.to_owned()),
            });
        }
        // The token may have expired while the body was read.
        Some(ReadInShadow::Read(by_body)) => by_body.shadow().or(by_body.error().map(Err))?,
        None => by_head?.shadow()?,
    };
    let error = outcome.err();
    Some(Shadow {
        decision: if error.is_some() { Effect::Deny } else { Effect::Allow },
        status: error.map(|error| error.status().as_u16()),
        code: error.map(Error::code),
        rule: error.and_then(Error::rule),
        reason: error.map(ToString::to_string),
    })
}
