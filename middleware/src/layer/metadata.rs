//! The response to a request for the metadata of a resource, and who makes it.

use bytes::Bytes;
use http::Response;

use crate::resource::Metadata;

/// Makes the response to a request for metadata. [`NoMetadata`], [`PublishMetadata`] and functions
/// `Fn(Metadata) -> Response<B>` implement it.
pub trait ResponseForMetadata<B> {
    /// The response; [`None`] where `metadata` is none, or is not published.
    fn respond(&self, metadata: impl FnOnce() -> Option<Metadata>) -> Option<Response<B>>;
}

/// Requests for metadata are authorized as any other.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMetadata;

impl<B> ResponseForMetadata<B> for NoMetadata {
    fn respond(&self, _: impl FnOnce() -> Option<Metadata>) -> Option<Response<B>> {
        None
    }
}

/// Requests for metadata are answered, with bodies that are made from bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct PublishMetadata;

impl<B: From<Bytes>> ResponseForMetadata<B> for PublishMetadata {
    fn respond(&self, metadata: impl FnOnce() -> Option<Metadata>) -> Option<Response<B>> {
        metadata().map(|metadata| metadata.response(B::from))
    }
}

impl<B, F: Fn(Metadata) -> Response<B>> ResponseForMetadata<B> for F {
    fn respond(&self, metadata: impl FnOnce() -> Option<Metadata>) -> Option<Response<B>> {
        metadata().map(self)
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, routing::get};
    use http::{Request, Response};
    use tower::ServiceExt as _;

    use crate::testing::TestIssuer;
    use crate::{AuthorizeLayer, Authorizer, ConfigError, Policy, Resource};

    const PATH: &str = "/.well-known/oauth-protected-resource";

    fn authorizer(policy: &str) -> Result<Authorizer, ConfigError> {
        let issuer = TestIssuer::new().unwrap();
        let builder = Authorizer::builder().issuer(issuer.trusted(TestIssuer::AUDIENCE).unwrap());
        let builder = builder.policy(Policy::from_yaml(policy).unwrap());
        builder.resource(Resource::new(TestIssuer::AUDIENCE)?).build()
    }

    fn open() -> Authorizer {
        authorizer("routes: [{ match: 'GET /{*rest}', scopes: [a] }]").unwrap()
    }

    async fn sent(router: Router, method: &str, path: &str) -> (u16, String) {
        let request = Request::builder().method(method).uri(path);
        let response = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let bytes = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        (status, String::from_utf8_lossy(&bytes).into_owned())
    }

    #[tokio::test]
    async fn metadata_is_published_by_the_layer_that_is_asked_to() {
        let router = || Router::new().fallback(get(|| async { "inner" }));
        let published = || router().layer(AuthorizeLayer::new(open()).with_metadata());
        let document = r#"{"resource":"https://orders.example","authorization_servers":["https://issuer.test"],"scopes_supported":["a"],"bearer_methods_supported":["header"]}"#;
        for (method, path, status, body) in [
            ("GET", PATH.to_owned(), 200, document),
            ("HEAD", PATH.to_owned(), 200, ""),
            ("OPTIONS", PATH.to_owned(), 204, ""),
            ("POST", PATH.to_owned(), 405, ""),
            ("GET", format!("{PATH}/a"), 404, ""),
            ("GET", format!("{PATH}s"), 401, ""),
            ("GET", "/a".to_owned(), 401, ""),
        ] {
            assert_eq!(
                sent(published(), method, &path).await,
                (status, body.to_owned()),
                "{method} {path}"
            );
        }
        let silent = router().layer(AuthorizeLayer::new(open()));
        assert_eq!(sent(silent, "GET", PATH).await.0, 401);
        let own = |metadata: crate::resource::Metadata| {
            let mut response: Response<Body> = metadata.response(Body::from);
            response
                .headers_mut()
                .insert("x-own", http::HeaderValue::from_static("1"));
            response
        };
        let layer = AuthorizeLayer::new(open()).with_metadata_response(own);
        let request = Request::get(PATH).body(Body::empty()).unwrap();
        let response = router().layer(layer).oneshot(request).await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()["x-own"]),
            (200, &http::HeaderValue::from_static("1"))
        );
    }

    #[test]
    fn a_route_for_published_metadata_is_an_error() {
        for route in [PATH.to_owned(), format!("{PATH}/{{*rest}}"), format!("{PATH}/a")] {
            let policy = format!("routes:\n  - match: GET /\n  - match: GET {route}\n    public: true");
            let error = authorizer(&policy).unwrap_err();
            assert!(
                matches!(
                    error,
                    ConfigError::MetadataRoute {
                        line: 3,
                        column: 12,
                        ..
                    }
                ),
                "{error:?}"
            );
            let replaced = open().replace_policy(Policy::from_yaml(&policy).unwrap());
            assert!(matches!(replaced, Err(ConfigError::MetadataRoute { .. })));
        }
        assert!(authorizer(&format!("routes: [{{ match: GET {PATH}s }}]")).is_ok());
    }

    #[tokio::test]
    async fn the_metadata_follows_a_replaced_policy() {
        let authorizer = open();
        let router = Router::new().layer(AuthorizeLayer::new(authorizer.clone()).with_metadata());
        let policy = Policy::from_yaml("routes: [{ match: GET /, scopes: [b] }]").unwrap();
        authorizer.replace_policy(policy).unwrap();
        let (status, document) = sent(router, "GET", PATH).await;
        assert!(
            status == 200 && document.contains(r#""scopes_supported":["b"]"#),
            "{document}"
        );
    }
}
