//! `actgate.yaml` as it is written: names and shapes only. What the words mean is read in `settings`.

use std::fmt;

use actgate::keys::Algorithm;
use actgate::profile::{ChainCompleteness, PriorActors, Profile};
use actgate::yaml::{At, present};
use serde::de::value::SeqAccessDeserializer;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::proxy::forward::AccessTokenForwarding;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    pub listen: At<String>,
    pub upstream: At<String>,
    #[serde(default, deserialize_with = "present")]
    pub admin: Option<At<String>>,
    pub audience: OneOrMore,
    #[serde(default, deserialize_with = "present")]
    pub leeway: Option<At<String>>,
    #[serde(default, deserialize_with = "present")]
    pub resource_metadata: Option<At<String>>,
    #[serde(default, deserialize_with = "present")]
    pub hosts: Option<At<Vec<At<String>>>>,
    pub issuers: At<Vec<WrittenIssuer>>,
    #[serde(default, deserialize_with = "present")]
    pub identity_headers: Option<WrittenIdentityHeaders>,
    #[serde(default, deserialize_with = "present")]
    pub access_token: Option<AccessTokenForwarding>,
    #[serde(default, deserialize_with = "present")]
    pub timeouts: Option<WrittenTimeouts>,
    #[serde(default, deserialize_with = "present")]
    pub max_connections: Option<At<u32>>,
    #[serde(default, deserialize_with = "present")]
    pub decision_log: Option<At<String>>,
    #[serde(default, deserialize_with = "present")]
    pub policy: Option<At<String>>,
    #[serde(default, deserialize_with = "present")]
    pub requirements: Option<At<IgnoredAny>>,
    #[serde(default, deserialize_with = "present")]
    pub routes: Option<At<IgnoredAny>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenIssuer {
    pub issuer: At<String>,
    #[serde(default, deserialize_with = "present")]
    pub jwks_uri: Option<At<String>>,
    #[serde(default, deserialize_with = "present")]
    pub algorithms: Option<At<Vec<Algorithm>>>,
    #[serde(default, deserialize_with = "present")]
    pub profile: Option<Profile>,
    #[serde(default, deserialize_with = "present")]
    pub chain_completeness: Option<ChainCompleteness>,
    #[serde(default, deserialize_with = "present")]
    pub prior_actors: Option<PriorActors>,
    #[serde(default, deserialize_with = "present")]
    pub keys: Option<WrittenKeys>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenKeys {
    #[serde(default, deserialize_with = "present")]
    pub refresh: Option<At<String>>,
    #[serde(default, deserialize_with = "present")]
    pub cooldown: Option<At<String>>,
    #[serde(default, deserialize_with = "present")]
    pub timeout: Option<At<String>>,
    #[serde(default, deserialize_with = "present")]
    pub max_stale: Option<At<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenIdentityHeaders {
    #[serde(default, deserialize_with = "present")]
    pub subject: Option<At<String>>,
    #[serde(default, deserialize_with = "present")]
    pub kind: Option<At<String>>,
    #[serde(default, deserialize_with = "present")]
    pub actor: Option<At<String>>,
    #[serde(default, deserialize_with = "present")]
    pub chain: Option<At<String>>,
    #[serde(default, deserialize_with = "present")]
    pub client: Option<At<String>>,
    #[serde(default, deserialize_with = "present")]
    pub scope: Option<At<String>>,
    #[serde(default, deserialize_with = "present")]
    pub issuer: Option<At<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenTimeouts {
    #[serde(default, deserialize_with = "present")]
    pub header: Option<At<String>>,
    #[serde(default, deserialize_with = "present")]
    pub keep_alive: Option<At<String>>,
    #[serde(default, deserialize_with = "present")]
    pub connect: Option<At<String>>,
    #[serde(default, deserialize_with = "present")]
    pub response: Option<At<String>>,
    #[serde(default, deserialize_with = "present")]
    pub drain: Option<At<String>>,
}

/// A text or a list of texts, with the place of the whole.
#[derive(Debug)]
pub struct OneOrMore(pub At<Vec<String>>);

impl<'de> Deserialize<'de> for OneOrMore {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OneOrMore, D::Error> {
        struct Shape;

        impl<'de> Visitor<'de> for Shape {
            type Value = Vec<String>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E>(self, text: &str) -> Result<Vec<String>, E> {
                Ok(vec![text.to_owned()])
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Vec<String>, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(list))
            }
        }

        #[derive(Deserialize)]
        struct Texts(#[serde(deserialize_with = "shape")] Vec<String>);

        fn shape<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
            deserializer.deserialize_any(Shape)
        }

        let At {
            value: Texts(value),
            line,
            column,
        } = At::<Texts>::deserialize(deserializer)?;
        Ok(OneOrMore(At { value, line, column }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "listen: 127.0.0.1:8080
upstream: http://127.0.0.1:9000
audience: orders
access_token: strip
max_connections: 5
hosts: [orders.example.com]
timeouts: { header: 5s }
issuers:
  - issuer: https://idp.example.com
    algorithms: [ES256]
    profile: rfc9068
    chain_completeness: complete
    prior_actors: enforce
routes: []
";

    #[test]
    fn a_mistake_in_a_configuration_is_told_in_words_of_the_file() {
        let missing = "a value is missing here; write one, or take the key out";
        let list = "expected a list; write `[a, b]`, or each item on a line of its own after `- `";
        let mapping = "expected a mapping; write keys with their values, as in `key: value`";
        let number = "expected a whole number from 0 to 4294967295";
        let single = "expected a single value, not a list or a mapping";
        let word = "expected a single word, not a list or a mapping";
        let quotes = "where a text is meant, put it in quotes";
        let texts = "expected a text or a list of texts";
        for (from, to, told) in [
            ("127.0.0.1:8080", "", format!("1:7: {missing}")),
            ("127.0.0.1:8080", "[a]", format!("1:9: {single}")),
            ("127.0.0.1:8080", "{ a: b }", format!("1:9: {single}")),
            ("orders", "", format!("3:1: {missing}")),
            ("orders", "5", format!("3:1: {texts}, not a number; {quotes}")),
            ("orders", "{ a: b }", format!("3:11: {texts}, not a mapping")),
            ("orders", "[~]", format!("3:12: {missing}")),
            ("access_token: strip", "access_token:", format!("4:13: {missing}")),
            ("access_token: strip", "access_token: ~", format!("4:15: {missing}")),
            ("access_token: strip", "access_token: [strip]", format!("4:15: {word}")),
            (
                "access_token: strip",
                "access_token: { strip: 1 }",
                format!("4:24: {word}"),
            ),
            (
                "access_token: strip",
                "access_token: stripe",
                "4:15: unknown word `stripe`; did you mean `strip`?".into(),
            ),
            ("connections: 5", "connections: many", format!("5:18: {number}")),
            ("connections: 5", "connections:", format!("5:16: {missing}")),
            ("[orders.example.com]", "orders.example.com", format!("6:8: {list}")),
            ("[orders.example.com]", "# later", format!("6:6: {missing}")),
            ("{ header: 5s }", "5s", format!("7:11: {mapping}")),
            ("{ header: 5s }", "{ header: }", format!("7:19: {missing}")),
            ("[ES256]", "ES256", format!("10:17: {list}")),
            ("[ES256]", "[~]", format!("10:18: {missing}")),
            ("[ES256]", "[[ES256]]", format!("10:18: {single}")),
            ("profile: rfc9068", "profile: null", format!("11:14: {missing}")),
            (
                "routes: []",
                "---",
                "14:4: there is more than one document in the file; keep one, and delete the `---` before the next"
                    .into(),
            ),
            (
                "    chain",
                "\tchain",
                "12:1: a tab stands where only spaces may; indent with spaces".into(),
            ),
        ] {
            assert!(GOOD.contains(from), "{from}");
            let error = actgate::yaml::read::<Written>(&GOOD.replacen(from, to, 1)).unwrap_err();
            assert_eq!(error.to_string(), told, "{from} -> {to}");
        }
        assert!(actgate::yaml::read::<Written>(GOOD).is_ok());
    }
}
