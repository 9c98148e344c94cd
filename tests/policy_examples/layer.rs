//! The cases through the layer, in front of a service that answers with the body it received.

use std::convert::Infallible;

use actgate::AuthorizeLayer;
use actgate::analysis::CaseOutcome;
use actgate::clock::FixedClock;
use actgate::layer::Rejection;
use actgate::testing::{CaseRequest, TestIssuer};
use axum::body::{Body, to_bytes};
use http::{Request, Response};
use tower::{Layer, ServiceExt, service_fn};

use super::example::{Example, compare, time_of, token_of};

/// A response whose body is the code of the denial.
fn code(rejection: Rejection<'_>) -> Response<Body> {
    rejection.response(Body::from(rejection.error().code()))
}

async fn echo(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    Ok(Response::new(request.into_body()))
}

fn request(message: CaseRequest) -> Request<Body> {
    let mut request = Request::new(message.body.map_or_else(Body::empty, Body::from));
    *request.method_mut() = message.method;
    *request.uri_mut() = message.uri;
    *request.headers_mut() = message.headers;
    if let Some(certificate) = message.certificate {
        request.extensions_mut().insert(certificate);
    }
    request
}

#[tokio::test]
async fn every_case_gets_the_response_it_expects() {
    let issuer = TestIssuer::new().unwrap();
    let clock = FixedClock::at(0);
    let mut failures = Vec::new();
    for example in Example::all() {
        let layer = AuthorizeLayer::new(example.authorizer(&issuer, &clock)).with_rejection_response(code);
        let service = layer.with_bodies(Body::new).layer(service_fn(echo));
        for case in example.cases.iter() {
            clock.set(time_of(case));
            let message = CaseRequest::new(case, token_of(case, &issuer).as_deref()).unwrap();
            let sent = message.body.clone().unwrap_or_default();
            let response = service.clone().oneshot(request(message)).await.unwrap();
            let status = response.status().as_u16();
            let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            let outcome = match status {
                200 if text == sent => CaseOutcome::Allow,
                200 => CaseOutcome::deny(format!("another body: {text}"), status),
                _ => CaseOutcome::deny(text, status),
            };
            if let Err(reason) = compare(case, &outcome) {
                failures.push(format!("{}: {reason}", example.place(case)));
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
