//! The variables `OTEL_*`.

use std::process::Command;

use super::{TRACE, exporting, get, traceparent, with_environment};
use crate::deployment::gate::binary;
use crate::deployment::{Configuration, Deployment};
use crate::traces::collector::{Collector, hexadecimal};

#[test]
fn the_process_is_described_and_headers_are_sent() {
    let variables = [
        ("OTEL_SERVICE_NAME", "orders-gate"),
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment.environment.name=test%2C1,service.name=other",
        ),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=a%20b"),
    ];
    let (deployment, collector) = exporting(&Configuration::default(), &variables);
    get(&deployment, "/open/a", &[]);
    collector.spans(2);
    let resource = &collector.resources()[0];
    assert_eq!(resource["service.name"], "orders-gate");
    assert_eq!(resource["deployment.environment.name"], "test,1");
    assert_eq!(resource["service.version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(resource["telemetry.sdk.language"], "rust");
    assert_eq!(resource["service.instance.id"].len(), 36);
    assert_eq!(collector.heads()[0].value("x-tenant").as_deref(), Some("a b"));
}

/// The flags of `traceparent` that the upstream receives for a request with these fields.
fn flags(deployment: &Deployment, fields: &[&str]) -> String {
    let known = deployment.upstream.count();
    assert_eq!(get(deployment, "/open/a", fields).status, 200);
    let traceparent = deployment.upstream.since(known)[0].head.value("traceparent");
    traceparent
        .expect("a context")
        .split('-')
        .next_back()
        .expect("flags")
        .to_owned()
}

#[test]
fn a_sampler_decides_which_traces_are_exported() {
    let (sampled, unsampled) = (traceparent("01"), traceparent("00"));
    let with = |sampler: &str, argument: &str| {
        exporting(
            &Configuration::default(),
            &[("OTEL_TRACES_SAMPLER", sampler), ("OTEL_TRACES_SAMPLER_ARG", argument)],
        )
    };
    for (sampler, argument, root, of_sampled, of_unsampled) in [
        ("", "", "03", "01", "00"),
        ("parentbased_always_off", "", "02", "01", "00"),
        ("parentbased_traceidratio", "0", "02", "01", "00"),
        ("always_on", "", "03", "01", "01"),
        ("always_off", "", "02", "00", "00"),
        ("traceidratio", "1", "03", "01", "01"),
        ("traceidratio", "0.0", "02", "00", "00"),
    ] {
        let (mut deployment, collector) = with(sampler, argument);
        assert_eq!(flags(&deployment, &[]), root, "{sampler}");
        assert_eq!(flags(&deployment, &[&sampled]), of_sampled, "{sampler}");
        assert_eq!(flags(&deployment, &[&unsampled]), of_unsampled, "{sampler}");
        deployment.gate.process.terminate();
        deployment.gate.process.wait();
        let flags = [root, of_sampled, of_unsampled];
        let exported = flags.iter().filter(|flags| flags.ends_with(['1', '3']));
        assert_eq!(collector.spans_so_far().len(), 2 * exported.count(), "{sampler}");
    }
}

#[test]
fn a_share_of_the_traces_is_exported() {
    let variables = [
        ("OTEL_TRACES_SAMPLER", "traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.5"),
    ];
    let (mut deployment, collector) = exporting(&Configuration::default(), &variables);
    for _ in 0..200 {
        get(&deployment, "/orders/1", &[]);
    }
    deployment.gate.process.terminate();
    deployment.gate.process.wait();
    let count = collector.spans_so_far().len();
    // Nine standard deviations.
    assert!((37..=163).contains(&count), "{count}");
}

#[test]
fn an_export_that_is_turned_off_changes_no_request() {
    let collector = Collector::start();
    let url = collector.url();
    for variable in [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")] {
        let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", url.as_str()), variable];
        let mut deployment = with_environment(&Configuration::default(), &variables);
        let sent = traceparent("01");
        assert_eq!(get(&deployment, "/open/a", &[&sent]).status, 200);
        let received = deployment.upstream.since(0)[0].head.value("traceparent");
        assert_eq!(
            Some(sent.as_str()),
            received.map(|value| format!("traceparent: {value}")).as_deref()
        );
        deployment.gate.process.terminate();
        deployment.gate.process.wait();
        assert!(collector.heads().is_empty());
    }
}

#[test]
fn the_endpoint_of_traces_comes_first() {
    let (deployment, collector) = exporting(
        &Configuration::default(),
        &[
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_TRACES_EXPORTER", "otlp"),
        ],
    );
    let own = Collector::start();
    let url = format!("{}/v1/traces", own.url());
    let variables = [
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", url.as_str()),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url()),
    ];
    let of_traces = with_environment(&Configuration::default(), &variables);
    get(&deployment, "/open/a", &[]);
    get(&of_traces, "/open/a", &[&traceparent("01")]);
    assert_eq!(hexadecimal(&own.spans(2)[0].trace_id), TRACE);
    assert_ne!(hexadecimal(&collector.spans(2)[0].trace_id), TRACE);
}

#[test]
fn what_cannot_be_used_is_an_error_at_the_start() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("actgate.yaml");
    std::fs::write(&path, crate::check::CONFIGURATION).expect("a file");
    for (variable, value) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "secret"),
        ("OTEL_TRACES_SAMPLER", "xray"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4318"),
    ] {
        let mut command = Command::new(binary());
        command.arg("run").arg("--config").arg(&path);
        command
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
            .env(variable, value);
        let output = command.output().expect("it runs");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{variable}: {text}");
        assert!(text.contains(&format!("environment: {variable}: ")), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
}
