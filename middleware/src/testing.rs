//! For tests: an authority in memory that mints tokens with chains, and a clock that stands still.
//!
//! ```
//! use actgate::testing::{Authority, FixedClock};
//! use actgate::{Authorizer, Policy, request::Target};
//! use http::{Method, Uri};
//! use serde_json::json;
//!
//! let authority = Authority::new()?;
//! let policy = Policy::from_yaml("routes: [{ match: GET /orders, initiator: { kind: human } }]")?;
//! let authorizer = Authorizer::new([authority.trusted("https://orders.example")?], policy)?;
//!
//! let token = authority.token(json!({
//!     "sub": "alice", "sub_profile": "user", "act": { "sub": "assistant", "sub_profile": "ai_agent" }
//! }))?;
//! let uri = Uri::from_static("/orders");
//! let target = Target::new(&Method::GET, &uri)?;
//! let explanation = authorizer.explain(&target, &token, Authority::NOW);
//! assert_eq!(explanation.decision().identity().unwrap().subject(), "alice");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

pub use crate::clock::FixedClock;

use crate::Authorizer;
use crate::chain::{ChainContract, PriorActorUse};
use crate::error::ConfigError;
use crate::identity::Identity;
use crate::issuer::TrustedIssuer;
use crate::keys::{Algorithm, KeySet, KeySetError};
use crate::policy::Policy;
use crate::request::Target;

/// An issuer in memory, with one ES256 key made for it. It must never sign anything that counts.
pub struct Authority {
    key: EcdsaKeyPair,
    random: SystemRandom,
}

/// The authority could not do what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the testing authority failed: {0}")]
pub struct AuthorityError(String);

impl Authority {
    /// The issuer identifier of every authority.
    pub const ISSUER: &'static str = "https://authority.test";
    /// The audience of its tokens, where nothing else is asked for.
    pub const AUDIENCE: &'static str = "https://orders.example";
    /// The moment around which its tokens are good, where nothing else is asked for: 2026-01-01T00:00:00Z.
    pub const NOW: u64 = 1_767_225_600;

    /// Makes an authority with a key of its own.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn new() -> Result<Authority, AuthorityError> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?;
        Ok(Authority {
            key,
            random: SystemRandom::new(),
        })
    }

    /// The JWK set that verifies its tokens.
    pub fn jwks(&self) -> String {
        // An uncompressed point: one byte of form, then x and y.
        let point = self.key.public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        let encode = |bytes| URL_SAFE_NO_PAD.encode(bytes);
        json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "testing", "use": "sig", "alg": "ES256", "x": encode(x), "y": encode(y)}]}).to_string()
    }

    /// The same, ready to verify with.
    ///
    /// # Errors
    /// None that is known.
    pub fn key_set(&self) -> Result<KeySet, KeySetError> {
        KeySet::from_json(self.jwks().as_bytes(), &Algorithm::ALL)
    }

    /// This authority as a trusted issuer for `audience`, with a complete chain that may be decided on.
    ///
    /// # Errors
    /// [`ConfigError::EmptyAudience`].
    pub fn trusted(&self, audience: &str) -> Result<TrustedIssuer, ConfigError> {
        let keys = self.key_set().map_err(|error| ConfigError::Client(error.to_string()))?;
        let issuer = TrustedIssuer::new(Authority::ISSUER, audience, keys)?;
        Ok(issuer
            .with_chain(ChainContract::Complete)
            .with_prior_actors(PriorActorUse::Restrict))
    }

    /// Mints an access token. Claims left out are filled in as valid (`sub` is `someone`, times lie around [`NOW`](Self::NOW));
    /// one set to `null` is left out of the token.
    ///
    /// # Errors
    /// When `claims` is no object.
    pub fn token(&self, claims: Value) -> Result<String, AuthorityError> {
        self.token_at(Authority::NOW, claims)
    }

    /// As [`token`](Self::token), with its times around `now`, in seconds since 1970.
    ///
    /// # Errors
    /// When `claims` is no object.
    pub fn token_at(&self, now: u64, claims: Value) -> Result<String, AuthorityError> {
        self.token_with_header(
            json!({"alg": "ES256", "kid": "testing", "typ": "at+jwt"}),
            self.filled(now, claims)?,
        )
    }

    /// Signs `claims` under `header` exactly as they are.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn token_with_header(&self, header: Value, claims: Value) -> Result<String, AuthorityError> {
        let encode = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = self.key.sign(&self.random, signed.as_bytes()).map_err(failed)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// An identity for testing a handler without a layer: that of a token with these claims.
    ///
    /// # Errors
    /// When the claims do not make a valid token.
    pub fn identity(&self, claims: Value) -> Result<Identity, AuthorityError> {
        let policy = Policy::from_yaml("routes: [{ match: GET /, claims: { iss: 'https://authority.test' } }]")
            .map_err(failed)?;
        let authorizer =
            Authorizer::new([self.trusted(Authority::AUDIENCE).map_err(failed)?], policy).map_err(failed)?;
        let token = self.token(claims)?;
        let uri = http::Uri::from_static("/");
        let target = Target::new(&http::Method::GET, &uri).map_err(failed)?;
        let explanation = authorizer.explain(&target, &token, Authority::NOW);
        let decision = explanation.decision();
        match (decision.identity(), decision.error()) {
            (Some(identity), None) => Ok(identity.clone()),
            (_, error) => Err(AuthorityError(error.map_or_else(String::new, ToString::to_string))),
        }
    }

    fn filled(&self, now: u64, claims: Value) -> Result<Value, AuthorityError> {
        let Value::Object(claims) = claims else {
            return Err(AuthorityError("claims are a JSON object".to_owned()));
        };
        let mut filled = json!({
            "iss": Authority::ISSUER, "aud": Authority::AUDIENCE, "sub": "someone", "client_id": "client",
            "iat": now, "nbf": now, "exp": now + 300, "jti": "testing",
        });
        if let Value::Object(filled) = &mut filled {
            for (name, value) in claims {
                match value {
                    Value::Null => filled.remove(&name),
                    value => filled.insert(name, value),
                };
            }
        }
        Ok(filled)
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authority(..)")
    }
}

fn failed(error: impl fmt::Display) -> AuthorityError {
    AuthorityError(error.to_string())
}
