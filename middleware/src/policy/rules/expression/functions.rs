//! The functions of expressions. There are no others: each is total, and takes time in proportion to its arguments.

use std::sync::{Arc, LazyLock};

use cel::common::types::{
    CelBool, CelInt, CelString, CelUInt, INT_TYPE, LIST_TYPE, MAP_TYPE, STRING_TYPE, Type, UINT_TYPE,
};
use cel::common::value::CowVal;
use cel::{Env, ExecutionError};

type Result<'b, 'v> = std::result::Result<CowVal<'b, 'v>, ExecutionError>;

/// The names of the functions that are called as `name(value)`.
pub(super) const GLOBAL: &[&str] = &["int", "size"];

/// The names of the functions that are called as `text.name(text)`.
pub(super) const OF_TEXT: &[&str] = &["startsWith", "endsWith", "contains"];

/// The environment of every expression.
pub(super) static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(environment().unwrap_or_default()));

fn environment() -> std::result::Result<Env, cel::DeclarationError> {
    let mut env = Env::default();
    let sized: [(&str, Type); 3] = [("text", STRING_TYPE), ("list", LIST_TYPE), ("map", MAP_TYPE)];
    for (name, kind) in sized {
        env.add_overload("size", &format!("size_{name}"), vec![kind], size)?;
    }
    env.add_overload("int", "int_int", vec![INT_TYPE], int)?;
    env.add_overload("int", "int_uint", vec![UINT_TYPE], int)?;
    env.add_member_overload("size", "text_size", STRING_TYPE, vec![], size)?;
    env.add_member_overload("size", "list_size", LIST_TYPE, vec![], size)?;
    env.add_member_overload("size", "map_size", MAP_TYPE, vec![], size)?;
    env.add_member_overload("startsWith", "starts_with", STRING_TYPE, vec![STRING_TYPE], starts_with)?;
    env.add_member_overload("endsWith", "ends_with", STRING_TYPE, vec![STRING_TYPE], ends_with)?;
    env.add_member_overload("contains", "contains", STRING_TYPE, vec![STRING_TYPE], contains)?;
    Ok(env)
}

/// The characters of a text, the items of a list, the members of an object.
fn size<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<'b, 'v> {
    let sizer = args.first().and_then(|value| value.as_sizer());
    let sizer = sizer.ok_or(ExecutionError::MissingArgumentOrTarget)?;
    Ok(CowVal::owned(sizer.size()))
}

/// A whole number; one above the range of `int` is an error.
fn int<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<'b, 'v> {
    let value = args.first().ok_or(ExecutionError::MissingArgumentOrTarget)?;
    let number = match (value.downcast_ref::<CelInt>(), value.downcast_ref::<CelUInt>()) {
        (Some(number), _) => Some(*number.inner()),
        (None, Some(number)) => i64::try_from(*number.inner()).ok(),
        (None, None) => None,
    };
    let number = number.ok_or_else(|| ExecutionError::Overflow("int", 0.into(), 0.into()))?;
    Ok(CowVal::owned(CelInt::from(number)))
}

fn starts_with<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<'b, 'v> {
    of_texts(&args, |text, part| text.starts_with(part))
}

fn ends_with<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<'b, 'v> {
    of_texts(&args, |text, part| text.ends_with(part))
}

fn contains<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<'b, 'v> {
    of_texts(&args, |text, part| text.contains(part))
}

fn of_texts<'b, 'v>(args: &[CowVal<'b, 'v>], test: fn(&str, &str) -> bool) -> Result<'b, 'v> {
    let [text, part] = args else {
        return Err(ExecutionError::MissingArgumentOrTarget);
    };
    match (
        text.downcast_ref::<CelString<'_>>(),
        part.downcast_ref::<CelString<'_>>(),
    ) {
        (Some(text), Some(part)) => Ok(CowVal::owned(CelBool::from(test(text.inner(), part.inner())))),
        _ => Err(ExecutionError::MissingArgumentOrTarget),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_declared() {
        assert!(environment().is_ok());
    }
}
