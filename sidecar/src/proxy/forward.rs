//! The way of an allowed request to the upstream.

use std::sync::Arc;

use actgate::challenge::Protocol;
use actgate::clock::Clock;
use http::request::Parts;

use super::credentials::Obtained;
use super::credentials::error::CredentialError;
use super::destination::{Destination, Destinations};
use super::forwarding_record::ShownAddress;
use super::stream_end::{StreamLimits, TokenTime};
use crate::gate::Decided;
use crate::headers::carriers::Carriers;
use crate::headers::dropped::DroppedHeaders;
use crate::headers::identity::IdentityHeaders;
use crate::headers::stated_identity::StatedIdentity;
use crate::headers::trailers::TrailerRules;
use crate::headers::via::ViaPseudonym;

/// The way to the upstream.
#[derive(Debug)]
pub(crate) struct Forward {
    pub(crate) destinations: Destinations,
    pub(crate) identity_headers: IdentityHeaders,
    pub(crate) carriers: Carriers,
    pub(crate) drop_headers: DroppedHeaders,
    pub(crate) access_token: AccessTokenForwarding,
    pub(crate) via: ViaPseudonym,
    pub(crate) trailers: TrailerRules,
    pub(crate) streams: StreamLimits,
}

/// What is known of the caller of one request.
#[derive(Debug)]
pub(crate) struct Caller<'a> {
    /// None on a public route.
    pub(crate) identity: Option<&'a StatedIdentity>,
    /// Its stream ends with it.
    pub(crate) token: Option<TokenTime>,
    pub(crate) protocol: Protocol,
    /// What the upstream receives in place of the access token.
    pub(crate) credentials: Obtained,
    /// The headers that the policy of the decision reads.
    pub(crate) decided_on: Arc<[Box<str>]>,
}

/// What happens to the access token of an allowed request, in `Authorization` or in the header of its issuer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AccessTokenForwarding {
    /// It is removed: the identity headers carry the identity.
    #[default]
    Strip,
    /// It is forwarded where the token was verified.
    Forward,
    /// It is removed, and exchanged for one for the upstream.
    Exchange,
}

impl Forward {
    /// Obtains what the upstream receives in place of the access token.
    pub(crate) async fn obtain(
        &self,
        request: &Parts,
        destination: &Destination,
        decided: &Decided,
        clock: &Clock,
    ) -> Result<Obtained, CredentialError> {
        let credentials = &destination.credentials;
        credentials
            .obtain(&request.headers, &self.carriers, decided, clock)
            .await
    }

    /// Whether the decision log shows the addresses of upstreams.
    pub(crate) fn shown_address(&self) -> ShownAddress {
        match self.destinations.have_several_addresses() {
            true => ShownAddress::Shown,
            false => ShownAddress::Omitted,
        }
    }
}
