//! Tests on one member of a JSON object: exact, without rounding a number.

use std::cmp::Ordering;
use std::fmt;

use actgate_yaml::Spanned;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde_json::Value;

use super::member_path::MemberPath;
use super::scalar::Scalar;
use crate::claim_path::DottedPath;
use crate::decimal::Decimal;
use crate::policy::exact;
use crate::policy::syntax::{Context, joined};
use crate::token::ExactValue;

/// The test of one member; a bare value is `equals`.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(rename = "shorthand equals", deny_unknown_fields)]
pub(super) struct MemberDocument {
    equals: Option<Scalar>,
    one_of: Option<Vec<Scalar>>,
    contains: Option<Scalar>,
    min: Option<Bound>,
    max: Option<Bound>,
    /// A text that looks like a pattern.
    literal: Option<String>,
}

/// A number that a value is compared with: a whole number, or any decimal number in quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Bound(Box<str>);

impl<'de> Deserialize<'de> for Bound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Bound;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, or another number in quotes\nwrite it as `500` or `\"499.50\"`")
            }
            fn visit_u64<E>(self, value: u64) -> Result<Bound, E> {
                Ok(Bound(value.to_string().into()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Bound, E> {
                Ok(Bound(value.to_string().into()))
            }
            fn visit_f64<E: Error>(self, _: f64) -> Result<Bound, E> {
                Err(E::custom(
                    "a number with a fraction would be rounded here\nwrite it in quotes, as `\"499.50\"`",
                ))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Bound, E> {
                match Decimal::read_plain(text) {
                    Some(_) => Ok(Bound(text.into())),
                    None => Err(E::custom(format!(
                        "`{}` is not a decimal number\nwrite it as `500` or `\"499.50\"`",
                        exact::shown(text)
                    ))),
                }
            }
        }
        deserializer.deserialize_any(Number)
    }
}

impl Bound {
    /// How a value compares with the bound; [`None`] for a value that is no number. A text is a number as an amount is written
    /// (RFC 9396 section 2): `"123.50"`.
    fn compare(&self, value: &ExactValue) -> Option<Ordering> {
        let value = match value {
            ExactValue::Number(text) => Decimal::read(text)?,
            ExactValue::Text(text) => Decimal::read_plain(text)?,
            _ => return None,
        };
        Some(value.cmp(&Decimal::read_plain(&self.0)?))
    }
}

/// A value that a member equals. Text, numbers and booleans never equal each other.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Bool(bool),
    Number(Box<str>),
    Text(Box<str>),
}

impl Wanted {
    fn of(scalar: &Scalar) -> Self {
        match scalar.value() {
            Value::Bool(value) => Wanted::Bool(*value),
            Value::String(text) => Wanted::Text((&**text).into()),
            number => Wanted::Number(number.to_string().into()),
        }
    }

    fn equals(&self, value: &ExactValue) -> bool {
        match (self, value) {
            (Wanted::Bool(wanted), ExactValue::Bool(value)) => wanted == value,
            (Wanted::Text(wanted), ExactValue::Text(text)) => wanted == text,
            (Wanted::Number(wanted), ExactValue::Number(text)) => {
                let (wanted, value) = (Decimal::read(wanted), Decimal::read(text));
                wanted.zip(value).is_some_and(|(wanted, value)| wanted == value)
            }
            _ => false,
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wanted::Bool(value) => value.fmt(f),
            Wanted::Number(text) => text.fmt(f),
            Wanted::Text(text) => Value::from(&**text).fmt(f),
        }
    }
}

/// A member by its name or by a JSON Pointer (RFC 6901), and its test.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct MemberTest {
    path: MemberPath,
    test: Test,
}

#[derive(Debug, PartialEq, Eq)]
enum Test {
    OneOf(Box<[Wanted]>),
    Contains(Wanted),
    /// Between these, both included.
    Within {
        min: Option<Bound>,
        max: Option<Bound>,
    },
}

impl MemberTest {
    pub(super) fn compile(
        name: &str,
        document: &Spanned<MemberDocument>,
        context: &mut Context<'_>,
    ) -> Option<MemberTest> {
        let top = name.strip_prefix('/').unwrap_or(name);
        if top.is_empty() || top.contains('*') {
            let message = format!("`{}` is not the name of a member", exact::shown(name));
            let help = "write the name in full, or a JSON pointer such as `/a/b`";
            context.mistake(document.span(), message, help);
            return None;
        }
        if top == "type" {
            let message = "the type is a key of its own";
            context.mistake(document.span(), message, "write it as `type`, beside `members`");
            return None;
        }
        if let Some(DottedPath { message, help }) = DottedPath::of(name) {
            context.mistake(document.span(), message, help);
            return None;
        }
        let MemberDocument {
            equals,
            one_of,
            contains,
            min,
            max,
            literal,
        } = &document.value;
        let test = match (equals, one_of.as_deref(), contains, literal, (min, max)) {
            (Some(value), None, None, None, (None, None)) => Test::OneOf([Wanted::of(value)].into()),
            (None, Some(values @ [_, ..]), None, None, (None, None)) => {
                Test::OneOf(values.iter().map(Wanted::of).collect())
            }
            (None, None, Some(value), None, (None, None)) => Test::Contains(Wanted::of(value)),
            (None, None, None, Some(text), (None, None)) => Test::OneOf([Wanted::Text(text.as_str().into())].into()),
            (None, None, None, None, (Some(_), _) | (_, Some(_))) => Test::Within {
                min: min.clone(),
                max: max.clone(),
            },
            _ => {
                let message = format!("the member `{name}` needs one test");
                let help = "write a value, or one of `equals`, `one_of` (not empty), `contains`, `min` and `max`";
                context.mistake_if_whole(document.span(), message, help);
                return None;
            }
        };
        if let Test::Within {
            min: Some(min),
            max: Some(max),
        } = &test
            && min.compare(&ExactValue::Text(max.0.clone())) == Some(Ordering::Less)
        {
            let message = format!("no number is at least {} and at most {}", min.0, max.0);
            context.mistake(document.span(), message, "exchange them, or remove one");
        }
        Some(MemberTest {
            path: MemberPath::of(name),
            test,
        })
    }

    /// A member that is absent, or of another type, meets no test.
    pub(super) fn is_met(&self, object: &ExactValue) -> bool {
        let Some(value) = self.value(object) else {
            return false;
        };
        match &self.test {
            Test::OneOf(accepted) => accepted.iter().any(|wanted| wanted.equals(value)),
            Test::Contains(wanted) => match value {
                ExactValue::List(items) => items.iter().any(|item| wanted.equals(item)),
                _ => false,
            },
            Test::Within { min, max } => {
                let compares = |bound: &Option<Bound>, excluded: Ordering| {
                    let compared = bound.as_ref().map(|bound| bound.compare(value));
                    compared.is_none_or(|ordering| ordering.is_some_and(|ordering| ordering != excluded))
                };
                compares(min, Ordering::Less) && compares(max, Ordering::Greater)
            }
        }
    }

    fn value<'v>(&self, object: &'v ExactValue) -> Option<&'v ExactValue> {
        object.at(self.path.steps())
    }

    pub(super) fn expected(&self) -> String {
        let test = match &self.test {
            Test::OneOf(accepted) => joined(accepted, " or "),
            Test::Contains(wanted) => format!("a list with {wanted}"),
            Test::Within { min, max } => {
                let min = min.as_ref().map(|min| format!("at least {}", min.0));
                let max = max.as_ref().map(|max| format!("at most {}", max.0));
                min.into_iter().chain(max).collect::<Vec<_>>().join(" and ")
            }
        };
        format!("{} {test}", self.path)
    }

    pub(super) fn got(&self, object: &ExactValue) -> String {
        let value = match self.value(object) {
            None => return format!("no {}", self.path),
            Some(ExactValue::Number(text)) => text.to_string(),
            Some(ExactValue::Text(text)) => Value::from(&**text).to_string(),
            Some(ExactValue::Bool(value)) => value.to_string(),
            Some(ExactValue::Null) => "null".to_owned(),
            Some(ExactValue::List(_)) => "a list".to_owned(),
            Some(ExactValue::Object(_)) => "an object".to_owned(),
        };
        format!("{} {value}", self.path)
    }
}
