//! The parameters of a request: a form body or a query, both `application/x-www-form-urlencoded`.

use url::form_urlencoded;

/// No request of this protocol needs more; the rest would only cost time.
const MAX_PARAMETERS: usize = 64;

/// Decoded parameters in the order they came. A parameter without a value counts as left out (RFC 6749 section 3.1).
pub(crate) struct Parameters {
    pairs: Vec<(String, String)>,
}

/// A parameter that may stand once stands twice (RFC 6749 section 3.1 forbids it).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Repeated;

/// More parameters than any request needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

impl Parameters {
    pub(crate) fn parse(encoded: &[u8]) -> Result<Parameters, TooMany> {
        let pairs: Vec<_> = form_urlencoded::parse(encoded)
            .take(MAX_PARAMETERS + 1)
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect();
        if pairs.len() > MAX_PARAMETERS {
            return Err(TooMany);
        }
        Ok(Parameters {
            pairs: pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect(),
        })
    }

    /// The value of a parameter that may stand at most once.
    pub(crate) fn one(&self, name: &str) -> Result<Option<&str>, Repeated> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (first, None) => Ok(first),
            (_, Some(_)) => Err(Repeated),
        }
    }

    /// Every value of a parameter that may be repeated.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.pairs
            .iter()
            .filter(move |(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{Parameters, Repeated};

    #[test]
    fn values_are_decoded_and_empty_ones_dropped() {
        let parameters = Parameters::parse(b"scope=a+b%20c&state=").ok().unwrap();
        assert_eq!(parameters.one("scope"), Ok(Some("a b c")));
        assert_eq!(parameters.one("state"), Ok(None));
    }

    #[test]
    fn a_second_value_is_an_error_where_one_is_meant() {
        let parameters = Parameters::parse(b"resource=a&resource=b").ok().unwrap();
        assert_eq!(parameters.one("resource"), Err(Repeated));
        assert_eq!(parameters.all("resource").collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn the_number_of_parameters_is_bounded() {
        assert!(Parameters::parse("a=1&".repeat(64).as_bytes()).is_ok());
        assert!(Parameters::parse("a=1&".repeat(65).as_bytes()).is_err());
    }
}
