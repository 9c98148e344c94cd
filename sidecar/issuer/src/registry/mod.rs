//! The registry: every resource, user and client of the issuer.

mod document;
mod entries;
mod redirect_uri;

pub use self::entries::Registry;
pub(crate) use self::entries::{ActorToken, Client, Exchange, OwnToken, Resource, User};
