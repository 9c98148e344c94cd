//! The parties of a token, their kinds, and the chain from the initiator to the current actor.
//!
//! `sub` is the **initiator**, the outermost `act` the **current actor**, nested ones are **prior actors**, newest first
//! (RFC 8693 section 4.1). The issuer's [`Profile`](crate::profile::Profile) defines which claims hold them.

mod actor_chain;
mod actors;
mod changed;
mod derive;
mod facts;
mod party;
mod provenance;
mod recorded;
mod recorded_request;
mod recorded_value;
mod recording;

pub use actor_chain::ActorChain;
pub use party::{Actor, Party};
pub use provenance::FactSource;
pub use recorded::{RecordedFacts, RecordedFactsError};
pub use recorded_value::Conceal;

pub use crate::claim_path::is_within;

pub(crate) use facts::{Core, Delegation, Facts, History};
pub(crate) use recorded_request::{
    MalformedBody, NamedMessage, RecordedBody, RecordedMessage, RecordedObject, RecordedPart, RecordedRequest,
};
pub(crate) use recorded_value::{Missing, RecordedValue, Restoring};
pub(crate) use recording::ReadClaims;
