//! The headers that carry tokens instead of `Authorization`.

use actgate::request::header_name;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The headers that the tokens of some issuers have to themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Carriers(Vec<HeaderName>);

impl FromIterator<HeaderName> for Carriers {
    fn from_iter<T: IntoIterator<Item = HeaderName>>(headers: T) -> Self {
        Carriers(headers.into_iter().collect())
    }
}

impl Carriers {
    /// Whether an upstream may read this header as one of them.
    pub(crate) fn owns(&self, name: &str) -> bool {
        self.0.iter().any(|own| header_name::same(own.as_str(), name))
    }

    /// The access token of an authorized request, which has exactly one: in one of these headers, or in `Authorization`.
    pub(crate) fn access_token<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        if let Some(carried) = self.0.iter().find_map(|own| headers.get(own)) {
            return carried.to_str().ok();
        }
        let (_, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
        Some(token.trim_start_matches(' '))
    }

    /// The one that carries the token of an authorized request.
    pub(crate) fn carried(&self, headers: &HeaderMap) -> Option<(HeaderName, HeaderValue)> {
        let mut own = self.0.iter();
        own.find_map(|own| Some((own.clone(), headers.get(own)?.clone())))
    }
}

/// Whether a credential in `Authorization` may be a token: it is, unless it is a single credential of another known scheme.
pub(crate) fn may_be_token(authorization: &HeaderValue) -> bool {
    let field = authorization.as_bytes();
    let scheme = field.split(|byte| *byte == b' ').next().unwrap_or_default();
    let is_other = scheme.eq_ignore_ascii_case(b"basic") || scheme.eq_ignore_ascii_case(b"negotiate");
    !is_other || field.contains(&b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_access_token_is_in_a_header_of_its_own_or_follows_the_scheme() {
        let carriers = Carriers::from_iter([HeaderName::from_static("cf-access-jwt-assertion")]);
        let token = |name: &'static str, value: &'static str| {
            let headers = HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))]);
            carriers.access_token(&headers).map(str::to_owned)
        };
        assert_eq!(token("cf-access-jwt-assertion", "a.b.c").as_deref(), Some("a.b.c"));
        assert_eq!(token("authorization", "bearer  a.b.c").as_deref(), Some("a.b.c"));
        assert_eq!(token("authorization", "a.b.c"), None);
        assert_eq!(token("cookie", "a.b.c"), None);
    }

    #[test]
    fn every_spelling_is_owned_and_the_exact_one_carries_the_token() {
        let carriers = Carriers::from_iter([HeaderName::from_static("cf-access-jwt-assertion")]);
        let mut headers = HeaderMap::new();
        for name in ["cf_access_jwt_assertion", "cf.access.jwt.assertion"] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(name));
            assert!(carriers.owns(name), "{name}");
        }
        assert_eq!(carriers.carried(&headers), None);
        headers.insert("cf-access-jwt-assertion", HeaderValue::from_static("a.b.c"));
        let (name, value) = carriers.carried(&headers).unwrap();
        assert_eq!(
            (name.as_str(), value.as_bytes()),
            ("cf-access-jwt-assertion", &b"a.b.c"[..])
        );
        assert_eq!(Carriers::default().carried(&headers), None);
        assert!(
            carriers.owns("CF_Access_JWT-Assertion") && !carriers.owns("cf-access-jwt") && !carriers.owns("x-other")
        );
    }
}
