//! The table of header, version, sentinel, method and name: through the sidecar and through the library alike.

use actgate::clock::FixedClock;
use actgate::request::Target;
use actgate::testing::TestIssuer;
use actgate::{Authorizer, Policy};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde_json::json;

use super::rows::Answer::{Headers, Reaches, Revision};
use super::rows::rows;
use crate::mcp::{TOOLS, deployment, post, token};
use crate::wire::{self, Outcome};

fn written(route: &str) -> String {
    match route {
        "-" => "POST /mcp".to_owned(),
        messages => format!("POST /mcp {messages}"),
    }
}

#[test]
fn every_row_has_its_answer_through_the_sidecar() {
    let deployment = deployment();
    let all = token(&deployment, "list read secret other");
    let mut failures = Vec::new();
    for (count, (name, fields, expected)) in rows().into_iter().enumerate() {
        let pairs: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, &**value)).collect();
        let before = deployment.upstream.count();
        let Outcome::Answered(answer) = wire::exchange(deployment.gate.address, &post(&all, &pairs)) else {
            panic!("{name}: no answer")
        };
        let event = deployment.gate.decision_after(count);
        let code = match answer.field("content-type").as_deref() {
            Some("application/json") => answer.json()["error"]["code"].as_i64(),
            _ => None,
        };
        let got = match (answer.status, code, event["code"].as_str()) {
            (200, _, None) => event["route"].as_str().unwrap_or("?").to_owned(),
            (400, Some(-32020), Some("mcp_header_mismatch")) => "headers".to_owned(),
            (400, Some(-32022), Some("mcp_revision_not_supported")) => "revision".to_owned(),
            other => format!("{other:?} {}", answer.everything()),
        };
        let wanted = match expected {
            Reaches(route) => written(route),
            Headers => "headers".to_owned(),
            Revision => "revision".to_owned(),
        };
        if got != wanted {
            failures.push(format!("{name}: {got}, not {wanted}"));
        }
        let received = deployment.upstream.since(before);
        if (answer.status == 200) != (received.len() == 1) {
            failures.push(format!("{name}: {} requests at the upstream", received.len()));
        }
        for head in received.iter().map(|received| &received.head) {
            for (name, value) in &pairs {
                if !head.values(name).iter().any(|sent| sent.trim() == value.trim()) {
                    failures.push(format!("`{name}` is not forwarded as it came"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[tokio::test]
async fn every_row_has_its_answer_through_the_library() {
    let issuer = TestIssuer::new().unwrap();
    let builder = Authorizer::builder().issuer(issuer.trusted(TestIssuer::AUDIENCE).unwrap());
    let builder = builder.policy(Policy::from_yaml(TOOLS).unwrap());
    let authorizer = builder.clock(FixedClock::at(TestIssuer::NOW)).build().unwrap();
    let bearer = format!(
        "Bearer {}",
        issuer.token(json!({ "scope": "list read secret other" })).unwrap()
    );
    let uri = Uri::from_static("/mcp");
    let target = Target::new(&Method::POST, &uri).unwrap();
    for (name, fields, expected) in rows() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::try_from(&bearer).unwrap());
        for (name, value) in fields {
            let value = HeaderValue::from_bytes(value.trim().as_bytes()).unwrap();
            headers.append(HeaderName::try_from(name).unwrap(), value);
        }
        let decision = authorizer.decide(&target, &headers).await;
        let error = decision.error();
        let got = match error.map(actgate::Error::code) {
            None => decision.route().unwrap_or("?").to_owned(),
            Some(code) => {
                let challenge = error.map(|error| authorizer.challenge(error));
                let json_rpc = challenge
                    .as_ref()
                    .and_then(|challenge| challenge.json_rpc_error(&headers));
                let code_of_json_rpc = json_rpc.map(|error| error.code());
                format!("{code} {code_of_json_rpc:?}")
            }
        };
        let wanted = match expected {
            Reaches(route) => written(route),
            Headers => "mcp_header_mismatch Some(-32020)".to_owned(),
            Revision => "mcp_revision_not_supported Some(-32022)".to_owned(),
        };
        assert_eq!(got, wanted, "{name}");
    }
}
