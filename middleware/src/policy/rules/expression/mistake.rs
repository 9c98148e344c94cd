//! Mistakes in expressions that are well-formed.

use actgate_yaml::nearest;
use cel::common::ast::CallExpr;

use super::functions;
use crate::policy::exact::shown;

/// A mistake in an expression that is well-formed.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) near: Near,
    pub(super) message: String,
    pub(super) help: String,
}

/// What the mistake is near to in the text.
#[derive(Debug)]
pub(super) enum Near {
    /// The beginning.
    Begin,
    /// A name, or the text of an operator.
    Token(String),
    /// A name after a point.
    Member(String),
}

/// A result, or the mistake.
pub(super) type Checked<T> = Result<T, Mistake>;

pub(super) fn mistake(near: Near, message: impl Into<String>, help: impl Into<String>) -> Mistake {
    Mistake {
        near,
        message: message.into(),
        help: help.into(),
    }
}

pub(super) fn not_accepted(what: &str, help: &str) -> Mistake {
    mistake(Near::Begin, format!("{what} is not accepted in an expression"), help)
}

pub(super) fn unknown_function(call: &CallExpr) -> Mistake {
    let name = &*call.func_name;
    let near = Near::Token(name.to_owned());
    let known = ["has", "exists", "all", "exists_one", "filter"];
    let known: Vec<&str> = known
        .iter()
        .chain(functions::GLOBAL)
        .chain(functions::OF_TEXT)
        .copied()
        .collect();
    let help = match name {
        "matches" | "find" | "replace" => {
            "there are no regular expressions: write `startsWith`, `endsWith` or `contains`".to_owned()
        }
        "timestamp" | "duration" | "getSeconds" | "getHours" | "getDayOfWeek" | "getFullYear" | "getMonth" => {
            "times are whole seconds since 1970: `now - token.iat < 300`; for days and hours write `time`".to_owned()
        }
        "map" => "test the items where they are: `list.exists(item, item.name == \"a\")`".to_owned(),
        known_name if known.contains(&known_name) => usage(known_name),
        _ => nearest(name, &known),
    };
    let message = match known.contains(&name) {
        true => format!("`{name}` is not called in this way"),
        false => format!("`{}` is not a function of expressions", shown(name)),
    };
    mistake(near, message, help)
}

fn usage(name: &str) -> String {
    match name {
        "has" => "write `has(claims.NAME)`".to_owned(),
        "size" | "int" => format!("write `{name}(VALUE)`"),
        name if functions::OF_TEXT.contains(&name) => format!("write `TEXT.{name}(TEXT)`"),
        name => format!("write `LIST.{name}(item, CONDITION)`"),
    }
}

/// What has members, in the place of a value.
pub(super) fn not_a_value(name: &str, members: &[&str]) -> Mistake {
    let members: Vec<String> = members.iter().map(|member| format!("`{name}.{member}`")).collect();
    let help = match &members[..] {
        [] => format!("write `{name}.NAME` or `{name}[\"NAME\"]`"),
        members => format!("write one of {}", members.join(", ")),
    };
    mistake(
        Near::Token(name.to_owned()),
        format!("`{name}` is not a value by itself"),
        help,
    )
}
