//! The verified identity of an allowed request.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::chain::{ActorChain, Facts};
use crate::issuer::TrustedIssuer;
use crate::profile::Kind;
use crate::token::Authentication;

/// The verified identity behind a request: who acts, and on whose authority.
///
/// Only an [`Authorizer`](crate::Authorizer) makes one, after the token was verified. Cheap to clone. Its debug output
/// prints no claim value, because debug output ends up in logs.
#[derive(Clone)]
pub struct Identity(Arc<VerifiedToken>);

/// The facts of a token, and what they were verified with. With thousands of tokens in use a request waits for the memory of its own
/// one: what every request reads comes first, on lines of the processor's cache that follow each other.
#[repr(C)]
struct VerifiedToken {
    issuer: Arc<TrustedIssuer>,
    proof: Proof,
    /// What is made of the facts for each token.
    kept: OnceLock<Arc<dyn Any + Send + Sync>>,
    facts: Facts,
}

/// What the facts of an identity were verified by. The numbers are unique in the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// A signature, by the key set of this number.
    Keys(u64),
    /// The answer of the issuer with this number.
    Introspection(u64),
    /// Nothing: they are of a record.
    Record,
}

impl Identity {
    /// The identity of a token of `issuer`.
    pub(crate) fn verified(facts: Facts, issuer: Arc<TrustedIssuer>, proof: Proof) -> Self {
        Identity::of(facts, issuer, proof)
    }

    /// The parties of a record, for an explanation. It is never part of a decision on a request.
    pub(crate) fn recorded(facts: Facts, issuer: Arc<TrustedIssuer>) -> Self {
        Identity::of(facts, issuer, Proof::Record)
    }

    fn of(facts: Facts, issuer: Arc<TrustedIssuer>, proof: Proof) -> Self {
        Identity(Arc::new(VerifiedToken {
            issuer,
            proof,
            kept: OnceLock::new(),
            facts,
        }))
    }

    pub(crate) fn facts(&self) -> &Facts {
        &self.0.facts
    }

    pub(crate) fn trusted_issuer(&self) -> &Arc<TrustedIssuer> {
        &self.0.issuer
    }

    pub(crate) fn proof(&self) -> Proof {
        self.0.proof
    }

    /// The issuer of the token (`iss`).
    pub fn issuer(&self) -> &str {
        self.chain().initiator().issuer()
    }

    /// The initiator (`sub`), whose authority is exercised.
    pub fn subject(&self) -> &str {
        self.chain().initiator().subject()
    }

    /// The kind of the initiator.
    pub fn kind(&self) -> Kind {
        self.facts().core().kind
    }

    /// The parties, from the initiator to the current actor.
    pub fn chain(&self) -> ActorChain<'_> {
        ActorChain::of(self.facts())
    }

    /// The client that presented the token (`client_id`).
    pub fn client(&self) -> Option<&str> {
        self.facts().claims.client()
    }

    /// The scopes of the token, in its order.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.facts().claims.scope().split(' ').filter(|scope| !scope.is_empty())
    }

    /// Whether the token has exactly this scope. It does NOT apply the hierarchy of the policy (`scopes: { implies }`): a token
    /// with only a scope that implies this one does not have it.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().any(|held| held == scope)
    }

    /// How and when the initiator authenticated.
    pub fn authentication(&self) -> &Authentication {
        &self.facts().claims.authentication
    }

    /// The id of the token (`jti`).
    pub fn token_id(&self) -> Option<&str> {
        self.facts().claims.token_id()
    }

    /// The expiration time (`exp`), in seconds since 1970.
    pub fn expires_at(&self) -> u64 {
        self.facts().claims.expiration
    }

    /// A value that `make` makes of this identity, for what is the same for each request with a token: the value of a header, a
    /// part of a line of a log. It is made for the first request, and kept for as long as the verified token is cached.
    ///
    /// An identity keeps one value: another type is made anew each time. `make` must not depend on anything but the identity.
    ///
    /// ```
    /// # use actgate::testing::TestIssuer;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let identity = TestIssuer::new()?.identity(serde_json::json!({ "sub": "alice" }))?;
    /// let header = identity.kept(|identity| format!("user={}", identity.subject()));
    /// assert_eq!(*header, "user=alice");
    /// assert!(std::sync::Arc::ptr_eq(&header, &identity.kept(|_| String::new())));
    /// # Ok(())
    /// # }
    /// ```
    pub fn kept<T: Send + Sync + 'static>(&self, make: impl Fn(&Identity) -> T) -> Arc<T> {
        let kept = self.0.kept.get_or_init(|| Arc::new(make(self)));
        Arc::clone(kept).downcast().unwrap_or_else(|_| Arc::new(make(self)))
    }

    /// A top-level claim by its exact name. `act` is excluded: see [`chain`](Self::chain).
    pub fn claim(&self, name: &str) -> Option<&serde_json::Value> {
        self.facts().claims.get(name)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("kind", &self.kind())
            .field("depth", &self.chain().depth())
            .finish_non_exhaustive()
    }
}
