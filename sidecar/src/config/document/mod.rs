//! The structure of `actgate.yaml`. Every key is optional here, so that one missing key hides no other mistake.

pub(super) mod credentials;
mod duration;
mod example;
pub(super) mod upstreams;

use std::collections::BTreeMap;
use std::fmt;

use actgate::ClaimValue;
use actgate::keys::Algorithm;
use actgate::profile::{ChainCompleteness, Kinds, PriorActors, Profile};
use actgate_yaml::{OneOrMany, Spanned};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, IgnoredAny, IntoDeserializer, MapAccess, Visitor};

use self::credentials::InternalTokenDocument;
use self::duration::duration;
use self::example::{Admin, DecisionLog, Headers, Hosts, Listen, LoadBalancers, Proxies, list, text};
use self::upstreams::{UpstreamDocument, UpstreamMapping};
use crate::headers::identity::Fact;
use crate::proxy::forward::AccessTokenForwarding;
use crate::proxy::stream_end::AfterExpiry;
use crate::server::tls::Expectation;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Document {
    #[serde(deserialize_with = "text::<Listen, _>")]
    pub(super) listen: Option<Spanned<String>>,
    pub(super) tls: Option<Spanned<TlsDocument>>,
    pub(super) upstream: Option<Spanned<UpstreamDocument>>,
    pub(super) upstreams: Option<Spanned<Vec<Spanned<UpstreamMapping>>>>,
    #[serde(deserialize_with = "text::<Admin, _>")]
    pub(super) admin: Option<Spanned<String>>,
    pub(super) audience: Option<Spanned<OneOrMany<Spanned<String>>>>,
    #[serde(deserialize_with = "duration")]
    pub(super) leeway: Option<Spanned<String>>,
    pub(super) resource_metadata: Option<Spanned<String>>,
    pub(super) resources: Option<Spanned<Vec<Spanned<ResourceDocument>>>>,
    #[serde(deserialize_with = "list::<Hosts, _>")]
    pub(super) hosts: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(deserialize_with = "list::<LoadBalancers, _>")]
    pub(super) proxy_protocol: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(deserialize_with = "list::<Proxies, _>")]
    pub(super) trusted_proxies: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) issuers: Option<Spanned<Vec<Spanned<IssuerDocument>>>>,
    pub(super) identity_headers: BTreeMap<Fact, Spanned<String>>,
    pub(super) cors: Option<Spanned<CorsDocument>>,
    #[serde(deserialize_with = "list::<Headers, _>")]
    pub(super) drop_headers: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) access_token: Option<Spanned<AccessTokenForwarding>>,
    pub(super) internal_token: Option<Spanned<InternalTokenDocument>>,
    pub(super) timeouts: TimeoutsDocument,
    pub(super) streams: StreamsDocument,
    pub(super) max_head: Option<Spanned<String>>,
    pub(super) max_connections: Option<Spanned<u32>>,
    #[serde(deserialize_with = "text::<DecisionLog, _>")]
    pub(super) decision_log: Option<Spanned<String>>,
    pub(super) policy: Option<Spanned<String>>,
    pub(super) scopes: Option<Spanned<IgnoredAny>>,
    pub(super) spelling: Option<Spanned<IgnoredAny>>,
    pub(super) mode: Option<Spanned<IgnoredAny>>,
    pub(super) mcp: Option<Spanned<IgnoredAny>>,
    pub(super) groups: Option<Spanned<IgnoredAny>>,
    pub(super) agents: Option<Spanned<IgnoredAny>>,
    pub(super) unregistered_agents: Option<Spanned<IgnoredAny>>,
    pub(super) requirements: Option<Spanned<IgnoredAny>>,
    pub(super) defaults: Option<Spanned<IgnoredAny>>,
    pub(super) routes: Option<Spanned<IgnoredAny>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping\nwrite `- resource: VALUE`")]
pub(super) struct ResourceDocument {
    pub(super) resource: Option<Spanned<String>>,
    pub(super) audience: Option<OneOrMany<Spanned<ResourceAudience>>>,
    pub(super) hosts: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) path: Option<Spanned<String>>,
    pub(super) name: Option<Spanned<String>>,
    pub(super) documentation: Option<Spanned<String>>,
    pub(super) scopes_supported: Option<Vec<Spanned<String>>>,
    pub(super) authorization_servers: Option<Vec<Spanned<String>>>,
    pub(super) resource_metadata: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a mapping\nwrite `- issuer: VALUE`")]
pub(super) struct IssuerDocument {
    pub(super) issuer: Option<Spanned<String>>,
    pub(super) jwks_uri: Option<Spanned<String>>,
    pub(super) jwks_file: Option<Spanned<String>>,
    pub(super) insecure_http: Option<Spanned<bool>>,
    pub(super) ca_file: Option<Spanned<String>>,
    pub(super) token_file: Option<Spanned<String>>,
    pub(super) audience: Option<Spanned<OneOrMany<Spanned<String>>>>,
    pub(super) header: Option<Spanned<String>>,
    pub(super) claims: BTreeMap<String, Spanned<OneOrMany<RequiredValue>>>,
    pub(super) algorithms: Option<Spanned<Vec<AcceptedAlgorithm>>>,
    pub(super) profile: Option<Spanned<Profile>>,
    pub(super) kinds: Option<Kinds>,
    pub(super) agent_clients: Option<Spanned<OneOrMany<Spanned<String>>>>,
    pub(super) chain_completeness: Option<ChainCompleteness>,
    pub(super) prior_actors: Option<PriorActors>,
    pub(super) keys: KeysDocument,
}

#[derive(Debug, Default, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite as in `keys: { refresh: 10m }`"
)]
pub(super) struct KeysDocument {
    #[serde(deserialize_with = "duration")]
    pub(super) refresh: Option<Spanned<String>>,
    #[serde(deserialize_with = "duration")]
    pub(super) cooldown: Option<Spanned<String>>,
    #[serde(deserialize_with = "duration")]
    pub(super) timeout: Option<Spanned<String>>,
    #[serde(deserialize_with = "duration")]
    pub(super) max_stale: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite `cors: { origins: [https://app.example.com] }`"
)]
pub(super) struct CorsDocument {
    pub(super) origins: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) methods: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) headers: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) expose: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(deserialize_with = "duration")]
    pub(super) max_age: Option<Spanned<String>>,
    pub(super) credentials: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite as in `timeouts: { response: 30s }`"
)]
pub(super) struct TimeoutsDocument {
    #[serde(deserialize_with = "duration")]
    pub(super) header: Option<Spanned<String>>,
    #[serde(deserialize_with = "duration")]
    pub(super) keep_alive: Option<Spanned<String>>,
    #[serde(deserialize_with = "duration")]
    pub(super) connect: Option<Spanned<String>>,
    #[serde(deserialize_with = "duration")]
    pub(super) response: Option<Spanned<String>>,
    #[serde(deserialize_with = "duration")]
    pub(super) body: Option<Spanned<String>>,
    #[serde(deserialize_with = "duration")]
    pub(super) drain: Option<Spanned<String>>,
    #[serde(deserialize_with = "duration")]
    pub(super) stream: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite as in `tls: { certificate: tls.crt, key: tls.key }`"
)]
pub(super) struct TlsDocument {
    pub(super) certificate: Option<Spanned<String>>,
    pub(super) key: Option<Spanned<String>>,
    pub(super) further: Option<Vec<Spanned<PairDocument>>>,
    pub(super) client_certificates: Option<Spanned<ClientCertificatesDocument>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite as in `- { certificate: tls.crt, key: tls.key }`"
)]
pub(super) struct PairDocument {
    pub(super) certificate: Option<Spanned<String>>,
    pub(super) key: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite as in `client_certificates: { ca_file: clients.crt, demand: required }`"
)]
pub(super) struct ClientCertificatesDocument {
    pub(super) ca_file: Option<Spanned<String>>,
    pub(super) demand: Expectation,
}

#[derive(Debug, Default, Deserialize)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite as in `streams: { after_expiry: end }`"
)]
pub(super) struct StreamsDocument {
    pub(super) after_expiry: AfterExpiry,
}

/// An audience of a resource.
#[derive(Debug)]
pub(super) enum ResourceAudience {
    /// In the tokens of each issuer that is not named beside it.
    OfEach(String),
    /// In the tokens of the issuers that are the keys.
    Of(BTreeMap<String, Spanned<OneOrMany<Spanned<String>>>>),
}

impl<'de> Deserialize<'de> for ResourceAudience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrMapping;
        impl<'de> Visitor<'de> for TextOrMapping {
            type Value = ResourceAudience;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text\nwrite an audience, or `{ ISSUER: AUDIENCE }` for the tokens of one issuer")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<ResourceAudience, E> {
                Ok(ResourceAudience::OfEach(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ResourceAudience, A::Error> {
                Deserialize::deserialize(MapAccessDeserializer::new(map)).map(ResourceAudience::Of)
            }
        }
        deserializer.deserialize_any(TextOrMapping)
    }
}

/// A value of a required claim.
#[derive(Debug)]
pub(super) struct RequiredValue(pub(super) ClaimValue);

impl<'de> Deserialize<'de> for RequiredValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scalar;
        impl<'de> Visitor<'de> for Scalar {
            type Value = RequiredValue;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a whole number, `true` or `false`, or a list of these")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<RequiredValue, E> {
                Ok(RequiredValue(text.into()))
            }
            fn visit_bool<E: Error>(self, flag: bool) -> Result<RequiredValue, E> {
                Ok(RequiredValue(flag.into()))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<RequiredValue, E> {
                Ok(RequiredValue(number.into()))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<RequiredValue, E> {
                let number = i64::try_from(number);
                let number = number
                    .map_err(|_| E::custom("the number is too large\nwrite it in quotes if the claim is a text"))?;
                Ok(RequiredValue(number.into()))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RequiredValue, A::Error> {
                let key: Option<String> = map.next_key()?;
                let help = match key.as_deref() {
                    Some("equals" | "one_of") => "write the value itself, or a list of accepted values".to_owned(),
                    Some("contains") => {
                        "test a list by a rule of the policy: `claims: { roles: { contains: admin } }`".to_owned()
                    }
                    key => format!(
                        "write a value inside a claim with its path: `/CLAIM/{}: VALUE`",
                        key.unwrap_or("NAME")
                    ),
                };
                Err(A::Error::custom(format!("expected a value, not a mapping\n{help}")))
            }
            fn visit_f64<E: Error>(self, _: f64) -> Result<RequiredValue, E> {
                Err(E::custom(
                    "expected a whole number\nwrite it in quotes if the claim is a text",
                ))
            }
        }
        deserializer.deserialize_any(Scalar)
    }
}

/// An algorithm of signatures. One with a shared secret, and `none`, have a mistake of their own.
#[derive(Debug)]
pub(super) struct AcceptedAlgorithm(pub(super) Algorithm);

impl<'de> Deserialize<'de> for AcceptedAlgorithm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        let upper = word.to_ascii_uppercase();
        let what = match &*upper {
            "HS256" | "HS384" | "HS512" => "is a shared secret",
            "NONE" => "is no signature",
            _ => return Algorithm::deserialize(word.into_deserializer()).map(AcceptedAlgorithm),
        };
        let names = Algorithm::all().iter().map(|algorithm| format!("`{algorithm:?}`"));
        let names = names.collect::<Vec<_>>().join(", ");
        let help = format!("the issuer signs with one of {names}");
        Err(D::Error::custom(format!(
            "`{word}` {what}, which is never accepted\n{help}"
        )))
    }
}
