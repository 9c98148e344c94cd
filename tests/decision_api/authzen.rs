//! The AuthZEN Authorization API 1.0.

use serde_json::{Value, json};

use super::{Decisions, decision, rows};
use crate::deployment::Configuration;
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::mint::{TokenIssuer, chain};
use crate::wire::{self, Answer};

const APIS: &str = "  authzen: {}\n";

/// Posts `body` to `path`.
fn post(decisions: &Decisions, path: &str, body: &Value, fields: &[&str]) -> Answer {
    post_text(
        decisions,
        path,
        &body.to_string(),
        &[&["Content-Type: application/json"], fields].concat(),
    )
}

fn post_text(decisions: &Decisions, path: &str, body: &str, fields: &[&str]) -> Answer {
    let length = format!("Content-Length: {}", body.len());
    let mut request = wire::request("POST", path, &[fields, &[&*length]].concat());
    request.extend(body.as_bytes());
    wire::answer(decisions.address, &request)
}

fn evaluation(method: &str, path: &str, subject: &str, token: Option<&str>) -> Value {
    json!({
        "subject": { "type": "user", "id": subject, "properties": { "access_token": token, "more": true } },
        "action": { "name": method },
        "resource": { "type": "url", "id": format!("https://orders.example.com{path}") },
        "more": {},
    })
}

#[test]
fn each_row_with_one_token_is_decided_as_by_the_gate() {
    let decisions = Decisions::start(APIS);
    let mut count = 0;
    for row in rows::rows(&decisions.deployment.issuer) {
        let tokens: Vec<&str> = row
            .fields
            .iter()
            .filter_map(|line| line.strip_prefix("Authorization: Bearer "))
            .collect();
        if row.fields.iter().any(|line| line.starts_with("Authorization: Basic")) {
            continue;
        }
        count += 1;
        let (answer, of_gate) = decisions.exchange(decisions.deployment.gate.address, &row.request());
        let known = decisions.deployment.gate.decisions().len();
        let asked = evaluation(row.method, row.target, "alice-canary", tokens.first().copied());
        let found = post(&decisions, "/access/v1/evaluation", &asked, &[]);
        let line = decisions.deployment.gate.decision_after(known);
        let name = row.name;
        assert_eq!(found.status, 200, "{name}: {}", found.everything());
        assert_eq!(decision(&line), decision(&of_gate), "{name}");
        assert_eq!(line["api"], "authzen");
        let evaluated = found.json();
        assert_eq!(evaluated["decision"], json!(row.status == 200), "{name}: {evaluated}");
        let context = &evaluated["context"];
        assert_eq!(
            (&context["id"], &context["code"]),
            (&line["id"], &line["code"]),
            "{name}"
        );
        assert_eq!(
            (&context["rule"], &context["route"]),
            (&line["rule"], &line["route"]),
            "{name}"
        );
        let challenge = answer.field("www-authenticate");
        assert_eq!(
            context["www_authenticate"].as_str().map(str::to_owned),
            challenge,
            "{name}"
        );
        assert_eq!(context["identity"]["chain"], line["chain"], "{name}");
        assert!(
            !tokens
                .iter()
                .any(|token| token.len() > 1 && found.text().contains(token)),
            "{name}"
        );
    }
    assert_eq!(count, 29);
}

#[test]
fn a_decision_is_about_the_subject_of_the_token() {
    let decisions = Decisions::start(APIS);
    let token = decisions.deployment.issuer.token(json!({}));
    let evaluated = post(
        &decisions,
        "/access/v1/evaluation",
        &evaluation("GET", "/orders/7", "bob", Some(&token)),
        &[],
    )
    .json();
    assert_eq!(
        (&evaluated["decision"], &evaluated["context"]["code"]),
        (&json!(false), &json!("subject_mismatch"))
    );
    let mut other = evaluation("GET", "/orders/7", "alice-canary", Some(&token));
    other["resource"] = json!({ "type": "document", "id": "1" });
    let evaluated = post(&decisions, "/access/v1/evaluation", &other, &[]).json();
    assert_eq!(
        (&evaluated["decision"], &evaluated["context"]["code"]),
        (&json!(false), &json!("invalid_request"))
    );
    // Headers that rules read, and those with which a proxy would state another request.
    let mut with = evaluation("GET", "/orders/7", "alice-canary", Some(&token));
    with["context"] = json!({ "headers": { "x-forwarded-host": "other.example.com", "X-Tenant": "1" }, "time": "now" });
    assert_eq!(
        post(&decisions, "/access/v1/evaluation", &with, &[]).json()["decision"],
        true
    );
    for headers in [
        json!({ "a b": "c" }),
        json!({ "a": 1 }),
        json!({ "authorization": "Bearer x" }),
    ] {
        with["context"]["headers"] = headers;
        assert_eq!(
            post(&decisions, "/access/v1/evaluation", &with, &[]).json()["decision"],
            false,
            "{with}"
        );
    }
}

#[test]
fn an_evaluation_with_too_many_headers_is_denied() {
    let decisions = Decisions::start(APIS);
    for (count, decision) in [(900, true), (1001, false), (25_000, false)] {
        let headers: serde_json::Map<_, _> = (0..count).map(|number| (format!("{number:x}"), json!(""))).collect();
        let mut asked = evaluation("GET", "/open/a", "alice", None);
        asked["context"] = json!({ "headers": headers });
        let answer = post(&decisions, "/access/v1/evaluation", &asked, &[]);
        assert_eq!(answer.json()["decision"], decision, "{count}");
    }
}

#[test]
fn several_evaluations_are_made_in_their_order() {
    let decisions = Decisions::start(APIS);
    let token = decisions.deployment.issuer.token(json!({ "act": chain(&["bot"]) }));
    let url = |path: &str| json!({ "resource": { "type": "url", "id": format!("https://orders.example.com{path}") } });
    let mut all = evaluation("GET", "/orders/7", "alice-canary", Some(&token));
    // The second has what the defaults lack, and the last has no resource of its own.
    all["evaluations"] = json!([url("/orders/7"), url("/admin/x"), url("/open/a"), {}]);
    let found = |semantic: Option<&str>| {
        let mut asked = all.clone();
        if let Some(semantic) = semantic {
            asked["options"] = json!({ "evaluations_semantic": semantic, "another": 1 });
        }
        let answer = post(&decisions, "/access/v1/evaluations", &asked, &[]);
        assert_eq!(answer.status, 200, "{}", answer.everything());
        assert!(answer.json().get("decision").is_none());
        let evaluations = answer.json()["evaluations"].as_array().expect("a list").clone();
        evaluations
            .iter()
            .map(|one| one["decision"].as_bool().expect("a decision"))
            .collect::<Vec<_>>()
    };
    assert_eq!(found(None), [true, false, true, true]);
    assert_eq!(found(Some("execute_all")), [true, false, true, true]);
    assert_eq!(found(Some("deny_on_first_deny")), [true, false]);
    assert_eq!(found(Some("permit_on_first_permit")), [true]);
    // Without the list it is one evaluation.
    let one = evaluation("GET", "/orders/7", "alice-canary", Some(&token));
    assert_eq!(
        post(&decisions, "/access/v1/evaluations", &one, &[]).json()["decision"],
        true
    );
    all["evaluations"] = json!(vec![json!({}); 101]);
    assert_eq!(post(&decisions, "/access/v1/evaluations", &all, &[]).status, 400);
}

#[test]
fn what_is_no_request_of_the_api_has_no_decision() {
    let decisions = Decisions::start(APIS);
    let whole = evaluation("GET", "/open/a", "alice", None);
    let id = ["X-Request-ID: 4711"];
    let answer = post(&decisions, "/access/v1/evaluation", &whole, &id);
    assert_eq!(
        (answer.status, answer.field("x-request-id").as_deref()),
        (200, Some("4711"))
    );
    for member in ["subject", "action", "resource"] {
        let mut without = whole.clone();
        without.as_object_mut().expect("an object").remove(member);
        let answer = post(&decisions, "/access/v1/evaluation", &without, &id);
        assert_eq!(
            (answer.status, answer.field("x-request-id").as_deref()),
            (400, Some("4711")),
            "{member}"
        );
    }
    let json = "Content-Type: application/json";
    for (body, field, status) in [
        ("{", json, 400),
        ("[]", json, 400),
        (r#"{"subject":1}"#, json, 400),
        ("{}", "Content-Type: text/plain", 415),
        ("{}", "X-None: 1", 415),
        (&*" ".repeat(300 * 1024), json, 413),
    ] {
        let answer = post_text(&decisions, "/access/v1/evaluation", body, &[field]);
        assert_eq!(answer.status, status, "{body:.20}");
        assert_eq!(
            answer.field("content-type").as_deref(),
            Some("application/problem+json")
        );
    }
    let get = wire::answer(decisions.address, &wire::request("GET", "/access/v1/evaluation", &[]));
    assert_eq!(get.status, 405);
}

#[test]
fn the_metadata_names_the_endpoints() {
    let decisions = Decisions::start("  authzen: { url: 'https://pdp.example.com/' }\n");
    let path = "/.well-known/authzen-configuration";
    let metadata = wire::answer(decisions.address, &wire::request("GET", path, &[])).json();
    assert_eq!(metadata["policy_decision_point"], "https://pdp.example.com");
    assert_eq!(
        metadata["access_evaluation_endpoint"],
        "https://pdp.example.com/access/v1/evaluation"
    );
    let decisions = Decisions::start(APIS);
    let metadata = wire::answer(decisions.address, &wire::request("GET", path, &[])).json();
    assert_eq!(
        metadata["policy_decision_point"],
        format!("http://{}", decisions.address)
    );
}

#[test]
fn without_keys_there_is_no_decision() {
    let issuer = TokenIssuer::new();
    let token = issuer.token(json!({}));
    let decisions = Decisions::start_cold(
        "  authzen: {}\n  validate: true\n  forward_auth: caddy\n",
        issuer,
        KeyServer::start(Conduct::Status(500, String::new())),
        Configuration::of_policy(rows::POLICY),
    );
    let answer = post(
        &decisions,
        "/access/v1/evaluation",
        &evaluation("GET", "/orders/7", "alice-canary", Some(&token)),
        &[],
    );
    assert_eq!(answer.status, 503, "{}", answer.everything());
    assert!(answer.field("retry-after").is_some());
    let line = wire::bearer(&token);
    let target = "/validate?method=GET&url=https%3A%2F%2Forders.example.com%2Forders%2F7";
    let answer = wire::answer(decisions.address, &wire::request("GET", target, &[&line]));
    assert_eq!(
        (answer.status, answer.field("retry-after").is_some()),
        (503, true),
        "{}",
        answer.everything()
    );
    let asked = super::forward_auth::asked("caddy", "GET", "/orders/7", &[line]);
    let answer = wire::answer(decisions.address, &asked);
    assert_eq!(
        (answer.status, answer.field("retry-after").is_some()),
        (503, true),
        "{}",
        answer.everything()
    );
}
