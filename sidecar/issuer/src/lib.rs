//! The issuer bundled with actgate: an OAuth 2.0 authorization server for demos, tests and development.
//!
//! It issues JWT access tokens (RFC 9068) that say who began a request, who acts now and who acted before, so that
//! every flow a resource server must judge can be run on one machine:
//!
//! | Flow | How |
//! |---|---|
//! | an agent on its own | `client_credentials` |
//! | a person through an application or an agent | `authorization_code` with PKCE (S256), a login and a consent page |
//! | on behalf of, and every further hop | token exchange (RFC 8693), with or without `actor_token` |
//!
//! In an exchange the new outermost `act` is the acting agent and the subject token's chain nests inside it
//! unchanged; scope can only shrink, the audience is one resource, and the new token dies no later than the old.
//!
//! **Not for production.** Users and secrets come from one plain file, keys are made at start and kept in memory,
//! nothing is stored, and no token can be revoked. The server refuses to listen outside loopback unless told so.
//!
//! ```
//! use actgate_issuer::{Issuer, Registry, Server, Settings};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let issuer = Issuer::new(Settings::default(), Registry::demo()?)?;
//! let server = Server::bind("127.0.0.1:0".parse()?, issuer).await?;
//! println!("issuer at {}", server.issuer_url());
//! let keys = server.handle();
//! # let stop = async {};
//! # drop(keys);
//! server.serve(stop).await; // until `stop` is done
//! # Ok(())
//! # }
//! ```
//!
//! # Endpoints
//!
//! `GET /.well-known/openid-configuration`, `GET /.well-known/oauth-authorization-server`, `GET /jwks`,
//! `POST /token`, `GET /authorize` and the two forms it leads to, and, only with [`Rotation::Endpoint`],
//! `POST /admin/keys/rotate`. Plain HTTP/1.1: put a proxy that speaks TLS in front if you need it.

mod authorization_server;
mod authorize;
mod claims;
mod client_authentication;
mod clock;
mod entitlement;
mod error;
mod grants;
mod keys;
mod metadata;
mod parameters;
mod registry;
mod response;
mod routes;
mod scope;
mod secret;
mod server;
mod settings;
mod store;
mod token;

pub use authorization_server::Issuer;
pub use clock::Clock;
pub use keys::{KeyError, Signing};
pub use registry::{Registry, RegistryError};
pub use server::{BindError, Handle, Server};
pub use settings::{Exposure, MAX_CHAIN, Rotation, Settings, SettingsError};

/// What a command that starts the issuer prints first.
pub const BANNER: &str = "\
*** actgate issuer: for demos, tests and development, NOT FOR PRODUCTION ***
*** keys and logins live in memory; users and secrets come from a plain file ***";
