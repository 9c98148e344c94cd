//! What an expression takes at most, computed from its text: the bounds of the facts are known.

use std::collections::HashMap;

use cel::common::ast::{Expr, IdedExpr, LiteralValue, operators};

use super::comprehension::Comprehension;

/// Most nodes of an expression, those that macros make included.
const MAX_NODES: usize = 600;

/// Deepest nesting of nodes: bounds the stack of an evaluation, which takes some 30 KiB a level.
const MAX_DEPTH: usize = 16;

/// Most comprehensions within each other.
const MAX_NESTING: usize = 2;

/// Most items of one list, and members of one object, that an expression reads.
pub(super) const MAX_ITEMS: usize = 256;

/// Most actors of a chain that an expression reads.
pub(super) const MAX_ACTORS: usize = 32;

/// Most bytes of the claims of a token, of the path and of the headers that an expression reads.
pub(super) const MAX_BYTES: usize = 64 * 1024;

/// Most bytes of one value.
const MAX_VALUE: u64 = 1024 * 1024;

/// Most steps of one evaluation. A step takes some tens of nanoseconds.
const MAX_STEPS: u64 = 200_000;

/// A step for each node, and for each so many bytes that a node compares or copies.
const BYTES_A_STEP: u64 = 16 * 1024;

/// Why an expression may take too much, and how to write it otherwise.
pub(super) struct Excess {
    pub(super) message: String,
    pub(super) help: &'static str,
}

/// Checks what an expression takes at most.
pub(super) fn check(root: &IdedExpr) -> Result<(), Excess> {
    let mut nodes = 0;
    let depth = depth(root, &mut nodes);
    let split = "write several rules: each requirement has an `expression` of its own";
    let excess = |message: String, help| Err(Excess { message, help });
    if nodes > MAX_NODES {
        return excess(
            format!("the expression has {nodes} parts, and at most {MAX_NODES} are evaluated"),
            split,
        );
    }
    if depth > MAX_DEPTH {
        return excess(
            format!("the expression is nested {depth} deep, and at most {MAX_DEPTH} levels are evaluated"),
            split,
        );
    }
    if nesting(root) > MAX_NESTING {
        let message =
            format!("more than {MAX_NESTING} of `exists`, `all`, `exists_one`, `filter` are within each other");
        return excess(message, split);
    }
    let mut variables = HashMap::new();
    let bound = Bound::of(root, &mut variables);
    if bound.largest > MAX_VALUE {
        let message = format!(
            "a value of the expression can have {} bytes, and at most {MAX_VALUE} are accepted",
            bound.largest
        );
        return excess(message, "join fewer texts and lists with `+`");
    }
    if bound.steps > MAX_STEPS {
        let message = format!(
            "the expression can take {} steps, and at most {MAX_STEPS} are accepted",
            bound.steps
        );
        return excess(
            message,
            "put fewer of `exists`, `all`, `exists_one`, `filter` within each other, or shorten the inner one",
        );
    }
    Ok(())
}

fn children(expression: &IdedExpr) -> Vec<&IdedExpr> {
    match &expression.expr {
        Expr::Call(call) => call.target.iter().map(|target| &**target).chain(&call.args).collect(),
        Expr::Comprehension(inner) => {
            let [range, init] = [&inner.iter_range, &inner.accu_init];
            vec![range, init, &inner.loop_cond, &inner.loop_step, &inner.result]
        }
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::Ident(_) | Expr::Literal(_) | Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => Vec::new(),
    }
}

fn depth(expression: &IdedExpr, nodes: &mut usize) -> usize {
    *nodes += 1;
    let inner = children(expression).into_iter().map(|child| depth(child, nodes)).max();
    1 + inner.unwrap_or(0)
}

fn nesting(expression: &IdedExpr) -> usize {
    let inner = |expressions: Vec<&IdedExpr>| expressions.into_iter().map(nesting).max().unwrap_or(0);
    match &expression.expr {
        Expr::Comprehension(it) => (1 + inner(vec![&it.loop_step])).max(inner(vec![&it.iter_range])),
        _ => inner(children(expression)),
    }
}

/// Upper bounds of one node and what is within it.
#[derive(Clone, Copy, Debug)]
struct Bound {
    steps: u64,
    /// The bytes of the value.
    size: u64,
    /// The items of the value, or of a value within it.
    items: u64,
    /// The bytes of the largest value within the node.
    largest: u64,
}

impl Bound {
    const SCALAR: Bound = Bound::value(16, 0);
    const FACT: Bound = Bound::value(MAX_BYTES as u64, MAX_ITEMS as u64);

    const fn value(size: u64, items: u64) -> Bound {
        Bound {
            steps: 1,
            size,
            items,
            largest: size,
        }
    }

    /// A node that reads or makes a value of `parts`, and has a value of this size.
    fn over(parts: &[Bound], value: Bound) -> Bound {
        let sum = |of: fn(&Bound) -> u64| parts.iter().map(of).fold(0, u64::saturating_add);
        let copied = sum(|part| part.size) / BYTES_A_STEP;
        Bound {
            steps: sum(|part| part.steps)
                .saturating_add(copied)
                .saturating_add(value.steps),
            largest: parts.iter().map(|part| part.largest).fold(value.size, u64::max),
            ..value
        }
    }

    fn of<'e>(expression: &'e IdedExpr, variables: &mut HashMap<&'e str, Bound>) -> Bound {
        match &expression.expr {
            Expr::Literal(LiteralValue::String(text)) => Bound::value(text.len() as u64, 0),
            Expr::Literal(_) | Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => Bound::SCALAR,
            Expr::Ident(name) => match (&**name, variables.get(&**name)) {
                (_, Some(bound)) => *bound,
                ("chain", None) => Bound::value(MAX_BYTES as u64, MAX_ACTORS as u64),
                ("now", None) => Bound::SCALAR,
                _ => Bound::FACT,
            },
            Expr::Select(select) => {
                let operand = Bound::of(&select.operand, variables);
                Bound {
                    steps: operand.steps.saturating_add(1),
                    ..operand
                }
            }
            Expr::List(list) => {
                let parts: Vec<Bound> = list.elements.iter().map(|item| Bound::of(item, variables)).collect();
                let size = parts.iter().map(|part| part.size).fold(16, u64::saturating_add);
                let items = parts.iter().map(|part| part.items).fold(parts.len() as u64, u64::max);
                Bound::over(&parts, Bound::value(size, items))
            }
            Expr::Call(call) => {
                let target = call
                    .target
                    .iter()
                    .map(|target| Bound::of(target, variables))
                    .collect::<Vec<_>>();
                let parts: Vec<Bound> = target
                    .into_iter()
                    .chain(call.args.iter().map(|part| Bound::of(part, variables)))
                    .collect();
                let most = |of: fn(&Bound) -> u64| parts.iter().map(of).max().unwrap_or(0);
                let sum = |of: fn(&Bound) -> u64| parts.iter().map(of).fold(0, u64::saturating_add);
                let value = match &*call.func_name {
                    operators::ADD => Bound::value(sum(|part| part.size), sum(|part| part.items)),
                    operators::CONDITIONAL | operators::INDEX => {
                        Bound::value(most(|part| part.size), most(|part| part.items))
                    }
                    operators::IN => Bound {
                        steps: 1 + most(|part| part.items) / 4,
                        ..Bound::SCALAR
                    },
                    _ => Bound::SCALAR,
                };
                Bound::over(&parts, value)
            }
            Expr::Comprehension(it) => {
                let range = Bound::of(&it.iter_range, variables);
                let body = Comprehension::of(it).map(Comprehension::body);
                let item = Bound { steps: 1, ..range };
                let shadowed = variables.insert(&it.iter_var, item);
                // Beside the body: the condition, the step, and the copy of the item.
                let body = body.map_or(Bound::SCALAR, |body| Bound::of(body, variables));
                match shadowed {
                    Some(bound) => variables.insert(&it.iter_var, bound),
                    None => variables.remove(&*it.iter_var),
                };
                let steps = range.items.saturating_mul(body.steps.saturating_add(6));
                Bound {
                    steps: range
                        .steps
                        .saturating_add(steps)
                        .saturating_add(range.size / BYTES_A_STEP),
                    largest: range.largest.max(body.largest),
                    size: range.size,
                    items: range.items,
                }
            }
        }
    }
}
