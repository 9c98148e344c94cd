//! The admin listeners: they answer without authorization, and disclose nothing of a request.

pub(crate) mod health;
pub(crate) mod jwks;
mod method;
pub(crate) mod metrics;
mod reach;
pub(crate) mod reload;
mod revocation_list;
pub(crate) mod rules;
mod seen;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;

pub(crate) use self::reach::Reach;
pub(crate) use self::revocation_list::RevocationList;
pub(crate) use self::seen::Seen;

/// Answers one request.
pub(crate) async fn answer<B>(request: &Request<B>, seen: &Seen<'_>) -> Response<Full<Bytes>> {
    let health = || health::answer(request, seen.reach, seen.authorizer, seen.draining, seen.connections);
    if request.uri().path() == metrics::PATH {
        return metrics::answer(request.method(), seen);
    }
    if seen.reach == Reach::Network {
        return health();
    }
    match (request.uri().path(), seen.keys, seen.reloads) {
        (jwks::PATH, Some(keys), _) => jwks::answer(request.method(), keys),
        (rules::PATH, ..) => rules::answer(request.method(), seen.authorizer),
        (reload::PATH, _, Some(reloads)) => reload::answer(request, reloads).await,
        _ => health(),
    }
}
