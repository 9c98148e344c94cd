//! The admin listener: it answers without authorization, and discloses nothing of a request.

pub(crate) mod health;
pub(crate) mod jwks;
mod method;
pub(crate) mod rules;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;

use self::health::{ConnectionCount, Readiness};
use crate::headers::internal_token::signing_keys::SigningKeys;

/// Answers one request. `keys` are those of internal tokens.
pub(crate) fn answer<B>(
    request: &Request<B>,
    readiness: &Readiness,
    connections: ConnectionCount,
    keys: Option<&SigningKeys>,
) -> Response<Full<Bytes>> {
    match keys {
        Some(keys) if request.uri().path() == jwks::PATH => jwks::answer(request.method(), keys),
        _ if request.uri().path() == rules::PATH => rules::answer(request.method(), readiness.authorizer()),
        _ => health::answer(request, readiness, connections),
    }
}
