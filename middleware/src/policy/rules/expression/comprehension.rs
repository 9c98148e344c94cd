//! The comprehensions that a macro makes of a list: `exists`, `all`, `exists_one` and `filter`.

use cel::common::ast::{ComprehensionExpr, Expr, IdedExpr, LiteralValue, operators};

/// A comprehension by its macro, with the part that is written for each item.
#[derive(Clone, Copy)]
pub(super) enum Comprehension<'e> {
    /// `exists` or `all`.
    Fold(&'e IdedExpr),
    /// `exists_one`.
    One(&'e IdedExpr),
    /// `filter`.
    Filter(&'e IdedExpr),
}

impl<'e> Comprehension<'e> {
    /// [`None`] for `map`, which makes new values of the items.
    pub(super) fn of(comprehension: &'e ComprehensionExpr) -> Option<Comprehension<'e>> {
        let Expr::Call(step) = &comprehension.loop_step.expr else {
            return None;
        };
        match (&comprehension.accu_init.expr, &*step.func_name, &step.args[..]) {
            (Expr::Literal(LiteralValue::Boolean(_)), operators::LOGICAL_OR | operators::LOGICAL_AND, [_, body]) => {
                Some(Comprehension::Fold(body))
            }
            (Expr::Literal(LiteralValue::Int(_)), operators::CONDITIONAL, [body, ..]) => Some(Comprehension::One(body)),
            (Expr::List(_), operators::CONDITIONAL, [body, step, _]) if adds(step, &comprehension.iter_var) => {
                Some(Comprehension::Filter(body))
            }
            _ => None,
        }
    }

    pub(super) fn body(self) -> &'e IdedExpr {
        match self {
            Comprehension::Fold(body) | Comprehension::One(body) | Comprehension::Filter(body) => body,
        }
    }
}

/// Whether a step adds the item itself.
fn adds(step: &IdedExpr, item: &str) -> bool {
    let Expr::Call(call) = &step.expr else {
        return false;
    };
    let [_, added] = &call.args[..] else { return false };
    let Expr::List(list) = &added.expr else { return false };
    matches!(&list.elements[..], [IdedExpr { expr: Expr::Ident(name), .. }] if name == item)
}
