//! The written form of a policy: strict about keys, and each part knows where it stands.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::words::{ClaimWords, Kinds, Names, OneOrMany, Scopes, Seconds};
use crate::yaml::{At, present};

/// A policy as it is written. [`Policy::compile`](super::Policy::compile) makes it one to judge by.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Named demands, for routes and for each other to `require`.
    #[serde(default)]
    pub requirements: Requirements,
    /// What may be reached, and on which demands. A request that matches no route is refused.
    #[serde(default)]
    pub routes: Routes,
}

/// The `requirements` of a policy, to be embedded into a larger document.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Requirements(pub(super) BTreeMap<String, At<RequirementDocument>>);

/// The `routes` of a policy, to be embedded into a larger document.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Routes(pub(super) Vec<At<RouteDocument>>);

/// The demands of one requirement, one route, or one alternative of `any_of`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequirementDocument {
    #[serde(default, deserialize_with = "present")]
    pub(super) require: Option<At<Vec<At<String>>>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) scopes: Option<At<Scopes>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) initiator: Option<At<InitiatorDocument>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) actor: Option<At<ActorDocument>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) client: Option<At<ClientDocument>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) claims: Option<At<BTreeMap<String, At<ClaimWords>>>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) any_of: Option<At<Vec<At<RequirementDocument>>>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) chain: Option<At<ChainDocument>>,
}

/// A route: where it applies, and its demands. The keys of a requirement stand here once more, because serde cannot
/// both flatten a mapping and refuse unknown keys.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RouteDocument {
    #[serde(rename = "match")]
    pub(super) matches: OneOrMany<String>,
    #[serde(default)]
    public: bool,
    #[serde(default, deserialize_with = "present")]
    require: Option<At<Vec<At<String>>>>,
    #[serde(default, deserialize_with = "present")]
    scopes: Option<At<Scopes>>,
    #[serde(default, deserialize_with = "present")]
    initiator: Option<At<InitiatorDocument>>,
    #[serde(default, deserialize_with = "present")]
    actor: Option<At<ActorDocument>>,
    #[serde(default, deserialize_with = "present")]
    client: Option<At<ClientDocument>>,
    #[serde(default, deserialize_with = "present")]
    claims: Option<At<BTreeMap<String, At<ClaimWords>>>>,
    #[serde(default, deserialize_with = "present")]
    any_of: Option<At<Vec<At<RequirementDocument>>>>,
    #[serde(default, deserialize_with = "present")]
    chain: Option<At<ChainDocument>>,
}

/// Who may pass a route.
pub(super) enum Guard {
    /// Everybody, with or without a token.
    Public,
    /// Whoever meets the demands.
    Demands(Box<RequirementDocument>),
    /// Both at once, which says nothing.
    Contradiction,
}

impl RouteDocument {
    pub(super) fn into_guard(self) -> Guard {
        let demands = RequirementDocument {
            require: self.require,
            scopes: self.scopes,
            initiator: self.initiator,
            actor: self.actor,
            client: self.client,
            claims: self.claims,
            any_of: self.any_of,
            chain: self.chain,
        };
        match (self.public, demands.is_empty()) {
            (true, true) => Guard::Public,
            (true, false) => Guard::Contradiction,
            (false, _) => Guard::Demands(Box::new(demands)),
        }
    }
}

impl RequirementDocument {
    /// Whether nothing at all is demanded.
    pub(super) fn is_empty(&self) -> bool {
        self.require.is_none()
            && self.scopes.is_none()
            && self.initiator.is_none()
            && self.actor.is_none()
            && self.client.is_none()
            && self.claims.is_none()
            && self.any_of.is_none()
            && self.chain.is_none()
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InitiatorDocument {
    #[serde(default, deserialize_with = "present")]
    pub(super) kind: Option<Kinds>,
    #[serde(default, deserialize_with = "present")]
    pub(super) one_of: Option<Names>,
    #[serde(default, deserialize_with = "present")]
    pub(super) none_of: Option<Names>,
    #[serde(default, deserialize_with = "present")]
    pub(super) amr: Option<OneOrMany<String>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) acr: Option<OneOrMany<String>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) auth_within: Option<Seconds>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ActorDocument {
    #[serde(default)]
    pub(super) required: bool,
    #[serde(default)]
    pub(super) absent: bool,
    #[serde(default, deserialize_with = "present")]
    pub(super) kind: Option<Kinds>,
    #[serde(default, deserialize_with = "present")]
    pub(super) one_of: Option<Names>,
    #[serde(default, deserialize_with = "present")]
    pub(super) none_of: Option<Names>,
    #[serde(default, deserialize_with = "present")]
    pub(super) issuer: Option<OneOrMany<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ClientDocument {
    #[serde(default, deserialize_with = "present")]
    pub(super) one_of: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    pub(super) none_of: Option<Vec<String>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChainDocument {
    #[serde(default, deserialize_with = "present")]
    pub(super) max_depth: Option<u32>,
    #[serde(default, deserialize_with = "present")]
    pub(super) all_of: Option<Names>,
    #[serde(default, deserialize_with = "present")]
    pub(super) none_of: Option<Names>,
    #[serde(default)]
    pub(super) accept_truncation: bool,
}
