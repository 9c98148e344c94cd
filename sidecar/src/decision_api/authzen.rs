//! The AuthZEN Authorization API 1.0: a policy decision point.
//!
//! A subject is who a token is of, an action is a method, and a resource is a URL. The decisions are those on requests; what is not
//! one gets the decision `false`.

use std::time::{Duration, Instant};

use actgate::Error;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::bounded_body::read_bounded;
use super::decision_point::{DecisionPoint, KnownBody, for_another_server};
use super::json_answer::{json_response, problem};
use super::stated_request::{add_header, stated};
use crate::gate::head_error::HeadError;
use crate::gate::{Decided, Denial, Unforwarded};
use crate::log::event::Api;
use crate::proxy::request_body::ClientBody;

pub(super) const EVALUATION: &str = "/access/v1/evaluation";
pub(super) const EVALUATIONS: &str = "/access/v1/evaluations";
pub(super) const METADATA: &str = "/.well-known/authzen-configuration";

/// The longest request, and the most evaluations in one.
const MAX_BYTES: usize = 256 * 1024;
const MAX_EVALUATIONS: usize = 100;

/// The time of several evaluations together: none begins after it. Each may wait for keys, or for an answer of an issuer.
const EVALUATIONS_TIME: Duration = Duration::from_secs(5);

/// The longest id of a request that is sent back.
const MAX_ID_BYTES: usize = 256;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The type of a resource.
const URL: &str = "url";

/// A policy decision point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuthZen {
    /// The URL that its paths follow, without a slash at its end.
    pub(crate) base: String,
}

#[derive(Deserialize)]
struct Request {
    #[serde(flatten)]
    defaults: Evaluation,
    #[serde(default)]
    evaluations: Vec<Evaluation>,
    #[serde(default)]
    options: Options,
}

#[derive(Clone, Default, Deserialize)]
struct Evaluation {
    subject: Option<Subject>,
    action: Option<Action>,
    resource: Option<Resource>,
    context: Option<Context>,
}

#[derive(Clone, Deserialize)]
struct Subject {
    #[serde(rename = "type")]
    _type: String,
    /// The subject of the token.
    id: String,
    #[serde(default)]
    properties: SubjectProperties,
}

#[derive(Clone, Default, Deserialize)]
struct SubjectProperties {
    access_token: Option<String>,
}

#[derive(Clone, Deserialize)]
struct Action {
    /// The method.
    name: String,
}

#[derive(Clone, Deserialize)]
struct Resource {
    #[serde(rename = "type")]
    kind: String,
    /// The URL of the request.
    id: String,
}

#[derive(Clone, Default, Deserialize)]
struct Context {
    /// Further headers of the request, which rules read.
    #[serde(default)]
    headers: Map<String, Value>,
}

#[derive(Default, Deserialize)]
struct Options {
    #[serde(default)]
    evaluations_semantic: Semantic,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Semantic {
    #[default]
    ExecuteAll,
    DenyOnFirstDeny,
    PermitOnFirstPermit,
}

impl Semantic {
    /// Whether no further evaluation follows one with this decision.
    fn ends_with(self, decision: bool) -> bool {
        match self {
            Semantic::ExecuteAll => false,
            Semantic::DenyOnFirstDeny => !decision,
            Semantic::PermitOnFirstPermit => decision,
        }
    }
}

/// The answer to one evaluation.
#[derive(Serialize)]
struct Evaluated {
    decision: bool,
    context: Map<String, Value>,
    #[serde(skip)]
    unavailable: Option<Unavailable>,
}

/// Why there is no decision, and when to ask again.
struct Unavailable {
    title: &'static str,
    retry_after: HeaderValue,
}

impl Evaluation {
    /// The same, with `defaults` for what it does not have.
    fn or(self, defaults: &Evaluation) -> Evaluation {
        Evaluation {
            subject: self.subject.or_else(|| defaults.subject.clone()),
            action: self.action.or_else(|| defaults.action.clone()),
            resource: self.resource.or_else(|| defaults.resource.clone()),
            context: self.context.or_else(|| defaults.context.clone()),
        }
    }

    /// Whether it has what each evaluation must have.
    fn is_whole(&self) -> bool {
        self.subject.is_some() && self.action.is_some() && self.resource.is_some()
    }

    /// The request that it is about.
    fn request(&self) -> Result<Parts, HeadError> {
        const INCOMPLETE: HeadError = HeadError::ambiguous("the evaluation has no subject, no action or no resource");
        const TYPE: HeadError = HeadError::ambiguous("the type of the resource is not `url`");
        const FIELD: HeadError = HeadError::ambiguous("a header in the context of the evaluation is malformed");
        let (Some(subject), Some(action), Some(resource)) = (&self.subject, &self.action, &self.resource) else {
            return Err(INCOMPLETE);
        };
        if resource.kind != URL {
            return Err(TYPE);
        }
        let mut headers = HeaderMap::new();
        for (name, value) in self.context.iter().flat_map(|context| &context.headers) {
            let name = HeaderName::try_from(name).map_err(|_| FIELD)?;
            let value = value.as_str().ok_or(FIELD)?;
            add_header(&mut headers, name, HeaderValue::try_from(value).map_err(|_| FIELD)?)?;
        }
        if let Some(token) = &subject.properties.access_token {
            let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| FIELD)?;
            value.set_sensitive(true);
            add_header(&mut headers, AUTHORIZATION, value)?;
        }
        stated((&action.name, &resource.id), headers, None)
    }
}

impl DecisionPoint {
    /// Answers a policy enforcement point.
    pub(super) async fn authzen(&self, authzen: &AuthZen, asked: Parts, body: ClientBody) -> Response<Full<Bytes>> {
        let mut response = match (asked.uri.path(), &asked.method) {
            (METADATA, &Method::GET | &Method::HEAD) => json_response(StatusCode::OK, &authzen.metadata()),
            (EVALUATION | EVALUATIONS, &Method::POST) => self.evaluated(&asked, body).await,
            _ => problem(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this method is not served here",
            ),
        };
        if let Some(id) = asked.headers.get(REQUEST_ID).filter(|id| id.len() <= MAX_ID_BYTES) {
            response.headers_mut().insert(REQUEST_ID, id.clone());
        }
        response
    }

    async fn evaluated(&self, asked: &Parts, body: ClientBody) -> Response<Full<Bytes>> {
        if let Some(error) = asked.extensions.get::<HeadError>() {
            return problem(error.status, error.code, error.reason);
        }
        let is_json = asked.headers.get(CONTENT_TYPE).is_some_and(|content_type| {
            let media_type = content_type
                .as_bytes()
                .split(|byte| *byte == b';')
                .next()
                .unwrap_or_default();
            media_type.trim_ascii().eq_ignore_ascii_case(b"application/json")
        });
        if !is_json {
            return problem(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "invalid_request",
                "the request is not of the type application/json",
            );
        }
        let Some(body) = read_bounded(body, MAX_BYTES).await else {
            return problem(
                StatusCode::PAYLOAD_TOO_LARGE,
                "invalid_request",
                "the request is too long or incomplete",
            );
        };
        let Ok(request) = serde_json::from_slice::<Request>(&body) else {
            return problem(
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "the request is not one of the authorization api",
            );
        };
        if asked.uri.path() == EVALUATION || request.evaluations.is_empty() {
            if !request.defaults.is_whole() {
                return problem(
                    StatusCode::BAD_REQUEST,
                    "invalid_request",
                    "the request has no subject, no action or no resource",
                );
            }
            let evaluation = &request.defaults;
            let answer = self.evaluate(evaluation, evaluation.request(), asked).await;
            return answer.response();
        }
        if request.evaluations.len() > MAX_EVALUATIONS {
            return problem(
                StatusCode::BAD_REQUEST,
                "invalid_request",
                "the request has more than 100 evaluations",
            );
        }
        let mut evaluated = Vec::with_capacity(request.evaluations.len());
        let begun = Instant::now();
        for evaluation in request.evaluations {
            let evaluation = evaluation.or(&request.defaults);
            let answer = match begun.elapsed() < EVALUATIONS_TIME {
                true => self.evaluate(&evaluation, evaluation.request(), asked).await,
                false => self.evaluate(&evaluation, Err(HeadError::NO_TIME), asked).await,
            };
            let ends = request.options.evaluations_semantic.ends_with(answer.decision);
            evaluated.push(answer);
            if ends {
                break;
            }
        }
        json_response(StatusCode::OK, &json!({ "evaluations": evaluated }))
    }

    async fn evaluate(&self, evaluation: &Evaluation, request: Result<Parts, HeadError>, asked: &Parts) -> Evaluated {
        let mut request = request.unwrap_or_else(|error| {
            let mut request = asked.clone();
            request.extensions.insert(error);
            request
        });
        request.extensions.insert(Api::Authzen);
        let subject = evaluation.subject.as_ref().map(|subject| &*subject.id);
        let (decided, outcome) = self.decide_on(&request, KnownBody::Opaque, subject).await;
        let outcome = outcome.map(drop).map_err(for_another_server);
        self.gate.record(&request, &decided, outcome.as_ref().copied());
        self.answer(&request, &decided, outcome)
    }

    fn answer(&self, request: &Parts, decided: &Decided, outcome: Result<(), Unforwarded>) -> Evaluated {
        let decision = outcome.is_ok();
        let mut unavailable = None;
        let mut context = self.facts_of(decided);
        if let Err(unforwarded) = outcome {
            let response = self.response(request, decided, &unforwarded);
            self.describe(&mut context, &unforwarded, &response);
            if let Some(retry_after) = response.headers().get(RETRY_AFTER) {
                let seconds = retry_after.to_str().ok().and_then(|text| text.parse::<u64>().ok());
                context.insert("retry_after".to_owned(), json!(seconds));
                unavailable = (response.status() == StatusCode::SERVICE_UNAVAILABLE).then(|| Unavailable {
                    title: match unforwarded {
                        Unforwarded::Denied(Denial::Authorization(Error::LimitUnavailable { .. })) => {
                            "the requests of the party cannot be counted at the moment"
                        }
                        _ => "the access token cannot be verified at the moment",
                    },
                    retry_after: retry_after.clone(),
                });
            }
        }
        Evaluated {
            decision,
            context,
            unavailable,
        }
    }
}

impl Evaluated {
    fn response(self) -> Response<Full<Bytes>> {
        match &self.unavailable {
            None => json_response(StatusCode::OK, &self),
            // There is no decision.
            Some(Unavailable { title, retry_after }) => {
                let status = StatusCode::SERVICE_UNAVAILABLE;
                let mut response = problem(status, "temporarily_unavailable", title);
                response.headers_mut().insert(RETRY_AFTER, retry_after.clone());
                response
            }
        }
    }
}

impl AuthZen {
    fn metadata(&self) -> Value {
        let base = &self.base;
        json!({
            "policy_decision_point": base,
            "access_evaluation_endpoint": format!("{base}{EVALUATION}"),
            "access_evaluations_endpoint": format!("{base}{EVALUATIONS}"),
        })
    }
}
