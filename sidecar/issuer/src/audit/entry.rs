//! What a line of the trail says, and one transaction of the trail as the tree of its tokens.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{OAuthError, ScopeSet};

/// What happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Event {
    /// A user signed in, or failed to.
    Authentication,
    /// A client asked a user who is elsewhere.
    Request,
    /// A user allowed or denied access of a client, or withdrew it.
    Consent,
    /// A token that begins a transaction.
    Issue,
    Exchange,
    Refresh,
    /// A request without a result.
    #[default]
    Refuse,
    Introspect,
    Revoke,
    /// The signing keys changed.
    Rotate,
    /// An agent, a credential or a resource changed.
    Administer,
    /// The trail was continued after a line that a crash had cut.
    Recover,
}

/// One line, except for its place in the chain, its time and the issuer. The names are those of the claims.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Entry {
    pub(crate) event: Event,
    /// What ties the tokens of one login, or of one autonomous start, together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) txn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) jti: Option<String>,
    /// The token that this one was exchanged for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parent_jti: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sub: Option<String>,
    /// The subjects of `act`, the current actor first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) actors: Vec<String>,
    /// A client that is registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_id: Option<String>,
    /// What was requested, or what the token or the grant before had.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scope_before: Option<ScopeSet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<ScopeSet>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) aud: Option<String>,
    /// The OAuth error code that was returned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Cow<'static, str>>,
    /// The decision of a policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) decision: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Cow<'static, str>>,
}

impl Entry {
    /// An event with its reason.
    pub(crate) fn because(event: Event, reason: &'static str) -> Entry {
        Entry::new(event).with_reason(reason)
    }

    pub(crate) fn of_client(self, client: &str) -> Entry {
        let client_id = Some(client.to_owned());
        Entry { client_id, ..self }
    }

    pub(crate) fn of_user(self, user: &str) -> Entry {
        let sub = Some(user.to_owned());
        Entry { sub, ..self }
    }

    pub(crate) fn with_reason(self, reason: &'static str) -> Entry {
        let reason = Some(reason.into());
        Entry { reason, ..self }
    }

    /// A request without a result.
    pub(crate) fn refusal(error: OAuthError) -> Entry {
        let mut entry = Entry::because(Event::Refuse, error.description);
        entry.error = Some(error.code.name.into());
        entry
    }

    /// An event without any detail.
    pub(crate) fn new(event: Event) -> Entry {
        Entry {
            event,
            ..Entry::default()
        }
    }
}

/// A line of the trail, as far as a page shows it.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct AuditLine {
    /// In seconds since the epoch.
    pub(crate) time: u64,
    #[serde(flatten)]
    pub(crate) entry: Entry,
}

/// The maximum number of exchanges below one another. A chain has 16 at most, but a client can exchange a token of its own
/// any number of times.
const MAX_DEPTH: usize = 32;

/// A token with those that it was exchanged for.
#[derive(Debug)]
pub(crate) struct TokenNode {
    pub(crate) issued: AuditLine,
    /// How often a resource server asked about it.
    pub(crate) introspections: usize,
    pub(crate) is_revoked: bool,
    pub(crate) exchanged: Vec<TokenNode>,
}

impl AuditLine {
    /// The lines that can be read, which all of the trail can.
    pub(crate) fn read(lines: &[String]) -> Vec<AuditLine> {
        let read = lines.iter().filter_map(|line| serde_json::from_str(line).ok());
        read.collect()
    }

    /// Whether the line issues a token.
    pub(crate) fn is_issue(&self) -> bool {
        matches!(self.entry.event, Event::Issue | Event::Exchange | Event::Refresh) && self.entry.jti.is_some()
    }

    /// The subject, the actors and the client. Who is refused has no part in what it asked for.
    pub(crate) fn parties(&self) -> impl Iterator<Item = &str> {
        let client = self.entry.client_id.as_deref();
        self.chain().chain(client.filter(|_| self.entry.event != Event::Refuse))
    }

    /// The parties of the chain, the initiator first.
    pub(crate) fn chain(&self) -> impl Iterator<Item = &str> {
        let Entry { sub, actors, .. } = &self.entry;
        sub.iter().chain(actors.iter().rev()).map(String::as_str)
    }

    /// The scopes that the token before had and this one has not.
    pub(crate) fn dropped_scopes(&self) -> impl Iterator<Item = &str> {
        let (before, kept) = (&self.entry.scope_before, &self.entry.scope);
        let is_kept = |name: &&str| kept.as_ref().is_some_and(|kept| kept.contains(name));
        let before = before.iter().flat_map(ScopeSet::iter);
        before.filter(move |name| !is_kept(name))
    }
}

/// The tokens of a transaction, each below its subject token. A token whose subject token is not among the lines is at
/// the top.
pub(crate) fn tokens(lines: &[AuditLine]) -> Vec<TokenNode> {
    let issued: Vec<&AuditLine> = lines.iter().filter(|line| line.is_issue()).collect();
    let is_root = |line: &&AuditLine| {
        let parent = line.entry.parent_jti.as_deref();
        parent.is_none() || !issued.iter().any(|other| other.entry.jti.as_deref() == parent)
    };
    let roots = issued.iter().copied().filter(is_root);
    roots.map(|root| node(root, MAX_DEPTH, &issued, lines)).collect()
}

/// Tokens more than `depth` exchanges below are left out.
fn node(line: &AuditLine, depth: usize, issued: &[&AuditLine], lines: &[AuditLine]) -> TokenNode {
    let of_token = |event: Event| {
        let events = lines.iter();
        let events = events.filter(|other| other.entry.event == event && other.entry.jti == line.entry.jti);
        events.count()
    };
    let is_below = |other: &&&AuditLine| other.entry.parent_jti.is_some() && other.entry.parent_jti == line.entry.jti;
    let below = depth.checked_sub(1);
    let exchanged = issued.iter().filter(is_below);
    let exchanged = exchanged.filter_map(|other| Some(node(other, below?, issued, lines)));
    TokenNode {
        issued: line.clone(),
        introspections: of_token(Event::Introspect),
        is_revoked: of_token(Event::Revoke) > 0,
        exchanged: exchanged.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::{AuditLine, TokenNode, tokens};

    fn lines() -> Vec<AuditLine> {
        let lines = [
            r#"{"time":1,"event":"authentication","txn":"t","sub":"alice","client_id":"app"}"#,
            r#"{"time":2,"event":"issue","txn":"t","jti":"1","sub":"alice","client_id":"app","scope":"a b","aud":"x"}"#,
            r#"{"time":3,"event":"exchange","txn":"t","jti":"2","parent_jti":"1","sub":"alice","actors":["one"],"scope_before":"a b","scope":"a"}"#,
            r#"{"time":4,"event":"exchange","txn":"t","jti":"3","parent_jti":"2","sub":"alice","actors":["two","one"],"scope_before":"a","scope":"a"}"#,
            r#"{"time":5,"event":"refresh","txn":"t","jti":"4","sub":"alice","client_id":"app","scope":"a b"}"#,
            r#"{"time":6,"event":"exchange","txn":"t","jti":"5","parent_jti":"dropped","sub":"alice","actors":["one"]}"#,
            r#"{"time":7,"event":"introspect","txn":"t","jti":"3"}"#,
            r#"{"time":8,"event":"revoke","txn":"t","jti":"2"}"#,
            "no line",
        ];
        AuditLine::read(&lines.map(str::to_owned))
    }

    fn drawn(nodes: &[TokenNode]) -> String {
        let drawn = nodes.iter().map(|node| {
            let jti = node.issued.entry.jti.as_deref().unwrap_or("?");
            let revoked = if node.is_revoked { "!" } else { "" };
            format!(
                "{jti}{revoked}{}({})",
                ".".repeat(node.introspections),
                drawn(&node.exchanged)
            )
        });
        drawn.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_token_is_below_the_one_that_it_was_exchanged_for() {
        assert_eq!(drawn(&tokens(&lines())), "1(2!(3.())) 4() 5()");
    }

    #[test]
    fn the_depth_is_limited() {
        let lines = (0..1000_u32).map(|number| {
            let parent = number
                .checked_sub(1)
                .map(|parent| format!(r#""parent_jti":"{parent}","#));
            let parent = parent.unwrap_or_default();
            format!(r#"{{"time":1,"event":"exchange","txn":"t",{parent}"jti":"{number}","sub":"bot"}}"#)
        });
        let lines = AuditLine::read(&lines.collect::<Vec<_>>());
        let drawn = drawn(&tokens(&lines));
        assert!(drawn.contains("32") && !drawn.contains("33"), "{drawn}");
    }

    #[test]
    fn a_line_names_its_parties_and_what_was_dropped() {
        let lines = lines();
        assert_eq!(lines.len(), 8);
        assert_eq!(lines[3].chain().collect::<Vec<_>>(), ["alice", "one", "two"]);
        assert_eq!(lines[2].dropped_scopes().collect::<Vec<_>>(), ["b"]);
        let names = |index: usize, party| lines[index].parties().any(|named| named == party);
        assert!(names(3, "one") && names(0, "app") && !names(0, "one"));
    }
}
