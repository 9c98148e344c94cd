//! The public keys of internal tokens.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Response};
use http_body_util::Full;

use super::method::not_allowed;
use crate::headers::internal_token::signing_keys::{PUBLICATION, SigningKeys};

/// Where the JWK set is.
pub(crate) const PATH: &str = "/jwks";

/// The response to a request for the JWK set.
pub(crate) fn answer(method: &Method, keys: &SigningKeys) -> Response<Full<Bytes>> {
    if let Some(response) = not_allowed(method) {
        return response;
    }
    let mut response = Response::new(Full::from(keys.public().to_string()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
    if let Ok(value) = HeaderValue::try_from(format!("public, max-age={}", PUBLICATION.as_secs())) {
        headers.insert(CACHE_CONTROL, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use http::StatusCode;
    use http_body_util::BodyExt as _;

    use super::*;
    use crate::headers::internal_token::signing_keys::KeyOrigin;

    #[tokio::test]
    async fn the_set_contains_public_keys_alone_and_may_be_cached_for_a_minute() {
        let origin = KeyOrigin::Generated {
            rotate: Duration::from_secs(3600),
        };
        let keys = SigningKeys::new(origin, Duration::from_secs(60), Instant::now()).unwrap();
        let response = answer(&Method::GET, &keys);
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/jwk-set+json");
        assert_eq!(response.headers()[CACHE_CONTROL], "public, max-age=60");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let set: serde_json::Value = serde_json::from_slice(&body).unwrap();
        let set = set["keys"].as_array().unwrap();
        assert_eq!(set.len(), 2);
        for key in set {
            let members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
        }
        assert_eq!(answer(&Method::POST, &keys).status(), StatusCode::METHOD_NOT_ALLOWED);
    }
}
