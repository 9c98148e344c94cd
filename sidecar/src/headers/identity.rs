//! The headers in which the upstream learns who is acting.
//!
//! Values are plain ASCII: in every value but `chain` each byte outside printable ASCII, each `%` and a space at either end is
//! percent-encoded, so that percent-decoding gives the claim back; `chain` is compact JSON with `\u` escapes. A fact that is not known has no
//! header.

use std::fmt::Write as _;

use actgate::Identity;
use actgate::chain::{Kind, Party};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Serialize, Serializer};

use crate::cli::chain_tree::Node;
use crate::headers::header_name;
use crate::headers::hop_by_hop;

/// The header of each fact. No two of them could be taken for one another, and none is a header with a meaning of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityHeaders([HeaderName; Fact::ALL.len()]);

/// What the upstream is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The subject of the token: the initiator.
    Subject,
    /// Kind of the initiator: `human`, `agent`, `service` or `unknown`.
    Kind,
    /// Subject of the current actor.
    Actor,
    /// The whole chain, as the JSON of [`Chain`].
    Chain,
    /// The OAuth client that presents the token.
    Client,
    /// The scopes, separated by spaces.
    Scope,
    /// The issuer of the token.
    Issuer,
}

impl Fact {
    /// Every fact, in the order of the names.
    pub const ALL: [Fact; 7] = [
        Fact::Subject,
        Fact::Kind,
        Fact::Actor,
        Fact::Chain,
        Fact::Client,
        Fact::Scope,
        Fact::Issuer,
    ];

    /// The header that carries the fact unless the configuration says otherwise.
    pub fn default_header(self) -> &'static str {
        match self {
            Fact::Subject => "x-auth-subject",
            Fact::Kind => "x-auth-kind",
            Fact::Actor => "x-auth-actor",
            Fact::Chain => "x-auth-chain",
            Fact::Client => "x-auth-client",
            Fact::Scope => "x-auth-scope",
            Fact::Issuer => "x-auth-issuer",
        }
    }
}

/// Header names that an identity header must not have: each means something else to a server or to this proxy.
const RESERVED: [&str; 37] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "age",
    "allow",
    "authorization",
    "cache-control",
    "connection",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "early-data",
    "expect",
    "from",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "last-modified",
    "max-forwards",
    "origin",
    "pragma",
    "range",
    "referer",
    "set-cookie",
    "user-agent",
    "via",
    "www-authenticate",
];

/// Why a name cannot be the header of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// It is no header name.
    NoHeaderName,
    /// It means something else.
    Reserved,
    /// Another fact has a header of this name, or of one that upstreams may take for it.
    Taken(Fact),
}

impl Default for IdentityHeaders {
    fn default() -> Self {
        IdentityHeaders(Fact::ALL.map(|fact| HeaderName::from_static(fact.default_header())))
    }
}

impl IdentityHeaders {
    /// The default names, with those of `chosen` in their place.
    ///
    /// # Errors
    /// The first fact whose name cannot be used.
    pub fn with_names(chosen: &[(Fact, &str)]) -> Result<IdentityHeaders, (Fact, NameError)> {
        let mut headers = IdentityHeaders::default();
        for (fact, name) in chosen {
            let header = HeaderName::try_from(*name).map_err(|_| (*fact, NameError::NoHeaderName))?;
            if RESERVED
                .iter()
                .any(|reserved| header_name::same(reserved, header.as_str()))
                || hop_by_hop::is_dropped(header.as_str())
            {
                return Err((*fact, NameError::Reserved));
            }
            headers.0[*fact as usize] = header;
        }
        for (fact, _) in chosen {
            let name = headers.name(*fact).as_str();
            let other = Fact::ALL
                .into_iter()
                .find(|other| other != fact && header_name::same(headers.name(*other).as_str(), name));
            if let Some(other) = other {
                return Err((*fact, NameError::Taken(other)));
            }
        }
        Ok(headers)
    }

    /// The header of a fact.
    pub fn name(&self, fact: Fact) -> &HeaderName {
        &self.0[fact as usize]
    }

    /// Could an upstream take this header for one of ours? The default names are ours, too, where others were chosen: whoever reads
    /// `x-auth-kind` may well look for an `x-auth-subject` beside it.
    pub fn owns(&self, name: &str) -> bool {
        let chosen = self.0.iter().any(|own| header_name::same(own.as_str(), name));
        chosen
            || Fact::ALL
                .iter()
                .any(|fact| header_name::same(fact.default_header(), name))
    }

    /// Deletes whatever a client sent under one of our names, in any spelling.
    pub fn delete(&self, headers: &mut HeaderMap) {
        hop_by_hop::remove_where(headers, |name| self.owns(name));
    }

    /// Says who is acting. To be called after [`IdentityHeaders::delete`].
    pub fn set(&self, headers: &mut HeaderMap, identity: &Identity) {
        let scope: Vec<&str> = identity.scopes().collect();
        let facts = [
            (Fact::Subject, encoded(identity.subject())),
            (Fact::Kind, encoded(&identity.kind().to_string())),
            (
                Fact::Actor,
                identity
                    .chain()
                    .current()
                    .and_then(|actor| encoded(actor.party().subject())),
            ),
            (Fact::Chain, HeaderValue::try_from(chain_json(identity)).ok()),
            (Fact::Client, identity.client().and_then(encoded)),
            (
                Fact::Scope,
                if scope.is_empty() {
                    None
                } else {
                    encoded(&scope.join(" "))
                },
            ),
            (Fact::Issuer, encoded(identity.issuer())),
        ];
        for (fact, value) in facts {
            if let Some(value) = value {
                headers.insert(self.name(fact), value);
            }
        }
    }
}

/// The chain of a verified token, as the upstream and the decision log read it:
/// `{"initiator":{"iss":…,"sub":…,"kind":…},"actors":[{"iss":…,"sub":…,"kind":…},…]}`, actors newest first as `act` nests them, so that
/// `actors[0]` is the current one.
#[derive(Debug, Serialize)]
pub struct Chain<'a> {
    initiator: Link<'a>,
    actors: Vec<Link<'a>>,
}

/// One party of a chain.
#[derive(Debug, Serialize)]
pub struct Link<'a> {
    iss: &'a str,
    sub: &'a str,
    #[serde(serialize_with = "displayed")]
    kind: Kind,
}

impl<'a> Chain<'a> {
    /// The chain of a verified token.
    pub fn of(identity: &'a Identity) -> Chain<'a> {
        let chain = identity.chain();
        let link = |party: &'a Party, kind| Link {
            iss: party.issuer(),
            sub: party.subject(),
            kind,
        };
        let actors = chain.current().into_iter().chain(chain.prior());
        Chain {
            initiator: link(chain.initiator(), identity.kind()),
            actors: actors.map(|actor| link(actor.party(), actor.kind())).collect(),
        }
    }
}

impl Chain<'_> {
    /// The same for drawing, where an issuer is named only if it is not the token's.
    pub fn nodes(&self, issuer: &str) -> Vec<Node> {
        let actors = self.actors.iter().rev();
        std::iter::once(&self.initiator)
            .chain(actors)
            .map(|link| Node {
                subject: link.sub.to_owned(),
                foreign_issuer: (link.iss != issuer).then(|| link.iss.to_owned()),
                kind: link.kind.to_string(),
            })
            .collect()
    }
}

fn displayed<S: Serializer>(kind: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(kind)
}

fn chain_json(identity: &Identity) -> String {
    ascii_json(&serde_json::to_string(&Chain::of(identity)).unwrap_or_default())
}

/// The same JSON with everything that is not ASCII written as `\u` escapes: outside of strings JSON is ASCII already.
fn ascii_json(json: &str) -> String {
    let mut ascii = String::with_capacity(json.len());
    for character in json.chars() {
        if (' '..='~').contains(&character) {
            ascii.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(ascii, "\\u{unit:04x}");
            }
        }
    }
    ascii
}

fn encoded(text: &str) -> Option<HeaderValue> {
    let last = text.len().saturating_sub(1);
    let mut value = String::with_capacity(text.len());
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b' ' if index != 0 && index != last => value.push(' '),
            b'!'..=b'~' if byte != b'%' => value.push(char::from(byte)),
            _ => {
                let _ = write!(value, "%{byte:02X}");
            }
        }
    }
    HeaderValue::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_spelling_of_our_headers_is_deleted() {
        let mut headers = HeaderMap::new();
        for name in [
            "x-auth-subject",
            "X_AUTH_SUBJECT",
            "x.auth.chain",
            "x-auth_kind",
            "X-Auth-Issuer",
        ] {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.append(&name, HeaderValue::from_static("forged"));
            headers.append(&name, HeaderValue::from_static("twice"));
        }
        headers.insert("x-authority", HeaderValue::from_static("kept"));
        IdentityHeaders::default().delete(&mut headers);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["x-authority"]);
    }

    #[test]
    fn the_facts_of_a_token_are_set_once_and_absent_facts_are_absent() {
        let authority = actgate::testing::Authority::new().unwrap();
        let act =
            json!({ "sub": "tool", "sub_profile": "ai_agent", "act": { "sub": "orch", "sub_profile": "ai_agent" } });
        let claims = json!({ "sub": "é 1", "sub_profile": "user", "client_id": "web", "scope": "a b", "act": act });
        let mut headers = HeaderMap::new();
        IdentityHeaders::default().set(&mut headers, &authority.identity(claims).unwrap());
        for (name, value) in [
            ("x-auth-subject", "%C3%A9 1"),
            ("x-auth-kind", "human"),
            ("x-auth-actor", "tool"),
            ("x-auth-client", "web"),
            ("x-auth-scope", "a b"),
        ] {
            assert_eq!(headers[name], value);
        }
        let chain: serde_json::Value = serde_json::from_slice(headers["x-auth-chain"].as_bytes()).unwrap();
        assert_eq!(chain["initiator"]["sub"], "é 1");
        assert_eq!(chain["actors"][0]["sub"], "tool");
        assert_eq!(chain["actors"][1]["sub"], "orch");

        let mut headers = HeaderMap::new();
        let alone = authority
            .identity(json!({ "client_id": null, "scope": null, "act": null }))
            .unwrap();
        IdentityHeaders::default().set(&mut headers, &alone);
        for absent in ["x-auth-actor", "x-auth-client", "x-auth-scope"] {
            assert!(!headers.contains_key(absent), "{absent}");
        }
    }

    #[test]
    fn the_default_names_stay_ours_where_others_are_chosen() {
        let headers = IdentityHeaders::with_names(&[(Fact::Subject, "remote-user")]).unwrap();
        assert!(headers.owns("Remote_User") && headers.owns("x-auth-subject") && !headers.owns("x-user"));
    }

    #[test]
    fn values_are_one_line_of_ascii_and_decode_back() {
        assert_eq!(encoded("u1").unwrap(), "u1");
        assert_eq!(encoded("a b").unwrap(), "a b");
        assert_eq!(encoded(" a ").unwrap(), "%20a%20");
        assert_eq!(encoded("50%\r\nx: y").unwrap(), "50%25%0D%0Ax: y");
        assert_eq!(encoded("jürgen").unwrap(), "j%C3%BCrgen");
    }

    #[test]
    fn json_stays_the_same_in_ascii() {
        let text = serde_json::to_string("é😀\u{7f}\"\n").unwrap();
        let ascii = ascii_json(&text);
        assert!(ascii.is_ascii() && HeaderValue::from_str(&ascii).is_ok());
        assert_eq!(serde_json::from_str::<String>(&ascii).unwrap(), "é😀\u{7f}\"\n");
    }

    #[test]
    fn names_that_could_be_mistaken_are_refused() {
        let error = |chosen: &[(Fact, &str)]| IdentityHeaders::with_names(chosen).unwrap_err();
        assert_eq!(
            error(&[(Fact::Subject, "x auth")]),
            (Fact::Subject, NameError::NoHeaderName)
        );
        assert_eq!(
            error(&[(Fact::Subject, "Authorization")]),
            (Fact::Subject, NameError::Reserved)
        );
        assert_eq!(
            error(&[(Fact::Subject, "connection")]),
            (Fact::Subject, NameError::Reserved)
        );
        assert_eq!(
            error(&[(Fact::Subject, "x-forwarded-user")]),
            (Fact::Subject, NameError::Reserved)
        );
        assert_eq!(
            error(&[(Fact::Subject, "X_Auth_Kind")]),
            (Fact::Subject, NameError::Taken(Fact::Kind))
        );
        let swapped =
            IdentityHeaders::with_names(&[(Fact::Subject, "x-auth-actor"), (Fact::Actor, "x-auth-subject")]).unwrap();
        assert_eq!(swapped.name(Fact::Subject), "x-auth-actor");
    }
}
