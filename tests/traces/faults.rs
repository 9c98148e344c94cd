//! A collector that is not there, answers late, or does not take every span.

use std::net::TcpListener;

use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};
use prost::Message as _;

use super::{exporting, get, with_environment};
use crate::deployment::{Configuration, Deployment};
use crate::wire::{self, request};

/// The spans that are exported and dropped so far.
fn counts(deployment: &Deployment) -> (u64, u64) {
    let text = wire::answer(deployment.gate.admin, &request("GET", "/metrics", &[])).text();
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|number| number.parse().ok())
            .unwrap_or_else(|| panic!("no {name} in\n{text}"))
    };
    (
        value("actgate_spans_exported_total"),
        value("actgate_spans_dropped_total"),
    )
}

#[test]
fn no_request_waits_for_a_collector_that_is_not_there() {
    let closed = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", closed.local_addr().expect("an address"));
    drop(closed);
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "300"),
    ];
    let deployment = with_environment(&Configuration::default(), &variables);
    for _ in 0..1000 {
        assert_eq!(get(&deployment, "/open/a", &[]).status, 200);
    }
    deployment.wait_until("dropped", || counts(&deployment) == (0, 2000));
    deployment.gate.process.wait_for_line(&["spans cannot be exported"]);
    let warnings = deployment.gate.process.stderr();
    let warnings = warnings.iter().filter(|line| line.contains("spans cannot be exported"));
    assert_eq!(warnings.count(), 1);
}

#[test]
fn a_collector_that_does_not_answer_holds_no_request_and_no_more_than_the_queue() {
    // The system accepts the connection, and no program reads from it.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "10"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "600000"),
    ];
    let mut deployment = with_environment(&Configuration::default(), &variables);
    for _ in 0..100 {
        assert_eq!(get(&deployment, "/open/a", &[]).status, 200);
    }
    let (exported, dropped) = counts(&deployment);
    // At most ten are with the collector, and ten wait.
    assert_eq!(exported, 0);
    assert!((180..200).contains(&dropped), "{dropped}");
    deployment.gate.process.terminate();
    assert_eq!(deployment.gate.process.wait().code(), Some(0));
    let lines = deployment.gate.process.stderr();
    let lost = format!("lost={}", 200 - dropped);
    assert!(
        lines
            .iter()
            .any(|line| line.contains("did not take the last spans") && line.contains(&lost)),
        "{lost}: {lines:?}"
    );
}

#[test]
fn a_collector_that_is_busy_is_asked_again() {
    let (deployment, collector) = exporting(&Configuration::default(), &[]);
    collector.answer_with("503 Service Unavailable", b"");
    assert_eq!(get(&deployment, "/open/a", &[]).status, 200);
    collector.spans(2);
    deployment.wait_until("exported", || counts(&deployment) == (2, 0));
}

#[test]
fn what_a_collector_does_not_take_is_counted() {
    let (deployment, collector) = exporting(&Configuration::default(), &[]);
    let partial = ExportTraceServiceResponse {
        partial_success: Some(ExportTracePartialSuccess {
            rejected_spans: 1,
            error_message: "a limit".to_owned(),
        }),
    };
    collector.answer_with("200 OK", &partial.encode_to_vec());
    assert_eq!(get(&deployment, "/open/a", &[]).status, 200);
    deployment.wait_until("counted", || counts(&deployment) == (1, 1));
    collector.answer_with("400 Bad Request", b"");
    assert_eq!(get(&deployment, "/open/a", &[]).status, 200);
    deployment.wait_until("counted", || counts(&deployment) == (1, 3));
    assert_eq!(get(&deployment, "/open/a", &[]).status, 200);
    deployment.wait_until("counted", || counts(&deployment) == (3, 3));
    deployment.gate.process.wait_for_line(&["spans are exported again"]);
}

#[test]
fn waiting_spans_are_exported_when_the_gate_ends() {
    let (mut deployment, collector) = exporting(&Configuration::default(), &[("OTEL_BSP_SCHEDULE_DELAY", "600000")]);
    assert_eq!(get(&deployment, "/open/a", &[]).status, 200);
    assert_eq!(get(&deployment, "/orders/1", &[]).status, 401);
    assert!(collector.spans_so_far().is_empty());
    deployment.gate.process.terminate();
    assert_eq!(deployment.gate.process.wait().code(), Some(0));
    assert_eq!(collector.spans_so_far().len(), 3);
}
