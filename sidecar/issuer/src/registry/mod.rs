//! Who and what the issuer knows: resources, users and clients.
//!
//! # The file
//!
//! Three maps, all keys strict. [`Registry::SAMPLE`] is a whole file with comments; this is the shortest useful one:
//!
//! ```yaml
//! resources:
//!   https://orders.example: { scopes: [orders:read, orders:write] }
//!   https://assistant.example: { scopes: [orders:read] }
//! users:
//!   alice: { password: wonderland, scopes: [orders:read] }
//! clients:
//!   assistant:
//!     profile: ai_agent
//!     secret: assistant-secret
//!     grants: [client_credentials, token_exchange]
//!     scopes: [orders:read]
//!     resources: [https://orders.example]
//!     exchange:
//!       serves: https://assistant.example
//!       may_act_for: [alice]
//! ```
//!
//! **`resources`**: resource identifier (RFC 8707: an absolute URI without fragment) to `scopes`, what can be
//! asked for there.
//!
//! **`users`**: login name (also the `sub` of the tokens) to
//! `password`; `second_factor` (optional: a fixed code that stands in for a one-time password; giving it at login
//! makes `amr` `["pwd","otp","mfa"]`); `scopes`, all that the user may grant.
//!
//! **`clients`**: client identifier to
//!
//! | Key | Meaning |
//! |---|---|
//! | `name` | what the consent page shows; the identifier if left out |
//! | `profile` | `ai_agent`, `service`, `web_app`, `native_app` or `browser_app` |
//! | `secret` | left out: a public client, good for `authorization_code` only |
//! | `grants` | of `client_credentials`, `authorization_code`, `token_exchange` |
//! | `redirect_uris` | with `authorization_code` only: `https`, or `http` on loopback; compared as written |
//! | `scopes` | all the client may ask for; `openid` is for ID tokens and belongs to no resource |
//! | `resources` | the audiences the client may ask for; a single one is the default |
//! | `exchange` | with `token_exchange` only, see below |
//!
//! **`exchange`** says whose tokens the client may exchange:
//!
//! | Key | Meaning |
//! |---|---|
//! | `serves` | the client's own resource: a token must have this audience to be exchanged |
//! | `from` | further audiences whose tokens it may exchange |
//! | `may_act_for` | users and clients whose tokens it may exchange; its own need no mention |
//! | `actor_token` | `required` (default), or `optional`: the client's authentication may name the actor |
//! | `own_token` | `plain` (default), or `self_act`: exchanging its own token yields `act.sub` equal to `sub` |

mod document;
mod error;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;

pub use self::error::RegistryError;
use crate::claims::EntityProfile;
use crate::scope::ScopeSet;
use crate::secret::Secret;

/// Every resource, user and client of the issuer. Immutable once read.
#[derive(Clone, Debug)]
pub struct Registry {
    resources: BTreeMap<String, Resource>,
    users: BTreeMap<String, User>,
    clients: BTreeMap<String, Arc<Client>>,
}

impl Registry {
    /// A commented file with everything in it. It is also the built-in set of the demo.
    pub const SAMPLE: &str = include_str!("sample.yaml");

    /// Reads a registry. Unknown keys, duplicate names and references to nothing are errors.
    pub fn from_yaml(text: &str) -> Result<Registry, RegistryError> {
        document::read(text)
    }

    /// The built-in set: [`Registry::SAMPLE`].
    pub fn demo() -> Result<Registry, RegistryError> {
        Registry::from_yaml(Registry::SAMPLE)
    }

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
