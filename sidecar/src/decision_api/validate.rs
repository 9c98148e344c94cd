//! The decision on a request that an application states, with the facts of its token.

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TE, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{Response, StatusCode};
use http_body_util::Full;
use serde_json::json;
use url::form_urlencoded;

use super::decision_point::{DecisionPoint, KnownBody, for_another_server};
use super::json_answer::json_response;
use super::stated_request::stated;
use crate::gate::connection_info::ConnectionInfo;
use crate::gate::head_error::HeadError;
use crate::log::event::Api;

pub(super) const PATH: &str = "/validate";

const PARAMETERS: HeadError = HeadError::ambiguous("the query is not one `method` and one `url`");

impl DecisionPoint {
    /// Answers an application, with the status that its client would get.
    pub(super) async fn validate(&self, asked: Parts) -> Response<Full<Bytes>> {
        let mut request = match asked.extensions.get::<HeadError>() {
            Some(_) => asked,
            None => requested(&asked).unwrap_or_else(|error| {
                let mut request = asked;
                request.extensions.insert(error);
                request
            }),
        };
        request.extensions.insert(Api::Validate);
        let (decided, outcome) = self.decide(&request, KnownBody::Opaque).await;
        let outcome = outcome.map(drop).map_err(for_another_server);
        self.gate.record(&request, &decided, outcome.as_ref().copied());
        let mut facts = self.facts_of(&decided);
        let (status, headers) = match &outcome {
            Ok(()) => (StatusCode::OK, None),
            Err(unforwarded) => {
                let response = self.response(&request, &decided, unforwarded);
                self.describe(&mut facts, unforwarded, &response);
                (response.status(), Some(response.into_parts().0.headers))
            }
        };
        facts.insert(
            "decision".to_owned(),
            json!(if outcome.is_ok() { "allow" } else { "deny" }),
        );
        let mut response = json_response(status, &facts);
        for (name, value) in headers.iter().flatten().filter(|(name, _)| *name != CONTENT_TYPE) {
            response.headers_mut().insert(name, value.clone());
        }
        response
    }
}

/// The request in the query, with the credential and the other headers of the one that asks.
fn requested(asked: &Parts) -> Result<Parts, HeadError> {
    let (mut method, mut url) = (None, None);
    for (name, value) in form_urlencoded::parse(asked.uri.query().unwrap_or_default().as_bytes()) {
        let place = match &*name {
            "method" => &mut method,
            "url" => &mut url,
            _ => return Err(PARAMETERS),
        };
        if place.replace(value).is_some() {
            return Err(PARAMETERS);
        }
    }
    let (method, url) = (method.ok_or(PARAMETERS)?, url.ok_or(PARAMETERS)?);
    let mut headers = asked.headers.clone();
    for name in [CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TE, TRANSFER_ENCODING, UPGRADE] {
        headers.remove(name);
    }
    let connection = asked.extensions.get::<ConnectionInfo>();
    stated(
        (&method, &url),
        headers,
        connection.and_then(|connection| connection.peer),
    )
}
