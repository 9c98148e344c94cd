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
//! An agent exchanges tokens of the users and clients in `may_act_for` of its registration, and no others: this entry is what
//! `may_act` says in a token of other issuers. The consent page names the agents behind an API, and a user can withdraw each.
//!
//! In an exchange the client becomes the outermost `act`, and the chain of the subject token is nested in it unchanged.
//! Scope can only shrink, the audience is one resource, and the new token expires no later than the subject token.
//!
//! **Data.** With [`Settings::data`] signing keys, live tokens, refresh tokens, consents and agents are in an embedded database,
//! and each change is in an audit trail before it is made; both are on disk before a response acknowledges it. Without
//! it the same database is in memory. Authorization codes, sessions and approvals that wait are in memory in any case.
//!
//! **Browsers.** A form is valid once, in the browser that got its page, while its user is signed in. The pages answer under
//! the issuer's own name, `localhost` and addresses. A client that registered itself is named as such on the consent page, and
//! receives no redirect before it: an error of its request ends on a page.
//!
//! **Not supported.** CIBA knows users by `login_hint` and `id_token_hint`: a `login_hint_token` is `invalid_request`, and as no
//! user has a user code, `expired_login_hint_token`, `missing_user_code` and `invalid_user_code` do not occur. There are no
//! sender-constrained tokens (DPoP, mutual TLS), no request objects, no `jwks_uri`, no management of registrations (RFC 7592), no
//! claim `may_act`, and of the scopes of OpenID Connect those for claims, such as `profile`, are ignored.
//!
//! **Limits.** What is kept for callers that proved nothing is limited; the sender with the most makes room for the others. Behind
//! a proxy all callers are one sender: 50 failed logins within five minutes there end every login for as long. A client that
//! registered itself, and on which no user decided within an hour, is removed at a later registration.
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
mod authorize;
mod claims;
mod client_authentication;
mod client_metadata;
mod clock;
mod current;
mod dialect;
mod directory;
mod entitlement;
mod error;
mod grant_type;
mod grants;
mod issuance_policy;
mod issuer;
mod keys;
mod live_tokens;
mod metadata;
mod pages;
mod parameters;
mod registration;
mod registry;
mod routes;
mod scope;
mod secret;
mod server;
mod settings;
mod store;
mod token;

// The types and error codes that many files use have one path: that of the crate.
pub(crate) use audit::{Entry, Event};
pub(crate) use claims::{AccessClaims, Act, Authentication, EntityProfile, SubjectProfile};
pub(crate) use current::Current;
pub(crate) use directory::Entries;
pub(crate) use error::{
    ACCESS_DENIED, AUTHORIZATION_PENDING, BASIC_FAILED, CLIENT_FAILED, CONSENT_REQUIRED, EXPIRED_TOKEN, ErrorCode,
    INTERACTION_REQUIRED, INVALID_BINDING_MESSAGE, INVALID_CLIENT, INVALID_GRANT, INVALID_REQUEST, INVALID_SCOPE,
    INVALID_TARGET, INVALID_TOKEN, LOGIN_REQUIRED, OAuthError, REQUEST_NOT_SUPPORTED, REQUEST_URI_NOT_SUPPORTED,
    Result, SERVER_ERROR, SLOW_DOWN, TEMPORARILY_UNAVAILABLE, UNKNOWN_USER_ID, UNMET_AUTHENTICATION_REQUIREMENTS,
    UNREGISTERED_GRANT, UNREGISTERED_METHOD, UNSUPPORTED_GRANT_TYPE, UNSUPPORTED_RESPONSE_TYPE, UNSUPPORTED_TOKEN_TYPE,
};
pub(crate) use issuer::Issuer;
pub(crate) use keys::PublicKey;
pub(crate) use parameters::Parameters;
pub(crate) use registry::{Client, Credential, Resource};
pub(crate) use scope::ScopeSet;
pub(crate) use secret::{NoRandomness, Secret, Totp};
pub(crate) use store::{
    AccessRequest, Authorization, AuthorizationRequest, Callback, Change, Channel, ClientRecord, ClientState,
    RefreshFamily, Session, StoreError, Transaction,
};
pub(crate) use token::Granted;

pub use audit::{TrailFault, VerifiedTrail, verify_trail};
pub use dialect::Dialect;
pub use issuance_policy::{IssuancePolicy, IssuanceRequest};
pub use keys::{KeyError, Signing};
pub use registry::Registry;
pub use secret::one_time_password;
pub use server::{IssuerHandle, Server, StartError};
pub use settings::{AdminSecret, Settings, SettingsError};
pub use store::{AUDIT_FILE, DataError, Revoked, audited_head};
