//! The written form of a policy.

use std::collections::BTreeMap;

use actgate_yaml::Spanned;
use serde::Deserialize;

use super::mode::Mode;
use super::origins::McpSettings;
use super::registry::{AgentsDocument, GroupsDocument, UnregisteredAgents};
use super::rules::{RequirementDocument, RouteDocument};
use super::scope_hierarchy::HierarchyDocument;
use super::spelling::Spelling;

/// A policy as a document of its own.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Document {
    pub(super) scopes: Option<Spanned<HierarchyDocument>>,
    pub(super) spelling: Spelling,
    pub(super) mode: Option<Spanned<Mode>>,
    pub(super) mcp: Option<Spanned<McpSettings>>,
    pub(super) defaults: Option<Spanned<RequirementDocument>>,
    pub(super) groups: Option<Spanned<GroupsDocument>>,
    pub(super) agents: Option<Spanned<AgentsDocument>>,
    pub(super) unregistered_agents: Option<Spanned<UnregisteredAgents>>,
    pub(super) requirements: Requirements,
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
            groups: members.groups,
            agents: members.agents,
            unregistered_agents: members.unregistered_agents,
            requirements: members.requirements,
            routes: members.routes,
        }
    }
}
