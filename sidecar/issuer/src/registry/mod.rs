//! The registry: every resource, user and client of the issuer.

mod document;
mod entries;
mod form;

pub(crate) use self::document::{NOT_A_REDIRECT_URI, Names};
pub use self::entries::Registry;
pub(crate) use self::entries::{
    ActorToken, Client, Credential, Exchange, Grant, OwnToken, Resource, User, is_loopback,
};
