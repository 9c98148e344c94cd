//! The conditions of both tiers: compiled from the written form, evaluated, explained.

use actgate_yaml::{Span, Spanned};

use super::document::ExpressionDocument;
use super::place;
use super::program::{Outcome, Program};
use super::values::Facts;
use crate::chain::{Core, History};
use crate::policy::evaluation_time::EvaluationTime;
use crate::policy::read::Reader;
use crate::policy::rules::chain::Truncation;
use crate::policy::rules::finding::Finding;
use crate::policy::rules::operation::RequestFacts;
use crate::policy::syntax::Context;

/// The code of an expression that does not evaluate to `true`.
const NOT_TRUE: &str = "expression_not_true";

/// An expression as it is compiled: for one of the two tiers.
pub(in crate::policy) enum Expression {
    Core(CoreExpression),
    History(HistoryExpression),
}

/// An expression that reads no prior actor, and gets none.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) struct CoreExpression(Program);

/// An expression that reads the chain.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) struct HistoryExpression {
    program: Program,
    truncation: Truncation,
}

pub(in crate::policy) fn compile(
    document: &Spanned<ExpressionDocument>,
    context: &mut Context<'_>,
) -> Option<Expression> {
    let ExpressionDocument { cel, accept_truncation } = &document.value;
    let program = match Program::compile(&cel.value, context.path.as_deref()) {
        Ok(program) => program,
        Err(mistake) => {
            let (line, column) = place::within(context.source, (cel.line, cel.column), &cel.value, mistake.offset);
            context.mistake(Span { line, column }, mistake.message, mistake.help);
            return None;
        }
    };
    if program.has_constant() {
        let message = "a condition of the expression reads no fact: it is the same for every request";
        let help = "compare a fact, such as `claims.region == \"eu\"`, or remove the condition";
        context
            .warnings
            .push_coded("constant_condition", document.span(), message, help);
    }
    context.read_headers.extend(program.headers().cloned());
    if program.reads_chain() {
        let truncation = match accept_truncation {
            true => Truncation::Accepted,
            false => Truncation::Refused,
        };
        return Some(Expression::History(HistoryExpression { program, truncation }));
    }
    if *accept_truncation {
        let message = "`accept_truncation` has no effect: the expression does not read `chain`";
        context.mistake(document.span(), message, "remove it");
    }
    Some(Expression::Core(CoreExpression(program)))
}

impl CoreExpression {
    pub(in crate::policy) fn evaluate(
        &self,
        core: &Core<'_>,
        request: &RequestFacts<'_>,
        time: &EvaluationTime,
    ) -> Finding {
        let outcome = self.0.evaluate(&Facts::of_core(*core, request, time));
        Finding::met_if(outcome == Outcome::True, NOT_TRUE)
    }

    pub(in crate::policy) fn explain(
        &self,
        core: &Core<'_>,
        request: &RequestFacts<'_>,
        time: &EvaluationTime,
    ) -> (String, String) {
        self.0.explain(&Facts::of_core(*core, request, time))
    }

    pub(in crate::policy) fn texts_beside_method(&self) -> Option<&[Box<str>]> {
        self.0.texts_beside_method()
    }

    pub(in crate::policy) fn reads_same_parameters(&self, one: &str, other: &str) -> bool {
        self.0.reads_same_parameters(one, other)
    }

    pub(in crate::policy) fn read<'p>(&'p self, reader: &mut Reader<'_, 'p>) {
        self.0.read(reader);
    }

    pub(in crate::policy) fn reads_kind_or_actor(&self) -> bool {
        self.0.reads_kind_or_actor()
    }
}

impl HistoryExpression {
    pub(in crate::policy) fn texts_beside_method(&self) -> Option<&[Box<str>]> {
        self.program.texts_beside_method()
    }

    pub(in crate::policy) fn reads_same_parameters(&self, one: &str, other: &str) -> bool {
        self.program.reads_same_parameters(one, other)
    }

    pub(in crate::policy) fn read<'p>(&'p self, reader: &mut Reader<'_, 'p>) {
        self.program.read(reader);
    }

    pub(in crate::policy) fn truncation(&self) -> Truncation {
        self.truncation
    }

    /// The code of the denial, unless the expression is true.
    pub(in crate::policy) fn evaluate(
        &self,
        history: &History<'_>,
        core: &Core<'_>,
        request: &RequestFacts<'_>,
        time: &EvaluationTime,
    ) -> Option<&'static str> {
        let outcome = self
            .program
            .evaluate(&Facts::with_chain(*history, *core, request, time));
        (outcome != Outcome::True).then_some(NOT_TRUE)
    }

    pub(in crate::policy) fn explain(
        &self,
        history: &History<'_>,
        core: &Core<'_>,
        request: &RequestFacts<'_>,
        time: &EvaluationTime,
    ) -> (String, String) {
        self.program.explain(&Facts::with_chain(*history, *core, request, time))
    }
}
