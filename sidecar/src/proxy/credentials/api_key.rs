//! The API key of one upstream: a header with a value from a file.

use std::fmt;

use actgate::request::header_name;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::token_endpoint::SharedSecret;
use crate::headers::hop_by_hop;

/// A header that the upstream receives with each request, on public routes too.
#[derive(Clone)]
pub(crate) struct ApiKey {
    pub(crate) header: HeaderName,
    pub(crate) value: SharedSecret,
}

impl ApiKey {
    /// Sets the header in place of those that a server may read as the same.
    pub(crate) fn set(&self, headers: &mut HeaderMap) {
        hop_by_hop::remove_where(headers, |name| header_name::same(self.header.as_str(), name));
        headers.insert(&self.header, HeaderValue::clone(&self.value.load()));
    }
}

/// Prints the name of the header alone.
impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ApiKey").field(&self.header).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arc_swap::ArcSwap;

    use super::*;

    #[test]
    fn the_key_replaces_what_the_client_sent_in_every_spelling() {
        let value = HeaderValue::from_static("secret");
        let key = ApiKey {
            header: HeaderName::from_static("x-api-key"),
            value: Arc::new(ArcSwap::from_pointee(value)),
        };
        let mut headers = HeaderMap::new();
        for name in ["x-api-key", "x_api_key", "x.api.key", "x-api-keys"] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static("forged"));
        }
        key.set(&mut headers);
        assert_eq!(headers["x-api-key"], "secret");
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["x-api-key", "x-api-keys"]);
        key.value.store(Arc::new(HeaderValue::from_static("changed")));
        key.set(&mut headers);
        assert_eq!(headers["x-api-key"], "changed");
        assert!(!format!("{key:?}").contains("changed"));
    }
}
