//! The issuer bundled with actgate: an OAuth 2.0 authorization server for demos, tests and development.
//!
//! It issues JWT access tokens (RFC 9068) that identify the initiator, the current actor and the prior actors of a
//! request, so that every flow that a resource server has to authorize can be run on one machine:
//!
//! | Flow | Grant |
//! |---|---|
//! | an agent without a user | `client_credentials` |
//! | a user through an application or an agent | `authorization_code` with PKCE (S256), a login and a consent page |
//! | the same user while away | `refresh_token`, with a new one at each use |
//! | a user elsewhere, who approves on another device | CIBA in poll mode, and the device grant (RFC 8628) |
//! | on behalf of, and every further hop | token exchange (RFC 8693), with or without `actor_token` |
//!
//! In an exchange the client becomes the outermost `act`, and the chain of the subject token is nested in it unchanged.
//! Scope can only shrink, the audience is one resource, and the new token expires no later than the subject token.
//!
//! **Data.** With [`Settings::data`] signing keys, live tokens, refresh tokens, consents and agents are in an embedded database,
//! and each change is in an audit trail before it is made; both are on disk before a response acknowledges it. Without
//! it the same database is in memory. Authorization codes, sessions, approvals that wait, one-time passwords and the identifiers of client assertions are in memory in
//! any case: a client assertion or a one-time password can be used again after a restart until it expires.
//!
//! **Dialects.** [`Settings::dialect`] gives access tokens the form of another product. What the issuer decides by is in the
//! store, and does not depend on the form.
//!
//! **Revocation.** An access token is live while the store has it: exchange, introspection and UserInfo refuse any other.
//! A gate that verifies tokens by their signature alone accepts a revoked one until it expires.
//!
//! **Not for production.** Users and secrets come from a plain file, and private keys are stored without encryption.
//!
//! ```
//! use actgate_issuer::{Registry, Server, Settings};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::bind("127.0.0.1:0".parse()?, Settings::default(), Registry::demo()?).await?;
//! println!("issuer at {}", server.issuer_url());
//! let handle = server.handle(); // rotates keys while the server runs
//! # let shutdown = async {};
//! # drop(handle);
//! server.serve(shutdown).await;
//! # Ok(())
//! # }
//! ```
//!
//! # Endpoints
//!
//! `GET /.well-known/openid-configuration`, `GET /.well-known/oauth-authorization-server`, `GET /jwks`,
//! `POST /token`, `POST /introspect`, `POST /revoke`, `GET` and `POST /userinfo`, `GET /authorize` with the forms
//! `POST /login` and `POST /consent`, `GET` and `POST /logout`, `GET /consents` with `POST /consents/withdraw`,
//! `GET /activity` shows users what happened on their authority, `POST /register` is off by default,
//! `POST /par`, `POST /bc-authorize` and `POST /device_authorization`, whose users decide at `/ciba` and `/device`.
//! `/admin/` is the administration: agents, credentials, resources, keys and the audit trail. Plain HTTP/1.1: for TLS, put a
//! proxy in front.

mod admin;
mod approval_request;
mod audit;
mod authorization_server;
mod authorize;
mod claims;
mod client_assertion;
mod client_authentication;
mod client_documents;
mod client_metadata;
mod clock;
mod dialect;
mod directory;
mod entitlement;
mod error;
mod grant_type;
mod grants;
mod introspection;
mod issuance_policy;
mod keys;
mod metadata;
mod pages;
mod parameters;
mod registration;
mod registry;
mod revocation;
mod routes;
mod scope;
mod secret;
mod server;
mod settings;
mod store;
mod token;
mod totp;
mod userinfo;

pub use audit::{TrailFault, VerifiedTrail, verify_trail};
pub use authorization_server::ChangeError;
pub use dialect::Dialect;
pub use issuance_policy::{IssuancePolicy, IssuanceRequest};
pub use keys::{KeyError, Signing};
pub use registry::Registry;
pub use server::{IssuerHandle, Server, StartError};
pub use settings::{AdminSecret, Settings, SettingsError};
pub use store::{AUDIT_FILE, DataError, Revoked, audited_head};
pub use totp::one_time_password;
