//! Authorizes the requests of an API by who is acting, and on whose authority.
//!
//! actgate validates OAuth 2 access tokens, reads the delegation chain in them (`act`, RFC 8693), and authorizes each
//! request with a declarative policy over that chain, such as "a human must initiate". It is a tower
//! [`Layer`](tower_layer::Layer) for any service of [`http::Request`]: axum, tonic, plain hyper.
//!
//! ```
//! use actgate::clock::FixedClock;
//! use actgate::testing::TestIssuer;
//! use actgate::{AuthorizeLayer, Authorizer, Identity, Policy};
//! use axum::{Router, body::Body, http::Request, routing::post};
//! use serde_json::json;
//! use tower::ServiceExt as _;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let policy = Policy::from_yaml(r#"
//! routes:
//!   - match: POST /refunds
//!     scopes: [refunds:write]
//!     initiator: { kind: human }
//!     actor: { one_of: [refund-agent] }
//! "#)?;
//! // In production: TrustedIssuer::discover("https://idp.example.com")?.audience("https://orders.example.com")?
//! let issuer = TestIssuer::new()?;
//! let authorizer = Authorizer::builder()
//!     .issuer(issuer.trusted(TestIssuer::AUDIENCE)?)
//!     .policy(policy)
//!     .clock(FixedClock::at(TestIssuer::NOW))
//!     .build()?;
//!
//! async fn refund(identity: Identity) -> String {
//!     let actor = identity.chain().current().map_or("none", |actor| actor.party().subject());
//!     format!("{actor} for {}", identity.subject())
//! }
//! let app = Router::new().route("/refunds", post(refund)).layer(AuthorizeLayer::new(authorizer));
//!
//! let send = |token: String| {
//!     let request = Request::post("/refunds").header("authorization", format!("Bearer {token}"));
//!     app.clone().oneshot(request.body(Body::empty()).unwrap())
//! };
//! let agent = json!({ "sub": "refund-agent", "sub_profile": "ai_agent" });
//! let delegated = json!({ "sub": "alice", "sub_profile": "user", "scope": "refunds:write", "act": agent });
//! assert_eq!(send(issuer.token(delegated)?).await?.status(), 200);
//!
//! let alone = json!({ "sub": "refund-agent", "sub_profile": "ai_agent", "scope": "refunds:write" });
//! assert_eq!(send(issuer.token(alone)?).await?.status(), 403);
//! # Ok(())
//! # }
//! ```
//!
//! # The nouns, in the order of a request
//!
//! - [`request::Target`], [`request::Presented`]: the unambiguous target of a request, and the credential with it.
//! - [`TrustedIssuer`]: an issuer, its [`keys`], audiences and [`profile`].
//! - [`Resource`]: what tokens are for; its [metadata](resource::Metadata) is published (RFC 9728).
//! - [`chain`]: the initiator, the current actor, prior actors, and their kinds.
//! - [`Policy`]: the rules; see [`policy`] for the language.
//! - [`Authorizer`]: decides on a request; [`Authorizer::explain`] records every check.
//! - [`Identity`]: the verified parties, in the extensions of an allowed request.
//! - [`introspection`], [`revocation`]: whether a token is still active.
//! - [`Error`] and [`challenge::Challenge`]: why a request is denied, for the operator and for the caller.
//! - [`AuthorizeLayer`]: enforcement as a layer, by the routes of the policy or by one requirement.
//!
//! # What it does
//!
//! Signature (RS, PS, ES 256 to 512, EdDSA) with keys of the token's issuer, `typ`, `iss`, `aud`, `exp`, `nbf`, scope, form
//! and depth of the chain, the policy. Keys are fetched in the background; a token whose key is present never waits. A
//! verified token is cached as facts, never as a decision.
//!
//! # What it does NOT do
//!
//! It does not read cookies, nor the body without a rule on it; it does not accept encrypted tokens or HMAC, nor opaque tokens without [`introspection`]; a token bound to a key
//! (`cnf`) is rejected unless it is bound to the [certificate](request::ClientCertificate) of the client. An exchange without actor is invisible in a token, and so in every policy.
//! Prior actors are asserted by the issuer, and no rule on them can allow what another denies.
//!
//! # Features
//!
//! - `reqwest` (default): [`Authorizer::start`] fetches keys over HTTPS, by rustls with aws-lc-rs and the roots of the
//!   operating system ([`keys::HttpFetch`] takes other roots). Without it, [`Authorizer::start_with`] takes a [`keys::Fetch`].
//! - `axum`: [`Identity`] and `Option<Identity>` as extractors.
//! - `test-util`: [`testing`], an issuer in memory that mints tokens with chains, and the cases of a policy.

pub mod analysis;
mod authorizer;
mod base64url;
pub mod chain;
pub mod challenge;
mod claim_path;
pub mod clock;
mod decimal;
mod digest;
mod error;
mod identity;
mod issuer;
mod issuer_identifier;
mod json;
mod json_rpc;
pub mod keys;
pub mod layer;
pub mod limits;
mod look;
pub mod policy;
pub mod profile;
pub mod quota;
pub mod request;
mod required_claims;
pub mod resource;
mod shared_issuers;
mod shared_text;
#[cfg(feature = "test-util")]
pub mod testing;
mod time_document;
mod token;

pub use authorizer::{
    Authorizer, AuthorizerBuilder, CertainDenial, Decision, Explanation, KnownRequest, RecordedExplanation, RuleCount,
    Undecided,
};
pub use error::{ConfigError, Error, Reason};
pub use identity::Identity;
pub use issuer::TrustedIssuer;
pub use layer::authorize_layer::AuthorizeLayer;
pub use layer::service::Authorize;
pub use policy::policy::Policy;
pub use required_claims::ClaimValue;
pub use resource::Resource;
pub use token::{Authentication, TokenCacheStatus, introspection, revocation};

/// The examples of the README, which are compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
