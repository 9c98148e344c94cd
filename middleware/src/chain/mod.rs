//! Who acts for whom: the parties of a token, what kind each is, and the chain from the initiator to the current actor.
//!
//! `sub` is the **initiator**, the outermost `act` the **current actor**, nested ones are **prior actors**, newest first
//! (RFC 8693 section 4.1). An issuer's [`Profile`] says how it spells all that and what its chain is worth.

mod actor_chain;
mod facts;
mod party;
mod profile;

pub use actor_chain::ActorChain;
pub use party::{Actor, Party};
pub use profile::{ChainContract, PriorActorUse, Profile};

pub(crate) use facts::{Acting, Core, Facts, History};
