//! The written form of a test on the value of a claim.

use std::fmt;

use actgate_yaml::OneOrMany;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::claim_name::ClaimName;
use super::claim_test::ClaimTest;
use super::entity_profile::EntityProfile;
use super::scalar::Scalar;

/// Most values in one test.
const MAX_VALUES: usize = 256;

const EXPECTED: &str = "a value, a list of values, or one test\n\
    write a text, or `{ present: true }`, `{ prefix: VALUE }`, or another test of the documentation";

/// A test in its long form: exactly one of the keys.
#[derive(Default, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(
    feature = "schema",
    schemars(rename = "EvidenceTest", extend("minProperties" = 1, "maxProperties" = 1))
)]
struct TestDocument {
    /// The claim is one of these values: texts, whole numbers, `true` or `false`.
    /// Example: `[premium, gold]`
    #[cfg_attr(feature = "schema", schemars(extend("x-non-empty" = true)))]
    one_of: Option<OneOrMany<Scalar>>,
    /// The claim is this text, which may look like a pattern.
    /// Example: `a*`
    literal: Option<Box<str>>,
    /// The claim is a number, or a text, a list or an object that is not empty.
    /// Example: `true`
    present: Option<True>,
    /// The claim is not there. It proves neither a person nor an access token alone.
    /// Example: `true`
    absent: Option<True>,
    /// The claim is a text that begins so.
    /// Example: `service-account-`
    prefix: Option<Part>,
    /// The claim is a text that does not begin so, without case.
    /// Example: `service-account-`
    not_prefix: Option<Part>,
    /// The claim is a text that ends so.
    /// Example: `'@clients'`
    suffix: Option<Part>,
    /// The claim has this word among words separated by one space, or among the texts of a list, without case.
    /// Example: `agent`
    word: Option<Word>,
    /// The claim does not have this word, or is not there.
    /// Example: `agent`
    not_word: Option<Word>,
    /// The claim has this whole number among words separated by one space.
    /// Example: `13`
    facet: Option<u64>,
    /// The claim does not have this whole number, or is not there.
    /// Example: `13`
    not_facet: Option<u64>,
    /// The claim is a list with this value.
    /// Example: `machine`
    contains: Option<Scalar>,
    entity_profile: Option<EntityProfile>,
    /// The claim is a text, and the other claim has the same.
    /// Example: `client_id`
    same_as: Option<ClaimName>,
    /// The claim is a text, and the other claim has another.
    /// Example: `client_id`
    not_same_as: Option<ClaimName>,
}

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// A value, a list of values, or one test.
    ClaimTest = "EvidenceTestOrValues", { "anyOf": [
        generator.subschema_for::<Scalar>(),
        { "type": "array", "minItems": 1, "maxItems": MAX_VALUES, "items": generator.subschema_for::<Scalar>() },
        generator.subschema_for::<TestDocument>(),
    ] };
    /// The part of a text, without a blank at an end.
    Part = "TextPart", { "type": "string", "pattern": r"^\S(.*\S)?$" };
    /// One word.
    Word = "TextWord", { "type": "string", "pattern": r"^\S+$" };
    /// `true`.
    True = "Always", { "const": true };
}

/// A part of a text, without a blank at an end.
struct Part(Box<str>);

/// One word.
struct Word(Box<str>);

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.trim() == text && !text.is_empty() {
            true => Ok(Part(text.into())),
            false => Err(D::Error::custom(
                "the part of a text is not blank and has no blank at an end\nwrite a part of the value of the claim",
            )),
        }
    }
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Part(text) = Part::deserialize(deserializer)?;
        match text.contains(char::is_whitespace) {
            false => Ok(Word(text)),
            true => Err(D::Error::custom(format!(
                "`{text}` is more than one word\nwrite one word, or a test for each"
            ))),
        }
    }
}

/// The word `true`.
struct True;

impl<'de> Deserialize<'de> for True {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match bool::deserialize(deserializer)? {
            true => Ok(True),
            false => Err(D::Error::custom(
                "only `true` has a meaning here\nwrite `{ present: true }` or `{ absent: true }`",
            )),
        }
    }
}

impl<'de> Deserialize<'de> for ClaimTest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyTest;
        impl<'de> Visitor<'de> for AnyTest {
            type Value = ClaimTest;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ClaimTest, E> {
                one(serde::de::value::StrDeserializer::new(text))
            }
            fn visit_bool<E: serde::de::Error>(self, flag: bool) -> Result<ClaimTest, E> {
                one(serde::de::value::BoolDeserializer::new(flag))
            }
            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<ClaimTest, E> {
                one(serde::de::value::I64Deserializer::new(number))
            }
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<ClaimTest, E> {
                one(serde::de::value::U64Deserializer::new(number))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<ClaimTest, A::Error> {
                let values = Vec::deserialize(SeqAccessDeserializer::new(items))?;
                one_of(values)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ClaimTest, A::Error> {
                let document = TestDocument::deserialize(MapAccessDeserializer::new(map))?;
                document.into_test()
            }
        }
        deserializer.deserialize_any(AnyTest)
    }
}

fn one<'de, D: Deserializer<'de>>(scalar: D) -> Result<ClaimTest, D::Error> {
    Ok(ClaimTest::OneOf([Scalar::deserialize(scalar)?].into()))
}

fn one_of<E: serde::de::Error>(values: Vec<Scalar>) -> Result<ClaimTest, E> {
    match values.len() {
        0 => Err(E::custom(
            "no value meets an empty list\nwrite at least one value, or `{ present: true }`",
        )),
        1..=MAX_VALUES => Ok(ClaimTest::OneOf(values.into())),
        _ => Err(E::custom(format!(
            "the list has more than {MAX_VALUES} values\nwrite fewer"
        ))),
    }
}

impl TestDocument {
    fn into_test<E: serde::de::Error>(self) -> Result<ClaimTest, E> {
        let part = |part: Option<Part>, test: fn(Box<str>) -> ClaimTest| part.map(|Part(part)| test(part));
        let word = |word: Option<Word>, test: fn(Box<str>) -> ClaimTest| word.map(|Word(word)| test(word));
        let tests = [
            self.one_of.map(|OneOrMany(values)| one_of(values)).transpose()?,
            self.literal.map(|text| ClaimTest::OneOf([Scalar::Text(text)].into())),
            self.present.map(|True| ClaimTest::Present),
            self.absent.map(|True| ClaimTest::Absent),
            part(self.prefix, ClaimTest::Prefix),
            part(self.not_prefix, ClaimTest::NotPrefix),
            part(self.suffix, ClaimTest::Suffix),
            word(self.word, ClaimTest::Word),
            word(self.not_word, ClaimTest::NotWord),
            self.facet.map(ClaimTest::Facet),
            self.not_facet.map(ClaimTest::NotFacet),
            self.contains.map(ClaimTest::Contains),
            self.entity_profile.map(ClaimTest::EntityProfile),
            self.same_as.map(ClaimTest::SameAs),
            self.not_same_as.map(ClaimTest::NotSameAs),
        ];
        let mut tests = tests.into_iter().flatten();
        match (tests.next(), tests.next()) {
            (Some(test), None) => Ok(test),
            (None, _) => Err(E::custom("there is no test\nwrite one, as in `{ present: true }`")),
            (Some(_), Some(_)) => Err(E::custom(
                "a claim has one test here\nwrite one, or a list of the values that are accepted",
            )),
        }
    }
}
