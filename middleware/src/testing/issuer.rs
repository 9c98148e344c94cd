//! An issuer in memory.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::authorizer::{Authorizer, AuthorizerBuilder};
use crate::error::Error;
use crate::identity::Identity;
use crate::issuer::TrustedIssuer;
use crate::keys::{Algorithm, KeySet, KeySetError};
use crate::limits::Limits;
use crate::policy::Policy;
use crate::profile::{ChainCompleteness, PriorActors};
use crate::request::{Presented, Target};
use crate::token::UnverifiedToken;

/// An issuer in memory, with one ES256 key made for it. For tests only.
#[derive(Debug)]
pub struct TestIssuer {
    key: EcdsaKeyPair,
    random: SystemRandom,
}

/// The test issuer failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the test issuer failed: {0}")]
pub struct TestIssuerError(String);

impl TestIssuer {
    /// The issuer identifier of every test issuer.
    pub const ISSUER: &'static str = "https://issuer.test";
    /// The audience of its tokens by default.
    pub const AUDIENCE: &'static str = "https://orders.example";
    /// The time around which its tokens are valid by default: 2026-01-01T00:00:00Z.
    pub const NOW: u64 = 1_767_225_600;

    /// Creates an issuer with a new key.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn new() -> Result<TestIssuer, TestIssuerError> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?;
        Ok(TestIssuer {
            key,
            random: SystemRandom::new(),
        })
    }

    /// The JWK set that verifies its tokens.
    pub fn jwks(&self) -> String {
        // An uncompressed point: one byte of form, then x and y.
        let point = self.key.public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let key = json!({"kty": "EC", "crv": "P-256", "kid": "testing", "use": "sig", "alg": "ES256", "x": x, "y": y});
        json!({ "keys": [key] }).to_string()
    }

    /// The key set that verifies its tokens.
    ///
    /// # Errors
    /// [`KeySetError`], which the key of a test issuer does not cause.
    pub fn key_set(&self) -> Result<KeySet, KeySetError> {
        KeySet::from_json(self.jwks().as_bytes(), Algorithm::all())
    }

    /// A trusted issuer for `audience`, with a complete chain whose prior actors are enforced.
    ///
    /// # Errors
    /// For an empty audience.
    pub fn trusted(&self, audience: &str) -> Result<TrustedIssuer, TestIssuerError> {
        let issuer = TrustedIssuer::new(TestIssuer::ISSUER, self.key_set().map_err(failed)?).map_err(failed)?;
        let issuer = issuer
            .chain_completeness(ChainCompleteness::Complete)
            .prior_actors(PriorActors::Enforce);
        issuer.audience(audience).map_err(failed)
    }

    /// Mints an access token. Claims left out are filled in as valid (`sub` is `someone`, times lie around [`NOW`](Self::NOW));
    /// a claim that is `null` is left out of the token.
    ///
    /// # Errors
    /// When `claims` is not an object.
    pub fn token(&self, claims: Value) -> Result<String, TestIssuerError> {
        self.token_at(TestIssuer::NOW, claims)
    }

    /// As [`token`](Self::token), with its times around `now`, in seconds since 1970.
    ///
    /// # Errors
    /// When `claims` is not an object.
    pub fn token_at(&self, now: u64, claims: Value) -> Result<String, TestIssuerError> {
        let Value::Object(claims) = claims else {
            return Err(failed("claims are not a JSON object"));
        };
        let filled = json!({
            "iss": TestIssuer::ISSUER, "aud": TestIssuer::AUDIENCE, "sub": "someone", "client_id": "client",
            "iat": now, "nbf": now, "exp": now + 300, "jti": "testing",
        });
        self.token_of_type(Some("at+jwt"), filled, [claims])
    }

    /// Signs claims, each list in place of those before it, under a header with this `typ`. A claim that is `null` is left out.
    pub(super) fn token_of_type(
        &self,
        typ: Option<&str>,
        mut claims: Value,
        further: impl IntoIterator<Item = Map<String, Value>>,
    ) -> Result<String, TestIssuerError> {
        for (name, value) in further.into_iter().flatten() {
            claims[name] = value;
        }
        if let Some(claims) = claims.as_object_mut() {
            claims.retain(|_, value| !value.is_null());
        }
        self.token_with_header(header_of_type(typ), claims)
    }

    /// Adds an issuer whose keys are replaced by that of this one.
    pub(super) fn add_to(
        &self,
        builder: AuthorizerBuilder,
        trusted: TrustedIssuer,
    ) -> Result<AuthorizerBuilder, TestIssuerError> {
        let trusted = trusted.algorithms(Algorithm::all()).map_err(failed)?;
        let mut trusted = trusted.key_set(self.jwks().as_bytes()).map_err(failed)?;
        // Its issuer does not know the tokens of this one.
        trusted.introspection = None;
        Ok(builder.issuer(trusted))
    }

    /// Signs `claims` under `header` exactly as they are.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn token_with_header(&self, header: Value, claims: Value) -> Result<String, TestIssuerError> {
        self.token_of_text(&header, &claims.to_string())
    }

    /// Signs the text of a payload as it is, whatever it is.
    pub(super) fn token_of_text(&self, header: &Value, payload: &str) -> Result<String, TestIssuerError> {
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        let signed = format!("{header}.{}", URL_SAFE_NO_PAD.encode(payload));
        let signature = self.key.sign(&self.random, signed.as_bytes()).map_err(failed)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// An identity for testing a handler without a layer: that of a token with these claims.
    ///
    /// # Errors
    /// When the claims do not make a valid token.
    pub fn identity(&self, claims: Value) -> Result<Identity, TestIssuerError> {
        let policy = Policy::from_yaml("requirements: {}").map_err(failed)?;
        let trusted = self.trusted(TestIssuer::AUDIENCE)?;
        let authorizer = Authorizer::builder().issuer(trusted).policy(policy).build();
        let token = self.token(claims)?;
        let uri = http::Uri::from_static("/");
        let target = Target::new(&http::Method::GET, &uri).map_err(failed)?;
        let explanation = authorizer
            .map_err(failed)?
            .explain(&Presented::token(&target, &token), TestIssuer::NOW);
        let decision = explanation.decision();
        // No route matches; the identity is that of the valid token.
        let identity = decision.identity().cloned();
        identity.ok_or_else(|| failed(decision.error().map_or_else(String::new, ToString::to_string)))
    }
}

/// Verifies the signature of a compact JWS with the keys of a set and returns the payload: for test vectors.
///
/// It does NOT check `typ` or any claim, nor that the payload is JSON: an [`Authorizer`] does all of that.
///
/// # Errors
/// [`Error::MalformedToken`], [`Error::UnsupportedAlgorithm`], [`Error::UnknownKey`] or [`Error::InvalidSignature`].
pub fn verify_signature(token: &str, keys: &KeySet, limits: &Limits) -> Result<Vec<u8>, Error> {
    UnverifiedToken::decode(token, limits)?.into_verified_payload(keys)
}

/// The header of its tokens with this `typ`.
pub(super) fn header_of_type(typ: Option<&str>) -> Value {
    let mut header = json!({"alg": "ES256", "kid": "testing"});
    if let Some(typ) = typ {
        header["typ"] = typ.into();
    }
    header
}

pub(super) fn failed(error: impl fmt::Display) -> TestIssuerError {
    TestIssuerError(error.to_string())
}
