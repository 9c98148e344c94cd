//! `traceparent` and `tracestate`.

use super::collector::hexadecimal;
use super::{CALLER, TRACE, exporting, get, traceparent, with_environment};
use crate::deployment::Configuration;

#[test]
fn without_an_export_both_headers_pass_as_they_are() {
    let deployment = with_environment(&Configuration::default(), &[]);
    let valid = traceparent("01");
    for (fields, trace) in [
        (vec![valid.as_str(), "tracestate: a=1", "tracestate: b=2"], Some(TRACE)),
        (vec!["traceparent: malformed", "tracestate: also malformed"], None),
        (vec![valid.as_str(), valid.as_str()], None),
        (vec!["tracestate: a=1"], None),
        (vec![], None),
    ] {
        let (received, decided) = (deployment.upstream.count(), deployment.gate.decisions().len());
        assert_eq!(get(&deployment, "/open/a", &fields).status, 200);
        let received = &deployment.upstream.since(received)[0].head;
        let passed = ["traceparent", "tracestate"].map(|name| received.values(name)).concat();
        let sent: Vec<&str> = fields
            .iter()
            .filter_map(|field| Some(field.split_once(": ")?.1))
            .collect();
        assert_eq!(passed, sent);
        let line = deployment.gate.decision_after(decided);
        assert_eq!(line["trace_id"].as_str(), trace, "{fields:?}");
        assert_eq!(line.get("span_id"), None);
        assert!(!line.to_string().contains(CALLER));
    }
}

#[test]
fn a_malformed_context_is_none() {
    let (deployment, collector) = exporting(&Configuration::default(), &[]);
    let valid = traceparent("01");
    let rows = [
        vec![],
        vec!["traceparent: ".to_owned()],
        vec![valid.replace("00-4", "ff-4")],
        vec![valid.replace("4bf92f", "4BF92F")],
        vec![valid.replace(TRACE, &"0".repeat(32))],
        vec![valid.replace(CALLER, &"0".repeat(16))],
        vec![format!("{valid}-more")],
        vec![valid.replace("-01", "-1")],
        vec![valid.replace("-01", "-0g")],
        vec![valid.replace("traceparent: ", "traceparent: \u{e9}")],
        vec![valid.clone(), valid.clone()],
    ];
    for (number, row) in rows.iter().enumerate() {
        let mut fields: Vec<&str> = row.iter().map(String::as_str).collect();
        fields.push("tracestate: a=1");
        assert_eq!(get(&deployment, "/open/a", &fields).status, 200, "{row:?}");
        let received = &deployment.upstream.since(number)[0].head;
        let context = received.values("traceparent").join(" ");
        let words: Vec<&str> = context.split('-').collect();
        assert_eq!((words.len(), words[0], words[3]), (4, "00", "03"), "{context}");
        assert_ne!(words[1], TRACE, "{row:?}");
        assert!(!received.has("tracestate"), "{row:?}");
        let line = deployment.gate.decision_after(number);
        assert_eq!(line["trace_id"], words[1]);
        let spans = collector.spans(2 * number + 2);
        let request = spans
            .iter()
            .find(|span| hexadecimal(&span.span_id) == line["span_id"])
            .expect("a span");
        assert!(request.parent_span_id.is_empty() && request.trace_state.is_empty());
        assert_eq!(hexadecimal(&request.trace_id), words[1]);
    }
}

#[test]
fn a_malformed_state_is_removed_and_the_context_stays() {
    let (deployment, collector) = exporting(&Configuration::default(), &[]);
    let caller = traceparent("01");
    let long = format!("tracestate: a={}", "1".repeat(256));
    for (number, (fields, passes)) in [
        (["tracestate: a=1", "tracestate: b"], false),
        (["tracestate: A=1", "tracestate: b=2"], false),
        // Too long for a span.
        ([long.as_str(), &long.replace("a=", "b=")], true),
    ]
    .iter()
    .enumerate()
    {
        let fields = [fields.as_slice(), &[&caller]].concat();
        assert_eq!(get(&deployment, "/open/a", &fields).status, 200);
        let received = &deployment.upstream.since(number)[0].head;
        assert!(received.value("traceparent").expect("a context").contains(TRACE));
        assert_eq!(received.values("tracestate").len(), if *passes { 2 } else { 0 });
        let spans = collector.spans(2 * number + 2);
        assert!(
            spans
                .iter()
                .all(|span| hexadecimal(&span.trace_id) == TRACE && span.trace_state.is_empty())
        );
    }
}

#[test]
fn a_later_version_is_read_as_far_as_it_is_known() {
    let (deployment, collector) = exporting(&Configuration::default(), &[]);
    let later = traceparent("ff").replace("00-4", "cc-4");
    assert_eq!(get(&deployment, "/open/a", &[&format!("{later}-more")]).status, 200);
    assert_eq!(hexadecimal(&collector.spans(2)[0].trace_id), TRACE);
    let context = deployment.upstream.since(0)[0]
        .head
        .value("traceparent")
        .expect("a context");
    assert!(
        context.starts_with(&format!("00-{TRACE}-")) && context.ends_with("-03"),
        "{context}"
    );
}

#[test]
fn a_context_that_is_removed_is_not_believed() {
    let configuration = Configuration {
        top: "drop_headers: [traceparent, tracestate]\n".to_owned(),
        ..Configuration::default()
    };
    let fields = [&*traceparent("01"), "tracestate: a=1"];
    let deployment = with_environment(&configuration, &[]);
    assert_eq!(get(&deployment, "/open/a", &fields).status, 200);
    let received = &deployment.upstream.since(0)[0].head;
    assert!(!received.has("traceparent") && !received.has("tracestate"));
    assert_eq!(deployment.gate.decision_after(0).get("trace_id"), None);
    let (deployment, collector) = exporting(&configuration, &[]);
    assert_eq!(get(&deployment, "/open/a", &fields).status, 200);
    let spans = collector.spans(2);
    assert_ne!(hexadecimal(&spans[0].trace_id), TRACE);
    let received = &deployment.upstream.since(0)[0].head;
    assert!(
        received
            .value("traceparent")
            .expect("a context")
            .contains(&hexadecimal(&spans[0].trace_id))
    );
    assert!(!received.has("tracestate"));
}
