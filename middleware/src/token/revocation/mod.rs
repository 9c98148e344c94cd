//! A list of revoked tokens.
//!
//! An entry of [`Revocations`] is of one issuer, and a moment: the tokens that were issued before it are revoked, so that the next
//! login of the same party is accepted. It is compared on each request, also for a token that is cached, and takes the same time
//! whatever the length of the list.
//!
//! # The written form
//!
//! | Key of an entry | Which tokens are revoked |
//! |---|---|
//! | `jti` | the token of the issuer with this `jti` |
//! | `initiator` | those whose `sub` is this one |
//! | `actor` | those with this party among the actors, the current one or a prior one |
//! | `party` | those with this party as the initiator, or among the actors |
//! | `client` | those of this client |
//!
//! Every entry has the `issuer`: that of the token, and for a party the issuer that names it (`act.iss`). `before` is the moment; a
//! `jti` needs none. A token without `iat` counts as issued before every moment. With `prior_actors: ignore` of the issuer of a token, prior actors are not
//! compared either.

mod document;
mod error;
mod list;

pub use error::RevocationsError;
pub use list::Revocations;

pub(crate) use list::RevokedBy;
