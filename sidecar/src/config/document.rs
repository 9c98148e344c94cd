//! The structure of `actgate.yaml`. Every key is optional here, so that one missing key hides no other mistake.

use std::collections::BTreeMap;

use actgate::keys::Algorithm;
use actgate::profile::{ChainCompleteness, PriorActors, Profile};
use actgate_yaml::{OneOrMany, Spanned};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::headers::identity::Fact;
use crate::proxy::forward::AccessTokenForwarding;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Document {
    pub(super) listen: Option<Spanned<String>>,
    pub(super) upstream: Option<Spanned<String>>,
    pub(super) admin: Option<Spanned<String>>,
    pub(super) audience: Option<Spanned<OneOrMany<Spanned<String>>>>,
    pub(super) leeway: Option<Spanned<String>>,
    pub(super) resource_metadata: Option<Spanned<String>>,
    pub(super) hosts: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) issuers: Option<Spanned<Vec<Spanned<IssuerDocument>>>>,
    pub(super) identity_headers: BTreeMap<Fact, Spanned<String>>,
    pub(super) access_token: AccessTokenForwarding,
    pub(super) timeouts: TimeoutsDocument,
    pub(super) max_connections: Option<Spanned<u32>>,
    pub(super) decision_log: Option<Spanned<String>>,
    pub(super) policy: Option<Spanned<String>>,
    pub(super) spelling: Option<Spanned<IgnoredAny>>,
    pub(super) requirements: Option<Spanned<IgnoredAny>>,
    pub(super) routes: Option<Spanned<IgnoredAny>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct IssuerDocument {
    pub(super) issuer: Option<Spanned<String>>,
    pub(super) jwks_uri: Option<Spanned<String>>,
    pub(super) algorithms: Option<Spanned<Vec<Algorithm>>>,
    pub(super) profile: Option<Profile>,
    pub(super) chain_completeness: Option<ChainCompleteness>,
    pub(super) prior_actors: Option<PriorActors>,
    pub(super) keys: KeysDocument,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct KeysDocument {
    pub(super) refresh: Option<Spanned<String>>,
    pub(super) cooldown: Option<Spanned<String>>,
    pub(super) timeout: Option<Spanned<String>>,
    pub(super) max_stale: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TimeoutsDocument {
    pub(super) header: Option<Spanned<String>>,
    pub(super) keep_alive: Option<Spanned<String>>,
    pub(super) connect: Option<Spanned<String>>,
    pub(super) response: Option<Spanned<String>>,
    pub(super) drain: Option<Spanned<String>>,
}
