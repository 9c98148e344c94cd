//! Headers that are removed from every request.

use actgate_yaml::Spanned;

use super::reader::ConfigReader;
use super::values::{InvalidValue, invalid};
use crate::headers::dropped::{DroppedHeaders, Pattern, PatternError};

impl ConfigReader<'_> {
    /// Reads the headers that are removed beside those that always are.
    pub(super) fn drop_headers(&mut self, written: Option<&Spanned<Vec<Spanned<String>>>>) -> DroppedHeaders {
        let patterns = written.into_iter().flat_map(|written| &written.value);
        patterns
            .filter_map(|text| self.take(text, |text| pattern(text)))
            .collect()
    }
}

fn pattern(text: &str) -> Result<Pattern, InvalidValue> {
    Pattern::parse(text).or_else(|error| match error {
        PatternError::Invalid => {
            let help = "write a name, as in `X-Tenant`, or the beginning of names with `*`, as in `X-Debug-*`";
            invalid(format!("`{text}` is not a header"), help)
        }
        PatternError::Required("authorization") => {
            let help = "write `access_token: strip`, which is the default";
            invalid("the access token is not removed here", help)
        }
        PatternError::Required(name) => {
            let message = format!("`{text}` covers `{name}`, without which the upstream would read another request");
            invalid(message, "name other headers")
        }
    })
}
