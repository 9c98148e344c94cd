//! A message to an MCP endpoint: its headers, the web page that it comes from, and the route for it.

use std::sync::Arc;

use http::HeaderMap;
use http::header::ORIGIN;

use super::pipeline::Pipeline;
use crate::error::Error;
use crate::policy::{Ambiguity, Route};
use crate::request::{Mirrored, Presented};

/// Why the route of a request cannot be chosen.
pub(super) enum NoRoute {
    /// It depends on the server.
    Ambiguous(Ambiguity),
    /// The message is not accepted.
    Message(Error),
    /// The same, for a request without the credential that every message to the endpoint needs.
    NoCredential(Error),
}

impl From<Ambiguity> for NoRoute {
    fn from(ambiguity: Ambiguity) -> Self {
        NoRoute::Ambiguous(ambiguity)
    }
}

impl From<Error> for NoRoute {
    fn from(error: Error) -> Self {
        NoRoute::Message(error)
    }
}

impl<'a> Pipeline<'a> {
    /// The route for a message, which its headers name.
    pub(super) fn route_of_message(
        &self,
        endpoint: &'a Route,
        presented: &Presented<'_>,
    ) -> Result<Option<&'a Route>, NoRoute> {
        let no_headers = HeaderMap::new();
        let headers = presented.fields().unwrap_or(&no_headers);
        let policy = self.policy;
        let route = match Mirrored::read(headers) {
            Ok(Mirrored::Call(call)) => policy.route_of_message(endpoint, &call),
            Ok(Mirrored::Nothing(error)) => policy.route_of_any_message(endpoint).map(Some).ok_or(error),
            Err(error) => Err(error),
        };
        route.map_err(|error| match presented.credential(&self.inner.carriers) {
            Err(Error::MissingToken) if policy.is_guarded(endpoint) => NoRoute::NoCredential(error),
            _ => NoRoute::Message(error),
        })
    }

    /// Checks the web page that a request to an MCP endpoint comes from, whatever its method is.
    pub(super) fn check_page(&self, presented: &Presented<'_>) -> Result<(), Error> {
        if !self.policy.has_mcp_endpoints() {
            return Ok(());
        }
        let headers = presented.fields().filter(|headers| headers.contains_key(ORIGIN));
        match headers {
            Some(headers) if self.policy.is_mcp_path(presented.target().forms()) => self.check_origin(headers),
            _ => Ok(()),
        }
    }

    /// Denies requests of web pages whose origin is neither that of an audience nor listed. The host of the request proves
    /// nothing: a page can let its own name point to this server (DNS rebinding).
    fn check_origin(&self, headers: &HeaderMap) -> Result<(), Error> {
        let mut origins = headers.get_all(ORIGIN).iter();
        let Some(origin) = origins.next() else {
            return Ok(());
        };
        if origins.next().is_some() {
            return Err(Error::invalid_request("more than one origin field"));
        }
        let origin = origin.to_str().unwrap_or_default();
        let is_own = self.inner.origins.iter().any(|own| **own == *origin);
        if is_own || self.policy.lists_origin(origin) {
            return Ok(());
        }
        Err(Error::Denied {
            code: "origin_not_allowed",
            rule: Arc::from("mcp.origins"),
        })
    }
}
