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
const MAX_STEPS: u64 = 300_000;

/// A step for each so many bytes of a text that is searched.
const SEARCHED_A_STEP: u64 = 64;

/// A step for each so many bytes of texts that are compared or copied.
const FLAT_A_STEP: u64 = 4096;

/// A step for each so many bytes, as JSON has them, of values within each other that are compared or copied: an item has two or more.
const NESTED_A_STEP: u64 = 8;

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
    /// The same of an item of a list on the average of the list: what all its items take together is in proportion to their bytes.
    read: u64,
    /// The items of the value, or of a value within it.
    items: u64,
    /// The bytes of the largest value within the node.
    largest: u64,
    /// Whether the value is a text, a number, or a list of few of them, and no claim.
    is_flat: bool,
}

impl Bound {
    const SCALAR: Bound = Bound::flat(16, 0);

    const fn flat(size: u64, items: u64) -> Bound {
        Bound {
            steps: 1,
            size,
            read: size,
            items,
            largest: size,
            is_flat: true,
        }
    }

    fn fact(name: &str) -> Bound {
        let items = if name == "chain" { MAX_ACTORS } else { MAX_ITEMS };
        Bound {
            is_flat: name != "claims",
            ..Bound::flat(MAX_BYTES as u64, items as u64)
        }
    }

    /// What it takes to compare or copy the value.
    fn work(&self) -> u64 {
        self.read / if self.is_flat { FLAT_A_STEP } else { NESTED_A_STEP }
    }

    /// A comparison ends where one of both ends, or has another type.
    fn comparison(&self, other: &Bound) -> u64 {
        let both = Bound {
            read: self.read.min(other.read),
            is_flat: self.is_flat || other.is_flat,
            ..*self
        };
        both.work()
    }

    /// An item of the value.
    fn item(self) -> Bound {
        Bound {
            steps: 1,
            read: self.read.div_ceil(self.items.max(1)),
            ..self
        }
    }

    /// A node that has a value of this size, and takes so many steps beside those of its parts.
    fn over(parts: &[Bound], value: Bound, work: u64) -> Bound {
        let steps = parts.iter().map(|part| part.steps).fold(work, u64::saturating_add);
        Bound {
            steps: steps.saturating_add(value.steps),
            largest: parts.iter().map(|part| part.largest).fold(value.size, u64::max),
            ..value
        }
    }

    fn of<'e>(expression: &'e IdedExpr, variables: &mut HashMap<&'e str, Bound>) -> Bound {
        match &expression.expr {
            Expr::Literal(LiteralValue::String(text)) => Bound::flat(text.len() as u64, 0),
            Expr::Literal(_) | Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => Bound::SCALAR,
            Expr::Ident(name) => match (&**name, variables.get(&**name)) {
                (_, Some(bound)) => *bound,
                ("now", None) => Bound::SCALAR,
                (name, None) => Bound::fact(name),
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
                let copied = parts.iter().map(Bound::work).fold(0, u64::saturating_add);
                Bound::over(&parts, Bound::joined(&parts, parts.len() as u64), copied)
            }
            Expr::Call(call) => {
                let written = call.target.iter().map(|target| &**target).chain(&call.args);
                let parts: Vec<Bound> = written.map(|part| Bound::of(part, variables)).collect();
                let (value, work) = Bound::of_call(&call.func_name, &parts);
                Bound::over(&parts, value, work)
            }
            Expr::Comprehension(it) => {
                let range = Bound::of(&it.iter_range, variables);
                let written = Comprehension::of(it);
                let shadowed = variables.insert(&it.iter_var, range.item());
                let body = written.map(Comprehension::body);
                let body = body.map_or(Bound::SCALAR, |body| Bound::of(body, variables));
                match shadowed {
                    Some(bound) => variables.insert(&it.iter_var, bound),
                    None => variables.remove(&*it.iter_var),
                };
                // Beside the body: the condition, the step, and the copies of the items.
                let steps = range.items.saturating_mul(body.steps.saturating_add(6));
                let (value, copies) = match written {
                    Some(Comprehension::Filter(_)) | None => (Bound { steps: 1, ..range }, 2),
                    Some(Comprehension::Fold(_) | Comprehension::One(_)) => (Bound::SCALAR, 1),
                };
                let copied = range.work().saturating_mul(copies);
                let largest = Bound { steps: 0, ..body };
                Bound::over(&[range, largest], value, steps.saturating_add(copied))
            }
        }
    }

    /// The bound of the value of parts in one list or text.
    fn joined(parts: &[Bound], items: u64) -> Bound {
        let sum = |of: fn(&Bound) -> u64| parts.iter().map(of).fold(16, u64::saturating_add);
        Bound {
            read: sum(|part| part.read),
            is_flat: parts.iter().all(|part| part.is_flat),
            ..Bound::flat(
                sum(|part| part.size),
                parts.iter().map(|part| part.items).fold(items, u64::max),
            )
        }
    }

    /// The value of a call, and what the call takes beside its parts.
    fn of_call(name: &str, parts: &[Bound]) -> (Bound, u64) {
        let sum = |of: fn(&Bound) -> u64| parts.iter().map(of).fold(0, u64::saturating_add);
        match (name, parts) {
            (operators::ADD, _) => {
                let items = sum(|part| part.items);
                (Bound::joined(parts, items), sum(Bound::work))
            }
            (operators::CONDITIONAL | operators::INDEX, _) => {
                let most = |of: fn(&Bound) -> u64| parts.iter().map(of).max().unwrap_or(0);
                let value = Bound {
                    read: most(|part| part.read),
                    is_flat: parts.iter().all(|part| part.is_flat),
                    ..Bound::flat(most(|part| part.size), most(|part| part.items))
                };
                (value, 0)
            }
            (operators::IN, [item, container]) => {
                let comparisons = container.items.saturating_mul(item.comparison(&container.item()));
                (Bound::SCALAR, comparisons.saturating_add(container.items / 4))
            }
            (operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT, _) => (Bound::SCALAR, 0),
            ("contains", _) => (Bound::SCALAR, sum(|part| part.read) / SEARCHED_A_STEP),
            (operators::EQUALS | operators::NOT_EQUALS, [one, other]) => (Bound::SCALAR, one.comparison(other)),
            _ => (Bound::SCALAR, sum(|part| part.read) / FLAT_A_STEP),
        }
    }
}
