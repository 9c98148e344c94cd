//! The admin listeners: they answer without authorization, and disclose nothing of a request.

pub(crate) mod health;
pub(crate) mod jwks;
mod method;
mod reach;
pub(crate) mod reload;
pub(crate) mod rules;

use actgate::Authorizer;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;

use self::health::{ConnectionCount, Draining};
pub(crate) use self::reach::Reach;
use self::reload::Reloads;
use crate::headers::internal_token::signing_keys::SigningKeys;

/// What the admin listener sees of the gate when a request arrives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) reach: Reach,
    pub(crate) authorizer: &'a Authorizer,
    pub(crate) draining: &'a Draining,
    pub(crate) connections: ConnectionCount,
    /// The keys of internal tokens.
    pub(crate) keys: Option<&'a SigningKeys>,
    /// None where the configuration is in no file.
    pub(crate) reloads: Option<&'a Reloads>,
}

/// Answers one request.
pub(crate) async fn answer<B>(request: &Request<B>, seen: &Seen<'_>) -> Response<Full<Bytes>> {
    let health = || health::answer(request, seen.reach, seen.authorizer, seen.draining, seen.connections);
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
