//! The methods of the HTTP Method Registry of IANA.

/// The registered methods in alphabetical order, without `PRI`, which is no method of a request (RFC 9113 section 3.4).
pub(super) const REGISTERED: &[&str] = &[
    "ACL",
    "BASELINE-CONTROL",
    "BIND",
    "CHECKIN",
    "CHECKOUT",
    "CONNECT",
    "COPY",
    "DELETE",
    "GET",
    "HEAD",
    "LABEL",
    "LINK",
    "LOCK",
    "MERGE",
    "MKACTIVITY",
    "MKCALENDAR",
    "MKCOL",
    "MKREDIRECTREF",
    "MKWORKSPACE",
    "MOVE",
    "OPTIONS",
    "ORDERPATCH",
    "PATCH",
    "POST",
    "PROPFIND",
    "PROPPATCH",
    "PUT",
    "QUERY",
    "REBIND",
    "REPORT",
    "SEARCH",
    "TRACE",
    "UNBIND",
    "UNCHECKOUT",
    "UNLINK",
    "UNLOCK",
    "UPDATE",
    "UPDATEREDIRECTREF",
    "VERSION-CONTROL",
];

/// Whether IANA lists the method. Methods are compared with case.
pub(super) fn is_registered(method: &str) -> bool {
    REGISTERED.binary_search(&method).is_ok()
}

/// Whether a request may have the method and a route may name it: a token (RFC 9110 section 5.6.2) without lower-case
/// letters.
pub(super) fn is_upper_case_token(method: &str) -> bool {
    let is_allowed =
        |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !method.is_empty() && method.bytes().all(is_allowed)
}

/// `*`, or methods that are separated by commas. None of them is any.
pub(super) fn parse_methods(text: &str) -> Option<Vec<Box<str>>> {
    if text == "*" {
        return Some(Vec::new());
    }
    let mut methods: Vec<Box<str>> = Vec::new();
    for written in text.split(',') {
        let method = match written.strip_prefix('"') {
            None => Some(written).filter(|method| is_registered(method)),
            Some(quoted) => quoted.strip_suffix('"').filter(|method| is_upper_case_token(method)),
        }?;
        if methods.iter().any(|other| **other == *method) {
            return None;
        }
        methods.push(method.into());
    }
    Some(methods)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registered_methods_are_found() {
        assert!(REGISTERED.is_sorted());
        assert!(
            REGISTERED
                .iter()
                .all(|method| is_registered(method) && is_upper_case_token(method))
        );
        for method in ["PRI", "get", "Get", "GETT", "ANY", "ALL", "PURGE", "*", "", "M-SEARCH"] {
            assert!(!is_registered(method), "{method}");
        }
    }

    #[test]
    fn a_method_has_no_lower_case_letter() {
        assert!(
            ["PURGE", "M-SEARCH", "X_1"]
                .iter()
                .all(|method| is_upper_case_token(method))
        );
        for method in ["", "purge", "Purge", "A B", "A/B", "\"A\"", "É", "A\t", "A,B"] {
            assert!(!is_upper_case_token(method), "{method:?}");
        }
    }

    #[test]
    fn methods_are_registered_or_in_quotes() {
        let methods = |text| parse_methods(text).map(|methods| methods.join(" "));
        assert_eq!(methods("*").as_deref(), Some(""));
        assert_eq!(methods("GET,VERSION-CONTROL").as_deref(), Some("GET VERSION-CONTROL"));
        assert_eq!(
            methods(r#""PURGE",GET,"M-SEARCH""#).as_deref(),
            Some("PURGE GET M-SEARCH")
        );
        for text in [
            "",
            ",",
            "GET,",
            ",GET",
            "GET,*",
            "*,GET",
            "get",
            "Get",
            "ANY",
            "ALL",
            "GETT",
            "PRI",
            "--",
            "GET|HEAD",
            "GET,GET",
            "GET,\"GET\"",
            "\"purge\"",
            "\"\"",
            "\"",
            "\"A B\"",
            "PURGE",
            "**",
            "[GET]",
        ] {
            assert_eq!(methods(text), None, "{text}");
        }
    }
}
