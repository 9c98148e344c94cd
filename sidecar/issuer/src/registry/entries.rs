//! The entries of a registry.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::redirect_uri;
use crate::{EntityProfile, PublicKey, ScopeSet, Secret, Totp};

/// Every resource, user and client of the issuer. [`Registry::REFERENCE`] is the file format.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    pub(crate) resources: BTreeMap<String, Arc<Resource>>,
    /// What a scope allows, in plain words.
    pub(crate) scope_descriptions: BTreeMap<String, String>,
    pub(crate) users: BTreeMap<String, User>,
    pub(crate) clients: BTreeMap<String, Arc<Client>>,
    /// Users with their passwords, which the sign-in page shows; empty for a registry from a file.
    pub(crate) sample_users: &'static [(&'static str, &'static str)],
}

impl Registry {
    /// The registry that names the users of the sample with their passwords.
    pub(super) fn with_sample_users(self) -> Registry {
        Registry {
            sample_users: &[("alice", "wonderland"), ("bob", "builder")],
            ..self
        }
    }
}

/// An API that tokens are issued for.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) identifier: String,
    pub(crate) scopes: ScopeSet,
    /// Clients that register themselves can request it.
    pub(crate) open_to_registration: bool,
}

/// A user who can sign in.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) subject: String,
    pub(crate) password: Secret,
    pub(crate) second_factor: Option<Totp>,
    pub(crate) scopes: ScopeSet,
}

/// A registered client.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) profile: EntityProfile,
    /// The user who is accountable for it, without any right from it.
    pub(crate) owner: Option<String>,
    /// None for a public client, and for one with keys. Without any, no secret matches.
    pub(crate) credentials: Option<Vec<Credential>>,
    /// None for that of the issuer.
    pub(crate) token_lifetime: Option<Duration>,
    /// The keys of `private_key_jwt`.
    pub(crate) keys: Vec<PublicKey>,
    pub(crate) client_credentials: bool,
    pub(crate) ciba: bool,
    pub(crate) device_code: bool,
    /// Empty without the grant authorization_code.
    pub(crate) redirect_uris: BTreeSet<String>,
    pub(crate) post_logout_redirect_uris: BTreeSet<String>,
    /// Its ID tokens are signed with RS256, whatever signs all else.
    pub(crate) has_rs256_id_tokens: bool,
    pub(crate) scopes: ScopeSet,
    pub(crate) resources: BTreeSet<String>,
    /// The audiences whose tokens the client may introspect, besides those of `exchange`.
    pub(crate) introspects: BTreeSet<String>,
    /// None without the grant token_exchange.
    pub(crate) exchange: Option<Exchange>,
}

/// A secret of a client, until it ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Credential {
    pub(crate) id: String,
    pub(crate) secret: Secret,
    /// In seconds since the epoch.
    pub(crate) created: u64,
    pub(crate) ends: Option<u64>,
}

impl Credential {
    pub(super) fn of_the_file(secret: Secret) -> Credential {
        Credential {
            id: "registry".to_owned(),
            secret,
            created: 0,
            ends: None,
        }
    }
}

impl Client {
    /// Whether the client has no credential, so that its requests prove nothing.
    pub(crate) fn is_public(&self) -> bool {
        self.credentials.is_none() && self.keys.is_empty()
    }

    /// Whether the client is registered with the redirect URI of a request.
    pub(crate) fn accepts_redirect_uri(&self, requested: &str) -> bool {
        let mut registered = self.redirect_uris.iter();
        registered.any(|registered| redirect_uri::matches(registered, requested))
    }
}

/// The tokens that a client may exchange.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    /// The audiences that a subject token may have.
    pub(crate) audiences: BTreeSet<String>,
    pub(crate) may_act_for: BTreeSet<String>,
    pub(crate) actor_token: ActorToken,
    pub(crate) own_token: OwnToken,
}

/// Whether an exchange needs an actor token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ActorToken {
    #[default]
    Required,
    Optional,
}

/// Whether the exchange of a client's own token adds an `act`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OwnToken {
    #[default]
    Plain,
    SelfActor,
}
