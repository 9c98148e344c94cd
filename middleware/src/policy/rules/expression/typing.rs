//! The types of members, of sums and of products; parameters and headers by their names.

use actgate_yaml::nearest;

use super::mistake::{Checked, Near, mistake};
use super::vocabulary::{Object, Segments, Type};
use crate::policy::exact::shown;
use crate::policy::segment::Segment;
use crate::request::unreadable;

pub(super) fn check_header(name: &str) -> Checked<()> {
    if let Some((reason, help)) = unreadable(name) {
        let message = format!("the header `{}` {reason}", shown(name));
        return Err(mistake(Near::Member(name.to_owned()), message, help));
    }
    Ok(())
}

/// The type of a member of a value.
pub(super) fn field(value: &Type, name: &str) -> Checked<Type> {
    let near = Near::Member(name.to_owned());
    match value {
        Type::Any => Ok(Type::Any),
        Type::Actor if Object::Actor.members().contains(&name) => Ok(Type::Text),
        Type::Actor => {
            let message = format!("an actor has no `{}`", shown(name));
            Err(mistake(near, message, nearest(name, Object::Actor.members())))
        }
        other => Err(mistake(
            near,
            format!("{other} has no member `{}`", shown(name)),
            "compare the value itself",
        )),
    }
}

/// The type of a sum, a difference, a product, a quotient or a remainder. Floating point would round: one side is known to be a whole number.
pub(super) fn arithmetic(symbol: &str, one: Type, other: Type) -> Checked<Type> {
    let near = || Near::Token(symbol.to_owned());
    let message = match (one, other) {
        (Type::Double, _) | (_, Type::Double) => "a number with a fraction would be rounded".to_owned(),
        (Type::Int, Type::Int | Type::Any) | (Type::Any, Type::Int) => return Ok(Type::Int),
        (Type::Uint, Type::Uint | Type::Any) | (Type::Any, Type::Uint) => return Ok(Type::Uint),
        (Type::Text, Type::Text | Type::Any) | (Type::Any, Type::Text) if symbol == "+" => return Ok(Type::Text),
        (Type::List(one), Type::List(other)) if symbol == "+" => {
            return Ok(Type::list_of(if one == other { *one } else { Type::Any }));
        }
        (Type::Any, Type::Any) => {
            format!("the numbers on both sides of `{symbol}` may have a fraction, which would be rounded")
        }
        (one, other) => format!("`{symbol}` does not combine {one} and {other}"),
    };
    let help = "write whole numbers on both sides, those of claims as `int(claims.NAME)`";
    Err(mistake(near(), message, help))
}

/// The place of a parameter in the path of its route.
pub(super) fn place_of_parameter(name: &str, path: &[Segment]) -> Checked<Segments> {
    let place = path.iter().enumerate().find_map(|(index, segment)| match segment {
        Segment::Parameter(parameter) if **parameter == *name => Some(Segments::One(index)),
        Segment::CatchAll(parameter) if **parameter == *name => Some(Segments::Rest(index)),
        _ => None,
    });
    place.ok_or_else(|| {
        let known: Vec<&str> = path.iter().filter_map(parameter_name).collect();
        let help = match &known[..] {
            [] => "the route has no parameter: write `{id}` for a segment of its `match`".to_owned(),
            known => nearest(name, known),
        };
        let message = format!("the route has no parameter `{}`", shown(name));
        mistake(Near::Member(name.to_owned()), message, help)
    })
}

fn parameter_name(segment: &Segment) -> Option<&str> {
    match segment {
        Segment::Parameter(name) | Segment::CatchAll(name) => Some(name),
        Segment::Literal(_) => None,
    }
}
