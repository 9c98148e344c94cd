//! What a gate states of an identity, in headers and in the decision log: the same for each request with the same token.

use std::fmt::{self, Write as _};
use std::ops::Range;
use std::sync::Arc;

use actgate::Identity;
use actgate::profile::Kind;
use bytes::Bytes;
use http::HeaderValue;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::chain_json::Chain;
use super::identity_fact::Fact;

/// The facts of an identity as they are written. It is made for the first request with a token, and kept with the verified token.
pub(crate) struct StatedIdentity {
    /// The value of each fact; none of one that is not known.
    values: [Option<HeaderValue>; Fact::ALL.len()],
    /// The JSON of [`Chain`], where the value of the header is another text.
    chain: Option<Box<str>>,
    /// The actors in the chain.
    pub(crate) depth: usize,
    /// The kind of the initiator.
    pub(crate) kind: Kind,
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
        let written = Fact::ALL.map(|(fact, _)| {
            let start = text.len();
            write(fact, identity, &json, &mut text).map(|()| start..text.len())
        });
        // One allocation, which the values share.
        let text = Bytes::from(text.into_boxed_str().into_boxed_bytes());
        let value = |range: Range<usize>| HeaderValue::from_maybe_shared(text.slice(range)).ok();
        let values = written.map(|range| range.and_then(value));
        let in_header = values[Fact::Chain as usize].as_ref();
        StatedIdentity {
            chain: in_header.is_none_or(|value| value != &json).then(|| json.into()),
            values,
            depth: chain.actors.len(),
            kind: identity.kind(),
        }
    }

    /// The JSON of the chain, for the decision log.
    pub(crate) fn chain(&self) -> &str {
        let in_header = || self.value(Fact::Chain).and_then(|value| value.to_str().ok());
        self.chain.as_deref().or_else(in_header).unwrap_or("null")
    }

    /// The value of the header of a fact. A fact that is not known has none.
    pub(crate) fn value(&self, fact: Fact) -> Option<&HeaderValue> {
        self.values[fact as usize].as_ref()
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

/// Writes the value of a fact, `chain` being the JSON of the chain. None of a fact that is not known.
fn write(fact: Fact, identity: &Identity, chain: &str, text: &mut String) -> Option<()> {
    match fact {
        Fact::Subject => encode(identity.subject(), text),
        Fact::Kind => encode(&identity.kind().to_string(), text),
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
            assert_eq!(stated.chain.is_none(), expected.is_ascii());
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
