//! The spans of requests.

use std::collections::{BTreeMap, BTreeSet};

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use serde_json::json;

use super::collector::{hexadecimal, values};
use super::{CALLER, TRACE, exporting, get, traceparent};
use crate::decision_api::check::{self, Checker};
use crate::decision_api::forward_auth;
use crate::deployment::Configuration;
use crate::deployment::upstream::Conduct;
use crate::wire::{self, Connection, bearer, request};

/// The spans of one request: of the request, and of the one to the upstream.
fn parted(spans: &[Span]) -> (&Span, &Span) {
    let of = |kind: SpanKind| spans.iter().find(|span| span.kind == kind as i32).expect("a span");
    (of(SpanKind::Server), of(SpanKind::Client))
}

#[test]
fn a_request_has_a_span_within_that_of_its_caller_and_the_upstream_one_within_it() {
    let (deployment, collector) = exporting(&Configuration::default(), &[]);
    let chain = json!({ "sub": "alice", "act": { "sub": "agent", "act": { "sub": "planner" } } });
    let token = bearer(&deployment.issuer.token(chain));
    let answer = get(
        &deployment,
        "/orders/17",
        &[&token, &traceparent("01"), "tracestate: a=1", "tracestate: b=2"],
    );
    assert_eq!(answer.status, 200);
    let spans = collector.spans(2);
    let (request, upstream) = parted(&spans);
    for span in &spans {
        assert_eq!(hexadecimal(&span.trace_id), TRACE);
        assert_eq!(span.trace_state, "a=1,b=2");
        assert!(span.start_time_unix_nano <= span.end_time_unix_nano);
    }
    assert_eq!(hexadecimal(&request.parent_span_id), CALLER);
    assert_eq!(upstream.parent_span_id, request.span_id);
    let line = deployment.gate.decision_after(0);
    assert_eq!(line["trace_id"], TRACE);
    assert_eq!(line["span_id"], hexadecimal(&request.span_id));
    let received = &deployment.upstream.since(0)[0].head;
    let expected = format!("00-{TRACE}-{}-01", hexadecimal(&upstream.span_id));
    assert_eq!(received.values("traceparent"), [expected]);
    assert_eq!(received.values("tracestate"), ["a=1", "b=2"]);

    assert_eq!(request.name, "GET /orders/{id}");
    let mut attributes = values(&request.attributes);
    assert_eq!(attributes.remove("actgate.decision.id").as_deref(), line["id"].as_str());
    let expected = [
        ("actgate.chain.depth", "2"),
        ("actgate.decision", "allow"),
        ("actgate.initiator.kind", "human"),
        ("http.request.method", "GET"),
        ("http.response.status_code", "200"),
        ("http.route", "/orders/{id}"),
        ("network.protocol.version", "1.1"),
        ("url.scheme", "http"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(Vec::from_iter(attributes), expected);
    assert_eq!(upstream.name, "GET");
    let port = deployment.upstream.address().port().to_string();
    let expected = [
        ("http.request.method", "GET"),
        ("http.response.status_code", "200"),
        ("server.address", "127.0.0.1"),
        ("server.port", &port),
        ("url.scheme", "http"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(Vec::from_iter(values(&upstream.attributes)), expected);
    for span in &spans {
        assert_eq!(
            span.status.as_ref().map(|status| status.code),
            Some(StatusCode::Unset as i32)
        );
    }
}

#[test]
fn a_denied_request_has_one_span_with_its_code() {
    let (deployment, collector) = exporting(&Configuration::default(), &[]);
    let reader = deployment.reader();
    for (number, (start, field, name, status, code)) in [
        ("GET /orders/1", "a: b", "GET /orders/{id}", "401", "missing_token"),
        ("GET /nowhere", &reader, "GET", "403", "no_route"),
        (
            "GET /admin/x",
            &reader,
            "GET /admin/{*rest}",
            "403",
            "insufficient_scope",
        ),
        ("GET /orders//1", "a: b", "GET", "400", "invalid_request"),
        // A call of gRPC is denied in a header: its status of HTTP is 200.
        (
            "POST /orders",
            "content-type: application/grpc",
            "POST /orders",
            "200",
            "missing_token",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let (method, path) = start.split_once(' ').expect("a method and a path");
        let answer = wire::answer(deployment.gate.address, &request(method, path, &[field]));
        assert_eq!(answer.status.to_string(), status, "{start}");
        let spans = collector.spans(number + 1);
        let span = &spans[number];
        let attributes = values(&span.attributes);
        assert_eq!((&*span.name, span.kind), (name, SpanKind::Server as i32), "{start}");
        assert_eq!(attributes["http.response.status_code"], status);
        assert_eq!(attributes["actgate.code"], code);
        assert_eq!(attributes["actgate.decision"], "deny");
        assert!(!attributes.contains_key("error.type"));
        assert_eq!(
            span.status.as_ref().map(|status| status.code),
            Some(StatusCode::Unset as i32)
        );
    }
}

#[test]
fn a_failure_of_the_upstream_is_an_error_of_both_spans() {
    let (deployment, collector) = exporting(&Configuration::default(), &[]);
    for (number, (conduct, error, of_upstream, status)) in [
        (Conduct::DieBeforeTheAnswer, "no_response", None, "502"),
        (
            Conduct::AnswerWith("HTTP/1.1 503 Unavailable\r\ncontent-length: 0\r\n\r\n"),
            "503",
            Some("503"),
            "503",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        deployment.upstream.conduct(conduct);
        assert_eq!(get(&deployment, "/open/a", &[]).status.to_string(), status);
        let spans = collector.spans(2 * number + 2);
        let (request, upstream) = parted(&spans[2 * number..]);
        for span in [request, upstream] {
            assert_eq!(values(&span.attributes)["error.type"], error);
            assert_eq!(
                span.status.as_ref().map(|status| status.code),
                Some(StatusCode::Error as i32)
            );
        }
        assert_eq!(values(&request.attributes)["http.response.status_code"], status);
        let received = values(&upstream.attributes);
        assert_eq!(
            received.get("http.response.status_code").map(String::as_str),
            of_upstream
        );
    }
}

#[test]
fn an_answer_404_is_an_error_of_the_upstream_span_alone() {
    let (deployment, collector) = exporting(&Configuration::default(), &[]);
    let answer = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
    deployment.upstream.conduct(Conduct::AnswerWith(answer));
    assert_eq!(get(&deployment, "/open/a", &[]).status, 404);
    let spans = collector.spans(2);
    let (request, upstream) = parted(&spans);
    assert!(!values(&request.attributes).contains_key("error.type"));
    assert_eq!(values(&upstream.attributes)["error.type"], "404");
}

#[test]
fn a_client_that_leaves_ends_the_spans() {
    let (deployment, collector) = exporting(&Configuration::default(), &[]);
    deployment.upstream.conduct(Conduct::Hold);
    let mut connection = Connection::open(deployment.gate.address).expect("a connection");
    connection.send(&request("GET", "/open/a", &[])).expect("it is sent");
    deployment.upstream.wait_for(1);
    connection.reset();
    let spans = collector.spans(2);
    let (request, upstream) = parted(&spans);
    for span in [request, upstream] {
        let attributes = values(&span.attributes);
        assert_eq!(attributes["error.type"], "client_gone");
        assert!(!attributes.contains_key("http.response.status_code"));
    }
}

#[test]
fn no_attribute_has_a_value_that_a_client_chooses() {
    let (deployment, collector) = exporting(&Configuration::default(), &[]);
    let mut sent = 0;
    for number in 0..50 {
        let name = |what: &str| format!("{what}-canary-{number}");
        let token = bearer(&deployment.issuer.token(json!({
            "sub": name("subject"), "client_id": name("client"), "jti": name("token"), "scope": format!("orders:read {}", name("scope")),
            "act": { "sub": name("agent"), "act": { "sub": name("planner") } },
        })));
        for (method, path) in [
            ("GET", format!("/orders/{}?q={0}", name("path"))),
            ("GET", format!("/{}", name("unknown"))),
            ("CANARY", format!("/admin/{}", name("method"))),
            ("POST", format!("/orders/{}", name("posted"))),
        ] {
            let host = format!("Host: {}.example", name("host"));
            let agent = format!("User-Agent: {}", name("browser"));
            let forwarded = format!("X-Forwarded-For: 192.0.2.{number}");
            let fields = [&*token, &*host, &*agent, &*forwarded];
            wire::answer(deployment.gate.address, &request(method, &path, &fields));
            sent += if path.starts_with("/orders") && method == "GET" {
                2
            } else {
                1
            };
        }
    }
    let spans = collector.spans(sent);
    let mut values_of = BTreeMap::<String, BTreeSet<String>>::new();
    for span in &spans {
        assert!(!format!("{span:?}").to_lowercase().contains("canary"), "{span:?}");
        values_of
            .entry("name".to_owned())
            .or_default()
            .insert(span.name.clone());
        for (name, value) in values(&span.attributes) {
            values_of.entry(name).or_default().insert(value);
        }
    }
    values_of.remove("actgate.decision.id");
    assert!(values_of.values().all(|values| values.len() <= 4), "{values_of:?}");
    assert_eq!(
        values_of["http.request.method"],
        ["GET", "POST", "_OTHER"].map(str::to_owned).into()
    );
}

#[test]
fn a_decision_for_another_server_has_a_span_too() {
    let configuration = Configuration {
        top: "decision_api:\n  listen: 127.0.0.1:0\n  forward_auth: caddy\n  ext_authz: {}\n  validate: true\n"
            .to_owned(),
        ..Configuration::default()
    };
    let (mut deployment, collector) = exporting(&configuration, &[]);
    let decisions = deployment.gate.process.address("actgate: decisions on ");
    let fields = [traceparent("01"), deployment.reader()];
    let asked = forward_auth::asked("caddy", "GET", "/orders/1", &fields);
    assert_eq!(wire::answer(decisions, &asked).status, 200);
    let mut envoy = Checker::connect(decisions);
    assert!(
        envoy
            .check(check::http("GET", "/orders/1", &fields))
            .permitted()
            .is_some()
    );
    assert!(
        envoy
            .check(check::http("GET", "/orders/1", &fields[..1]))
            .denied()
            .is_some()
    );
    let spans = collector.spans(3);
    for (number, (api, decision)) in [("forward_auth", "allow"), ("ext_authz", "allow"), ("ext_authz", "deny")]
        .into_iter()
        .enumerate()
    {
        let span = &spans[number];
        assert_eq!(
            (hexadecimal(&span.trace_id), hexadecimal(&span.parent_span_id)),
            (TRACE.into(), CALLER.into())
        );
        assert_eq!(
            (span.kind, &*span.name),
            (SpanKind::Server as i32, &*format!("{api} /orders/{{id}}"))
        );
        let attributes = values(&span.attributes);
        assert_eq!(
            (&*attributes["actgate.api"], &*attributes["actgate.decision"]),
            (api, decision)
        );
        assert_eq!(attributes["actgate.route"], "/orders/{id}");
        assert!(
            !attributes.keys().any(|name| name.starts_with("http.")),
            "{attributes:?}"
        );
    }
}
