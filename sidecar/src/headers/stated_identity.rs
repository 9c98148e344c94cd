//! What a gate states of an identity, in headers and in the decision log: the same for each request with the same token.

use std::fmt::{self, Write as _};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use actgate::Identity;
use actgate::profile::Kind;
use bytes::Bytes;
use http::HeaderValue;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::chain_json::Chain;
use super::identity_fact::Fact;

/// The facts of an identity as they are written. It is made for the first request with a token, and kept with the verified token.
///
/// With thousands of tokens in use a request waits for the memory of its own one: all texts are parts of one, in which none is twice.
pub(crate) struct StatedIdentity {
    /// The values of headers; none of a fact that is not known. That of the kind is the same for many tokens.
    subject: Option<HeaderValue>,
    actor: Option<HeaderValue>,
    chain: Option<HeaderValue>,
    client: Option<HeaderValue>,
    scope: Option<HeaderValue>,
    issuer: Option<HeaderValue>,
    /// What the log states beside them, in `text`.
    logged: Logged,
    text: Bytes,
    /// The chain in the metadata of Envoy.
    metadata: OnceLock<Vec<u8>>,
    /// The actors in the chain.
    pub(crate) depth: usize,
    /// The kind of the initiator.
    pub(crate) kind: Kind,
}

/// What the decision log states. The headers can have other texts.
struct Logged {
    /// The JSON of [`Chain`].
    chain: Part,
    client: Option<Part>,
    token_id: Option<Part>,
}

/// Where a text is within another one. A token is far shorter than 4 GiB.
#[derive(Clone, Copy)]
struct Part {
    start: u32,
    end: u32,
}

impl Part {
    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl StatedIdentity {
    /// What is stated of `identity`.
    pub(crate) fn of(identity: &Identity) -> Arc<StatedIdentity> {
        identity.kept(StatedIdentity::new)
    }

    fn new(identity: &Identity) -> StatedIdentity {
        let chain = Chain::of(identity);
        let json = serde_json::to_string(&chain).unwrap_or_default();
        let mut text = String::new();
        let logged = Logged {
            chain: append(&json, &mut text),
            client: identity.client().map(|client| place(client, &mut text)),
            token_id: identity.token_id().map(|id| place(id, &mut text)),
        };
        let mut value = String::new();
        let mut place = |fact| {
            value.clear();
            write(fact, identity, &json, &mut value).map(|()| place(&value, &mut text))
        };
        let facts = [
            Fact::Subject,
            Fact::Actor,
            Fact::Chain,
            Fact::Client,
            Fact::Scope,
            Fact::Issuer,
        ];
        let parts = facts.map(&mut place);
        // One allocation, which the values share.
        let text = Bytes::from(text.into_boxed_str().into_boxed_bytes());
        let value = |part: Part| HeaderValue::from_maybe_shared(text.slice(part.range())).ok();
        let [subject, actor, in_header, client, scope, issuer] = parts.map(|part| part.and_then(value));
        StatedIdentity {
            subject,
            actor,
            chain: in_header,
            client,
            scope,
            issuer,
            logged,
            text,
            metadata: OnceLock::new(),
            depth: chain.actors.len(),
            kind: identity.kind(),
        }
    }

    /// The JSON of the chain, for the decision log.
    pub(crate) fn chain(&self) -> &str {
        self.text_of(self.logged.chain)
    }

    /// What `make` makes of the JSON of the chain for the metadata of Envoy. It is kept.
    pub(crate) fn kept_metadata(&self, make: impl FnOnce(&str) -> Vec<u8>) -> &[u8] {
        self.metadata.get_or_init(|| make(self.chain()))
    }

    /// The client, for the decision log.
    pub(crate) fn client(&self) -> Option<&str> {
        self.logged.client.map(|client| self.text_of(client))
    }

    /// The id of the token, for the decision log.
    pub(crate) fn token_id(&self) -> Option<&str> {
        self.logged.token_id.map(|id| self.text_of(id))
    }

    fn text_of(&self, part: Part) -> &str {
        let bytes = self.text.get(part.range()).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }

    /// The value of the header of a fact. A fact that is not known has none.
    pub(crate) fn value(&self, fact: Fact) -> Option<&HeaderValue> {
        match fact {
            Fact::Subject => self.subject.as_ref(),
            Fact::Kind => Some(value_of_kind(self.kind)),
            Fact::Actor => self.actor.as_ref(),
            Fact::Chain => self.chain.as_ref(),
            Fact::Client => self.client.as_ref(),
            Fact::Scope => self.scope.as_ref(),
            Fact::Issuer => self.issuer.as_ref(),
        }
    }
}

fn value_of_kind(kind: Kind) -> &'static HeaderValue {
    static HUMAN: HeaderValue = HeaderValue::from_static("human");
    static AGENT: HeaderValue = HeaderValue::from_static("agent");
    static SERVICE: HeaderValue = HeaderValue::from_static("service");
    static UNKNOWN: HeaderValue = HeaderValue::from_static("unknown");
    match kind {
        Kind::Human => &HUMAN,
        Kind::Agent => &AGENT,
        Kind::Service => &SERVICE,
        _ => &UNKNOWN,
    }
}

fn append(part: &str, text: &mut String) -> Part {
    let start = text.len();
    text.push_str(part);
    part_of(start, part.len())
}

/// As [`append`], unless the text has it already.
fn place(part: &str, text: &mut String) -> Part {
    match text.find(part) {
        Some(start) => part_of(start, part.len()),
        None => append(part, text),
    }
}

fn part_of(start: usize, length: usize) -> Part {
    let bounded = |place| u32::try_from(place).unwrap_or(u32::MAX);
    Part {
        start: bounded(start),
        end: bounded(start + length),
    }
}

/// Claims are not printed.
impl fmt::Debug for StatedIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatedIdentity")
            .field("kind", &self.kind)
            .field("depth", &self.depth)
            .finish_non_exhaustive()
    }
}

/// Writes the value of a fact, `chain` being the JSON of the chain. None of a fact that is not known, and of the kind, which has one
/// value for many tokens.
fn write(fact: Fact, identity: &Identity, chain: &str, text: &mut String) -> Option<()> {
    match fact {
        Fact::Subject => encode(identity.subject(), text),
        Fact::Kind => return None,
        Fact::Actor => encode(identity.chain().current()?.party().subject(), text),
        Fact::Chain => write_ascii(chain, text),
        Fact::Client => encode(identity.client()?, text),
        Fact::Scope => {
            let scopes: Vec<&str> = identity.scopes().collect();
            (!scopes.is_empty()).then(|| encode(&scopes.join(" "), text))?;
        }
        Fact::Issuer => encode(identity.issuer(), text),
    }
    Some(())
}

/// Percent-encodes a value, so that decoding gives the claim back.
fn encode(value: &str, text: &mut String) {
    const ENCODED: &AsciiSet = &CONTROLS.add(b'%');
    let inner = value.trim_matches(' ');
    let before = value.len() - value.trim_start_matches(' ').len();
    let after = value.len() - before - inner.len();
    text.extend(std::iter::repeat_n("%20", before));
    text.extend(utf8_percent_encode(inner, ENCODED));
    text.extend(std::iter::repeat_n("%20", after));
}

/// Writes everything outside of printable ASCII in JSON as `\u` escapes: such characters occur in strings alone.
fn write_ascii(json: &str, text: &mut String) {
    for character in json.chars() {
        if (' '..='~').contains(&character) {
            text.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use actgate::testing::TestIssuer;
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_made_once_for_a_token() {
        let identity = TestIssuer::new().unwrap().identity(json!({ "sub": "u1" })).unwrap();
        let stated = StatedIdentity::of(&identity);
        assert_eq!(stated.value(Fact::Subject).unwrap(), "u1");
        assert!(Arc::ptr_eq(&stated, &StatedIdentity::of(&identity.clone())));
    }

    #[test]
    fn the_chain_is_json_in_any_script() {
        for subject in ["u1", "jürgen", "a\"b"] {
            let identity = TestIssuer::new().unwrap().identity(json!({ "sub": subject })).unwrap();
            let stated = StatedIdentity::of(&identity);
            let expected = serde_json::to_string(&Chain::of(&identity)).unwrap();
            assert_eq!(stated.chain(), expected);
            let in_header = stated.value(Fact::Chain).unwrap();
            assert_eq!(in_header == &expected, expected.is_ascii());
        }
    }

    #[test]
    fn a_text_is_kept_once() {
        let claims = json!({ "sub": "u1", "client_id": "web", "jti": "7f", "scope": "a b", "act": { "sub": "bot" } });
        let identity = TestIssuer::new().unwrap().identity(claims).unwrap();
        let stated = StatedIdentity::of(&identity);
        assert_eq!((stated.client(), stated.token_id()), (Some("web"), Some("7f")));
        let texts = [stated.chain(), "web", "7f", "a b"];
        assert_eq!(stated.text, texts.concat());
        for (fact, value) in [(Fact::Subject, "u1"), (Fact::Actor, "bot"), (Fact::Client, "web")] {
            assert_eq!(stated.value(fact).unwrap(), value);
        }
    }

    #[test]
    fn the_kind_is_named() {
        for (kind, name) in [
            ("user", "human"),
            ("ai_agent", "agent"),
            ("service", "service"),
            ("other", "unknown"),
        ] {
            let identity = TestIssuer::new()
                .unwrap()
                .identity(json!({ "sub_profile": kind }))
                .unwrap();
            assert_eq!(StatedIdentity::of(&identity).value(Fact::Kind).unwrap(), name);
            assert_eq!(identity.kind().to_string(), name);
        }
    }

    #[test]
    fn debug_output_shows_no_claim() {
        let claims = json!({ "sub": "canary-sub", "client_id": "canary-client", "scope": "canary", "act": { "sub": "canary-actor" } });
        let identity = TestIssuer::new().unwrap().identity(claims).unwrap();
        let stated = StatedIdentity::of(&identity);
        assert!(stated.value(Fact::Chain).is_some());
        let printed = format!("{stated:?}");
        assert!(printed.contains("depth: 1") && !printed.contains("canary"), "{printed}");
    }

    #[test]
    fn values_are_ascii_and_percent_encoded() {
        for (value, encoded) in [
            ("u1", "u1"),
            ("a b", "a b"),
            (" a ", "%20a%20"),
            ("50%\r\nx: y", "50%25%0D%0Ax: y"),
            ("jürgen", "j%C3%BCrgen"),
        ] {
            let mut text = String::new();
            encode(value, &mut text);
            assert_eq!(text, encoded);
        }
    }

    #[test]
    fn ascii_json_has_the_same_value() {
        let json = serde_json::to_string("é😀\u{7f}\"\n").unwrap();
        let mut ascii = String::new();
        write_ascii(&json, &mut ascii);
        assert!(ascii.is_ascii() && !ascii.contains(char::is_control));
        assert_eq!(serde_json::from_str::<String>(&ascii).unwrap(), "é😀\u{7f}\"\n");
    }
}
