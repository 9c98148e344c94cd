//! Other parameters and other bodies, with which a rule on the operation may be met.

use super::values::ValueTest;
use super::{BodyCondition, OperationCondition, RequestFacts};
use crate::policy::change::{Fact, Remedies, Value};
use crate::request::{JsonBody, QueryParameter};

impl OperationCondition {
    /// Other parameters and bodies.
    pub(in crate::policy) fn remedies(&self, request: &RequestFacts<'_>, remedies: &mut Remedies<'_>) {
        match self {
            OperationCondition::Query { name, test } => {
                let parameter = match QueryParameter::find(request.query, name) {
                    QueryParameter::Ambiguous(fault) => format!("query parameter {name} without this fault, {fault}"),
                    QueryParameter::Missing | QueryParameter::Text(_) => format!("query parameter {name}"),
                };
                let texts = test.texts().into_iter().map(Value::Text);
                add(remedies, &Fact::Query(name.clone()), &parameter, test, texts);
            }
            OperationCondition::Body(condition) => condition.remedies(request, remedies),
        }
    }

    /// What it accepts of a fact, in words, if it is about that one.
    pub(in crate::policy) fn test_of(&self, fact: &Fact) -> Option<String> {
        match self {
            OperationCondition::Query { name, test } => (*fact == Fact::Query(name.clone())).then(|| test.to_string()),
            OperationCondition::Body(condition) => (*fact == condition.fact()).then(|| condition.test.to_string()),
        }
    }
}

impl BodyCondition {
    /// The path of the member as a JSON pointer.
    pub(in crate::policy) fn pointer(&self) -> String {
        self.place().pointer()
    }

    fn remedies(&self, request: &RequestFacts<'_>, remedies: &mut Remedies<'_>) {
        let bytes = match &request.body {
            JsonBody::Object { bytes, .. } | JsonBody::Malformed { bytes, .. } | JsonBody::TooLong { bytes } => *bytes,
            JsonBody::Unread { announced } => announced.unwrap_or_default(),
            JsonBody::OtherType => 0,
        };
        let form = match &request.body {
            JsonBody::OtherType => "a body that is announced as JSON in UTF-8, without a content coding".to_owned(),
            JsonBody::Malformed { reason, .. } => format!("a body without this fault: {reason}"),
            JsonBody::Object { .. } | JsonBody::TooLong { .. } | JsonBody::Unread { .. } => String::new(),
        };
        if bytes > self.max {
            let words = format!("a body of at most {} bytes", self.max);
            return remedies.add(Fact::BodySize, Value::Held(true), words);
        }
        if !form.is_empty() {
            return remedies.add(Fact::BodyForm, Value::Held(true), form);
        }
        let member = format!("{} of the body", self.pointer());
        add(remedies, &self.fact(), &member, &self.test, self.test.values());
    }

    fn fact(&self) -> Fact {
        Fact::Member(self.path.names().into())
    }
}

/// Values with which a test is met, of what is called `name`.
fn add(
    remedies: &mut Remedies<'_>,
    fact: &Fact,
    name: &str,
    test: &ValueTest,
    values: impl IntoIterator<Item = Value>,
) {
    match test {
        ValueTest::OneOf(_) => {
            let alone = test.in_words().into_iter().map(|value| format!("{name}: {value}"));
            let values = values.into_iter().zip(alone).collect();
            remedies.add_values(fact, values, &format!("{name}: {test}"));
        }
        ValueTest::Between { .. } | ValueTest::Matches(_) => {
            for value in values {
                remedies.add_of_range(fact.clone(), value, name.to_owned());
            }
        }
    }
}
