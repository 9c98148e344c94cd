//! The headers that carry tokens instead of `Authorization`.

use actgate::request::header_name;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::hop_by_hop;

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

    /// Removes them in any spelling, and returns the one that carried the token of an authorized request.
    pub(crate) fn take(&self, headers: &mut HeaderMap) -> Option<(HeaderName, HeaderValue)> {
        if self.0.is_empty() {
            return None;
        }
        let carried = self
            .0
            .iter()
            .find_map(|own| Some((own.clone(), headers.get(own)?.clone())));
        hop_by_hop::remove_where(headers, |name| self.owns(name));
        carried
    }
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
    fn every_spelling_is_removed_and_the_exact_one_is_returned() {
        let carriers = Carriers::from_iter([HeaderName::from_static("cf-access-jwt-assertion")]);
        let mut headers = HeaderMap::new();
        for name in [
            "cf_access_jwt_assertion",
            "cf.access.jwt.assertion",
            "cf-access-jwt-assertion",
            "x-other",
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(name));
        }
        let (name, value) = carriers.take(&mut headers).unwrap();
        assert_eq!(
            (name.as_str(), value.as_bytes()),
            ("cf-access-jwt-assertion", &b"cf-access-jwt-assertion"[..])
        );
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["x-other"]);
        headers.insert("cf_access_jwt_assertion", HeaderValue::from_static("a"));
        assert_eq!(carriers.take(&mut headers), None);
        assert_eq!(headers.len(), 1);
        assert_eq!(Carriers::default().take(&mut headers), None);
        assert!(carriers.owns("CF_Access_JWT-Assertion") && !carriers.owns("cf-access-jwt"));
    }
}
