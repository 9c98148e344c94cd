//! The entries of a registry.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;

use super::redirect_uri;
use crate::claims::EntityProfile;
use crate::scope::ScopeSet;
use crate::secret::Secret;

/// Every resource, user and client of the issuer. Immutable once read.
#[derive(Clone, Debug)]
pub struct Registry {
    pub(super) resources: BTreeMap<String, Resource>,
    pub(super) users: BTreeMap<String, User>,
    pub(super) clients: BTreeMap<String, Arc<Client>>,
}

impl Registry {
    pub(crate) fn resource(&self, identifier: &str) -> Option<&Resource> {
        self.resources.get(identifier)
    }

    pub(crate) fn resources(&self) -> impl Iterator<Item = &Resource> {
        self.resources.values()
    }

    pub(crate) fn user(&self, name: &str) -> Option<&User> {
        self.users.get(name)
    }

    pub(crate) fn client(&self, id: &str) -> Option<&Arc<Client>> {
        self.clients.get(id)
    }
}

/// An API that tokens can be issued for.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) identifier: String,
    pub(crate) scopes: ScopeSet,
}

/// A person.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) subject: String,
    pub(crate) password: Secret,
    pub(crate) second_factor: Option<Secret>,
    pub(crate) scopes: ScopeSet,
}

/// A registered client.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) profile: EntityProfile,
    /// None: a public client.
    pub(crate) secret: Option<Secret>,
    pub(crate) client_credentials: bool,
    /// Empty: no authorization code.
    pub(crate) redirect_uris: BTreeSet<String>,
    pub(crate) scopes: ScopeSet,
    pub(crate) resources: BTreeSet<String>,
    /// None: no token exchange.
    pub(crate) exchange: Option<Exchange>,
}

impl Client {
    /// Whether the client is registered with the redirect URI of a request.
    pub(crate) fn accepts_redirect_uri(&self, requested: &str) -> bool {
        let mut registered = self.redirect_uris.iter();
        registered.any(|registered| redirect_uri::matches(registered, requested))
    }
}

/// Whose tokens a client may exchange.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    /// The audiences a subject token may have: the client's own resource first of all.
    pub(crate) audiences: BTreeSet<String>,
    pub(crate) may_act_for: BTreeSet<String>,
    pub(crate) actor_token: ActorToken,
    pub(crate) own_token: OwnToken,
}

/// Whether an exchange needs a token that names the actor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ActorToken {
    #[default]
    Required,
    Optional,
}

/// What becomes of a client's own token when it exchanges it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OwnToken {
    #[default]
    Plain,
    SelfAct,
}
