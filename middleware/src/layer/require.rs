//! A guard for one route or group of routes, where the router itself says which paths there are.

use std::sync::Arc;

use http::HeaderValue;
use tower_layer::Layer;

use super::authorize_layer::AuthorizeLayer;
use super::refusal_body::{Empty, Shaped};
use super::service::Authorize;
use crate::authorizer::{Authorizer, Gate};
use crate::error::{ConfigError, Error};

/// Demands one requirement of the policy of every request it sees, whatever its path.
///
/// Made for axum's `route_layer`. It stands on its own: it verifies the token itself, and does not rely on another
/// layer having done so.
///
/// ```
/// # use actgate::{Authorizer, Policy, Require, testing::Authority};
/// # let authority = Authority::new()?;
/// let policy = Policy::from_yaml("requirements: { people-only: { actor: { absent: true } } }")?;
/// let authorizer = Authorizer::new([authority.trusted("https://api.example")?], policy)?;
/// let people_only = Require::new(&authorizer, "people-only")?;
/// # let router: axum::Router = axum::Router::new().route("/", axum::routing::get(|| async {}));
/// let router = router.route_layer(people_only);
///
/// assert!(Require::new(&authorizer, "people").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Require<R = Empty> {
    layer: AuthorizeLayer<R>,
}

impl Require {
    /// A guard by the requirement `name` of the authorizer's policy.
    ///
    /// # Errors
    /// [`ConfigError::UnknownRequirement`].
    pub fn new(authorizer: &Authorizer, name: &str) -> Result<Require, ConfigError> {
        let requirement = authorizer
            .policy()
            .requirement(name)
            .ok_or_else(|| ConfigError::UnknownRequirement(name.to_owned()))?;
        Ok(Require {
            layer: AuthorizeLayer::by(
                authorizer.clone(),
                Gate::Requirement(Arc::clone(requirement), name.into()),
            ),
        })
    }
}

impl<R> Require<R> {
    /// Writes the bodies of refusals, as [`AuthorizeLayer::with_refusal_body`] does.
    pub fn with_refusal_body<F, B>(self, shape: F) -> Require<Shaped<F>>
    where
        F: Fn(&Error) -> (HeaderValue, B),
    {
        Require {
            layer: self.layer.with_refusal_body(shape),
        }
    }
}

impl<S, R: Clone> Layer<S> for Require<R> {
    type Service = Authorize<S, R>;

    fn layer(&self, inner: S) -> Authorize<S, R> {
        self.layer.layer(inner)
    }
}
