//! The entries of a list of revoked tokens, by what they are compared with.

use std::collections::HashMap;
use std::fmt;

/// Revoked tokens. [The module](super) has every kind of entry.
///
/// ```
/// use actgate::revocation::Revocations;
///
/// let list = Revocations::from_yaml("
/// revocations:
///   - { issuer: 'https://idp.example.com', jti: 8f14e45f }
///   - { issuer: 'https://idp.example.com', party: planner, before: 2026-11-27T08:00:00Z }
/// ")?;
/// assert_eq!(list.len(), 2);
///
/// let same = Revocations::default()
///     .jti("https://idp.example.com", "8f14e45f")
///     .party("https://idp.example.com", "planner", 1_795_766_400);
/// assert_eq!(list, same);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Revocations {
    by_issuer: HashMap<Box<str>, Entries>,
    count: usize,
}

/// The entries of one issuer, each with its moment.
#[derive(Clone, Default, PartialEq, Eq)]
struct Entries {
    token_ids: Moments,
    clients: Moments,
    initiators: Moments,
    actors: Moments,
}

type Moments = HashMap<Box<str>, u64>;

/// What of a token an entry names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RevokedBy {
    TokenId,
    Client,
    Initiator,
    Actor,
}

impl Revocations {
    /// Revokes the token of `issuer` with this `jti`.
    #[must_use]
    pub fn jti(self, issuer: &str, jti: &str) -> Self {
        self.jti_before(issuer, jti, u64::MAX)
    }

    /// Revokes the tokens of `issuer` with this `sub` that were issued before `before`, in seconds since 1970.
    #[must_use]
    pub fn initiator(self, issuer: &str, subject: &str, before: u64) -> Self {
        self.with(issuer, subject, before, &[RevokedBy::Initiator])
    }

    /// Revokes the tokens with this party among the actors that were issued before `before`, in seconds since 1970.
    #[must_use]
    pub fn actor(self, issuer: &str, subject: &str, before: u64) -> Self {
        self.with(issuer, subject, before, &[RevokedBy::Actor])
    }

    /// Revokes the tokens with this party as the initiator or among the actors that were issued before `before`, in seconds since
    /// 1970.
    #[must_use]
    pub fn party(self, issuer: &str, subject: &str, before: u64) -> Self {
        let both = [RevokedBy::Initiator, RevokedBy::Actor];
        self.with(issuer, subject, before, &both)
    }

    /// Revokes the tokens of `issuer` for this client that were issued before `before`, in seconds since 1970.
    #[must_use]
    pub fn client(self, issuer: &str, client: &str, before: u64) -> Self {
        self.with(issuer, client, before, &[RevokedBy::Client])
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn jti_before(self, issuer: &str, jti: &str, before: u64) -> Self {
        self.with(issuer, jti, before, &[RevokedBy::TokenId])
    }

    /// Adds one entry; of two for the same tokens the later moment counts.
    fn with(mut self, issuer: &str, name: &str, before: u64, kinds: &[RevokedBy]) -> Self {
        let entries = self.by_issuer.entry(issuer.into()).or_default();
        for by in kinds {
            let moments = match by {
                RevokedBy::TokenId => &mut entries.token_ids,
                RevokedBy::Client => &mut entries.clients,
                RevokedBy::Initiator => &mut entries.initiators,
                RevokedBy::Actor => &mut entries.actors,
            };
            let moment = moments.entry(name.into()).or_default();
            *moment = before.max(*moment);
        }
        self.count += 1;
        self
    }

    /// Whether an entry of `issuer` revokes a token that names `name`, and was issued at `issued_at`.
    pub(crate) fn revoke(&self, by: RevokedBy, issuer: &str, name: &str, issued_at: Option<u64>) -> bool {
        let Some(entries) = self.by_issuer.get(issuer) else {
            return false;
        };
        let moments = match by {
            RevokedBy::TokenId => &entries.token_ids,
            RevokedBy::Client => &entries.clients,
            RevokedBy::Initiator => &entries.initiators,
            RevokedBy::Actor => &entries.actors,
        };
        let before = moments.get(name);
        before.is_some_and(|before| issued_at.is_none_or(|issued_at| issued_at < *before))
    }
}

/// The number of entries: identifiers of parties are not printed.
impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocations").field("entries", &self.count).finish()
    }
}

impl RevokedBy {
    /// It in words.
    pub(crate) fn name(self) -> &'static str {
        match self {
            RevokedBy::TokenId => "its `jti`",
            RevokedBy::Client => "its client",
            RevokedBy::Initiator => "its initiator",
            RevokedBy::Actor => "an actor",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_moment_of_one_issuer_and_one_kind() {
        let list = Revocations::default()
            .initiator("a", "x", 100)
            .actor("a", "y", 100)
            .client("a", "z", 100)
            .jti("a", "j")
            .party("a", "p", 100)
            .initiator("a", "x", 50);
        assert_eq!((list.len(), list.is_empty()), (6, false));
        assert!(Revocations::default().is_empty());
        let (initiator, actor) = (RevokedBy::Initiator, RevokedBy::Actor);
        let (client, token_id) = (RevokedBy::Client, RevokedBy::TokenId);
        for (by, issuer, name, issued_at, expected) in [
            (initiator, "a", "x", Some(99), true),
            (initiator, "a", "x", Some(100), false),
            (initiator, "a", "x", None, true),
            (initiator, "b", "x", Some(99), false),
            (initiator, "a", "y", Some(99), false),
            (actor, "a", "y", Some(99), true),
            (actor, "a", "x", Some(99), false),
            (client, "a", "z", Some(99), true),
            (client, "a", "x", Some(99), false),
            (token_id, "a", "j", Some(u64::MAX - 1), true),
            (token_id, "a", "x", Some(1), false),
            (initiator, "a", "p", Some(99), true),
            (actor, "a", "p", Some(99), true),
        ] {
            let revoked = list.revoke(by, issuer, name, issued_at);
            assert_eq!(revoked, expected, "{by:?} {issuer} {name} {issued_at:?}");
        }
        assert_eq!(format!("{list:?}"), "Revocations { entries: 6 }");
    }
}
