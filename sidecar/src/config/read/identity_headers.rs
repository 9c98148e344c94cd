//! The names of the identity headers.

use std::collections::BTreeMap;

use actgate_yaml::Spanned;

use super::reader::ConfigReader;
use crate::headers::identity::{IdentityHeaders, NameError};
use crate::headers::identity_fact::Fact;

impl ConfigReader<'_> {
    pub(super) fn identity_headers(&mut self, written: &BTreeMap<Fact, Spanned<String>>) -> IdentityHeaders {
        let defaults = IdentityHeaders::default();
        let name_of = |fact: Fact| {
            written
                .get(&fact)
                .map_or(defaults.name(fact).as_str(), |name| &name.value)
        };
        let names = written.iter().map(|(fact, name)| (*fact, name.value.as_str()));
        IdentityHeaders::with_names(names).unwrap_or_else(|errors| {
            for (fact, error) in errors {
                let name = name_of(fact);
                let (message, help) = match error {
                    NameError::Invalid => (
                        format!("`{name}` is not a header name"),
                        "write letters, digits and `-`",
                    ),
                    NameError::Reserved => (
                        format!("`{name}` has another meaning"),
                        "choose another name, such as `x-auth-subject`",
                    ),
                    NameError::Taken(other) => (
                        format!("`{name}` is the same as `{}` to some servers", name_of(other)),
                        "give each fact a header of its own",
                    ),
                };
                if let Some(written) = written.get(&fact) {
                    self.diagnostics.push(written.span(), message, help);
                }
            }
            IdentityHeaders::default()
        })
    }
}
