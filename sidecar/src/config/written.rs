//! `actgate.yaml` as it is written: names and shapes only. What the words mean is read in `settings`.

use std::fmt;

use actgate::{
    chain::{ChainContract, PriorActorUse, Profile},
    keys::Algorithm,
    policy::{Requirements, Routes},
    yaml::{At, present},
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
    #[serde(default, deserialize_with = "present")]
    pub admin: Option<At<String>>,
    pub audience: OneOrMore,
    #[serde(default, deserialize_with = "present")]
    pub leeway: Option<At<String>>,
    #[serde(default, deserialize_with = "present")]
    pub resource_metadata: Option<At<String>>,
    #[serde(default, deserialize_with = "present")]
    pub hosts: Option<Vec<At<String>>>,
    pub issuers: At<Vec<WrittenIssuer>>,
    #[serde(default, deserialize_with = "present")]
    pub identity_headers: Option<WrittenIdentityHeaders>,
    #[serde(default, deserialize_with = "present")]
    pub token: Option<TokenForwarding>,
    #[serde(default, deserialize_with = "present")]
    pub timeouts: Option<WrittenTimeouts>,
    #[serde(default, deserialize_with = "present")]
    pub max_connections: Option<At<u32>>,
    #[serde(default, deserialize_with = "present")]
    pub drain: Option<At<String>>,
    #[serde(default, deserialize_with = "present")]
    pub decision_log: Option<At<String>>,
    #[serde(default, deserialize_with = "present")]
    pub policy: Option<At<String>>,
    #[serde(default, deserialize_with = "present")]
    pub requirements: Option<Requirements>,
    #[serde(default, deserialize_with = "present")]
    pub routes: Option<Routes>,
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
    pub chain: Option<ChainContract>,
    #[serde(default, deserialize_with = "present")]
    pub prior_actors: Option<PriorActorUse>,
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
