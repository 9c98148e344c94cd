//! Tests on one member of a JSON object: exact, without rounding a number.

use std::fmt;

use actgate_yaml::Spanned;
use serde_json::Value;

use super::bound::Bound;
use super::member_path::MemberPath;
use super::scalar::Scalar;
use crate::claim_path::{self, DottedPath};
use crate::decimal::Decimal;
use crate::policy::exact;
use crate::policy::read::Reader;
use crate::policy::syntax::{Context, joined};
use crate::token::ExactValue;

/// The test of one member of a detail. A bare value is `equals`.
/// Example: `EUR`
/// Example: `{ max: 500 }`
#[derive(Clone, Debug, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename = "shorthand equals", deny_unknown_fields)]
#[cfg_attr(feature = "schema", schemars(rename = "MemberTest", extend("x-shorthand" = "equals", "minProperties" = 1)))]
pub(super) struct MemberDocument {
    /// The member is this value: a text, a whole number, `true` or `false`.
    /// Example: `EUR`
    equals: Option<Scalar>,
    /// The member is one of these values.
    /// Example: `[EUR, USD]`
    #[cfg_attr(feature = "schema", schemars(length(min = 1)))]
    one_of: Option<Vec<Scalar>>,
    /// The member is a list with this value in it.
    /// Example: `DE02120300000000202051`
    contains: Option<Scalar>,
    /// The member is a number of at least this.
    /// Example: `1`
    min: Option<Bound>,
    /// The member is a number of at most this. A number with a fraction is written in quotes.
    /// Example: `500`
    /// Example: `'0.5'`
    max: Option<Bound>,
    /// The member is exactly this text, which looks like a pattern.
    /// Example: `'orders:*'`
    literal: Option<String>,
}

/// A value as a number. A text is one as an amount is written (RFC 9396 section 2): `"123.50"`.
fn number(value: &ExactValue) -> Option<Decimal> {
    match value {
        ExactValue::Number(text) => Decimal::read(text),
        ExactValue::Text(text) => Decimal::read_plain(text),
        _ => None,
    }
}

/// A value that a member equals. Text, numbers and booleans never equal each other.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Bool(bool),
    Number(Decimal),
    Text(Box<str>),
}

impl Wanted {
    fn of(scalar: &Scalar) -> Self {
        match scalar.value() {
            Value::Bool(value) => Wanted::Bool(*value),
            Value::String(text) => Wanted::Text((&**text).into()),
            // It is a whole number.
            number => Wanted::Number(match number.as_u64() {
                Some(number) => number.into(),
                None => number.as_i64().unwrap_or_default().into(),
            }),
        }
    }

    fn equals(&self, value: &ExactValue) -> bool {
        match (self, value) {
            (Wanted::Bool(wanted), ExactValue::Bool(value)) => wanted == value,
            (Wanted::Text(wanted), ExactValue::Text(text)) => wanted == text,
            (Wanted::Number(wanted), ExactValue::Number(text)) => {
                Decimal::read(text).is_some_and(|number| number == *wanted)
            }
            _ => false,
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wanted::Bool(value) => value.fmt(f),
            Wanted::Number(number) => number.fmt(f),
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
        min: Option<Decimal>,
        max: Option<Decimal>,
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
                min: min.as_ref().map(|Bound(number)| number.clone()),
                max: max.as_ref().map(|Bound(number)| number.clone()),
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
            && min > max
        {
            let message = format!("no number is at least {min} and at most {max}");
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
            Test::Within { min, max } => number(value).is_some_and(|number| {
                min.as_ref().is_none_or(|least| number >= *least) && max.as_ref().is_none_or(|most| number <= *most)
            }),
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
                let min = min.as_ref().map(|min| format!("at least {min}"));
                let max = max.as_ref().map(|max| format!("at most {max}"));
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

impl MemberTest {
    /// Whether the test depends on more than the equality of values.
    pub(super) fn needs_value(&self) -> bool {
        matches!(self.test, Test::Within { .. })
    }

    /// The names on the way to the member, and the values that it is compared with.
    pub(super) fn read<'p>(&'p self, reader: &mut Reader<'_, 'p>) {
        reader.members(self.path.steps());
        let mut value = |wanted: &Wanted| {
            reader.value(match wanted {
                Wanted::Bool(value) => ExactValue::Bool(*value),
                Wanted::Number(number) => ExactValue::Number(number.to_string().into()),
                Wanted::Text(text) => ExactValue::Text(text.clone()),
            });
        };
        match &self.test {
            Test::OneOf(accepted) => accepted.iter().for_each(value),
            Test::Contains(wanted) => value(wanted),
            Test::Within { .. } => {}
        }
    }

    /// Sets the member so that it meets the test, if that is possible in this object.
    pub(super) fn meet(&self, object: &mut Value) {
        let number = |number: &Decimal| serde_json::from_str(&number.to_string()).unwrap_or_default();
        let value = |wanted: &Wanted| match wanted {
            Wanted::Bool(value) => Value::from(*value),
            Wanted::Number(wanted) => number(wanted),
            Wanted::Text(text) => Value::from(&**text),
        };
        let value = match &self.test {
            Test::OneOf(accepted) => accepted.first().map(value),
            Test::Contains(wanted) => Some(Value::Array(vec![value(wanted)])),
            Test::Within { min, max } => max.as_ref().or(min.as_ref()).map(number),
        };
        let steps: Vec<&str> = self.path.steps().collect();
        if let Some(value) = value {
            claim_path::set(object, &steps, value);
        }
    }
}
