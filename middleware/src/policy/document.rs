//! The written form of a policy.

use std::collections::BTreeMap;

use actgate_yaml::Spanned;
use serde::Deserialize;

use super::limit::LimitDocument;
use super::mode::Mode;
use super::origins::McpSettings;
use super::registry::{AgentsDocument, GroupsDocument, UnregisteredAgents};
use super::rules::{RequirementDocument, RouteDocument};
use super::scope_hierarchy::HierarchyDocument;
use super::spelling::Spelling;

/// A policy: which facts of a verified token each route requires. It only narrows: signature, issuer, audience and time are
/// checked before it.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Document {
    pub(super) scopes: Option<Spanned<HierarchyDocument>>,
    pub(super) spelling: Spelling,
    /// Whether the rules are enforced. `shadow`: they are evaluated and recorded, and deny no request. A route, `defaults`
    /// or a requirement may state its own.
    /// Example: `shadow`
    pub(super) mode: Option<Spanned<Mode>>,
    pub(super) mcp: Option<Spanned<McpSettings>>,
    /// What every route requires that is not public, with all keys of a requirement. A route can only narrow it.
    /// Example: `{ token: { max_lifetime: 1h } }`
    pub(super) defaults: Option<Spanned<RequirementDocument>>,
    /// The limit of every route that has none of its own and is not public. The requests to all of these routes are counted together.
    /// No value exempts a route: a limit of its own, which may be higher, takes its place.
    /// Example: `{ per: [initiator, actor], rate: 600/m }`
    pub(super) limit: Option<Spanned<LimitDocument>>,
    /// Named groups of parties, each with its members. `{ group: NAME }` in a list of parties means each of them.
    /// Example: `{ operators: [alice, { issuer: 'https://idp.example.com', subject: bob }] }`
    #[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1)))]
    pub(super) groups: Option<Spanned<GroupsDocument>>,
    /// The agents that the owner knows. The agent of a request, with its owner, is in the decision log.
    /// Example: `[{ subject: refund-agent, owner: payments-team@example.com, groups: [payments] }]`
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub(super) agents: Option<Spanned<AgentsDocument>>,
    pub(super) unregistered_agents: Option<Spanned<UnregisteredAgents>>,
    /// Requirements by their name, which the `require` of a route names.
    /// Example: `{ human-must-initiate: { initiator: { kind: human } } }`
    pub(super) requirements: Requirements,
    /// The routes of the API: where each applies, and what it requires. The most specific path wins, then the most specific
    /// method. A request that no route matches is denied with `no_route`.
    /// Example: `[{ match: GET /health, public: true }, { match: POST /refunds, scopes: ['refunds:write'] }]`
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    pub(super) routes: Routes,
}

/// A policy as part of a larger document, whose other members are ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Members {
    scopes: Option<Spanned<HierarchyDocument>>,
    spelling: Spelling,
    mode: Option<Spanned<Mode>>,
    mcp: Option<Spanned<McpSettings>>,
    defaults: Option<Spanned<RequirementDocument>>,
    limit: Option<Spanned<LimitDocument>>,
    groups: Option<Spanned<GroupsDocument>>,
    agents: Option<Spanned<AgentsDocument>>,
    unregistered_agents: Option<Spanned<UnregisteredAgents>>,
    requirements: Requirements,
    routes: Routes,
}

pub(super) type Requirements = BTreeMap<String, Spanned<RequirementDocument>>;
pub(super) type Routes = Vec<Spanned<RouteDocument>>;

impl From<Members> for Document {
    fn from(members: Members) -> Self {
        Document {
            scopes: members.scopes,
            spelling: members.spelling,
            mode: members.mode,
            mcp: members.mcp,
            defaults: members.defaults,
            limit: members.limit,
            groups: members.groups,
            agents: members.agents,
            unregistered_agents: members.unregistered_agents,
            requirements: members.requirements,
            routes: members.routes,
        }
    }
}
