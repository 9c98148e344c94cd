//! The small words of the written policy: where one value or a list may stand, and who is meant by a name.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};

use crate::chain::Kind;
use crate::yaml::{At, present};

/// One value or a list of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OneOrMany<T>(pub(super) Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = OneOrMany<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one value or a list of them")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<OneOrMany<T>, E> {
                T::deserialize(serde::de::value::StrDeserializer::new(text)).map(|one| OneOrMany(vec![one]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<OneOrMany<T>, A::Error> {
                let mut many = Vec::new();
                while let Some(item) = items.next_element()? {
                    many.push(item);
                }
                Ok(OneOrMany(many))
            }
        }
        deserializer.deserialize_any(Items(std::marker::PhantomData))
    }
}

/// A party in a list: a bare name is one of the token's own issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartyName {
    pub(super) issuer: Option<Box<str>>,
    pub(super) subject: Box<str>,
}

impl<'de> Deserialize<'de> for PartyName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Pair {
            issuer: Box<str>,
            subject: Box<str>,
        }
        struct Name;
        impl<'de> Visitor<'de> for Name {
            type Value = PartyName;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the `sub` of a party, or `{ issuer: …, subject: … }`")
            }
            fn visit_str<E: serde::de::Error>(self, subject: &str) -> Result<PartyName, E> {
                Ok(PartyName {
                    issuer: None,
                    subject: named(subject)?,
                })
            }
            fn visit_map<A: MapAccess<'de>>(self, pair: A) -> Result<PartyName, A::Error> {
                let pair = Pair::deserialize(MapAccessDeserializer::new(pair))?;
                Ok(PartyName {
                    issuer: Some(named(&pair.issuer)?),
                    subject: named(&pair.subject)?,
                })
            }
        }
        deserializer.deserialize_any(Name)
    }
}

fn named<E: serde::de::Error>(text: &str) -> Result<Box<str>, E> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err(E::custom("a name is empty or holds control characters"));
    }
    Ok(text.into())
}

/// `scopes:` as a list, all of which are demanded, or as a mapping.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scopes {
    pub(super) all_of: Option<Vec<Box<str>>>,
    pub(super) any_of: Option<Vec<Box<str>>>,
    pub(super) none_of: Option<Vec<Box<str>>>,
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Mapping {
            #[serde(default, deserialize_with = "present")]
            all_of: Option<Vec<Box<str>>>,
            #[serde(default, deserialize_with = "present")]
            any_of: Option<Vec<Box<str>>>,
            #[serde(default, deserialize_with = "present")]
            none_of: Option<Vec<Box<str>>>,
        }
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Scopes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of scopes, or `all_of`, `any_of`, `none_of` with one")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Scopes, A::Error> {
                let all_of = Vec::deserialize(serde::de::value::SeqAccessDeserializer::new(items))?;
                Ok(Scopes {
                    all_of: Some(all_of),
                    ..Scopes::default()
                })
            }
            fn visit_map<A: MapAccess<'de>>(self, mapping: A) -> Result<Scopes, A::Error> {
                let Mapping {
                    all_of,
                    any_of,
                    none_of,
                } = Mapping::deserialize(MapAccessDeserializer::new(mapping))?;
                Ok(Scopes {
                    all_of,
                    any_of,
                    none_of,
                })
            }
        }
        let scopes = deserializer.deserialize_any(Either)?;
        let every = [&scopes.all_of, &scopes.any_of, &scopes.none_of];
        // RFC 6749 section 3.3: anything else could never stand in a token, or would stand there as two scopes.
        let is_scope = |word: &str| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
        };
        if every.into_iter().flatten().flatten().any(|word| !is_scope(word)) {
            return Err(D::Error::custom(
                "a scope is one word of printable ASCII without quotes or backslashes",
            ));
        }
        Ok(scopes)
    }
}

/// A value that a claim is compared with. Text, whole numbers and booleans never equal each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scalar(pub(super) serde_json::Value);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            value @ (serde_json::Value::String(_) | serde_json::Value::Bool(_)) => Ok(Scalar(value)),
            serde_json::Value::Number(number) if !number.is_f64() => Ok(Scalar(number.into())),
            _ => Err(D::Error::custom(
                "a claim is compared with text, a whole number, true or false",
            )),
        }
    }
}

/// What a claim must be: a bare value stands for `equals`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ClaimWords {
    pub(super) equals: Option<Scalar>,
    pub(super) one_of: Option<Vec<Scalar>>,
    pub(super) contains: Option<Scalar>,
}

impl<'de> Deserialize<'de> for ClaimWords {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Mapping {
            #[serde(default, deserialize_with = "present")]
            equals: Option<Scalar>,
            #[serde(default, deserialize_with = "present")]
            one_of: Option<Vec<Scalar>>,
            #[serde(default, deserialize_with = "present")]
            contains: Option<Scalar>,
        }
        struct Either;
        impl Either {
            fn equals<E: serde::de::Error>(value: impl Into<serde_json::Value>) -> Result<ClaimWords, E> {
                Ok(ClaimWords {
                    equals: Some(Scalar(value.into())),
                    one_of: None,
                    contains: None,
                })
            }
        }
        impl<'de> Visitor<'de> for Either {
            type Value = ClaimWords;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value, or `equals`, `one_of`, `contains` with one")
            }
            fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<ClaimWords, E> {
                Either::equals(value)
            }
            fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<ClaimWords, E> {
                Either::equals(value)
            }
            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<ClaimWords, E> {
                Either::equals(value)
            }
            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<ClaimWords, E> {
                Either::equals(value)
            }
            fn visit_map<A: MapAccess<'de>>(self, mapping: A) -> Result<ClaimWords, A::Error> {
                let Mapping {
                    equals,
                    one_of,
                    contains,
                } = Mapping::deserialize(MapAccessDeserializer::new(mapping))?;
                Ok(ClaimWords {
                    equals,
                    one_of,
                    contains,
                })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// A length of time such as `5m` or `1h 30m`: whole seconds, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seconds(pub(super) u64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let refuse =
            || D::Error::custom("expected a length of time of at least one second, such as `30s`, `5m` or `1h`");
        let length: Duration = humantime::parse_duration(&text).map_err(|_| refuse())?;
        if length.subsec_nanos() != 0 || length.is_zero() {
            return Err(refuse());
        }
        Ok(Seconds(length.as_secs()))
    }
}

/// A list of names, each with its place.
pub(super) type Names = Vec<At<PartyName>>;
/// One kind or several.
pub(super) type Kinds = OneOrMany<Kind>;
