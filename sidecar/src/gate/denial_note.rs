//! What the decision log says about a denial beside its reason.

use std::borrow::Cow;

use actgate::{Authorizer, Error};
use http::request::Parts;

use super::cors::{Cors, NotGranted};
use super::missing_token;

/// What an operator needs to know of a request that is denied with `error`, without any value of it.
pub(super) fn note(
    cors: Option<&Cors>,
    authorizer: &Authorizer,
    request: &Parts,
    error: &Error,
) -> Option<Cow<'static, str>> {
    let preflight = match cors {
        Some(cors) => cors.preflight(request, authorizer).err(),
        None => Some(NotGranted::without_cors(request)),
    };
    match (preflight, error) {
        (Some(NotGranted::Refused(reason)), _) => {
            Some(format!("this is a preflight of CORS that is not granted, since {reason}").into())
        }
        (_, Error::MissingToken) => missing_token::note(&request.headers, &request.uri),
        _ => None,
    }
}
