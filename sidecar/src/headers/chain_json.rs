//! The delegation chain as JSON.

use actgate::Identity;
use actgate::chain::{ActorChain, Party};
use actgate::profile::Kind;
use serde::{Serialize, Serializer};

/// The chain of a verified token, for the upstream and in the decision log:
/// `{"initiator":{"iss":…,"sub":…,"kind":…},"actors":[{"iss":…,"sub":…,"kind":…},…]}`. Actors are newest first, as
/// `act` nests them: `actors[0]` is the current one.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Chain<'a> {
    /// The subject of the token.
    pub(crate) initiator: Link<'a>,
    /// The actors, newest first: the first is the current one.
    pub(crate) actors: Vec<Link<'a>>,
}

/// One party of a chain.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Link<'a> {
    /// The issuer that the subject is of.
    pub(crate) iss: &'a str,
    /// The subject.
    pub(crate) sub: &'a str,
    #[serde(serialize_with = "display")]
    #[cfg_attr(test, schemars(with = "PartyKindSchema"))]
    pub(crate) kind: Kind,
}

/// A kind, as a chain has it.
#[cfg(test)]
struct PartyKindSchema;

#[cfg(test)]
const KINDS: [Kind; 4] = [Kind::Human, Kind::Agent, Kind::Service, Kind::Unknown];

#[cfg(test)]
actgate_yaml::schema_of! { |generator|
    /// What the party is by the evidence in the token; `unknown` without evidence, and where it contradicts itself.
    PartyKindSchema = "PartyKind", { "enum": KINDS.map(|kind| kind.to_string()) };
}

impl<'a> Chain<'a> {
    /// The chain of a verified token.
    pub(crate) fn of(identity: &'a Identity) -> Chain<'a> {
        Chain::of_parties(identity.chain())
    }

    /// The same of its parties.
    pub(crate) fn of_parties(chain: ActorChain<'a>) -> Chain<'a> {
        let link = |party: &'a Party, kind| Link {
            iss: party.issuer(),
            sub: party.subject(),
            kind,
        };
        let actors = chain.current().into_iter().chain(chain.prior());
        Chain {
            initiator: link(chain.initiator(), chain.initiator_kind()),
            actors: actors.map(|actor| link(actor.party(), actor.kind())).collect(),
        }
    }
}

fn display<S: Serializer>(kind: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(kind)
}
