//! [`Identity`] as an extractor of axum.

use std::convert::Infallible;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;

use super::authorize_layer::PublicRoute;
use crate::identity::Identity;

/// Why a handler that takes an [`Identity`] gets none. It is a mistake in the service, never in the request: 500 without
/// a body, and one `tracing` event of level `ERROR` with the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityRejection {
    /// No [`AuthorizeLayer`](crate::AuthorizeLayer) covers the handler.
    #[error(
        "the handler takes an `Identity`, and no `AuthorizeLayer` covers it; add `.layer(AuthorizeLayer::new(authorizer))` \
         after the route"
    )]
    MissingLayer,
    /// The route is public, so that its requests have no identity.
    #[error(
        "the handler takes an `Identity`, and the policy makes its route public; take an `Option<Identity>`, or remove \
         `public: true`"
    )]
    PublicRoute,
}

impl IntoResponse for IdentityRejection {
    fn into_response(self) -> Response {
        tracing::error!("{self}");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

/// The identity of the request. Without one the handler is not called.
impl<S: Sync> FromRequestParts<S> for Identity {
    type Rejection = IdentityRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, IdentityRejection> {
        match parts.extensions.get::<Identity>() {
            Some(identity) => Ok(identity.clone()),
            None if parts.extensions.get::<PublicRoute>().is_some() => Err(IdentityRejection::PublicRoute),
            None => Err(IdentityRejection::MissingLayer),
        }
    }
}

/// The identity where there is one: for handlers on public routes, where a token is not verified.
impl<S: Sync> OptionalFromRequestParts<S> for Identity {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get::<Identity>().cloned())
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, routing::get};
    use http::Request;
    use serde_json::json;
    use tower::ServiceExt as _;

    use super::*;
    use crate::testing::TestIssuer;
    use crate::{AuthorizeLayer, Authorizer, Policy};

    #[tokio::test]
    async fn a_handler_without_identity_is_not_called_and_the_rejection_names_the_cause() {
        let issuer = TestIssuer::new().unwrap();
        let policy =
            "routes: [{ match: GET /me }, { match: GET /open, public: true }, { match: GET /maybe, public: true }]";
        let builder = Authorizer::builder().policy(Policy::from_yaml(policy).unwrap());
        let builder = builder.clock(crate::clock::FixedClock::at(TestIssuer::NOW));
        let authorizer = builder.issuer(issuer.trusted(TestIssuer::AUDIENCE).unwrap()).build();
        let cause = |identity: Result<Identity, IdentityRejection>| async move {
            match identity {
                Ok(identity) => identity.subject().to_owned(),
                Err(rejection) => format!("{rejection:?}"),
            }
        };
        let optional = |identity: Option<Identity>| async move { identity.is_some().to_string() };
        let router = Router::new()
            .route("/me", get(cause))
            .route("/open", get(cause))
            .route("/maybe", get(optional))
            .layer(AuthorizeLayer::new(authorizer.unwrap()))
            .route("/late", get(cause))
            .route("/strict", get(|_: Identity| async { "called" }))
            .route("/absent", get(optional));
        let token = issuer.token(json!({"sub": "alice"})).unwrap();
        for (path, status, body) in [
            ("/me", 200, "alice"),
            ("/open", 200, "PublicRoute"),
            ("/maybe", 200, "false"),
            ("/late", 200, "MissingLayer"),
            ("/strict", 500, ""),
            ("/absent", 200, "false"),
        ] {
            let request = Request::get(path).header("authorization", format!("Bearer {token}"));
            let response = router
                .clone()
                .oneshot(request.body(Body::empty()).unwrap())
                .await
                .unwrap();
            assert_eq!(response.status(), status, "{path}");
            let bytes = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
            assert_eq!(bytes, body, "{path}");
        }
    }

    #[test]
    fn each_message_says_what_to_change() {
        assert!(
            IdentityRejection::MissingLayer
                .to_string()
                .contains("AuthorizeLayer::new")
        );
        assert!(IdentityRejection::PublicRoute.to_string().contains("Option<Identity>"));
    }
}
