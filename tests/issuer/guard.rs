//! A policy of the gate decides which tokens the issuer issues.

use std::fs;

use tempfile::TempDir;

use crate::check::output_text;
use crate::deployment::bundled_issuer::{ALICE_BY_PASSWORD, BundledIssuer, ORDERS, access_token, claims, error};
use crate::deployment::gate::run_to_end;

const ASSISTANT: &str = "https://assistant.example";
const SHOPPER: &str = "https://shopper.example";

const POLICY: &str = "\
requirements:
  a-person-began: { initiator: { kind: human } }
routes:
  - match: POST /authorization-code
  - match: POST /client-credentials
  - match: POST /token-exchange
    require: [a-person-began]
    actor: { none_of: [night-batch] }
    chain: { max_depth: 1 }
";

#[test]
fn a_policy_decides_which_tokens_are_issued() {
    let folder = TempDir::new().expect("a folder");
    let (policy, data) = (folder.path().join("policy.yaml"), folder.path().join("data"));
    fs::write(&policy, POLICY).expect("a file");
    let issuer = BundledIssuer::start_with_guard(&policy, &data);
    let login = issuer.sign_in("storefront", ALICE_BY_PASSWORD, ASSISTANT, "offline_access orders:read");
    let subject = access_token(&login);
    let first = access_token(&issuer.exchange("assistant", &subject, SHOPPER, "orders:read"));
    assert_eq!(claims(&first)["act"]["sub"], "assistant");

    let denied = |answer: crate::wire::Answer, reason: &str| {
        assert_eq!(error(&answer), (400, "access_denied".to_owned()));
        assert_eq!(answer.json()["error_description"], reason);
    };
    denied(
        issuer.exchange("shopper", &first, ORDERS, "orders:read"),
        "chain_too_deep",
    );
    let own = access_token(&issuer.client_credentials("night-batch", "https://night-batch.example", "orders:read"));
    denied(
        issuer.exchange("night-batch", &own, ORDERS, "orders:read"),
        "initiator_not_human",
    );
    let refresh_token = login.json()["refresh_token"].as_str().expect("a token").to_owned();
    denied(issuer.refresh("storefront", &refresh_token, ""), "no_route");

    let trail = fs::read_to_string(data.join("audit.jsonl")).expect("a trail");
    let line = trail
        .lines()
        .find(|line| line.contains("chain_too_deep"))
        .expect("a line");
    for part in [
        r#""decision":"deny""#,
        r#""actors":["shopper","assistant"]"#,
        r#""parent_jti""#,
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
}

#[test]
fn a_policy_with_a_mistake_does_not_start() {
    let folder = TempDir::new().expect("a folder");
    let policy = folder.path().join("policy.yaml");
    for (text, expected) in [
        (
            "routes: [{ match: POST /ciba, scope: [a] }]",
            "policy.yaml:1:31: unknown key `scope`\n  help: did you mean `scopes`?",
        ),
        ("routes: x", "policy.yaml:1:9: expected a list"),
        ("requirements: {}", "policy.yaml: there is no route"),
        (
            "routes:\n  - match: [POST /refresh, POST /client-credentails]\n",
            "policy.yaml:2:28: the route `POST /client-credentails` matches no token\n  help: did you mean `/client-credentials`?",
        ),
        (
            "routes: [{ match: 'POST /orders/{id}' }]",
            "help: expected one of `/client-credentials`, `/authorization-code`, `/refresh`, `/ciba`, `/device`, `/token-exchange`",
        ),
        (
            "routes: [{ match: GET /token-exchange }]",
            "policy.yaml:1:19: the route `GET /token-exchange` matches no token\n  help: write `POST /token-exchange`",
        ),
        (
            "routes: [{ match: POST /ciba, limit: { per: [initiator], rate: 1/m } }]",
            "policy.yaml:1:19: `POST /ciba: limit` counts requests, and a policy on tokens counts none\n  help: remove it",
        ),
        (
            "routes: [{ match: POST /ciba, operation: { json: { /amount: { max: 1 } } } }]",
            "policy.yaml:1:19: ",
        ),
        (
            "routes: [{ match: POST /ciba, operation: { json: { /amount: { max: 1 } } } }]",
            "reads the body of a request, and a token that is to be issued has none\n  help: remove it",
        ),
    ] {
        fs::write(&policy, text).expect("a file");
        let failed = run_to_end(
            &[
                "issuer",
                "--listen",
                "127.0.0.1:0",
                "--guard",
                &policy.to_string_lossy(),
            ],
            "",
        );
        assert!(
            !failed.status.success() && output_text(&failed).contains(expected),
            "{}",
            output_text(&failed)
        );
        let checked = run_to_end(&["check", "--guard", &policy.to_string_lossy()], "");
        assert!(
            checked.status.code() == Some(78)
                && output_text(&checked).contains(expected.lines().next().unwrap_or_default()),
            "{}",
            output_text(&checked)
        );
    }
    fs::write(&policy, "routes: [{ match: \"* /{grant}\" }, { match: POST /device }]").expect("a file");
    let json = run_to_end(&["check", "--guard", &policy.to_string_lossy(), "--json"], "");
    assert!(output_text(&json).contains("\"ok\":true"), "{}", output_text(&json));
}

#[test]
fn a_mistake_in_a_json_log_has_its_place() {
    let folder = TempDir::new().expect("a folder");
    let policy = folder.path().join("policy.yaml");
    fs::write(&policy, "routes:\n  - match: POST /ciba\n    scope: [a]\n").expect("a file");
    let policy = policy.to_string_lossy();
    let arguments = [
        "issuer",
        "--listen",
        "127.0.0.1:0",
        "--log-format",
        "json",
        "--guard",
        &*policy,
    ];
    let failed = output_text(&run_to_end(&arguments, ""));
    assert!(
        failed.contains("\"line\":3") && failed.contains("unknown key `scope`") && !failed.contains("\\n"),
        "{failed}"
    );
}
