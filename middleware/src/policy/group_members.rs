//! The members of groups in the lists of a policy that name their groups.

use super::document::Document;
use super::registry::{self, Groups};
use super::syntax::Context;

impl Document {
    /// Compiles the agents and the groups, and adds the members of each group to the lists that name it.
    pub(super) fn add_members_of_groups(&mut self, context: &mut Context<'_>) -> Groups {
        let (agents, unregistered) = (self.agents.as_ref(), self.unregistered_agents.as_ref());
        let mut groups = registry::compile(self.groups.as_ref(), agents, unregistered, context);
        for requirement in self.requirements.values_mut() {
            groups.add_members(requirement.value.party_lists(), context);
        }
        if let Some(defaults) = &mut self.defaults {
            groups.add_members(defaults.value.party_lists(), context);
        }
        for route in &mut self.routes {
            groups.add_members(route.value.party_lists(), context);
        }
        for agent in self.agents.iter_mut().flat_map(|agents| &mut agents.value) {
            groups.add_members(agent.value.party_lists(), context);
        }
        groups
    }
}
