//! Decisions for servers that enforce them: proxies in front of an API.
//!
//! The gate decides as on a request of its own. The request is what a trusted peer describes. Any other peer gets a denial.

pub(crate) mod authzen;
mod bounded_body;
pub(crate) mod decision_point;
pub(crate) mod ext_authz;
pub(crate) mod forward_auth;
mod json_answer;
mod stated_request;
mod validate;

use std::mem;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;

use self::authzen::AuthZen;
use self::decision_point::DecisionPoint;
use self::ext_authz::{ExtAuthz, unary_call};
use self::forward_auth::ForwardAuth;
use crate::gate::Unforwarded;
use crate::gate::connection_info::{Arrived, WebSocketConnect};
use crate::gate::head_error::HeadError;
use crate::proxy::Answer;
use crate::proxy::refusal::{self, RequestBodyState};
use crate::proxy::request_body::ClientBody;
use crate::proxy::response_body::ResponseBody;

/// The path of the metadata of resources (RFC 9728), which a proxy can fetch here for its clients.
const RESOURCE_METADATA: &str = "/.well-known/oauth-protected-resource";

/// Whether applications can ask at `/validate`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Validate {
    #[default]
    NotServed,
    Answered,
}

/// Answers servers that ask for decisions.
#[derive(Debug)]
pub(crate) struct DecisionApi {
    pub(crate) decisions: DecisionPoint,
    pub(crate) forward_auth: Option<ForwardAuth>,
    pub(crate) ext_authz: Option<ExtAuthz>,
    pub(crate) authzen: Option<AuthZen>,
    pub(crate) validate: Validate,
}

impl DecisionApi {
    /// Answers one request.
    pub(crate) async fn answer(&self, request: &mut Parts, body: ClientBody) -> Answer {
        let mut request = mem::replace(request, Request::<()>::default().into_parts().0);
        // A tunnel to this listener has no meaning.
        if request.extensions.get::<WebSocketConnect>().is_some() {
            return not_found().map(ResponseBody::Own);
        }
        if !self.decisions.trusts(&request) {
            request.extensions.insert(HeadError::UNTRUSTED_PEER);
        }
        if let (ext_authz::PATH, Some(ext_authz)) = (request.uri.path(), &self.ext_authz)
            && unary_call::is_call(&request)
        {
            let answer = self.decisions.ext_authz(ext_authz, request, body).await;
            return answer.map(ResponseBody::Message);
        }
        if let (authzen::EVALUATION | authzen::EVALUATIONS | authzen::METADATA, Some(authzen)) =
            (request.uri.path(), &self.authzen)
        {
            let version = request.version;
            let mut answer = self.decisions.authzen(authzen, request, body).await;
            if answer.status().is_client_error() {
                RequestBodyState::unread(version).close(&mut answer);
            }
            return answer.map(ResponseBody::Own);
        }
        let state = refusal::discard_body(&request, body).await;
        let is_metadata = |uri: &Uri| {
            uri.path()
                .strip_prefix(RESOURCE_METADATA)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut response = match (request.uri.path(), &self.forward_auth) {
            (forward_auth::PATH, Some(forward_auth)) => self.decisions.forward_auth(forward_auth, request).await,
            (validate::PATH, _) if self.validate == Validate::Answered && request.method == Method::GET => {
                self.decisions.validate(request).await
            }
            _ if is_metadata(&request.uri) => self.metadata(&request).await,
            _ => not_found(),
        };
        state.close(&mut response);
        response.map(ResponseBody::Own)
    }

    /// The metadata of a resource, which needs no authorization.
    async fn metadata(&self, request: &Parts) -> Response<Full<Bytes>> {
        let (decided, outcome) = self.decisions.gate.decide(Arrived::described(request)).await;
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
    json_answer::problem(StatusCode::NOT_FOUND, "not_found", title)
}
