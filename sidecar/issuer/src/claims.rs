//! The claims of the issued tokens: access tokens (RFC 9068) and ID tokens (OpenID Connect Core).

use serde::{Deserialize, Serialize};

use crate::{Entry, Event, ScopeSet};

/// `typ` of an ID token.
pub(crate) const ID_TOKEN: &str = "JWT";

/// `acr` of a login by password.
pub(crate) const AAL1: &str = "aal1";
/// `acr` of a login with a second factor.
pub(crate) const AAL2: &str = "aal2";

/// The payload of an access token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccessClaims {
    pub(crate) iss: String,
    pub(crate) sub: String,
    pub(crate) sub_profile: SubjectProfile,
    pub(crate) aud: String,
    pub(crate) client_id: String,
    pub(crate) client_profile: EntityProfile,
    pub(crate) scope: ScopeSet,
    pub(crate) iat: u64,
    pub(crate) nbf: u64,
    pub(crate) exp: u64,
    pub(crate) jti: String,
    /// The transaction, copied from token to token.
    pub(crate) txn: String,
    #[serde(flatten)]
    pub(crate) authentication: Option<Authentication>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) act: Option<Box<Act>>,
}

/// What a client is (Entity Profiles draft).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum EntityProfile {
    AiAgent,
    #[default]
    Service,
    WebApp,
    NativeApp,
    BrowserApp,
}

/// What a subject is: a user, or a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SubjectProfile {
    #[default]
    User,
    #[serde(untagged)]
    Client(EntityProfile),
}

/// How and when a user signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Authentication {
    pub(crate) auth_time: u64,
    pub(crate) acr: String,
    pub(crate) amr: Vec<String>,
}

/// An actor, RFC 8693 section 4.1: the outermost is the current actor, nested ones are prior actors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Act {
    pub(crate) iss: String,
    pub(crate) sub: String,
    pub(crate) sub_profile: EntityProfile,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) act: Option<Box<Act>>,
}

impl AccessClaims {
    /// The subjects of `act`, the current actor first.
    pub(crate) fn actors(&self) -> impl Iterator<Item = &str> {
        self.act.as_deref().into_iter().flat_map(Act::subjects)
    }

    /// Whether the party is the subject or any actor.
    pub(crate) fn names(&self, party: &str) -> bool {
        self.sub == party || self.actors().any(|actor| actor == party)
    }

    /// An event about every token with these claims.
    pub(crate) fn entry(&self, event: Event) -> Entry {
        Entry {
            txn: Some(self.txn.clone()),
            sub: Some(self.sub.clone()),
            actors: self.actors().map(str::to_owned).collect(),
            client_id: Some(self.client_id.clone()),
            scope: Some(self.scope.clone()),
            aud: Some(self.aud.clone()),
            ..Entry::new(event)
        }
    }
}

impl Act {
    /// The subjects, the outermost first.
    pub(crate) fn subjects(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(Some(self), |act| act.act.as_deref()).map(|act| &*act.sub)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::AccessClaims;

    fn claims(extra: Value) -> Value {
        let mut claims = json!({
            "iss": "https://issuer.example", "sub": "alice", "sub_profile": "user",
            "aud": "https://orders.example", "client_id": "assistant", "client_profile": "ai_agent",
            "scope": "orders:read", "iat": 1, "nbf": 1, "exp": 2, "jti": "x", "txn": "t",
        });
        for (name, value) in extra.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims
    }

    #[test]
    fn claims_survive_the_round_trip() {
        for extra in [
            json!({}),
            json!({"auth_time": 1, "acr": "aal1", "amr": ["pwd"]}),
            json!({"sub_profile": "service"}),
            json!({"act": {"iss": "i", "sub": "b", "sub_profile": "ai_agent",
                "act": {"iss": "i", "sub": "a", "sub_profile": "ai_agent"}}}),
        ] {
            let written = claims(extra);
            let read: AccessClaims = serde_json::from_value(written.clone()).unwrap();
            assert_eq!(serde_json::to_value(read).unwrap(), written);
        }
    }

    #[test]
    fn depth_counts_act_objects() {
        let none: AccessClaims = serde_json::from_value(claims(json!({}))).unwrap();
        assert_eq!(none.actors().count(), 0);
        let two: AccessClaims = serde_json::from_value(claims(json!({"act": {"iss": "i", "sub": "b",
            "sub_profile": "ai_agent", "act": {"iss": "i", "sub": "a", "sub_profile": "ai_agent"}}})))
        .unwrap();
        assert_eq!(two.actors().count(), 2);
    }
}
