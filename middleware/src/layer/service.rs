//! [`Authorize`], the service that the layer makes.

use std::mem;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::authorize_layer::AuthorizeLayer;
use super::bodies::{NoBodies, ReadBodies};
use super::future::{ResponseFuture, State, Waiting};
use super::metadata::{NoMetadata, ResponseForMetadata};
use super::rejection::{EmptyBody, ResponseForRejection};
use crate::authorizer::{Authorization, Decision, Pending, Waits};
use crate::request::Target;

/// The service that an [`AuthorizeLayer`] makes.
#[derive(Clone, Debug)]
#[must_use = "a service does nothing until it is called"]
pub struct Authorize<S, R = EmptyBody, M = NoMetadata, P = NoBodies> {
    inner: S,
    layer: AuthorizeLayer<R, M, P>,
}

impl<S, R: Clone, M: Clone, P: Clone> Layer<S> for AuthorizeLayer<R, M, P> {
    type Service = Authorize<S, R, M, P>;

    fn layer(&self, inner: S) -> Authorize<S, R, M, P> {
        Authorize {
            inner,
            layer: self.clone(),
        }
    }
}

impl<S, R, M, P> Authorize<S, R, M, P> {
    /// The inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service, to change it. What is called on it directly is not authorized.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service without authorization.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S: Clone, R: Clone, M, P: Clone> Authorize<S, R, M, P> {
    /// The ready service waits with the request; its clone stays. Few requests come here.
    #[cold]
    fn wait<B>(&mut self, pending: Box<Pending>, request: Request<B>, decision: Decision) -> ResponseFuture<S, R, B, P>
    where
        S: Service<Request<B>>,
        P: ReadBodies<B>,
    {
        let mut waits = Waits::default();
        waits.begin(&pending);
        let waiting = Some(Box::new(Waiting {
            resolved: Box::pin(async move { pending.resolve().await }),
            inner: self.take_ready(),
            layer: self.layer.without_metadata(),
            request,
            decision,
            waits,
        }));
        ResponseFuture {
            state: State::Waiting { waiting },
        }
    }

    /// Enforces what is more than an identity to attach.
    #[inline(never)]
    fn enforce<B, C>(&mut self, request: Request<B>, authorization: Authorization) -> ResponseFuture<S, R, B, P>
    where
        S: Service<Request<B>, Response = Response<C>>,
        R: ResponseForRejection<C>,
        P: ReadBodies<B>,
    {
        let decision = match authorization {
            Authorization::Decided(decision) => decision,
            Authorization::Pending(pending, decision) => return self.wait(pending, request, decision),
        };
        if decision.limit_of_body().is_some() || decision.is_limited() {
            return self.complete(request, decision);
        }
        ResponseFuture {
            state: State::from(self.layer.enforce(&mut self.inner, request, decision)),
        }
    }

    /// Reads the body of a request whose decision depends on it, and counts a request with a limit. The ready service waits with the
    /// request.
    fn complete<B, C>(&mut self, request: Request<B>, decision: Decision) -> ResponseFuture<S, R, B, P>
    where
        S: Service<Request<B>, Response = Response<C>>,
        R: ResponseForRejection<C>,
        P: ReadBodies<B>,
    {
        let layer = self.layer.without_metadata();
        ResponseFuture {
            state: State::enforced(self.take_ready(), layer, request, decision),
        }
    }

    fn take_ready(&mut self) -> S {
        let clone = self.inner.clone();
        mem::replace(&mut self.inner, clone)
    }
}

impl<S, R, M, P, B, C> Service<Request<B>> for Authorize<S, R, M, P>
where
    S: Service<Request<B>, Response = Response<C>> + Clone,
    R: ResponseForRejection<C> + Clone,
    M: ResponseForMetadata<C> + Clone,
    P: ReadBodies<B> + Clone,
{
    type Response = Response<C>;
    type Error = S::Error;
    type Future = ResponseFuture<S, R, B, P>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> ResponseFuture<S, R, B, P> {
        let target = Target::with_escaped_slashes(request.method(), request.uri());
        if let Some(response) = self.layer.metadata(&target, &request) {
            return ResponseFuture {
                state: State::rejected(response),
            };
        }
        match self.layer.authorize(&target, &request) {
            Ok(identity) => {
                request.extensions_mut().insert(identity);
                ResponseFuture {
                    state: State::Inner {
                        future: self.inner.call(request),
                    },
                }
            }
            Err(authorization) => self.enforce(request, authorization),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::challenge::Protocol;
    use crate::error::Error;
    use crate::keys::{Fetch, FetchFuture, KeySource};
    use crate::layer::Rejection;
    use crate::testing::TestIssuer;
    use crate::{Authorizer, Decision};
    use crate::{Identity, Policy, TrustedIssuer};
    use axum::body::Body;
    use http::HeaderValue;
    use http::header::CONTENT_TYPE;
    use http::{StatusCode, header::AUTHORIZATION};
    use serde_json::json;
    use std::convert::Infallible;
    use std::future::{Ready, ready};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};
    use tower::{ServiceBuilder, ServiceExt as _};

    const POLICY: &str =
        "routes: [{ match: GET /health, public: true }, { match: '* /orders', initiator: { kind: human } }]";

    fn authorizer(issuer: &TestIssuer) -> Authorizer {
        let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
        let clock = crate::clock::FixedClock::at(TestIssuer::NOW);
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
                mem::take(&mut self.ready),
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

    /// Counts the events of decisions.
    #[derive(Clone, Default)]
    struct Decisions(Arc<AtomicUsize>);

    impl tracing::Subscriber for Decisions {
        fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
            tracing::span::Id::from_u64(1)
        }

        fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

        fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

        fn event(&self, event: &tracing::Event<'_>) {
            let is_decision = event.metadata().target() == "actgate::decision";
            self.0.fetch_add(usize::from(is_decision), Ordering::Relaxed);
        }

        fn enter(&self, _: &tracing::span::Id) {}

        fn exit(&self, _: &tracing::span::Id) {}
    }

    #[tokio::test]
    async fn each_request_is_one_event() {
        let issuer = TestIssuer::new().unwrap();
        let service = AuthorizeLayer::new(authorizer(&issuer)).layer(Inner::default());
        let human = issuer.token(json!({"sub": "alice", "sub_profile": "user"})).unwrap();
        let decisions = Decisions::default();
        let _default = tracing::subscriber::set_default(decisions.clone());
        for (index, (path, token)) in [
            ("/orders", Some(&*human)),
            ("/orders", Some(&human)),
            ("/orders", None),
            ("/health", None),
        ]
        .into_iter()
        .enumerate()
        {
            service.clone().oneshot(request(path, token)).await.unwrap();
            assert_eq!(decisions.0.load(Ordering::Relaxed), index + 1, "{path}");
        }
    }

    #[tokio::test]
    async fn a_rejection_describes_the_fault_of_the_token() {
        let issuer = TestIssuer::new().unwrap();
        let layer = AuthorizeLayer::new(authorizer(&issuer));
        let service = ServiceBuilder::new().layer(layer).service(Inner::default());
        let token = |claims| issuer.token(claims).unwrap();
        let header = json!({"alg": "ES256", "kid": "testing", "typ": "JWT"});
        let typed = issuer
            .token_with_header(header, json!({"iss": TestIssuer::ISSUER}))
            .unwrap();
        for (token, description) in [
            (token(json!({"exp": 7})), "the access token is expired"),
            (
                token(json!({"nbf": TestIssuer::NOW + 60})),
                "the access token is not valid yet",
            ),
            (
                token(json!({"aud": "https://other.example"})),
                "the access token is not for this API",
            ),
            (
                token(json!({"iss": "https://other.example"})),
                "the issuer of the access token is not accepted",
            ),
            (typed, "the token is not an access token of an accepted type"),
            (token(json!({"scope": 7})), "a claim of the access token is malformed"),
            ("a".repeat(17_000), "the access token is too long"),
            ("a.b".to_owned(), "the access token is malformed"),
        ] {
            let response = service.clone().oneshot(request("/orders", Some(&token))).await.unwrap();
            let challenge = response.headers()["www-authenticate"].to_str().unwrap();
            let wanted = format!("error=\"invalid_token\", error_description=\"{description}\"");
            assert!(challenge.contains(&wanted), "{challenge}");
            let mut grpc = request("/orders", Some(&token));
            *grpc.method_mut() = http::Method::POST;
            let content_type = HeaderValue::from_static("application/grpc");
            grpc.headers_mut().insert(CONTENT_TYPE, content_type);
            let response = service.clone().oneshot(grpc).await.unwrap();
            assert_eq!(response.headers()["grpc-message"], description);
        }
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

    /// A body type of the service's own, without `Default`.
    struct OwnBody(&'static str);

    fn own_body(_: Request<Body>) -> Ready<Result<Response<OwnBody>, Infallible>> {
        ready(Ok(Response::new(OwnBody("inner"))))
    }

    #[tokio::test]
    async fn a_function_makes_the_whole_response_for_services_with_any_body() {
        fn response(rejection: Rejection<'_>) -> Response<OwnBody> {
            if rejection.protocol() == Protocol::Grpc {
                return rejection.response(OwnBody(""));
            }
            let mut response = rejection.response(OwnBody(rejection.error().code()));
            response
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
            response
        }
        let issuer = TestIssuer::new().unwrap();
        let policy = "routes: [{ match: '* /orders' }]\nrequirements: { people: { initiator: { kind: human } } }";
        let builder = Authorizer::builder().policy(Policy::from_yaml(policy).unwrap());
        let builder = builder.issuer(issuer.trusted(TestIssuer::AUDIENCE).unwrap());
        let authorizer = builder.build().unwrap();
        for layer in [
            AuthorizeLayer::new(authorizer.clone()),
            AuthorizeLayer::for_requirement(&authorizer, "people").unwrap(),
        ] {
            let service = layer
                .with_rejection_response(response)
                .layer(tower::service_fn(own_body));
            let denied = service.clone().oneshot(request("/orders", None)).await.unwrap();
            assert_eq!(
                (denied.status(), denied.body().0),
                (StatusCode::UNAUTHORIZED, "missing_token")
            );
            assert!(denied.headers().contains_key("www-authenticate"));
            assert_eq!(denied.headers()[CONTENT_TYPE], "text/plain");
            assert_eq!(denied.extensions().get::<Error>(), Some(&Error::MissingToken));
            let mut grpc = request("/orders", None);
            *grpc.method_mut() = http::Method::POST;
            grpc.headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
            let denied = service.oneshot(grpc).await.unwrap();
            assert_eq!(
                (denied.status(), &denied.headers()["grpc-status"], denied.body().0),
                (StatusCode::OK, &HeaderValue::from_static("16"), "")
            );
        }
    }

    #[tokio::test]
    async fn the_response_can_be_another_one_and_a_closure_can_make_it() {
        let issuer = TestIssuer::new().unwrap();
        let login = String::from("/login");
        let layer =
            AuthorizeLayer::new(authorizer(&issuer)).with_rejection_response(move |rejection: Rejection<'_>| {
                let mut response = rejection.response(OwnBody("log in"));
                *response.status_mut() = StatusCode::SEE_OTHER;
                response
                    .headers_mut()
                    .insert("location", HeaderValue::from_str(&login).unwrap());
                response
            });
        let service = layer.layer(tower::service_fn(own_body));
        let denied = service.oneshot(request("/orders", None)).await.unwrap();
        assert_eq!((denied.status(), denied.body().0), (StatusCode::SEE_OTHER, "log in"));
        assert_eq!(denied.extensions().get::<Error>(), Some(&Error::MissingToken));
    }

    #[tokio::test]
    async fn an_allowed_request_carries_its_decision_where_the_layer_is_asked_to() {
        let issuer = TestIssuer::new().unwrap();
        let token = issuer.token(json!({"sub": "alice", "sub_profile": "user"})).unwrap();
        let route = |request: Request<Body>| {
            let decision = request.extensions().get::<Decision>();
            let route = decision.map(|decision| decision.route().unwrap_or("none").to_owned());
            ready(Ok::<_, Infallible>(Response::new(route.unwrap_or_default())))
        };
        let with = AuthorizeLayer::new(authorizer(&issuer)).with_decision_extension();
        let without = AuthorizeLayer::new(authorizer(&issuer));
        for (layer, path, expected) in [
            (&with, "/orders", "* /orders"),
            (&with, "/health", "GET /health"),
            (&without, "/orders", ""),
            (&without, "/health", ""),
        ] {
            let service = layer.layer(tower::service_fn(route));
            let response = service.oneshot(request(path, Some(&token))).await.unwrap();
            assert_eq!(
                (response.status(), response.body().as_str()),
                (StatusCode::OK, expected),
                "{path}"
            );
        }
    }

    #[test]
    fn the_inner_service_is_accessible() {
        let issuer = TestIssuer::new().unwrap();
        let mut service = AuthorizeLayer::new(authorizer(&issuer)).layer(Inner::default());
        assert!(!service.get_ref().ready);
        service.get_mut().ready = true;
        assert!(service.into_inner().ready);
    }

    #[test]
    fn a_future_is_debug_and_panics_after_its_rejection() {
        let issuer = TestIssuer::new().unwrap();
        let mut service = AuthorizeLayer::new(authorizer(&issuer)).layer(Inner::default());
        let mut future = std::pin::pin!(service.call(request("/orders", None)));
        assert_eq!(format!("{future:?}"), "ResponseFuture::Rejected");
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(future.as_mut().poll(&mut context).is_ready());
        let again = std::panic::AssertUnwindSafe(|| future.as_mut().poll(&mut context).is_ready());
        assert!(std::panic::catch_unwind(again).is_err());
    }

    #[tokio::test]
    async fn a_requirement_needs_no_other_layer() {
        use axum::{Router, routing::get};
        let issuer = TestIssuer::new().unwrap();
        let policy = Policy::from_yaml("requirements: { people: { initiator: { kind: human } } }").unwrap();
        let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
        let clock = crate::clock::FixedClock::at(TestIssuer::NOW);
        let builder = Authorizer::builder().issuer(trusted).policy(policy);
        let authorizer = builder.clock(clock).build().unwrap();
        let subject = |identity: Identity| async move { identity.subject().to_owned() };
        let router = Router::new()
            .route("/me", get(subject))
            .route_layer(AuthorizeLayer::for_requirement(&authorizer, "people").unwrap());
        let human = issuer.token(json!({"sub": "alice", "sub_profile": "user"})).unwrap();
        let agent = issuer.token(json!({"sub": "bot", "sub_profile": "ai_agent"})).unwrap();
        for (token, status) in [(&human, 200), (&agent, 403)] {
            let response = router.clone().oneshot(request("/me", Some(token))).await.unwrap();
            assert_eq!(response.status(), status);
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
        let clock = crate::clock::FixedClock::at(TestIssuer::NOW);
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
