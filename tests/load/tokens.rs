//! The keys of the issuer that every proxy trusts, and the tokens of the load.

use std::path::Path;

use serde_json::{Value, json};

use crate::Failure;
use crate::mint::signing_key::{Curve, RsaPair, SigningKey};
use crate::mint::{TokenIssuer, chain, claims, header, now, sign};

/// As many tokens as the row of many tokens has.
pub const MANY: usize = 5_000;

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Es256,
    Rs256,
    EdDsa,
}

impl Algorithm {
    /// Its name in a header, which is that of its files too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }

    pub fn named(name: &str) -> Result<Self, Failure> {
        let all = [Self::Es256, Self::Rs256, Self::EdDsa];
        let found = all.into_iter().find(|algorithm| algorithm.name() == name);
        found.ok_or_else(|| format!("{name} is no algorithm of the load").into())
    }

    /// The public key for [`crate::verification`].
    pub fn key_file(self) -> String {
        format!("{}.der", self.name())
    }

    /// The public key for programs that read PEM.
    pub fn pem_file(self) -> String {
        format!("{}.pem", self.name())
    }
}

/// What the clients of a row send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tokens {
    /// One token.
    Same(Algorithm),
    /// Five thousand tokens in turn, signed with ES256.
    Many,
    /// With each request a token that no request had before.
    New(Algorithm),
}

impl Tokens {
    pub fn algorithm(self) -> Algorithm {
        match self {
            Self::Same(algorithm) | Self::New(algorithm) => algorithm,
            Self::Many => Algorithm::Es256,
        }
    }
}

/// An issuer with a key of each algorithm, whose names are the key ids.
pub fn issuer() -> TokenIssuer {
    let keys = [
        SigningKey::ec(Algorithm::Es256.name(), Curve::P256),
        SigningKey::rsa(Algorithm::Rs256.name(), RsaPair::Issuer),
        SigningKey::ed25519(Algorithm::EdDsa.name()),
    ];
    let keys = keys.map(|key| {
        let algorithm = key.algorithm();
        (key, Some(algorithm))
    });
    TokenIssuer::with(keys.into())
}

/// Writes the key set and the public keys of `issuer` into `folder`.
pub fn publish(issuer: &TokenIssuer, folder: &Path) -> Result<(), Failure> {
    std::fs::write(folder.join("keys.json"), issuer.document())?;
    for algorithm in [Algorithm::Es256, Algorithm::Rs256] {
        let key = issuer.key(algorithm.name());
        std::fs::write(folder.join(algorithm.pem_file()), key.public_pem())?;
        // The point of an EC key, as `verification` reads it.
        let bytes = match algorithm {
            Algorithm::Es256 => {
                let (x, y) = key.coordinates();
                [vec![4], x, y].concat()
            }
            _ => key.public_der(),
        };
        std::fs::write(folder.join(algorithm.key_file()), bytes)?;
    }
    Ok(())
}

/// A token with six scopes and two actors, as the policy of the gate demands them, and with these changes.
pub fn token(issuer: &TokenIssuer, algorithm: Algorithm, changes: Value) -> String {
    let key = issuer.key(algorithm.name());
    let mut own = json!({
        "scope": "orders:read orders:write refunds:read refunds:write items:read items:write",
        "act": chain(&["refund-agent", "planner"]),
        "nbf": now() - 5,
        "exp": now() + 3600,
    });
    if let (Some(own), Value::Object(changes)) = (own.as_object_mut(), changes) {
        own.extend(changes);
    }
    sign(key, key.algorithm(), header(key), claims(own).to_string())
}

/// This many tokens, each with an id of its own, minted on all cores.
pub fn minted(issuer: &TokenIssuer, algorithm: Algorithm, count: usize) -> Vec<String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let parts = (0..threads).map(|thread| {
            let own = count / threads + usize::from(thread < count % threads);
            scope.spawn(move || {
                (0..own)
                    .map(|_| token(issuer, algorithm, json!({})))
                    .collect::<Vec<_>>()
            })
        });
        // All threads run before the first is waited for.
        let running: Vec<_> = parts.collect();
        let parts = running.into_iter().map(|part| part.join().expect("tokens"));
        parts.flatten().collect()
    })
}
