//! What is in the place of expressions where the library is built without the feature `cel`: a mistake of the policy.

use actgate_yaml::Spanned;

use super::document::ExpressionDocument;
use crate::chain::{Core, History};
use crate::policy::evaluation_time::EvaluationTime;
use crate::policy::read::Reader;
use crate::policy::rules::chain::Truncation;
use crate::policy::rules::finding::Finding;
use crate::policy::rules::operation::RequestFacts;
use crate::policy::syntax::Context;

/// An expression as it is compiled: for one of the two tiers.
#[expect(dead_code, reason = "no expression compiles without the feature `cel`")]
pub(in crate::policy) enum Expression {
    Core(CoreExpression),
    History(HistoryExpression),
}

/// No value: there is no expression on core facts.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) enum CoreExpression {}

/// No value: there is no expression on the chain.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) enum HistoryExpression {}

pub(in crate::policy) fn compile(
    document: &Spanned<ExpressionDocument>,
    context: &mut Context<'_>,
) -> Option<Expression> {
    let message = "`expression` needs the feature `cel` of the library";
    let help = "build with `features = [\"cel\"]`, or write the rule with the other words";
    context.mistake(document.span(), message, help);
    None
}

impl CoreExpression {
    pub(in crate::policy) fn evaluate(&self, _: &Core<'_>, _: &RequestFacts<'_>, _: &EvaluationTime) -> Finding {
        match *self {}
    }

    pub(in crate::policy) fn explain(
        &self,
        _: &Core<'_>,
        _: &RequestFacts<'_>,
        _: &EvaluationTime,
    ) -> (String, String) {
        match *self {}
    }

    pub(in crate::policy) fn texts_beside_method(&self) -> Option<&[Box<str>]> {
        match *self {}
    }

    pub(in crate::policy) fn reads_same_parameters(&self, _: &str, _: &str) -> bool {
        match *self {}
    }

    pub(in crate::policy) fn read<'p>(&'p self, _: &mut Reader<'_, 'p>) {
        match *self {}
    }

    pub(in crate::policy) fn reads_kind_or_actor(&self) -> bool {
        match *self {}
    }
}

impl HistoryExpression {
    pub(in crate::policy) fn texts_beside_method(&self) -> Option<&[Box<str>]> {
        match *self {}
    }

    pub(in crate::policy) fn reads_same_parameters(&self, _: &str, _: &str) -> bool {
        match *self {}
    }

    pub(in crate::policy) fn read<'p>(&'p self, _: &mut Reader<'_, 'p>) {
        match *self {}
    }

    pub(in crate::policy) fn truncation(&self) -> Truncation {
        match *self {}
    }

    pub(in crate::policy) fn evaluate(
        &self,
        _: &History<'_>,
        _: &Core<'_>,
        _: &RequestFacts<'_>,
        _: &EvaluationTime,
    ) -> Option<&'static str> {
        match *self {}
    }

    pub(in crate::policy) fn explain(
        &self,
        _: &History<'_>,
        _: &Core<'_>,
        _: &RequestFacts<'_>,
        _: &EvaluationTime,
    ) -> (String, String) {
        match *self {}
    }
}
