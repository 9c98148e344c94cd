//! Conditions that read no fact: each is the same for every request.

use cel::common::ast::{CallExpr, Expr, IdedExpr, operators};

/// Whether an expression reads no fact: it is the same for every request.
fn is_constant(expression: &IdedExpr) -> bool {
    match &expression.expr {
        Expr::Literal(_) => true,
        Expr::List(list) => list.elements.iter().all(is_constant),
        Expr::Call(call) => call.target.iter().all(|target| is_constant(target)) && call.args.iter().all(is_constant),
        _ => false,
    }
}

/// Whether a condition is constant, or one that it is made of by `&&`, `||`, `!` and `?`.
pub(super) fn constant_within(condition: &IdedExpr) -> bool {
    let of_call = |call: &CallExpr| match &*call.func_name {
        operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT => {
            call.args.iter().any(constant_within)
        }
        operators::CONDITIONAL => call.args.first().is_some_and(constant_within),
        _ => false,
    };
    is_constant(condition) || matches!(&condition.expr, Expr::Call(call) if of_call(call))
}
