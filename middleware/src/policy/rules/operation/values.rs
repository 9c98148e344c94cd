//! The tests on one value: how they are written, and what they accept.

use std::fmt;

use actgate_yaml::Span;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::glob::Glob;
use crate::decimal::Decimal;
use crate::json::Json;
use crate::look::Look;
use crate::policy::change::Value;
use crate::policy::exact;
use crate::policy::rules::bound::{Bound, FRACTION};
use crate::policy::syntax::{Context, joined};
use crate::request::BodyValue;
use crate::token::ExactValue;

/// The test of one value. A bare value is `equals`. Texts are compared byte for byte, numbers exactly.
/// Example: `EUR`
/// Example: `{ min: 0, max: 500 }`
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename = "shorthand equals", deny_unknown_fields)]
#[cfg_attr(feature = "schema", schemars(rename = "ValueTest", extend("x-shorthand" = "equals", "minProperties" = 1)))]
pub(super) struct TestDocument {
    /// The value is this one: a text, a whole number, `true` or `false`.
    /// Example: `EUR`
    equals: Option<Scalar>,
    /// The value is one of these.
    /// Example: `[EUR, USD]`
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    one_of: Option<Vec<Scalar>>,
    /// The value is a number of at least this.
    /// Example: `0`
    min: Option<Bound>,
    /// The value is a number of at most this, negative ones included: write `min: 0` beside it. A number with a fraction is
    /// written in quotes.
    /// Example: `500`
    /// Example: `'0.5'`
    max: Option<Bound>,
    /// The whole text matches, where `*` is any text, also an empty one.
    /// Example: `EU-*`
    matches: Option<Glob>,
    /// The value is exactly this text, which looks like a pattern.
    /// Example: `'a*b'`
    literal: Option<String>,
}

/// A value that is compared with its type: texts byte for byte, numbers exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Scalar {
    Text(Box<str>),
    Number(Decimal),
    Flag(bool),
}

#[cfg(feature = "schema")]
actgate_yaml::schema_of! { |generator|
    /// A value that is compared with its type.
    Scalar = "Value", { "anyOf": [
        generator.subschema_for::<exact::ExactText>(),
        { "type": "string", "maxLength": 0 },
        { "type": ["integer", "boolean"] },
        generator.subschema_for::<exact::Literal>(),
    ] };
}

/// What a value has to be.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) enum ValueTest {
    OneOf(Box<[Scalar]>),
    Between { min: Option<Decimal>, max: Option<Decimal> },
    Matches(Glob),
}

impl TestDocument {
    /// The `max` without a `min`; one below zero is meant to be met by negative numbers.
    pub(super) fn open_max(&self) -> Option<String> {
        match (&self.min, &self.max) {
            (None, Some(Bound(most))) => Some(most.to_string()).filter(|most| !most.starts_with('-')),
            _ => None,
        }
    }
}

impl ValueTest {
    /// Whether there is a least number that it accepts.
    pub(super) fn has_least(&self) -> bool {
        match self {
            ValueTest::OneOf(_) => true,
            ValueTest::Between { min, .. } => min.is_some(),
            ValueTest::Matches(_) => false,
        }
    }

    pub(super) fn compile(
        document: &TestDocument,
        span: Span,
        name: &str,
        context: &mut Context<'_>,
    ) -> Option<ValueTest> {
        let bound = |bound: &Option<Bound>| bound.as_ref().map(|Bound(number)| number.clone());
        match document {
            TestDocument {
                equals: None,
                one_of: None,
                min,
                max,
                matches: None,
                literal: None,
            } if min.is_some() || max.is_some() => {
                let (min, max) = (bound(min), bound(max));
                if let (Some(least), Some(most)) = (&min, &max)
                    && least > most
                {
                    let message = format!("no number is at least {least} and at most {most}");
                    context.mistake(span, message, "exchange `min` and `max`");
                    return None;
                }
                Some(ValueTest::Between { min, max })
            }
            TestDocument {
                equals,
                one_of,
                min: None,
                max: None,
                matches,
                literal,
            } => match (equals, one_of.as_deref(), matches, literal) {
                (Some(value), None, None, None) => Some(ValueTest::OneOf([value.clone()].into())),
                (None, Some(values @ [_, ..]), None, None) => Some(ValueTest::OneOf(values.into())),
                (None, None, Some(glob), None) => Some(ValueTest::Matches(glob.clone())),
                (None, None, None, Some(text)) => Some(ValueTest::OneOf([Scalar::Text((**text).into())].into())),
                _ => one_test(span, name, context),
            },
            _ => one_test(span, name, context),
        }
    }

    /// Whether whatever meets this test meets the other one. The values of parameters are texts.
    pub(super) fn implies(&self, other: &ValueTest, of_parameter: bool) -> bool {
        match (self, other) {
            (ValueTest::OneOf(values), other) => values.iter().all(|value| other.accepts_scalar(value, of_parameter)),
            (ValueTest::Between { min, max }, ValueTest::Between { min: least, max: most }) => {
                let above = least.is_none() || min >= least;
                above
                    && most
                        .as_ref()
                        .is_none_or(|most| max.as_ref().is_some_and(|max| max <= most))
            }
            (one, other) => one == other,
        }
    }

    /// Whether nothing meets both tests, as far as that is known.
    pub(super) fn excludes(&self, other: &ValueTest, of_parameter: bool) -> bool {
        match (self, other) {
            (ValueTest::OneOf(values), test) | (test, ValueTest::OneOf(values)) => {
                !values.iter().any(|value| test.accepts_scalar(value, of_parameter))
            }
            (ValueTest::Between { min, max }, ValueTest::Between { min: least, max: most }) => {
                let is_above = |min: &Option<Decimal>, max: &Option<Decimal>| matches!((min, max), (Some(min), Some(max)) if min > max);
                is_above(min, most) || is_above(least, max)
            }
            (ValueTest::Between { .. }, ValueTest::Matches(_)) | (ValueTest::Matches(_), ValueTest::Between { .. }) => {
                !of_parameter
            }
            (ValueTest::Matches(_), ValueTest::Matches(_)) => false,
        }
    }

    /// Whether a value of a rule is accepted.
    fn accepts_scalar(&self, value: &Scalar, of_parameter: bool) -> bool {
        match (self, value) {
            (ValueTest::OneOf(accepted), value) => accepted.contains(value),
            (test, Scalar::Text(text)) if of_parameter => test.accepts_text(text),
            (ValueTest::Between { .. }, Scalar::Number(number)) => self.accepts_number(Some(number.clone())),
            (ValueTest::Matches(glob), Scalar::Text(text)) => glob.accepts(text),
            _ => false,
        }
    }

    pub(super) fn reads_other_than_text(&self) -> bool {
        match self {
            ValueTest::OneOf(values) => values.iter().any(|value| !matches!(value, Scalar::Text(_))),
            ValueTest::Between { .. } | ValueTest::Matches(_) => false,
        }
    }

    /// Whether a value of a body is accepted; one of another type is not.
    pub(super) fn accepts(&self, value: &BodyValue<'_>) -> bool {
        match (self, value) {
            (ValueTest::OneOf(accepted), value) => accepted.iter().any(|own| own.is(value)),
            (ValueTest::Between { .. }, Json::Number(written)) => self.accepts_number(Decimal::read(written)),
            (ValueTest::Matches(glob), Json::String(text)) => glob.accepts(text),
            _ => false,
        }
    }

    /// Whether the text of a parameter is accepted.
    pub(super) fn accepts_text(&self, text: &str) -> bool {
        match self {
            ValueTest::OneOf(accepted) => accepted
                .iter()
                .any(|own| matches!(own, Scalar::Text(own) if **own == *text)),
            // Some servers read the digits before an exponent alone.
            ValueTest::Between { .. } => self.accepts_number(Decimal::read_plain(text)),
            ValueTest::Matches(glob) => glob.accepts(text),
        }
    }

    fn accepts_number(&self, number: Option<Decimal>) -> bool {
        let ValueTest::Between { min, max } = self else {
            return false;
        };
        number.is_some_and(|number| {
            min.as_ref().is_none_or(|least| number >= *least) && max.as_ref().is_none_or(|most| number <= *most)
        })
    }
}

fn one_test(span: Span, name: &str, context: &mut Context<'_>) -> Option<ValueTest> {
    let message = format!("`{}` needs one test", exact::shown(name));
    let help = "write a value, or one of `equals`, `one_of` (not empty), `matches`, or `min` and `max`";
    context.mistake_if_whole(span, message, help);
    None
}

impl Scalar {
    fn is(&self, value: &BodyValue<'_>) -> bool {
        match (self, value) {
            (Scalar::Text(own), Json::String(text)) => **own == **text,
            (Scalar::Number(own), Json::Number(written)) => Decimal::read(written).is_some_and(|number| number == *own),
            (Scalar::Flag(own), Json::Bool(flag)) => own == flag,
            _ => false,
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyScalar;
        impl<'de> Visitor<'de> for AnyScalar {
            type Value = Scalar;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a whole number, `true` or `false`\nwrite several values under `one_of`")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Scalar, E> {
                check(text).map(|()| Scalar::Text(text.into()))
            }
            fn visit_bool<E>(self, flag: bool) -> Result<Scalar, E> {
                Ok(Scalar::Flag(flag))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
                Ok(Scalar::Number(number.into()))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
                Ok(Scalar::Number(number.into()))
            }
            fn visit_f64<E: Error>(self, _: f64) -> Result<Scalar, E> {
                Err(E::custom(FRACTION))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Scalar, A::Error> {
                exact::literal(map).map(|text| Scalar::Text(text.into()))
            }
        }
        deserializer.deserialize_any(AnyScalar)
    }
}

/// Rejects a text that looks like a pattern: it would be compared as it is.
fn check<E: Error>(text: &str) -> Result<(), E> {
    let (shown, quoted) = (exact::shown(text), exact::quoted(text));
    let literal = format!("`{{ literal: {quoted} }}` is exactly this text");
    Err(E::custom(match Look::of(text) {
        None => return Ok(()),
        Some(Look::Several) => {
            format!("`{shown}` is one value that looks like several\nwrite each under `one_of`; {literal}")
        }
        Some(Look::Blank) => format!(
            "`{shown}` begins or ends with a blank\nwrite `{}`; {literal}",
            shown.trim()
        ),
        Some(Look::Template) => {
            format!("`{shown}` is a template, and variables are not replaced\nwrite the value itself; {literal}")
        }
        Some(Look::Any | Look::Pattern) => format!(
            "`{shown}` is a pattern, and values are compared as they are\nwrite `{{ matches: 'a*' }}` for a pattern; {literal}"
        ),
    }))
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Text(text) => write!(f, "{text:?}"),
            Scalar::Number(number) => number.fmt(f),
            Scalar::Flag(flag) => flag.fmt(f),
        }
    }
}

/// As `explain` shows it.
impl fmt::Display for ValueTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValueTest::OneOf(accepted) => f.write_str(&joined(&**accepted, " or ")),
            ValueTest::Between { min, max } => match (min, max) {
                (Some(min), Some(max)) => write!(f, "a number from {min} to {max}"),
                (Some(min), None) => write!(f, "a number of at least {min}"),
                (None, Some(max)) => write!(f, "a number of at most {max}"),
                (None, None) => f.write_str("a number"),
            },
            ValueTest::Matches(glob) => write!(f, "a text that matches {glob}"),
        }
    }
}

impl ValueTest {
    /// The values of a test that accepts these alone; [`None`] of one that reads the value itself.
    pub(super) fn compared(&self) -> Option<Vec<ExactValue>> {
        let value = |scalar: &Scalar| match scalar {
            Scalar::Text(text) => ExactValue::Text(text.clone()),
            Scalar::Number(number) => ExactValue::Number(number.to_string().into()),
            Scalar::Flag(flag) => ExactValue::Bool(*flag),
        };
        match self {
            ValueTest::OneOf(accepted) => Some(accepted.iter().map(value).collect()),
            ValueTest::Between { .. } | ValueTest::Matches(_) => None,
        }
    }

    /// Each of the values that are accepted, or the test as a whole where it lists none, as `explain` shows it.
    pub(super) fn in_words(&self) -> Vec<String> {
        match self {
            ValueTest::OneOf(accepted) => accepted.iter().map(ToString::to_string).collect(),
            ValueTest::Between { .. } | ValueTest::Matches(_) => vec![self.to_string()],
        }
    }

    /// Texts of a parameter that are accepted.
    pub(super) fn texts(&self) -> Vec<Box<str>> {
        match self {
            ValueTest::OneOf(accepted) => {
                let text = |scalar: &Scalar| match scalar {
                    Scalar::Text(text) => Some(text.clone()),
                    Scalar::Number(_) | Scalar::Flag(_) => None,
                };
                accepted.iter().filter_map(text).collect()
            }
            ValueTest::Between { .. } => self.bound().into_iter().collect(),
            ValueTest::Matches(glob) => vec![glob.example()],
        }
    }

    /// Values of a body that are accepted.
    pub(super) fn values(&self) -> Vec<Value> {
        match self {
            ValueTest::OneOf(accepted) => {
                let value = |scalar: &Scalar| match scalar {
                    Scalar::Text(text) => Value::Text(text.clone()),
                    Scalar::Number(number) => Value::Number(number.to_string().into()),
                    Scalar::Flag(flag) => Value::Held(*flag),
                };
                accepted.iter().map(value).collect()
            }
            ValueTest::Between { .. } => self.bound().into_iter().map(Value::Number).collect(),
            ValueTest::Matches(glob) => vec![Value::Text(glob.example())],
        }
    }

    /// The greatest number that is accepted, or else the least one.
    fn bound(&self) -> Option<Box<str>> {
        match self {
            ValueTest::Between { min, max } => max.as_ref().or(min.as_ref()).map(|number| number.to_string().into()),
            ValueTest::OneOf(_) | ValueTest::Matches(_) => None,
        }
    }
}
