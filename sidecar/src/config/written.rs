//! `actgate.yaml` as it is written: names and shapes only. What the words mean is read in `settings`.

use std::fmt;

use actgate::{
    chain::{ChainContract, PriorActorUse, Profile},
    keys::Algorithm,
    policy::{Requirements, Routes},
    yaml::At,
};
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor, value::SeqAccessDeserializer},
};

use crate::gate::TokenForwarding;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    pub listen: At<String>,
    pub upstream: At<String>,
    pub admin: Option<At<String>>,
    pub audience: OneOrMore,
    pub leeway: Option<At<String>>,
    pub resource_metadata: Option<At<String>>,
    pub hosts: Option<Vec<At<String>>>,
    pub issuers: At<Vec<WrittenIssuer>>,
    pub identity_headers: Option<WrittenIdentityHeaders>,
    pub token: Option<TokenForwarding>,
    pub timeouts: Option<WrittenTimeouts>,
    pub max_connections: Option<At<u32>>,
    pub drain: Option<At<String>>,
    pub decision_log: Option<At<String>>,
    pub policy: Option<At<String>>,
    pub requirements: Option<Requirements>,
    pub routes: Option<Routes>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenIssuer {
    pub issuer: At<String>,
    pub jwks_uri: Option<At<String>>,
    pub algorithms: Option<At<Vec<Algorithm>>>,
    pub profile: Option<Profile>,
    pub chain: Option<ChainContract>,
    pub prior_actors: Option<PriorActorUse>,
    pub keys: Option<WrittenKeys>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenKeys {
    pub refresh: Option<At<String>>,
    pub cooldown: Option<At<String>>,
    pub timeout: Option<At<String>>,
    pub max_stale: Option<At<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenIdentityHeaders {
    pub subject: Option<At<String>>,
    pub kind: Option<At<String>>,
    pub actor: Option<At<String>>,
    pub chain: Option<At<String>>,
    pub client: Option<At<String>>,
    pub scope: Option<At<String>>,
    pub issuer: Option<At<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WrittenTimeouts {
    pub header: Option<At<String>>,
    pub keep_alive: Option<At<String>>,
    pub connect: Option<At<String>>,
    pub response: Option<At<String>>,
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
