//! Decisions for servers that enforce them: proxies in front of an API.
//!
//! The gate decides as on a request of its own. The request is what a trusted peer describes; any other peer gets a denial.

pub(crate) mod decision_point;
pub(crate) mod forward_auth;

use actgate::challenge::Protocol;
use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::Full;

use self::decision_point::DecisionPoint;
use self::forward_auth::ForwardAuth;
use crate::gate::Unforwarded;
use crate::gate::head_error::HeadError;
use crate::log::decision_log::new_id;
use crate::proxy::Answer;
use crate::proxy::refusal::{self, Refusal};
use crate::proxy::request_body::ClientBody;
use crate::proxy::response_body::ResponseBody;

/// The path of the metadata of resources (RFC 9728), which a proxy can fetch here for its clients.
const RESOURCE_METADATA: &str = "/.well-known/oauth-protected-resource";

/// Answers servers that ask for decisions.
#[derive(Debug)]
pub(crate) struct DecisionApi {
    pub(crate) decisions: DecisionPoint,
    pub(crate) forward_auth: Option<ForwardAuth>,
}

impl DecisionApi {
    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<ClientBody>) -> Answer {
        let (mut request, body) = request.into_parts();
        let state = refusal::discard_body(&request, body).await;
        let is_metadata = |uri: &Uri| {
            uri.path()
                .strip_prefix(RESOURCE_METADATA)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if !self.decisions.trusts(&request) {
            request.extensions.insert(HeadError::UNTRUSTED_PEER);
        }
        let mut response = match (request.uri.path(), &self.forward_auth) {
            (forward_auth::PATH, Some(forward_auth)) => self.decisions.forward_auth(forward_auth, request).await,
            _ if is_metadata(&request.uri) => self.metadata(&request).await,
            _ => not_found(),
        };
        state.close(&mut response);
        response.map(ResponseBody::Own)
    }

    /// The metadata of a resource, which needs no authorization.
    async fn metadata(&self, request: &Parts) -> Response<Full<Bytes>> {
        let (decided, outcome) = self.decisions.gate.decide(request).await;
        match outcome {
            Err(unforwarded @ Unforwarded::Metadata(_)) => {
                self.decisions.gate.record(request, &decided, Err(&unforwarded));
                self.decisions.response(request, &decided, &unforwarded)
            }
            _ => not_found(),
        }
    }
}

fn not_found() -> Response<Full<Bytes>> {
    let title = "no decision API is served at this path";
    let refusal = Refusal::new(StatusCode::NOT_FOUND, "not_found", title);
    refusal.response(Protocol::Http, new_id(), refusal::RequestBodyState::Read)
}
