//! What an expression reads, and whether it can be evaluated: its names, its functions and the types of its values.

use actgate_yaml::nearest;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, operators};

use super::comprehension::Comprehension;
use super::constant::constant_within;
use super::functions;
use super::mistake::{Checked, Mistake, Near, mistake, not_a_value, not_accepted, unknown_function};
use super::typing::{arithmetic, check_header, field, place_of_parameter};
use super::vocabulary::{Object, ROOTS, Reads, Single, Type};
use crate::policy::exact::shown;
use crate::policy::segment::Segment;

/// Checks an expression, and returns what it reads. `path` is that of the route, where the expression is written for one.
pub(super) fn check(root: &IdedExpr, path: Option<&[Segment]>) -> Result<Reads, Mistake> {
    let mut analysis = Analysis {
        path,
        reads: Reads::default(),
        variables: Vec::new(),
    };
    let found = analysis.type_of(root)?;
    let begin = |message: String, help: &str| Err(mistake(Near::Begin, message, help));
    match (&root.expr, found) {
        (Expr::Literal(LiteralValue::Boolean(_)), _) => begin(
            "the expression does not depend on the request".to_owned(),
            "write a condition, or remove it",
        ),
        (_, Type::Bool | Type::Any) => Ok(analysis.reads.with_constant(constant_within(root))),
        (_, other) => begin(
            format!("the expression is {other}, and only `true` meets it"),
            "compare it: `==`, `<`, `in`",
        ),
    }
}

struct Analysis<'e, 'p> {
    path: Option<&'p [Segment]>,
    reads: Reads,
    /// The variables of the comprehensions around a node, the innermost last.
    variables: Vec<(&'e str, Type)>,
}

impl<'e> Analysis<'e, '_> {
    fn type_of(&mut self, expression: &'e IdedExpr) -> Checked<Type> {
        match &expression.expr {
            Expr::Literal(literal) => match literal {
                LiteralValue::Boolean(_) => Ok(Type::Bool),
                LiteralValue::Int(_) => Ok(Type::Int),
                LiteralValue::UInt(_) => Ok(Type::Uint),
                LiteralValue::Double(_) => Ok(Type::Double),
                LiteralValue::String(_) => Ok(Type::Text),
                LiteralValue::Null => Ok(Type::Null),
                LiteralValue::Bytes(_) => Err(not_accepted("bytes", "write a text")),
            },
            Expr::Ident(name) => self.identifier(name),
            Expr::Select(select) => {
                let read = match self.object(&select.operand) {
                    Some(object) => self.member(object, &select.field)?,
                    None => {
                        let operand = self.type_of(&select.operand)?;
                        field(&operand, &select.field)?
                    }
                };
                Ok(if select.test { Type::Bool } else { read })
            }
            Expr::List(list) => {
                let mut item: Option<Type> = None;
                for element in &list.elements {
                    let found = self.type_of(element)?;
                    item = Some(match item {
                        Some(item) if item != found => Type::Any,
                        _ => found,
                    });
                }
                Ok(Type::list_of(item.unwrap_or(Type::Any)))
            }
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::Map(_) => Err(not_accepted("a mapping in `{ }`", "write a list in `[ ]`")),
            Expr::Struct(_) => Err(not_accepted("an object in `{ }`", "compare its members")),
            Expr::Unspecified => Err(not_accepted("this", "write a condition")),
        }
    }

    fn variable(&self, name: &str) -> Option<&Type> {
        let mut variables = self.variables.iter().rev();
        variables.find_map(|(variable, its_type)| (*variable == name).then_some(its_type))
    }

    fn identifier(&mut self, name: &str) -> Checked<Type> {
        if let Some(its_type) = self.variable(name) {
            return Ok(its_type.clone());
        }
        if let Some((single, its_type)) = Single::named(name) {
            self.reads.singles.insert(single);
            return Ok(its_type);
        }
        let near = Near::Token(name.to_owned());
        match Object::named(name) {
            Some(object) => Err(not_a_value(name, object.members())),
            None => {
                let name = shown(name);
                Err(mistake(near, format!("`{name}` is not a fact"), nearest(&name, &ROOTS)))
            }
        }
    }

    /// The object that an expression names, unless a variable has its name.
    fn object(&self, expression: &IdedExpr) -> Option<Object> {
        match &expression.expr {
            Expr::Ident(name) if self.variable(name).is_none() => Object::named(name),
            Expr::Select(select) if !select.test && select.field == "headers" => {
                (self.object(&select.operand)? == Object::Request).then_some(Object::Headers)
            }
            _ => None,
        }
    }

    /// Records that a member of an object is read.
    fn member(&mut self, object: Object, member: &str) -> Checked<Type> {
        let near = || Near::Member(member.to_owned());
        let name = format!("{}.{}", object.name(), shown(member));
        match object {
            Object::Request if member == "headers" => {
                let help = "write the name of one: `request.headers[\"x-tenant\"]`";
                return Err(mistake(near(), "`request.headers` is not a value by itself", help));
            }
            Object::Initiator | Object::Actor | Object::Token | Object::Request => {
                if !object.members().contains(&member) {
                    let help = match (object, member) {
                        (Object::Request, "path") => "write the parameters of the route: `params.NAME`".to_owned(),
                        (Object::Request, _) => "write one of `request.method`, `request.headers[\"NAME\"]`".to_owned(),
                        _ => nearest(member, object.members()),
                    };
                    return Err(mistake(near(), format!("`{name}` is not a fact"), help));
                }
            }
            Object::Claims => match member {
                "act" => {
                    let help = "read `actor` for the current actor, `chain` for every one";
                    return Err(mistake(near(), "an expression cannot read the claim `act`", help));
                }
                "cnf" => {
                    let message = "an expression cannot read `cnf`: a binding counts only with its proof";
                    return Err(mistake(near(), message, "write `token: { sender_constrained: true }`"));
                }
                _ => {}
            },
            Object::Params => self.parameter(member)?,
            Object::Headers => check_header(member)?,
        }
        self.reads.members.entry(object).or_default().insert(member.into());
        Ok(object.type_of(member))
    }

    fn parameter(&mut self, name: &str) -> Checked<()> {
        if let Some(path) = self.path {
            self.reads.params.insert(name.into(), place_of_parameter(name, path)?);
        }
        Ok(())
    }

    fn call(&mut self, call: &'e CallExpr) -> Checked<Type> {
        let name = &*call.func_name;
        match (name, &call.target, &call.args[..]) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, None, [one, other]) => {
                let symbol = name.trim_matches('_');
                self.condition(one, symbol)?;
                self.condition(other, symbol)?;
                Ok(Type::Bool)
            }
            (operators::LOGICAL_NOT, None, [one]) => {
                self.condition(one, "!")?;
                Ok(Type::Bool)
            }
            (operators::CONDITIONAL, None, [test, one, other]) => {
                self.condition(test, "?")?;
                let (one, other) = (self.type_of(one)?, self.type_of(other)?);
                Ok(if one == other { one } else { Type::Any })
            }
            (operators::EQUALS | operators::NOT_EQUALS, None, [one, other]) => {
                let (one, other) = (self.type_of(one)?, self.type_of(other)?);
                self.comparable(&one, &other, name)?;
                Ok(Type::Bool)
            }
            (
                operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS,
                None,
                [one, other],
            ) => {
                let (one, other) = (self.type_of(one)?, self.type_of(other)?);
                for side in [&one, &other] {
                    if !side.is_number() && !matches!(side, Type::Text | Type::Any) {
                        let symbol = name.trim_matches('_');
                        let message = format!("`{symbol}` does not compare {side}");
                        return Err(mistake(
                            Near::Token(symbol.to_owned()),
                            message,
                            "compare numbers, or texts",
                        ));
                    }
                }
                self.comparable(&one, &other, name)?;
                Ok(Type::Bool)
            }
            (operators::IN, None, [item, container]) => self.contained(item, container),
            (operators::INDEX, None, [value, index]) => self.indexed(value, index),
            (operators::NEGATE, None, [one]) => match self.type_of(one)? {
                its_type @ (Type::Int | Type::Double | Type::Any) => Ok(its_type),
                other => Err(mistake(
                    Near::Token("-".to_owned()),
                    format!("{other} has no negative"),
                    "remove the `-`",
                )),
            },
            (
                operators::ADD | operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE | operators::MODULO,
                None,
                [one, other],
            ) => {
                let (one, other) = (self.type_of(one)?, self.type_of(other)?);
                arithmetic(name.trim_matches('_'), one, other)
            }
            ("size", None, [_]) | ("size", Some(_), []) => {
                let value = call.target.as_deref().or(call.args.first());
                let is_sized = |found: &Type| matches!(found, Type::Text | Type::List(_));
                value.map_or(Ok(()), |value| {
                    self.of_type(value, "size", is_sized, "a text or a list")
                })?;
                Ok(Type::Int)
            }
            ("int", None, [value]) => {
                self.of_type(
                    value,
                    "int",
                    |found| matches!(found, Type::Int | Type::Uint),
                    "a whole number",
                )?;
                Ok(Type::Int)
            }
            (name, Some(target), [part]) if functions::OF_TEXT.contains(&name) => {
                self.of_type(target, name, |found| *found == Type::Text, "a text")?;
                self.of_type(part, name, |found| *found == Type::Text, "a text")?;
                Ok(Type::Bool)
            }
            _ => Err(unknown_function(call)),
        }
    }

    /// Checks that a part is a condition.
    fn condition(&mut self, expression: &'e IdedExpr, symbol: &str) -> Checked<()> {
        match self.type_of(expression)? {
            Type::Bool | Type::Any => Ok(()),
            other => {
                let message = format!("`{symbol}` needs `true` or `false`, and not {other}");
                Err(mistake(
                    Near::Token(symbol.to_owned()),
                    message,
                    "compare it: `==`, `<`, `in`",
                ))
            }
        }
    }

    fn of_type(
        &mut self,
        expression: &'e IdedExpr,
        function: &str,
        is_accepted: fn(&Type) -> bool,
        accepted: &str,
    ) -> Checked<()> {
        let found = self.type_of(expression)?;
        if found == Type::Any || is_accepted(&found) {
            return Ok(());
        }
        let message = format!("`{function}` needs {accepted}, and not {found}");
        Err(mistake(
            Near::Token(function.to_owned()),
            message,
            format!("give it {accepted}"),
        ))
    }

    /// Checks that two values can be equal: a comparison of others has the same result for every request.
    fn comparable(&self, one: &Type, other: &Type, operator: &str) -> Checked<()> {
        if one.may_equal(other) {
            return Ok(());
        }
        let symbol = operator.trim_matches('_').trim_start_matches('@');
        let message = format!("{one} is never equal to {other}");
        Err(mistake(
            Near::Token(symbol.to_owned()),
            message,
            "compare values of one type",
        ))
    }

    fn contained(&mut self, item: &'e IdedExpr, container: &'e IdedExpr) -> Checked<Type> {
        if let Some(object) = self.object(container) {
            self.named_member(object, item)?;
            return Ok(Type::Bool);
        }
        let item = self.type_of(item)?;
        match self.type_of(container)? {
            Type::List(of) => {
                self.comparable(&item, &of, operators::IN)?;
                Ok(Type::Bool)
            }
            Type::Any => Ok(Type::Bool),
            other => Err(mistake(
                Near::Token("in".to_owned()),
                format!("`in` needs a list, and not {other}"),
                "write `[ ]` around the values",
            )),
        }
    }

    fn indexed(&mut self, value: &'e IdedExpr, index: &'e IdedExpr) -> Checked<Type> {
        if let Some(object) = self.object(value) {
            return self.named_member(object, index);
        }
        let value = self.type_of(value)?;
        if let Expr::Literal(LiteralValue::String(name)) = &index.expr {
            return field(&value, name.inner());
        }
        let index = self.type_of(index)?;
        match (value, index) {
            (Type::List(item), Type::Int | Type::Uint | Type::Any) => Ok(*item),
            (Type::Any, _) => Ok(Type::Any),
            (value, _) => Err(mistake(
                Near::Token("[".to_owned()),
                format!("{value} has no such item"),
                "write the place of an item of a list: `[0]`",
            )),
        }
    }

    /// A member that is named by a text: which facts are read is known before the evaluation.
    fn named_member(&mut self, object: Object, name: &IdedExpr) -> Checked<Type> {
        match &name.expr {
            Expr::Literal(LiteralValue::String(name)) => self.member(object, name.inner()),
            _ => {
                let message = format!("the name of a member of `{}` is not a text in quotes", object.name());
                Err(mistake(
                    Near::Token(object.name().rsplit('.').next().unwrap_or_default().to_owned()),
                    message,
                    "write the name in quotes",
                ))
            }
        }
    }

    fn comprehension(&mut self, comprehension: &'e ComprehensionExpr) -> Checked<Type> {
        let variable = &*comprehension.iter_var;
        if ROOTS.contains(&variable) {
            let message = format!("`{variable}` is a fact, and here also a variable");
            return Err(mistake(
                Near::Token(variable.to_owned()),
                message,
                "give the variable another name",
            ));
        }
        let item = match self.type_of(&comprehension.iter_range)? {
            Type::List(item) => *item,
            Type::Any => Type::Any,
            other => {
                let message = format!("{other} has no items");
                return Err(mistake(
                    Near::Token(variable.to_owned()),
                    message,
                    "write a list before the point",
                ));
            }
        };
        let Some(written) = Comprehension::of(comprehension) else {
            let help = "test the items where they are: `list.exists(item, item.name == \"a\")`";
            return Err(mistake(
                Near::Token("map".to_owned()),
                "`map` is not a function of expressions",
                help,
            ));
        };
        self.variables.push((variable, item.clone()));
        let condition = self.condition(written.body(), variable);
        self.variables.pop();
        condition?;
        Ok(match written {
            Comprehension::Fold(_) | Comprehension::One(_) => Type::Bool,
            Comprehension::Filter(_) => Type::list_of(item),
        })
    }
}
