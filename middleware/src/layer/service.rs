//! [`Authorize`], the service that the layer makes: a thin shell around the authorizer.

use std::mem;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::authorize_layer::AuthorizeLayer;
use super::future::{Held, ResponseFuture};
use super::refusal_body::{Empty, RefusalBody};
use crate::authorizer::Judged;

/// The service that an [`AuthorizeLayer`] makes.
#[derive(Clone, Debug)]
pub struct Authorize<S, R = Empty> {
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

impl<S, R, B, C> Service<Request<B>> for Authorize<S, R>
where
    S: Service<Request<B>, Response = Response<C>> + Clone,
    R: RefusalBody<C> + Clone,
    C: Default,
{
    type Response = Response<C>;
    type Error = S::Error;
    type Future = ResponseFuture<S, R, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> ResponseFuture<S, R, B> {
        let Judged { decision, missed } = self.layer.judge(&request);
        if let Some(missed) = missed {
            // Only a token with an unknown key comes here. The service that is ready goes along; its clone stays.
            let clone = self.inner.clone();
            let held = Held {
                inner: mem::replace(&mut self.inner, clone),
                layer: self.layer.clone(),
                request,
            };
            return ResponseFuture::refetching(missed, held, decision);
        }
        match self.layer.enforce(&mut self.inner, request, decision) {
            Ok(future) => ResponseFuture::inner(future),
            Err(response) => ResponseFuture::refused(response),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Authorizer;
    use crate::error::Error;
    use crate::keys::{Algorithm, Fetch, Fetched, RemoteKeys, Schedule, Source};
    use crate::testing::Authority;
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

    fn authorizer(authority: &Authority) -> Authorizer {
        let trusted = authority.trusted(Authority::AUDIENCE).unwrap();
        let clock = crate::testing::FixedClock::at(Authority::NOW);
        Authorizer::new([trusted], Policy::from_yaml(POLICY).unwrap())
            .unwrap()
            .with_clock(clock)
    }

    fn request(path: &str, token: Option<&str>) -> Request<Body> {
        let mut request = Request::builder().uri(path);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        request.body(Body::empty()).unwrap()
    }

    /// Answers with the subject it was shown, and fails a call that was not preceded by its own readiness.
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
                .map_or("nobody".to_owned(), |who| who.subject().to_owned());
            ready(Ok(Response::new(Body::from(subject))))
        }
    }

    async fn text(response: Response<Body>) -> String {
        use http_body_util::BodyExt as _;
        String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_request_that_may_pass_carries_its_identity() {
        let authority = Authority::new().unwrap();
        let service = ServiceBuilder::new()
            .layer(AuthorizeLayer::new(authorizer(&authority)))
            .service(Inner::default());
        let token = authority.token(json!({"sub": "alice", "sub_profile": "user"})).unwrap();
        let response = service.clone().oneshot(request("/orders", Some(&token))).await.unwrap();
        assert_eq!(text(response).await, "alice");
        let response = service.oneshot(request("/health", Some(&token))).await.unwrap();
        assert_eq!(text(response).await, "nobody");
    }

    #[tokio::test]
    async fn a_refusal_is_a_response_with_its_error_in_the_extensions() {
        let authority = Authority::new().unwrap();
        let service = ServiceBuilder::new()
            .layer(AuthorizeLayer::new(authorizer(&authority)))
            .service(Inner::default());
        let agent = authority
            .token(json!({"sub": "bot", "sub_profile": "ai_agent"}))
            .unwrap();
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
    async fn the_body_of_a_refusal_is_shaped_and_grpc_gets_none() {
        let authority = Authority::new().unwrap();
        let shape = |error: &Error| (HeaderValue::from_static("text/plain"), Body::from(error.code()));
        let layer = AuthorizeLayer::new(authorizer(&authority)).with_refusal_body(shape);
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
    async fn axum_handlers_extract_the_identity_and_guards_stand_alone() {
        use axum::{Router, routing::get};
        let authority = Authority::new().unwrap();
        let policy = Policy::from_yaml("requirements: { people: { initiator: { kind: human } } }").unwrap();
        let trusted = authority.trusted(Authority::AUDIENCE).unwrap();
        let clock = crate::testing::FixedClock::at(Authority::NOW);
        let authorizer = Authorizer::new([trusted], policy).unwrap().with_clock(clock);
        let router = Router::new()
            .route("/me", get(|who: Identity| async move { who.subject().to_owned() }))
            .route_layer(crate::Require::new(&authorizer, "people").unwrap())
            .route("/bare", get(|_: Identity| async {}))
            .route(
                "/maybe",
                get(|who: Option<Identity>| async move { who.is_some().to_string() }),
            );
        let human = authority.token(json!({"sub": "alice", "sub_profile": "user"})).unwrap();
        let agent = authority
            .token(json!({"sub": "bot", "sub_profile": "ai_agent"}))
            .unwrap();
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

    /// Publishes whatever set it is given last.
    struct Published(Arc<Mutex<String>>);

    impl Fetch for Published {
        fn fetch<'a>(&'a self, _: &'a str) -> Fetched<'a> {
            let document = self.0.lock().unwrap().clone();
            Box::pin(async move { Ok(document.into_bytes().into()) })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_rotated_key_is_fetched_once_and_the_ready_service_is_called() {
        let (old, new) = (Authority::new().unwrap(), Authority::new().unwrap());
        let renamed = |authority: &Authority, kid: &str| authority.jwks().replace("\"testing\"", &format!("\"{kid}\""));
        let published = Arc::new(Mutex::new(renamed(&old, "old")));
        let source = Source::JwksUri("https://authority.test/jwks".into());
        let fetch = Published(Arc::clone(&published));
        let keys = RemoteKeys::start(Authority::ISSUER, source, &Algorithm::ALL, Schedule::default(), fetch).unwrap();
        let trusted = TrustedIssuer::new(Authority::ISSUER, Authority::AUDIENCE, keys.clone()).unwrap();
        let clock = crate::testing::FixedClock::at(Authority::NOW);
        let authorizer = Authorizer::new([trusted], Policy::from_yaml(POLICY).unwrap())
            .unwrap()
            .with_clock(clock);
        let service = AuthorizeLayer::new(authorizer).layer(Inner::default());
        let mint = |authority: &Authority, kid: &str| {
            let claims = json!({"iss": Authority::ISSUER, "aud": Authority::AUDIENCE, "sub": "alice", "sub_profile": "user", "exp": Authority::NOW + 60});
            authority
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
        keys.ready().await;
        assert_eq!(send(mint(&old, "old")).await, 200);
        *published.lock().unwrap() = renamed(&new, "new");
        assert_eq!(send(mint(&new, "new")).await, 401, "cooling down");
        tokio::time::sleep(std::time::Duration::from_secs(11)).await;
        assert_eq!(send(mint(&new, "new")).await, 200, "fetched for the unknown kid");
        assert_eq!(
            send(mint(&old, "old")).await,
            401,
            "the withdrawn key is dead, for its remembered token too"
        );
    }
}
