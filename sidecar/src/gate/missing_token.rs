//! What a request has in place of a bearer token, for the decision log. It names no value of the request.

use std::borrow::Cow;

use actgate::request::names_access_token;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Uri};
use url::form_urlencoded;

/// The schemes that IANA registers for `Authorization`, but `Bearer`.
const SCHEMES: [&str; 13] = [
    "Basic",
    "Concealed",
    "Digest",
    "DPoP",
    "GNAP",
    "HOBA",
    "Mutual",
    "Negotiate",
    "OAuth",
    "PrivateToken",
    "SCRAM-SHA-1",
    "SCRAM-SHA-256",
    "vapid",
];

/// What came in place of the token; none where nothing did.
pub(super) fn note(headers: &HeaderMap, uri: &Uri) -> Option<Cow<'static, str>> {
    if let Some(field) = headers.get(AUTHORIZATION) {
        return Some(of_field(field));
    }
    let query = uri.query().unwrap_or_default();
    let mut names = form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name);
    names
        .any(|name| names_access_token(&name))
        .then_some(Cow::Borrowed("a token in the query is not accepted"))
}

fn of_field(field: &HeaderValue) -> Cow<'static, str> {
    let text = field.to_str().unwrap_or_default().trim();
    let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
    if text.is_empty() {
        return "`authorization` is empty".into();
    }
    if let Some(name) = SCHEMES.iter().find(|name| name.eq_ignore_ascii_case(scheme)) {
        return format!("`authorization` has the scheme `{name}`, not `Bearer`").into();
    }
    match rest.is_empty() && text.split('.').count() == 3 {
        true => "`authorization` has a token without the scheme `Bearer` before it".into(),
        false => "`authorization` has another scheme than `Bearer`".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_is_named_without_its_value() {
        let of = |field: Option<&'static str>, target: &'static str| {
            let mut headers = HeaderMap::new();
            if let Some(field) = field {
                headers.insert(AUTHORIZATION, HeaderValue::from_static(field));
            }
            note(&headers, &Uri::from_static(target)).map(Cow::into_owned)
        };
        let another = "`authorization` has another scheme than `Bearer`";
        for (field, target, expected) in [
            (None, "/a?page=2", None),
            (
                None,
                "/a?access_token=canary",
                Some("a token in the query is not accepted"),
            ),
            (
                None,
                "/a?x=1&access.token[]=canary",
                Some("a token in the query is not accepted"),
            ),
            (Some(""), "/a", Some("`authorization` is empty")),
            (
                Some("basic canary"),
                "/a?access_token=canary",
                Some("`authorization` has the scheme `Basic`, not `Bearer`"),
            ),
            (
                Some("DPoP canary"),
                "/a",
                Some("`authorization` has the scheme `DPoP`, not `Bearer`"),
            ),
            (
                Some("canary.canary.canary"),
                "/a",
                Some("`authorization` has a token without the scheme `Bearer` before it"),
            ),
            (Some("canary"), "/a", Some(another)),
            (Some("canary canary"), "/a", Some(another)),
            (Some("Bearer: canary"), "/a", Some(another)),
        ] {
            let found = of(field, target);
            assert_eq!(found.as_deref(), expected, "{field:?} {target}");
            assert!(!found.unwrap_or_default().contains("canary"));
        }
    }
}
