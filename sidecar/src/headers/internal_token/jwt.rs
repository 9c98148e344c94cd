//! Internal tokens: short-lived JWTs of the gate that carry the identity of the caller to one upstream.
//!
//! A token is signed at most once for each access token and second, and used for half of its life. So it cannot name the
//! decision on one request: its `jti` is of its own.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use actgate::chain::Actor;
use actgate::profile::Kind;
use actgate::{Authorizer, Identity};
use http::{HeaderName, HeaderValue};
use moka::sync::Cache;
use serde::Serialize;
use uuid::Uuid;

use super::signing_keys::{SigningError, SigningKeys};
use super::token_digest::TokenDigest;
use crate::unique_id::unique_id;

/// The most tokens that are kept for one upstream.
const MAX_KEPT: u64 = 10_000;

/// What the tokens of a gate have in common.
#[derive(Clone, Debug)]
pub(crate) struct InternalTokenIssuer {
    /// The header that carries the tokens.
    pub(crate) header: HeaderName,
    /// `iss`.
    pub(crate) issuer: Arc<str>,
    /// The longest life of a token.
    pub(crate) lifetime: Duration,
    pub(crate) keys: Arc<SigningKeys>,
    /// It says until when the access token of a caller is accepted.
    pub(crate) authorizer: Authorizer,
}

/// The internal tokens for one upstream.
pub(crate) struct InternalTokens {
    issuer: InternalTokenIssuer,
    /// `aud`.
    audience: String,
    kept: Cache<TokenDigest, Kept>,
}

/// A token that was signed before.
#[derive(Clone)]
struct Kept {
    value: HeaderValue,
    /// Until when it is used, in seconds since 1970.
    until: u64,
}

impl InternalTokens {
    pub(crate) fn new(issuer: InternalTokenIssuer, audience: String) -> InternalTokens {
        let kept = Cache::builder().max_capacity(MAX_KEPT).time_to_live(issuer.lifetime);
        InternalTokens {
            issuer,
            audience,
            kept: kept.build(),
        }
    }

    /// The header of the tokens.
    pub(crate) fn header(&self) -> &HeaderName {
        &self.issuer.header
    }

    /// A token for the identity in the access token with this digest. `now` is in seconds since 1970.
    pub(crate) fn token(
        &self,
        identity: &Identity,
        digest: TokenDigest,
        now: u64,
    ) -> Result<HeaderValue, SigningError> {
        // A clock that was set back makes a kept token one of the future.
        let is_usable = |kept: &Kept| now <= kept.until && kept.until <= now + self.issuer.lifetime.as_secs();
        if let Some(kept) = self.kept.get(&digest).filter(is_usable) {
            return Ok(kept.value);
        }
        let claims = self.claims(identity, now);
        let until = now + claims.exp.saturating_sub(now) / 2;
        let token = self.issuer.keys.sign(&claims)?;
        let mut value = HeaderValue::try_from(token).map_err(|_| SigningError)?;
        value.set_sensitive(true);
        let kept = Kept {
            value: value.clone(),
            until,
        };
        self.kept.insert(digest, kept);
        Ok(value)
    }

    fn claims<'a>(&'a self, identity: &'a Identity, now: u64) -> Claims<'a> {
        let chain = identity.chain();
        let scopes: Vec<&str> = identity.scopes().collect();
        let authentication = identity.authentication();
        let lifetime = now + self.issuer.lifetime.as_secs();
        Claims {
            iss: &self.issuer.issuer,
            aud: &self.audience,
            sub: identity.subject(),
            sub_profile: entity_profile(identity.kind()),
            sub_id: SubjectIdentifier {
                format: "iss_sub",
                iss: identity.issuer(),
                sub: identity.subject(),
            },
            client_id: identity.client(),
            scope: (!scopes.is_empty()).then(|| scopes.join(" ")),
            auth_time: authentication.time,
            acr: authentication.context.as_deref(),
            amr: authentication.methods.iter().map(|method| &**method).collect(),
            act: act(chain.current().into_iter().chain(chain.prior())),
            txn: identity.claim("txn").and_then(serde_json::Value::as_str),
            iat: now,
            // With the leeway: a request that is accepted within it has a token that is valid, too.
            exp: lifetime.min(self.issuer.authorizer.accepted_until(identity)),
            jti: unique_id(),
        }
    }
}

/// Tokens are credentials: none is printed.
impl fmt::Debug for InternalTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InternalTokens")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

/// The claims of an internal token. Names are those of RFC 7519, 8693, 9068 and 9493, and of OAuth Entity Profiles.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    /// The initiator, as the issuer of the access token names it.
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_profile: Option<&'static str>,
    /// The initiator with the issuer of the access token (RFC 9493): `iss` is the gate.
    sub_id: SubjectIdentifier<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    amr: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Box<Act<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    txn: Option<&'a str>,
    iat: u64,
    /// Never after the `exp` of the access token.
    exp: u64,
    jti: Uuid,
}

#[derive(Serialize)]
struct SubjectIdentifier<'a> {
    format: &'static str,
    iss: &'a str,
    sub: &'a str,
}

/// An actor, with the actors before it nested (RFC 8693 section 4.1).
#[derive(Serialize)]
struct Act<'a> {
    iss: &'a str,
    sub: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_profile: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    act: Option<Box<Act<'a>>>,
}

/// Nests actors, the newest first.
fn act<'a>(actors: impl DoubleEndedIterator<Item = &'a Actor>) -> Option<Box<Act<'a>>> {
    actors.rfold(None, |act, actor| {
        Some(Box::new(Act {
            iss: actor.party().issuer(),
            sub: actor.party().subject(),
            sub_profile: entity_profile(actor.kind()),
            act,
        }))
    })
}

/// The entity profile of a kind; none for an unknown kind.
fn entity_profile(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Human => Some("user"),
        Kind::Agent => Some("ai_agent"),
        Kind::Service => Some("service"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use actgate::Policy;
    use actgate::testing::TestIssuer;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::{Value, json};

    use super::*;
    use crate::headers::internal_token::signing_keys::{KeyOrigin, TYP};

    fn tokens() -> InternalTokens {
        let lifetime = Duration::from_secs(60);
        let origin = KeyOrigin::Generated { rotate: 60 * lifetime };
        let issuer = InternalTokenIssuer {
            header: HeaderName::from_static("x-internal-token"),
            issuer: "https://gate.internal".into(),
            lifetime,
            keys: Arc::new(SigningKeys::new(origin, lifetime, Instant::now()).unwrap()),
            authorizer: authorizer(),
        };
        InternalTokens::new(issuer, "http://127.0.0.1:9000".to_owned())
    }

    /// Its leeway is that of the default, 30 s.
    fn authorizer() -> Authorizer {
        let trusted = TestIssuer::new().unwrap().trusted(TestIssuer::AUDIENCE).unwrap();
        let policy = Policy::from_yaml("routes: [{ match: GET /, public: true }]").unwrap();
        Authorizer::builder().issuer(trusted).policy(policy).build().unwrap()
    }

    fn identity(claims: Value) -> Identity {
        TestIssuer::new().unwrap().identity(claims).unwrap()
    }

    fn part(token: &HeaderValue, index: usize) -> Value {
        let part = token.to_str().unwrap().split('.').nth(index).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn the_claims_are_those_of_the_identity_with_the_whole_chain() {
        let act = json!({ "sub": "tool", "sub_profile": "ai_agent",
            "act": { "sub": "orch", "iss": "https://other.example", "sub_profile": "service", "act": { "sub": "first" } } });
        let caller = identity(
            json!({ "sub": "é", "sub_profile": "user", "client_id": "web", "scope": "a b", "act": act,
            "auth_time": 5, "acr": "aal2", "amr": ["pwd", "otp"], "txn": "t-1" }),
        );
        let issuer = caller.issuer();
        let now = caller.expires_at() - 90;
        let token = tokens().token(&caller, TokenDigest::of("t"), now).unwrap();
        assert!(token.is_sensitive());
        let header = part(&token, 0);
        assert_eq!((&header["alg"], &header["typ"]), (&json!("ES256"), &json!(TYP)));
        let mut claims = part(&token, 1);
        let id = claims.as_object_mut().unwrap().remove("jti").unwrap();
        assert!(id.as_str().unwrap().parse::<Uuid>().is_ok());
        assert_eq!(
            claims,
            json!({
                "iss": "https://gate.internal", "aud": "http://127.0.0.1:9000", "sub": "é", "sub_profile": "user",
                "sub_id": { "format": "iss_sub", "iss": issuer, "sub": "é" },
                "client_id": "web", "scope": "a b", "auth_time": 5, "acr": "aal2", "amr": ["pwd", "otp"], "txn": "t-1",
                "act": { "iss": issuer, "sub": "tool", "sub_profile": "ai_agent",
                    "act": { "iss": "https://other.example", "sub": "orch", "sub_profile": "service",
                        "act": { "iss": issuer, "sub": "first" } } },
                "iat": now, "exp": now + 60,
            })
        );
    }

    #[test]
    fn an_absent_fact_has_no_claim_and_the_life_ends_with_the_access_token() {
        let caller = identity(json!({ "client_id": null, "scope": null, "act": null }));
        let now = caller.expires_at() - 7;
        let claims = part(&tokens().token(&caller, TokenDigest::of("t"), now).unwrap(), 1);
        let names: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = ["aud", "exp", "iat", "iss", "jti", "sub", "sub_id"];
        assert_eq!(
            names
                .iter()
                .filter(|name| **name != "sub_profile")
                .copied()
                .collect::<Vec<_>>(),
            expected
        );
        assert_eq!(claims["exp"], caller.expires_at() + 30);
    }

    #[test]
    fn a_token_is_used_for_half_of_its_life_by_one_access_token() {
        let (tokens, caller) = (tokens(), identity(json!({})));
        let start = caller.expires_at() - 1000;
        let at = |text: &str, now: u64| tokens.token(&caller, TokenDigest::of(text), now).unwrap();
        let first = at("t", start);
        assert_eq!(at("t", start + 30), first);
        assert_ne!(at("u", start), first);
        assert_ne!(at("t", start + 31), first);
        assert_ne!(at("t", start), at("t", start - 100), "a clock that was set back");
        let end = caller.expires_at();
        assert_eq!(at("t", end + 29), at("t", end + 29), "at most one a second");
    }

    #[test]
    fn a_token_is_valid_whenever_the_access_token_is_accepted() {
        let caller = identity(json!({}));
        let end = caller.expires_at();
        for (now, expires) in [
            (end - 31, end + 29),
            (end - 30, end + 30),
            (end - 1, end + 30),
            (end, end + 30),
            (end + 29, end + 30),
        ] {
            let claims = part(&tokens().token(&caller, TokenDigest::of("t"), now).unwrap(), 1);
            assert_eq!((&claims["iat"], &claims["exp"]), (&json!(now), &json!(expires)));
        }
    }
}
