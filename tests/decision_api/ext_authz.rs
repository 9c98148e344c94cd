//! `ext_authz` of Envoy: the calls that it makes, and what it does with the answers.

use serde_json::json;

use super::check::{Checker, Http, Line, Lines, Metadata, Struct, check, http};
use super::{Decisions, decision, rows};
use crate::deployment::Configuration;
use crate::mint::certificate::CertificateAuthority;
use crate::wire;

const APIS: &str = "  ext_authz: { bodies: sent }\n";

#[test]
fn each_row_is_decided_as_by_the_gate() {
    let decisions = Decisions::start(APIS);
    let gate = &decisions.deployment.gate;
    let mut envoy = Checker::connect(decisions.address);
    for row in rows::rows(&decisions.deployment.issuer) {
        let name = row.name;
        let (answer, of_gate) = decisions.exchange(gate.address, &row.request());
        let known = gate.decisions().len();
        let checked = envoy.check(http(row.method, row.target, &row.fields));
        let line = gate.decision_after(known);
        assert_eq!(decision(&line), decision(&of_gate), "{name}");
        assert_eq!(
            (&line["api"], &line["client_address"]),
            (&json!("ext_authz"), &json!("192.0.2.7"))
        );
        assert_eq!(checked.text("id").as_deref(), line["id"].as_str(), "{name}");
        assert_eq!(checked.text("decision").as_deref(), line["decision"].as_str(), "{name}");
        let code = checked.status.as_ref().expect("a status").code;
        match checked.denied() {
            None => assert_eq!((code, row.status), (0, 200), "{name}"),
            Some((status, headers, body)) => {
                assert_ne!(code, 0, "{name}");
                assert_eq!(status, i32::from(row.status), "{name}");
                assert_eq!(
                    headers.get("www-authenticate"),
                    answer.field("www-authenticate").as_ref(),
                    "{name}"
                );
                assert_eq!(headers["content-type"], "application/problem+json");
                assert!(!headers.contains_key("content-length"), "{name}");
                let problem: serde_json::Value = serde_json::from_str(body).expect("a problem");
                assert_eq!(problem["code"], answer.json()["code"], "{name}");
            }
        }
    }
}

#[test]
fn what_is_no_request_is_denied_and_no_call_fails() {
    let decisions = Decisions::start(APIS);
    let mut envoy = Checker::connect(decisions.address);
    let reader = decisions.deployment.reader();
    let whole = || http("GET", "/orders/7", std::slice::from_ref(&reader));
    assert!(envoy.check(whole()).permitted().is_some());
    let changed = |change: &dyn Fn(&mut Http)| {
        let mut http = whole();
        // Without the headers in which Envoy says the same again.
        http.headers.retain(|name, _| !name.starts_with(':'));
        change(&mut http);
        http
    };
    let status = |checked: super::check::CheckResponse| checked.denied().map(|(status, ..)| status);
    let field = |name: &'static str, value: &'static str| {
        move |http: &mut Http| drop(http.headers.insert(name.to_owned(), value.to_owned()))
    };
    let changes: [&dyn Fn(&mut Http); 14] = [
        &|http| http.method = String::new(),
        &|http| http.method = "G T".to_owned(),
        &|http| http.path = String::new(),
        &|http| http.path = "orders/7".to_owned(),
        &|http| http.path = "/orders/7#a".to_owned(),
        &|http| http.path = "https://orders.example.com/orders/7".to_owned(),
        &|http| http.scheme = String::new(),
        &|http| http.scheme = "ftp".to_owned(),
        &|http| http.host = String::new(),
        &field(":path", "/open/a"),
        &field(":method", "POST"),
        &field("host", "other.example.com"),
        &field("a b", "c"),
        &field("a", "b\nc"),
    ];
    for (place, change) in changes.into_iter().enumerate() {
        assert_eq!(status(envoy.check(changed(change))), Some(400), "{place}");
    }
    let twice = Lines {
        headers: [&reader, &reader]
            .map(|line| Line {
                key: "authorization".to_owned(),
                value: String::new(),
                raw_value: line.split_once(": ").expect("a field").1.as_bytes().to_vec(),
            })
            .to_vec(),
    };
    let lines = changed(&|http| (http.headers, http.lines) = (Default::default(), Some(twice.clone())));
    assert_eq!(status(envoy.check(lines)), Some(400));
    // Nothing at all, and a message of another kind.
    assert_eq!(
        status(
            envoy
                .call(super::check::CheckRequest { attributes: None })
                .expect("an answer")
        ),
        Some(400)
    );
    let other = Line {
        key: "\u{1}".repeat(9),
        value: String::new(),
        raw_value: vec![0xff; 3],
    };
    assert_eq!(status(envoy.call(other).expect("an answer")), Some(400));
    let long = Line {
        key: String::new(),
        value: "a".repeat(1024 * 1024),
        raw_value: Vec::new(),
    };
    assert_eq!(status(envoy.call(long).expect("an answer")), Some(400));
}

#[test]
fn a_body_is_decided_on_where_envoy_sends_all_of_it() {
    let policy = "routes:\n  - match: POST /orders\n    scopes: [orders:read]\n  - match: DELETE /orders\n    scopes: [admin]\n  - match: POST /pay\n    scopes: [orders:read]\n    operation: { json: { /amount: { max: 5 } } }\n";
    let decisions = Decisions::start_with(APIS, Configuration::of_policy(policy));
    let mut envoy = Checker::connect(decisions.address);
    let reader = decisions.deployment.reader();
    let mut post = |path: &str, content_type: &str, body: &str, partial: &str, length: usize| {
        let fields = [
            reader.clone(),
            format!("content-type: {content_type}"),
            format!("content-length: {length}"),
        ];
        let mut http = http("POST", path, &fields);
        if !partial.is_empty() {
            http.headers
                .insert("x-envoy-auth-partial-body".to_owned(), partial.to_owned());
        }
        http.raw_body = body.as_bytes().to_vec();
        envoy.check(http).denied().map(|(status, ..)| status)
    };
    let (form, json) = ("application/x-www-form-urlencoded", "application/json");
    let small = r#"{"amount":5}"#;
    assert_eq!(post("/pay", json, small, "false", small.len()), None);
    assert_eq!(post("/pay", json, r#"{"amount":6}"#, "false", small.len()), Some(403));
    assert_eq!(post("/pay", json, "{", "false", 1), Some(400));
    // A part of it, or none.
    for (body, partial, length) in [
        (small, "true", 99),
        (small, "false", 99),
        (small, "", small.len()),
        ("", "false", 12),
        ("", "", 12),
    ] {
        assert_eq!(
            post("/pay", json, body, partial, length),
            Some(501),
            "{body} {partial} {length}"
        );
    }
    assert_eq!(post("/orders", form, "a=b", "false", 3), None);
    assert_eq!(post("/orders", form, "a=b&_method=DELETE", "false", 18), Some(400));
    assert_eq!(post("/orders", form, "access_token=x", "false", 14), Some(400));
    assert_eq!(post("/orders", form, "", "", 3), Some(501));
    assert_eq!(post("/orders", form, "", "", 0), None);
    assert_eq!(post("/orders", "text/plain", "", "", 3), None);
}

#[test]
fn without_a_body_a_request_is_decided_on_as_the_operator_states() {
    for (bodies, form, without) in [
        ("denied", Some(501), Some(501)),
        ("sent", Some(501), None),
        ("passed", None, None),
    ] {
        let decisions = Decisions::start(&format!("  ext_authz: {{ bodies: {bodies} }}\n"));
        let token = decisions.deployment.writer();
        let mut envoy = Checker::connect(decisions.address);
        let mut status = |fields: &[&str]| {
            let fields: Vec<String> = fields
                .iter()
                .map(|field| (*field).to_owned())
                .chain([token.clone()])
                .collect();
            envoy
                .check(http("POST", "/orders", &fields))
                .denied()
                .map(|(status, ..)| status)
        };
        let type_of_form = "content-type: application/x-www-form-urlencoded";
        assert_eq!(status(&[type_of_form, "content-length: 3"]), form, "{bodies}");
        assert_eq!(status(&[]), without, "{bodies}");
        assert_eq!(status(&["content-length: 0"]), None, "{bodies}");
        // A form in a request of a method that usually has none.
        let fields = [decisions.deployment.reader(), "content-length: 3".to_owned()];
        let answer = envoy.check(http("GET", "/orders/7", &fields));
        assert_eq!(answer.denied().map(|(status, ..)| status), form, "{bodies}");
    }
}

#[test]
fn a_token_that_is_bound_to_a_certificate_is_good_with_it() {
    let decisions = Decisions::start(APIS);
    let mut envoy = Checker::connect(decisions.address);
    let authority = CertificateAuthority::new("clients");
    let (own, other) = (authority.client("one"), authority.client("two"));
    let token = decisions
        .deployment
        .issuer
        .token(json!({ "cnf": { "x5t#S256": own.thumbprint() } }));
    let mut status = |certificate: &str| {
        let mut message = check(http("GET", "/orders/7", &[wire::bearer(&token)]));
        let attributes = message.attributes.as_mut().expect("attributes");
        attributes.source.as_mut().expect("a source").certificate = certificate.to_owned();
        envoy
            .call(message)
            .expect("an answer")
            .denied()
            .map(|(status, ..)| status)
    };
    let escaped = |pem: &str| pem.replace('\n', "%0A").replace(' ', "%20").replace('+', "%2B");
    assert_eq!(status(&escaped(&own.pem())), None);
    assert_eq!(status(&escaped(&other.pem())), Some(401));
    assert_eq!((status(""), status("certificate")), (Some(401), Some(400)));
}

#[test]
fn rules_on_messages_of_mcp_read_the_metadata_of_envoy() {
    let policy = "routes:\n  - match: POST /mcp\n    mcp: { method: tools/call, name: [get_*] }\n    scopes: [orders:read]\n  - match: POST /mcp\n    mcp: { method: tools/call }\n    scopes: [admin]\n  - match: POST /mcp\n    scopes: [other]\n";
    let reader_of = |source: &str| {
        let apis = format!("  ext_authz: {{ bodies: passed, mcp: {{ from: {source} }} }}\n");
        Decisions::start_with(&apis, Configuration::of_policy(policy))
    };
    let message = |name: &str| json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": name } });
    let status = |decisions: &Decisions, metadata: Option<serde_json::Value>, named: Option<&str>| {
        let mut fields = vec![
            decisions.deployment.reader(),
            "content-type: application/json".to_owned(),
        ];
        if let Some(name) = named {
            fields.extend([
                "mcp-protocol-version: 2026-07-28".to_owned(),
                "mcp-method: tools/call".to_owned(),
                format!("mcp-name: {name}"),
            ]);
        }
        let mut request = check(http("POST", "/mcp", &fields));
        let metadata = metadata.map(|metadata| [("envoy.filters.http.mcp".to_owned(), Struct::from(&metadata))].into());
        request.attributes.as_mut().expect("attributes").metadata = metadata.map(|filters| Metadata { filters });
        let answer = Checker::connect(decisions.address).call(request).expect("an answer");
        answer.denied().map(|(status, ..)| status)
    };
    let decisions = reader_of("envoy-metadata");
    assert_eq!(status(&decisions, Some(message("get_order")), None), None);
    assert_eq!(status(&decisions, Some(message("delete_order")), None), Some(403));
    // What the client writes is of no effect.
    assert_eq!(
        status(&decisions, Some(message("delete_order")), Some("get_order")),
        Some(403)
    );
    assert_eq!(status(&decisions, None, Some("get_order")), Some(400));
    assert_eq!(status(&decisions, Some(json!({ "params": {} })), None), Some(400));
    let decisions = reader_of("headers");
    assert_eq!(
        status(&decisions, Some(message("delete_order")), Some("get_order")),
        None
    );
}

#[test]
fn the_metadata_of_a_resource_is_a_response_of_envoy() {
    let decisions = Decisions::start(APIS);
    let mut envoy = Checker::connect(decisions.address);
    let checked = envoy.check(http("GET", "/.well-known/oauth-protected-resource", &[]));
    let (status, headers, body) = checked.denied().expect("a response");
    assert_eq!((status, &*headers["content-type"]), (200, "application/json"));
    assert!(body.contains("https://orders.example.com"), "{body}");
    // A call of gRPC gets a sentence, which Envoy makes its message.
    let checked = envoy.check(http("POST", "/orders", &["content-type: application/grpc".to_owned()]));
    let (status, headers, body) = checked.denied().expect("a denial");
    assert_eq!(
        (status, body, headers.contains_key("content-type")),
        (401, "a bearer token is required", false)
    );
}

#[test]
fn rules_in_shadow_on_a_body_have_their_outcome_in_the_log() {
    let policy = "mode: shadow\nspelling: exact\nroutes:\n  - match: POST /pay\n    scopes: [orders:read]\n    operation: { json: { /amount: { max: 5 } } }\n";
    let decisions = Decisions::start_with(APIS, Configuration::of_policy(policy));
    let mut envoy = Checker::connect(decisions.address);
    let mut shadow = |body: &str, partial: &str| {
        let fields = [
            decisions.deployment.reader(),
            "content-type: application/json".to_owned(),
            format!("x-envoy-auth-partial-body: {partial}"),
        ];
        let mut http = http("POST", "/pay", &fields);
        http.raw_body = body.as_bytes().to_vec();
        let known = decisions.deployment.gate.decisions().len();
        let checked = envoy.check(http);
        assert!(checked.permitted().is_some(), "{partial}: {checked:?}");
        let line = decisions.deployment.gate.decision_after(known);
        (
            line["decision"].clone(),
            line["shadow"]["decision"].clone(),
            line["shadow"]["code"].clone(),
        )
    };
    let found = |shadow: &str, code: serde_json::Value| (json!("allow"), json!(shadow), code);
    assert_eq!(shadow(r#"{"amount":5}"#, "false"), found("allow", json!(null)));
    assert_eq!(
        shadow(r#"{"amount":6}"#, "false"),
        found("deny", json!("operation_not_met"))
    );
    assert_eq!(
        shadow(r#"{"amount":5}"#, "true"),
        found("deny", json!("body_not_received"))
    );
}
