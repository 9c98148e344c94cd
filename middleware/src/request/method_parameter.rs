//! A method in a parameter `_method` of a query or a form, which some frameworks serve in place of the method of the request
//! (Rails, Laravel, Symfony, Express with `method-override`).

use super::parameter_name;

/// The methods that a parameter `_method` of one request must not name: they would lead to another access.
///
/// It does NOT look for the parameter: a server of forms does, with [`names_method`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeniedMethods(Box<[Box<str>]>);

impl DeniedMethods {
    pub(crate) fn new(methods: impl IntoIterator<Item: Into<Box<str>>>) -> Self {
        DeniedMethods(methods.into_iter().map(Into::into).collect())
    }

    /// Whether every method is permitted, so that a form need not be read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the value of a parameter `_method` names one of the methods, in any case and between blanks.
    pub fn contains(&self, value: &str) -> bool {
        let value = value.trim();
        self.0.iter().any(|method| method.eq_ignore_ascii_case(value))
    }
}

/// Whether a server could read the query or form parameter `name` as `_method`: some ignore its case, some replace blanks and
/// dots by `_`, and cut the name at a bracket.
///
/// ```
/// use actgate::request::names_method;
///
/// assert!(names_method("_method") && names_method("_METHOD") && names_method(".method"));
/// assert!(!names_method("method"));
/// ```
pub fn names_method(name: &str) -> bool {
    let rest = parameter_name::compared(name).strip_prefix(['_', '.']);
    rest.is_some_and(|rest| rest.eq_ignore_ascii_case("method"))
}

/// The values of the parameters `_method` of a query.
pub(crate) fn method_parameters(query: &str) -> impl Iterator<Item = String> {
    let parameters = url::form_urlencoded::parse(query.as_bytes());
    parameters
        .filter(|(name, _)| names_method(name))
        .map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_found_in_every_spelling() {
        for query in [
            "_method=DELETE",
            "a=1&_method=DELETE",
            "%5Fmethod=DELETE",
            "_METHOD=DELETE",
            ".method=DELETE",
            "_method[]=DELETE",
            "?_method=DELETE",
            "_method%00=DELETE",
            "_method%00x=DELETE",
            "_method%5B0%5D=DELETE",
            "+_method=DELETE",
            "_method+=DELETE",
        ] {
            assert_eq!(method_parameters(query).collect::<Vec<_>>(), ["DELETE"], "{query}");
        }
        for query in ["", "method=DELETE", "_methods=DELETE", "a=_method", "x_method=DELETE"] {
            assert_eq!(method_parameters(query).count(), 0, "{query}");
        }
    }

    #[test]
    fn a_value_is_compared_without_case() {
        let denied = DeniedMethods::new(["DELETE"]);
        assert!(denied.contains("delete") && denied.contains(" Delete\n"));
        assert!(!denied.contains("POST") && !denied.contains("") && !denied.contains("DELETES"));
        assert!(DeniedMethods::default().is_empty());
    }
}
