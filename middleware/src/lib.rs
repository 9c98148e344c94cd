//! Who is acting, on whose authority, and may they?
//!
//! actgate validates OAuth 2 access tokens, reads the delegation chain in them (`act`, RFC 8693), and judges the chain by
//! a policy that an API owner can read aloud, such as "a human must initiate". It is a tower [`Layer`](tower_layer::Layer)
//! for anything that speaks [`http::Request`]: axum, tonic, bare hyper.
//!
//! ```
//! use actgate::testing::{Authority, FixedClock};
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
//! // In production: RemoteKeys::discover("https://idp.example.com") and TrustedIssuer::new.
//! let authority = Authority::new()?;
//! let authorizer = Authorizer::new([authority.trusted("https://orders.example")?], policy)?
//!     .with_clock(FixedClock::at(Authority::NOW));
//!
//! async fn refund(who: Identity) -> String {
//!     let agent = who.chain().current().map_or("nobody", |actor| actor.party().subject());
//!     format!("{agent} for {}", who.subject())
//! }
//! let app = Router::new().route("/refunds", post(refund)).layer(AuthorizeLayer::new(authorizer));
//!
//! let ask = |token: String| {
//!     let request = Request::post("/refunds").header("authorization", format!("Bearer {token}"));
//!     app.clone().oneshot(request.body(Body::empty()).unwrap())
//! };
//! let agent = json!({ "sub": "refund-agent", "sub_profile": "ai_agent" });
//! let delegated = json!({ "sub": "alice", "sub_profile": "user", "scope": "refunds:write", "act": agent });
//! assert_eq!(ask(authority.token(delegated)?).await?.status(), 200);
//!
//! let alone = json!({ "sub": "refund-agent", "sub_profile": "ai_agent", "scope": "refunds:write" });
//! assert_eq!(ask(authority.token(alone)?).await?.status(), 403);
//! # Ok(())
//! # }
//! ```
//!
//! # The nouns, in the order in which a request meets them
//!
//! - [`request::Target`]: the request line, with one reading or refused.
//! - [`TrustedIssuer`]: whom we believe; its [`keys`], audiences and the worth of its chain.
//! - [`chain`]: the initiator, the current actor, prior actors, and what kind each is.
//! - [`Policy`]: what is demanded of them; see [`policy`] for the language.
//! - [`Authorizer`]: judges a request by all of that; [`Authorizer::explain`] shows every check.
//! - [`Identity`]: the proven answer, in the extensions of a request that was let through.
//! - [`Error`] and [`challenge::Challenge`]: why not, for the operator, and what the caller is told of it.
//! - [`AuthorizeLayer`], [`Require`]: all of it as a layer for a router, or for one route.
//!
//! # What it does
//!
//! Signature (RS, PS, ES 256 to 512, EdDSA) by keys of the token's own issuer, `typ` (`at+jwt`), `iss`, `aud`, `exp`, `nbf`,
//! scope, the chain's form and depth, the policy. Keys are fetched in the background; a token whose key is held never
//! waits. A verified token is remembered as facts, never as a verdict.
//!
//! # What it does NOT do
//!
//! It does not read the body, cookies or client certificates; it does not accept opaque tokens, encrypted tokens or HMAC; a
//! token bound to a key (`cnf`) is refused. An exchange without an actor leaves no trace in a token: no policy can see it.
//! Prior actors rest on the issuer's word, and no rule on them can ever allow what another refuses.
//!
//! # Features
//!
//! - `reqwest` (default): fetch keys over HTTP. Without it, give [`keys::RemoteKeys`] a [`keys::Fetch`] of your own.
//! - `axum`: [`Identity`] as an extractor.
//! - `testing`: an authority in memory that mints tokens with chains.

mod authorizer;
pub mod chain;
pub mod challenge;
pub mod clock;

mod error;

mod identity;
mod issuer;
mod json;
pub mod keys;
pub mod layer;
pub mod limits;
pub mod policy;
pub mod profile;
pub mod request;

#[cfg(feature = "testing")]
pub mod testing;
pub mod token;

pub mod yaml;

pub use authorizer::{Authorizer, Decision, Explanation};
pub use error::{ConfigError, Error, Reason};
pub use identity::Identity;
pub use issuer::{Keys, TrustedIssuer};
pub use layer::{Authorize, AuthorizeLayer, Require};
pub use policy::Policy;

/// The examples of the README, so that they cannot rot.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
