//! The form of a registry file.

use std::collections::{BTreeMap, BTreeSet};

use actgate_yaml::Spanned;
use serde::Deserialize;
use serde_json::Value;

use super::entries::{ActorToken, Grant, OwnToken};
use crate::EntityProfile;

// The required keys are optional here, so that the others are checked where one is missing.

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub(super) resources: Option<Spanned<BTreeMap<String, Spanned<ResourceDocument>>>>,
    #[serde(default)]
    pub(super) scopes: BTreeMap<String, Spanned<ScopeDocument>>,
    pub(super) users: Option<BTreeMap<String, Spanned<UserDocument>>>,
    pub(super) clients: Option<BTreeMap<String, Spanned<ClientDocument>>>,
}

pub(super) type List = Spanned<Vec<Spanned<String>>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResourceDocument {
    pub(super) scopes: Option<List>,
    #[serde(default)]
    pub(super) open_to_registration: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ScopeDocument {
    pub(super) description: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserDocument {
    pub(super) password: Option<Spanned<String>>,
    pub(super) second_factor: Option<Spanned<String>>,
    pub(super) scopes: Option<List>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClientDocument {
    pub(super) name: Option<String>,
    pub(super) profile: Option<EntityProfile>,
    /// The user who is accountable for an agent, without any right from it.
    pub(super) owner: Option<Spanned<String>>,
    pub(super) token_lifetime: Option<Spanned<String>>,
    pub(super) secret: Option<Spanned<String>>,
    pub(super) jwks: Option<Spanned<KeySetDocument>>,
    pub(super) grants: Option<Spanned<BTreeSet<Grant>>>,
    pub(super) redirect_uris: Option<List>,
    pub(super) post_logout_redirect_uris: Option<List>,
    #[serde(default)]
    pub(super) require_pushed_authorization_requests: bool,
    pub(super) id_token_signed_response_alg: Option<IdTokenAlgorithm>,
    pub(super) scopes: Option<List>,
    pub(super) resources: Option<List>,
    pub(super) introspects: Option<List>,
    pub(super) exchange: Option<Spanned<ExchangeDocument>>,
}

/// The algorithm of ID tokens that every client knows (OpenID Connect Core section 15.1).
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum IdTokenAlgorithm {
    #[serde(rename = "RS256")]
    Rs256,
}

/// A JWK Set, RFC 7517.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeySetDocument {
    pub(super) keys: Vec<Spanned<Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExchangeDocument {
    pub(super) serves: Option<Spanned<String>>,
    pub(super) from: Option<List>,
    pub(super) may_act_for: Option<List>,
    #[serde(default)]
    pub(super) actor_token: ActorToken,
    #[serde(default)]
    pub(super) own_token: OwnToken,
}

/// The items of a list, none if it is not written.
pub(super) fn items(list: &Option<List>) -> &[Spanned<String>] {
    list.as_ref().map_or(&[], |list| &list.value)
}

pub(super) fn values<C: FromIterator<String>>(items: &[Spanned<String>]) -> C {
    items.iter().map(|item| item.value.clone()).collect()
}
