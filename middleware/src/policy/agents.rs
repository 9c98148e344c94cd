//! The agents that the owner of an API knows, and the look-up of a party among them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::chain::Party;
use crate::profile::Kind;

/// An agent that the owner of the policy knows, as `agents` of the policy names it.
///
/// Nothing of it is from a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    pub(super) subject: Box<str>,
    pub(super) issuer: Option<Box<str>>,
    pub(super) owner: Option<Box<str>>,
    pub(super) groups: Box<[Box<str>]>,
    pub(super) tenant: Option<Box<str>>,
    pub(super) clients: Box<[Box<str>]>,
}

impl Agent {
    /// The subject identifier of the agent.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The party that the agent is in a token of `initiator`.
    pub(super) fn party(&self, initiator: &Party) -> Party {
        let issuer = self.issuer.as_deref().map_or_else(|| initiator.to_issuer(), Arc::from);
        Party::new(issuer, (*self.subject).into())
    }

    /// The issuer that names the agent; [`None`] where that is the issuer of each token.
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Who is responsible for the agent. It is a text for logs, and no rule reads it.
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    /// The groups that the agent itself names. It can be a member of others, which name it under `groups`.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = &str> {
        self.groups.iter().map(|group| &**group)
    }

    /// The tenant that the agent belongs to.
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The clients that are this agent where they present a token.
    pub fn clients(&self) -> impl ExactSizeIterator<Item = &str> {
        self.clients.iter().map(|client| &**client)
    }

    /// Whether `issuer` names this agent in a token of `initiator`.
    fn is_of(&self, issuer: &str, initiator: &Party) -> bool {
        let named = self.issuer.as_deref().unwrap_or(initiator.issuer());
        *named == *issuer
    }

    /// Whether one issuer can name both.
    pub(super) fn may_share_issuer(&self, other: &Agent) -> bool {
        match (&self.issuer, &other.issuer) {
            (Some(one), Some(other)) => one == other,
            // That of the token.
            _ => true,
        }
    }
}

/// The agents of a policy, to be searched by party and by client.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Agents {
    by_subject: BTreeMap<Box<str>, Vec<Arc<Agent>>>,
    by_client: BTreeMap<Box<str>, Vec<Arc<Agent>>>,
    /// Whether every route denies agents that are not among these.
    pub(super) deny_others: bool,
}

impl Agents {
    /// `deny_others` is `unregistered_agents: deny`.
    pub(super) fn new(agents: &[Arc<Agent>], deny_others: bool) -> Agents {
        let mut table = Agents {
            deny_others,
            ..Agents::default()
        };
        for agent in agents {
            let same_subject = table.by_subject.entry(agent.subject.clone()).or_default();
            same_subject.push(Arc::clone(agent));
            for client in &agent.clients {
                table
                    .by_client
                    .entry(client.clone())
                    .or_default()
                    .push(Arc::clone(agent));
            }
        }
        table
    }

    /// The agent that a party is; `initiator` is that of the token, whose issuer names the agents without one of their own.
    ///
    /// It allocates nothing.
    pub(crate) fn of(&self, party: &Party, initiator: &Party) -> Option<&Arc<Agent>> {
        let same_subject = self.by_subject.get(party.subject())?;
        same_subject.iter().find(|agent| agent.is_of(party.issuer(), initiator))
    }

    /// The same for a party of this kind: one that is proven to be human is no agent.
    pub(crate) fn of_kind(&self, party: &Party, kind: Kind, initiator: &Party) -> Option<&Arc<Agent>> {
        self.of(party, initiator).filter(|_| kind != Kind::Human)
    }

    /// The agent that a client of the issuer of the token is.
    pub(super) fn of_client(&self, client: &str, initiator: &Party) -> Option<&Arc<Agent>> {
        let same_client = self.by_client.get(client)?;
        same_client
            .iter()
            .find(|agent| agent.is_of(initiator.issuer(), initiator))
    }

    /// Every agent, in the order of their subjects.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Agent>> {
        self.by_subject.values().flatten()
    }
}

/// The agents while a policy is compiled.
#[derive(Debug, Default)]
pub(super) struct KnownAgents {
    pub(super) table: Arc<Agents>,
    /// Whether every written agent could be read.
    pub(super) is_whole: bool,
    /// Whether a rule reads them.
    pub(super) is_read: bool,
}
