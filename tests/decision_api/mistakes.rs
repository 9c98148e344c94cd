//! Mistakes in `decision_api`, each reported at its place.

use crate::check::{CONFIGURATION, Files, output_text, without_excerpts};
use crate::deployment::gate::run_to_end;

fn report(configuration: &str) -> String {
    let files = Files::new();
    let path = files.write("actgate.yaml", configuration);
    let output = run_to_end(&["check", "--config", &path], "");
    without_excerpts(&output_text(&output)).replace(&format!("{path}:"), "")
}

#[test]
fn each_mistake_has_its_place_and_help() {
    for (written, expected) in [
        (
            "true",
            "5:15: expected a mapping, not true or false\n  help: write as in `decision_api: { listen: 127.0.0.1:9191, forward_auth: nginx }`",
        ),
        ("{ forward_auth: nginx }", "5:15: the key `listen` is missing"),
        (
            "{ listen: 9191, forward_auth: nginx }",
            "5:25: `9191` is a port without an address\n  help: write `127.0.0.1:9191`",
        ),
        (
            "{ listen: systemd, forward_auth: nginx }",
            "5:25: systemd passes one socket, which is for clients",
        ),
        ("{ listen: 127.0.0.1:9191 }", "5:15: no decision API is chosen"),
        (
            "{ listen: 127.0.0.1:9191, forward_auth: apache }",
            "5:55: unknown word `apache`",
        ),
        (
            "{ listen: 127.0.0.1:9191, forward_auth: { bodies: passed } }",
            "5:55: the key `proxy` is missing",
        ),
        (
            "{ listen: 127.0.0.1:9191, forward_auth: { proxy: nginx, bodies: read } }",
            "5:79: unknown word `read`",
        ),
    ] {
        let text = CONFIGURATION.replacen("leeway:", &format!("decision_api: {written}\nleeway:"), 1);
        let report = report(&text);
        assert!(report.starts_with(expected), "{written}\n{report}\nnot {expected}");
    }
    let text = CONFIGURATION.replacen("127.0.0.1:0", "127.0.0.1:9191", 1);
    let text = text.replacen(
        "leeway:",
        "decision_api: { listen: 127.0.0.1:9191, forward_auth: nginx }\nleeway:",
        1,
    );
    assert!(report(&text).starts_with("5:25: `decision_api` and `listen` are the same address"));
}

#[test]
fn without_an_upstream_there_is_no_address_for_clients() {
    let rest = CONFIGURATION.split_once("admin").expect("the rest").1;
    let api = "decision_api: { listen: 127.0.0.1:9191, forward_auth: nginx }";
    let valid = report(&format!("{api}\nadmin{rest}"));
    assert!(
        valid.contains("decisions 127.0.0.1:9191 (forward_auth of nginx)\n"),
        "{valid}"
    );
    assert!(!valid.contains("listen "), "{valid}");
    let listen = report(&format!("{api}\nlisten: 127.0.0.1:0\nadmin{rest}"));
    assert!(listen.contains("the key `upstream` is missing"), "{listen}");
    let upstream = report(&format!("{api}\nupstream: http://127.0.0.1:9\nadmin{rest}"));
    assert!(upstream.contains("the key `listen` is missing"), "{upstream}");
}

#[test]
fn a_rule_on_a_body_needs_an_api_that_receives_one() {
    let rest = CONFIGURATION.split_once("admin").expect("the rest").1;
    let rest = format!("admin{rest}  - match: POST /pay\n    operation: {{ json: {{ /amount: {{ max: 5 }} }} }}\n");
    let found = |apis: &str, top: &str| {
        report(&format!(
            "decision_api: {{ listen: 127.0.0.1:9191, {apis} }}\n{top}{rest}"
        ))
    };
    let of_forward_auth = found("forward_auth: nginx", "");
    let message =
        "1:15: `POST /pay: operation.json./amount` reads the body of a request, which none of these APIs receives";
    assert!(of_forward_auth.starts_with(message), "{of_forward_auth}");
    for (apis, top) in [
        ("ext_authz: {}", ""),
        (
            "forward_auth: nginx",
            "listen: 127.0.0.1:0\nupstream: http://127.0.0.1:9\n",
        ),
    ] {
        let valid = found(apis, top);
        assert!(valid.contains("configuration is valid"), "{valid}");
    }
}
