//! The structure of an entry of `issuers`.

use std::collections::BTreeMap;
use std::fmt;

use actgate::ClaimValue;
use actgate::keys::Algorithm;
use actgate::profile::{ChainCompleteness, Kinds, PriorActors, Profile};
use actgate_yaml::{OneOrMany, Spanned};
use serde::Deserialize;
use serde::de::{Deserializer, Error, IntoDeserializer, MapAccess, Visitor};

use super::duration::duration;
use super::introspection::IntrospectionDocument;
#[cfg(test)]
use super::schema;

/// An authorization server whose tokens are accepted.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, expecting = "a mapping\nwrite `- issuer: VALUE`")]
#[cfg_attr(test, schemars(extend("required" = ["issuer"])))]
pub(in crate::config) struct IssuerDocument {
    /// Its identifier, as `iss` has it.
    /// Example: `https://idp.example.com`
    #[cfg_attr(test, schemars(length(min = 1)))]
    pub(in crate::config) issuer: Option<Spanned<String>>,
    /// The address of its keys. Default: by discovery.
    /// Example: `https://idp.example.com/jwks`
    pub(in crate::config) jwks_uri: Option<Spanned<String>>,
    /// A file with its keys, relative to this one: a start without network.
    /// Example: `keys.json`
    pub(in crate::config) jwks_file: Option<Spanned<String>>,
    /// Whether keys are fetched over plain http from any host, which each start warns of. Default: https, or http on
    /// loopback.
    /// Example: `true`
    pub(in crate::config) insecure_http: Option<Spanned<bool>>,
    /// Roots (PEM) for the addresses of this issuer alone. Default: those of the system.
    /// Example: `ca.crt`
    pub(in crate::config) ca_file: Option<Spanned<String>>,
    /// A file that is read at each fetch and sent as bearer token to the origin of `jwks_uri`, or without it of the issuer,
    /// and to no other.
    /// Example: `token`
    pub(in crate::config) token_file: Option<Spanned<String>>,
    /// The audience in the tokens of this issuer, in place of the one of the gate; one, or a list.
    /// Example: `1h57kf5cpq17m0eml12EXAMPLE`
    #[cfg_attr(test, schemars(with = "Option<OneOrMany<schema::Identifier>>", extend("x-non-empty" = true)))]
    pub(in crate::config) audience: Option<Spanned<OneOrMany<Spanned<String>>>>,
    /// The header that its tokens are in, alone and without a scheme. Default: Authorization.
    /// Example: `Cf-Access-Jwt-Assertion`
    pub(in crate::config) header: Option<Spanned<String>>,
    /// Claims that every token must have: a text, a whole number, a boolean or a list of these. Needed where tenants share
    /// an issuer. Default: none.
    /// Example: `{ tenant: '4711' }`
    #[cfg_attr(test, schemars(with = "BTreeMap<String, RequiredValues>"))]
    pub(in crate::config) claims: BTreeMap<String, Spanned<OneOrMany<RequiredValue>>>,
    /// The accepted algorithms of signatures. Default: every asymmetric algorithm.
    /// Example: `[ES256, RS256]`
    #[cfg_attr(test, schemars(with = "Option<Vec<schema::Algorithm>>", length(min = 1)))]
    pub(in crate::config) algorithms: Option<Spanned<Vec<AcceptedAlgorithm>>>,
    /// How its tokens are written: a preset that `actgate issuers` lists, or a mapping of parts that differ from one.
    /// Default: rfc9068.
    /// Example: `keycloak`
    /// Example: `{ preset: keycloak, subject: email }`
    pub(in crate::config) profile: Option<Spanned<Profile>>,
    /// Evidence of `human`, `agent` and `service` by subject, client or claims, beside that of the profile. Default: none.
    /// Example: `{ service: [{ client: batch }] }`
    pub(in crate::config) kinds: Option<Kinds>,
    /// Clients that are agents and act for the subject; one, or a list. Default: none.
    /// Example: `[assistant]`
    #[cfg_attr(test, schemars(extend("x-non-empty" = true)))]
    pub(in crate::config) agent_clients: Option<Spanned<OneOrMany<Spanned<String>>>>,
    /// Which actors the tokens of the issuer contain. Default: by the profile.
    /// Example: `complete`
    pub(in crate::config) chain_completeness: Option<ChainCompleteness>,
    /// How prior actors are used. Default: `audit`.
    /// Example: `enforce`
    pub(in crate::config) prior_actors: Option<PriorActors>,
    pub(in crate::config) keys: KeysDocument,
    pub(in crate::config) introspection: Option<Spanned<IntrospectionDocument>>,
}

/// When the keys of the issuer are fetched.
/// Example: `{ refresh: 10m, cooldown: 10s, timeout: 5s, max_stale: 24h }`
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a mapping\nwrite as in `keys: { refresh: 10m }`"
)]
pub(in crate::config) struct KeysDocument {
    /// How long a key set is used before it is fetched again, at most; a shorter `max-age` of the issuer counts, from one minute
    /// on. Default: 10m.
    /// Example: `10m`
    #[serde(deserialize_with = "duration")]
    #[cfg_attr(test, schemars(with = "Option<schema::Duration>"))]
    pub(in crate::config) refresh: Option<Spanned<String>>,
    /// The least time between two fetches for unknown keys. Default: 10s.
    /// Example: `10s`
    #[serde(deserialize_with = "duration")]
    #[cfg_attr(test, schemars(with = "Option<schema::Duration>"))]
    pub(in crate::config) cooldown: Option<Spanned<String>>,
    /// The time for a fetch. Default: 5s.
    /// Example: `5s`
    #[serde(deserialize_with = "duration")]
    #[cfg_attr(test, schemars(with = "Option<schema::Duration>"))]
    pub(in crate::config) timeout: Option<Spanned<String>>,
    /// How long the last good key set is used while no fetch succeeds. Default: 24h.
    /// Example: `24h`
    #[serde(deserialize_with = "duration")]
    #[cfg_attr(test, schemars(with = "Option<schema::Duration>"))]
    pub(in crate::config) max_stale: Option<Spanned<String>>,
}

/// A value of a required claim.
#[derive(Debug)]
pub(in crate::config) struct RequiredValue(pub(in crate::config) ClaimValue);

/// The values of a required claim, as a document has them.
#[cfg(test)]
struct RequiredValues;

#[cfg(test)]
actgate_yaml::schema_of! { |generator|
    /// A value, or a list of accepted ones.
    RequiredValues = "ClaimValues", { "anyOf": [
        generator.subschema_for::<RequiredValue>(),
        { "type": "array", "minItems": 1, "items": generator.subschema_for::<RequiredValue>() },
    ] };
    /// A text, a whole number, `true` or `false`.
    RequiredValue = "ClaimValue", { "type": ["string", "integer", "boolean"] };
}

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
pub(in crate::config) struct AcceptedAlgorithm(pub(in crate::config) Algorithm);

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
