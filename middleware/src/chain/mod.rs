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

pub use actor_chain::ActorChain;
pub use party::{Actor, Party};
pub use provenance::FactSource;

pub(crate) use facts::{Core, Delegation, Facts, History};
