//! [`Authorize`], the service that the layer makes.

use std::mem;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::authorize_layer::AuthorizeLayer;
use super::future::{ResponseFuture, State, Waiting};
use super::rejection_body::{EmptyBody, RejectionBody};
use crate::authorizer::{Authorization, Decision, Pending};

/// The service that an [`AuthorizeLayer`] makes.
#[derive(Clone, Debug)]
pub struct Authorize<S, R = EmptyBody> {
    inner: S,
    layer: AuthorizeLayer<R>,
}

impl<S, R: Clone> Layer<S> for AuthorizeLayer<R> {
    type Service = Authorize<S, R>;

    fn layer(&self, inner: S) -> Authorize<S, R> {
        Authorize {
            inner,
            layer: self.clone(),
        }
    }
}

impl<S: Clone, R: Clone> Authorize<S, R> {
    /// The ready service waits with the request; its clone stays. Few requests come here.
    #[cold]
    fn wait<B>(&mut self, pending: Pending, request: Request<B>, decision: Decision) -> ResponseFuture<S, R, B>
    where
        S: Service<Request<B>>,
    {
        let clone = self.inner.clone();
        let waiting = Some(Box::new(Waiting {
            resolved: Box::pin(async move { pending.resolve().await }),
            inner: mem::replace(&mut self.inner, clone),
            layer: self.layer.clone(),
            request,
            decision,
        }));
        ResponseFuture {
            state: State::Waiting { waiting },
        }
    }
}

impl<S, R, B, C> Service<Request<B>> for Authorize<S, R>
where
    S: Service<Request<B>, Response = Response<C>> + Clone,
    R: RejectionBody<C> + Clone,
    C: Default,
{
    type Response = Response<C>;
    type Error = S::Error;
    type Future = ResponseFuture<S, R, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture<S, R, B> {
        let decision = match self.layer.authorize(&request) {
            Authorization::Decided(decision) => decision,
            Authorization::Pending(pending, decision) => return self.wait(pending, request, decision),
        };
        // One match without a conversion: it saves a copy of the future.
        match self.layer.enforce(&mut self.inner, request, decision) {
            Ok(future) => ResponseFuture {
                state: State::Inner { future },
            },
            Err(response) => ResponseFuture {
                state: State::Rejected {
                    response: Some(response),
                },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Authorizer;
    use crate::error::Error;
    use crate::keys::{Fetch, FetchFuture, KeySource};
    use crate::testing::TestIssuer;
    use crate::{Identity, Policy, TrustedIssuer};
    use axum::body::Body;
    use http::HeaderValue;
    use http::header::CONTENT_TYPE;
    use http::{StatusCode, header::AUTHORIZATION};
    use serde_json::json;
    use std::convert::Infallible;
    use std::future::{Ready, ready};
    use std::sync::{Arc, Mutex};
    use tower::{ServiceBuilder, ServiceExt as _};

    const POLICY: &str =
        "routes: [{ match: GET /health, public: true }, { match: '* /orders', initiator: { kind: human } }]";

    fn authorizer(issuer: &TestIssuer) -> Authorizer {
        let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
        let clock = crate::testing::FixedClock::at(TestIssuer::NOW);
        let builder = Authorizer::builder().issuer(trusted).clock(clock);
        builder.policy(Policy::from_yaml(POLICY).unwrap()).build().unwrap()
    }

    fn request(path: &str, token: Option<&str>) -> Request<Body> {
        let mut request = Request::builder().uri(path);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        request.body(Body::empty()).unwrap()
    }

    /// Responds with the subject of the identity; panics when it is called without being ready.
    #[derive(Default)]
    struct Inner {
        ready: bool,
    }

    impl Clone for Inner {
        /// A clone is not ready, as tower allows.
        fn clone(&self) -> Self {
            Inner { ready: false }
        }
    }

    impl Service<Request<Body>> for Inner {
        type Response = Response<Body>;
        type Error = Infallible;
        type Future = Ready<Result<Response<Body>, Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            self.ready = true;
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request<Body>) -> Self::Future {
            assert!(
                std::mem::take(&mut self.ready),
                "the service that is called is the one that was ready"
            );
            let subject = request
                .extensions()
                .get::<Identity>()
                .map_or("anonymous".to_owned(), |identity| identity.subject().to_owned());
            ready(Ok(Response::new(Body::from(subject))))
        }
    }

    async fn text(response: Response<Body>) -> String {
        use http_body_util::BodyExt as _;
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn an_allowed_request_carries_its_identity() {
        let issuer = TestIssuer::new().unwrap();
        let service = ServiceBuilder::new()
            .layer(AuthorizeLayer::new(authorizer(&issuer)))
            .service(Inner::default());
        let token = issuer.token(json!({"sub": "alice", "sub_profile": "user"})).unwrap();
        let response = service.clone().oneshot(request("/orders", Some(&token))).await.unwrap();
        assert_eq!(text(response).await, "alice");
        let response = service.oneshot(request("/health", Some(&token))).await.unwrap();
        assert_eq!(text(response).await, "anonymous");
    }

    #[tokio::test]
    async fn a_rejection_is_a_response_with_its_error_in_the_extensions() {
        let issuer = TestIssuer::new().unwrap();
        let service = ServiceBuilder::new()
            .layer(AuthorizeLayer::new(authorizer(&issuer)))
            .service(Inner::default());
        let agent = issuer.token(json!({"sub": "bot", "sub_profile": "ai_agent"})).unwrap();
        for (path, token, status, code) in [
            ("/orders", None, 401, "missing_token"),
            ("/orders", Some("a.b.c"), 401, "malformed_token"),
            ("/orders", Some(agent.as_str()), 403, "initiator_not_human"),
            ("/other", Some(agent.as_str()), 403, "no_route"),
            ("/orders/../x", Some(agent.as_str()), 400, "invalid_request"),
            ("/health?access_token=a", Some(agent.as_str()), 200, ""),
            ("/orders?access_token=a", Some(agent.as_str()), 400, "invalid_request"),
        ] {
            let response = service.clone().oneshot(request(path, token)).await.unwrap();
            assert_eq!(response.status().as_u16(), status, "{path}");
            assert_eq!(
                response.extensions().get::<Error>().map_or("", Error::code),
                code,
                "{path}"
            );
            assert_eq!(
                response.headers().contains_key("www-authenticate"),
                matches!(status, 400 | 401),
                "{path}"
            );
        }
    }

    #[tokio::test]
    async fn the_body_of_a_rejection_is_configurable_and_grpc_gets_none() {
        let issuer = TestIssuer::new().unwrap();
        let body = |error: &Error| (HeaderValue::from_static("text/plain"), Body::from(error.code()));
        let layer = AuthorizeLayer::new(authorizer(&issuer)).with_rejection_body(body);
        let service = layer.layer(Inner::default());
        let response = service.clone().oneshot(request("/orders", None)).await.unwrap();
        assert_eq!(
            (response.status(), text(response).await.as_str()),
            (StatusCode::UNAUTHORIZED, "missing_token")
        );
        let mut grpc = request("/orders", None);
        *grpc.method_mut() = http::Method::POST;
        grpc.headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        let response = service.oneshot(grpc).await.unwrap();
        assert_eq!(
            (response.status(), &response.headers()["grpc-status"]),
            (StatusCode::OK, &HeaderValue::from_static("16"))
        );
        assert_eq!(text(response).await, "");
    }

    #[tokio::test]
    async fn axum_handlers_extract_the_identity_and_a_requirement_needs_no_other_layer() {
        use axum::{Router, routing::get};
        let issuer = TestIssuer::new().unwrap();
        let policy = Policy::from_yaml("requirements: { people: { initiator: { kind: human } } }").unwrap();
        let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
        let clock = crate::testing::FixedClock::at(TestIssuer::NOW);
        let builder = Authorizer::builder().issuer(trusted).policy(policy);
        let authorizer = builder.clock(clock).build().unwrap();
        let router = Router::new()
            .route(
                "/me",
                get(|identity: Identity| async move { identity.subject().to_owned() }),
            )
            .route_layer(AuthorizeLayer::for_requirement(&authorizer, "people").unwrap())
            .route("/bare", get(|_: Identity| async {}))
            .route(
                "/maybe",
                get(|identity: Option<Identity>| async move { identity.is_some().to_string() }),
            );
        let human = issuer.token(json!({"sub": "alice", "sub_profile": "user"})).unwrap();
        let agent = issuer.token(json!({"sub": "bot", "sub_profile": "ai_agent"})).unwrap();
        for (path, token, status) in [
            ("/me", &human, 200),
            ("/me", &agent, 403),
            ("/bare", &human, 500),
            ("/maybe", &human, 200),
        ] {
            let response = router.clone().oneshot(request(path, Some(token))).await.unwrap();
            assert_eq!(response.status().as_u16(), status, "{path}");
        }
    }

    /// Publishes the set that was stored last.
    struct Published(Arc<Mutex<String>>);

    impl Fetch for Published {
        fn fetch<'a>(&'a self, _: &'a str) -> FetchFuture<'a> {
            let document = self.0.lock().unwrap().clone();
            Box::pin(async move { Ok(document.into_bytes().into()) })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_rotated_key_is_fetched_once_and_the_ready_service_is_called() {
        let (old, new) = (TestIssuer::new().unwrap(), TestIssuer::new().unwrap());
        let renamed = |issuer: &TestIssuer, kid: &str| issuer.jwks().replace("\"testing\"", &format!("\"{kid}\""));
        let published = Arc::new(Mutex::new(renamed(&old, "old")));
        let source = KeySource::JwksUri("https://issuer.test/jwks".into());
        let trusted = TrustedIssuer::new(TestIssuer::ISSUER, source).unwrap();
        let trusted = trusted.audience(TestIssuer::AUDIENCE).unwrap();
        let clock = crate::testing::FixedClock::at(TestIssuer::NOW);
        let builder = Authorizer::builder().issuer(trusted).clock(clock);
        let authorizer = builder.policy(Policy::from_yaml(POLICY).unwrap()).build().unwrap();
        let authorizer = authorizer.start_with(Published(Arc::clone(&published))).unwrap();
        let service = AuthorizeLayer::new(authorizer.clone()).layer(Inner::default());
        let mint = |issuer: &TestIssuer, kid: &str| {
            let claims = json!({"iss": TestIssuer::ISSUER, "aud": TestIssuer::AUDIENCE, "sub": "alice", "sub_profile": "user", "exp": TestIssuer::NOW + 60});
            issuer
                .token_with_header(json!({"alg": "ES256", "kid": kid, "typ": "at+jwt"}), claims)
                .unwrap()
        };
        let send = |token: String| {
            let service = service.clone();
            async move {
                service
                    .oneshot(request("/orders", Some(&token)))
                    .await
                    .unwrap()
                    .status()
                    .as_u16()
            }
        };
        assert_eq!(send(mint(&old, "old")).await, 503, "no key was fetched yet");
        authorizer.ready().await;
        assert_eq!(send(mint(&old, "old")).await, 200);
        *published.lock().unwrap() = renamed(&new, "new");
        assert_eq!(send(mint(&new, "new")).await, 401, "cooling down");
        tokio::time::sleep(std::time::Duration::from_secs(11)).await;
        assert_eq!(send(mint(&new, "new")).await, 200, "fetched for the unknown kid");
        assert_eq!(
            send(mint(&old, "old")).await,
            401,
            "the withdrawn key is rejected, also for a cached token"
        );
    }
}
