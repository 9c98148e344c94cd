//! The least that a gate does: it finds a token that it has verified, or verifies it and reads its claims, and writes what a gate
//! writes. It has two limits of a gate, and evaluates no policy.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::signature::ParsedPublicKey;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, HeaderMap};
use quick_cache::sync::Cache;
use serde::Deserialize;

use crate::Failure;
use crate::gate_output::{GateOutput, StatedToken};
use crate::mint::{AUDIENCE, ISSUER, now};
use crate::tokens::Algorithm;
use crate::verification::parsed_key;

/// As many tokens are found again.
const CACHED: usize = 10_000;

/// What a proxy in front of an API is limited by, as the gate is.
#[derive(Clone, Copy)]
pub struct Limits {
    /// Of a response. hyper has room for 100 on its stack.
    pub header_lines: usize,
    /// Until the head of a response.
    pub response: Duration,
}

const LIMITS: Limits = Limits {
    header_lines: 256,
    response: Duration::from_secs(60),
};

/// What such a proxy does with a request.
pub struct LeastGate {
    tokens: Tokens,
    output: GateOutput,
}

impl LeastGate {
    /// Writes to a file in `folder`, and reads no token.
    pub fn that_writes(folder: &Path) -> Result<Self, Failure> {
        Ok(Self {
            tokens: Tokens::Unread(Arc::new(StatedToken::new(None, None, None)?)),
            output: GateOutput::open(folder)?,
        })
    }

    /// The same, with the keys in `folder`.
    pub fn that_verifies(folder: &Path) -> Result<Self, Failure> {
        let key = |algorithm: Algorithm| parsed_key(algorithm, folder);
        let tokens = VerifiedTokens {
            es256: key(Algorithm::Es256)?,
            rs256: key(Algorithm::Rs256)?,
            cached: Cache::new(CACHED),
        };
        Ok(Self {
            tokens: Tokens::Verified(tokens),
            output: GateOutput::open(folder)?,
        })
    }

    /// A proxy that only writes has those of hyper.
    pub fn limits(&self) -> Option<Limits> {
        match self.tokens {
            Tokens::Unread(_) => None,
            Tokens::Verified(_) => Some(LIMITS),
        }
    }

    /// Whether the request is sent on. It then has its headers, and its line is written.
    pub fn permits(&self, headers: &mut HeaderMap) -> bool {
        let stated = match &self.tokens {
            Tokens::Unread(stated) => Some(Arc::clone(stated)),
            Tokens::Verified(tokens) => tokens.stated(headers),
        };
        if let Some(stated) = &stated {
            self.output.write(stated, headers);
        }
        stated.is_some()
    }
}

/// Which tokens a proxy accepts.
enum Tokens {
    /// It looks at none, and writes the same of each.
    Unread(Arc<StatedToken>),
    /// Those that are signed by the issuer.
    Verified(VerifiedTokens),
}

/// The tokens of an issuer with one key of each of two algorithms.
struct VerifiedTokens {
    es256: ParsedPublicKey,
    rs256: ParsedPublicKey,
    cached: Cache<Box<str>, Arc<CachedToken>>,
}

/// A token that was verified.
struct CachedToken {
    expiration: u64,
    stated: Arc<StatedToken>,
}

/// The claims that a gate reads of each token.
#[derive(Deserialize)]
struct Claims<'c> {
    iss: &'c str,
    aud: &'c str,
    sub: &'c str,
    client_id: &'c str,
    scope: &'c str,
    #[expect(dead_code, reason = "a gate reads it")]
    jti: &'c str,
    exp: u64,
    nbf: Option<u64>,
    #[expect(dead_code, reason = "a gate reads it")]
    #[serde(borrow)]
    act: Option<Actor<'c>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "a gate reads them")]
struct Actor<'c> {
    sub: &'c str,
    sub_profile: Option<&'c str>,
    #[serde(borrow)]
    act: Option<Box<Actor<'c>>>,
}

impl VerifiedTokens {
    fn stated(&self, headers: &HeaderMap) -> Option<Arc<StatedToken>> {
        let token = headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?;
        let cached = match self.cached.get(token) {
            Some(cached) => cached,
            None => {
                let cached = Arc::new(self.verified(token)?);
                self.cached.insert(token.into(), Arc::clone(&cached));
                cached
            }
        };
        (cached.expiration > now()).then(|| Arc::clone(&cached.stated))
    }

    fn verified(&self, token: &str) -> Option<CachedToken> {
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        // Only the signatures of the one algorithm have this length.
        let key = match signature.len() {
            64 => &self.es256,
            _ => &self.rs256,
        };
        key.verify_sig(signed.as_bytes(), &signature).ok()?;
        let payload = URL_SAFE_NO_PAD.decode(signed.rsplit_once('.')?.1).ok()?;
        let claims: Claims<'_> = serde_json::from_slice(&payload).ok()?;
        let is_accepted = claims.iss == ISSUER && claims.aud == AUDIENCE && claims.nbf.is_none_or(|from| from <= now());
        is_accepted.then_some(())?;
        let stated = StatedToken::new(Some(claims.sub), Some(claims.client_id), Some(claims.scope)).ok()?;
        Some(CachedToken {
            expiration: claims.exp,
            stated: Arc::new(stated),
        })
    }
}
