//! What `actgate check` prints of a valid configuration: its connections, its warnings, and what is missing here.

use serde_json::{Value, json};

use crate::check::{CONFIGURATION, Files, output_text};
use crate::deployment::gate::run_to_end;

/// The exit code and the text of a check with these further arguments.
fn check(text: &str, arguments: &[&str]) -> (i32, String) {
    let files = Files::new();
    let path = files.write("actgate.yaml", text);
    let output = run_to_end(&[&["check", "--config", &path], arguments].concat(), "");
    let code = output.status.code().expect("an exit code");
    let text = output_text(&output);
    let folder = path.strip_suffix("actgate.yaml").expect("the file");
    (code, text.replace(folder, ""))
}

fn with(lines: &str) -> String {
    CONFIGURATION.replace("leeway:", &format!("{lines}leeway:"))
}

#[test]
fn every_missing_file_is_a_warning_and_with_strict_an_error() {
    let text =
        with("tls: { certificate: a.crt, key: a.key, client_certificates: { ca_file: ca.crt, demand: required } }\n");
    let (code, report) = check(&text, &[]);
    assert_eq!(code, 0, "{report}");
    let first = "actgate.yaml: configuration is valid; `actgate run` does not start here, since 3 files are missing\n";
    assert!(report.starts_with(first), "{report}");
    for file in ["a.crt", "a.key", "ca.crt"] {
        let warnings = report.matches(&format!("`{file}`: the file cannot be read")).count();
        assert_eq!(warnings, 1, "{file}: {report}");
    }
    let (code, report) = check(&text, &["--strict"]);
    assert_eq!(code, 78, "{report}");
    let (code, report) = check(&text, &["--strict", "--json"]);
    let report: Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(
        (code, &report["ok"], &report["missing_files"]),
        (78, &json!(false), &json!(3))
    );
    assert_eq!(check(CONFIGURATION, &["--strict"]).0, 0);
    let help = output_text(&run_to_end(&["check", "--help"], ""));
    assert!(
        help.contains("--strict") && help.contains("A warning is no mistake"),
        "{help}"
    );
}

#[test]
fn each_upstream_and_each_network_has_a_line() {
    let upstreams = "upstreams:\n  - url: http://127.0.0.1:9\n  - { url: 'h2c://127.0.0.1:8', path: /orders }\n  \
                     - { url: [http://127.0.0.1:6, http://127.0.0.1:7], hosts: [shop.example], path: /cart }\n";
    let text = CONFIGURATION
        .replace("upstream: http://127.0.0.1:9\n", upstreams)
        .replace(
            "leeway:",
            "trusted_proxies: [10.0.0.0/8]\nproxy_protocol: [192.0.2.0/24]\n\
         cors: { origins: [https://app.example.com] }\nleeway:",
        );
    let (code, report) = check(&text, &[]);
    assert_eq!(code, 0, "{report}");
    for line in [
        "  listen    127.0.0.1:0\n",
        "  upstream  every other request  ->  http://127.0.0.1:9\n",
        "  upstream  /orders  ->  h2c://127.0.0.1:8\n",
        "  upstream  shop.example /cart  ->  http://127.0.0.1:6, http://127.0.0.1:7\n",
        "  proxies   10.0.0.0/8\n",
        "  PROXY     192.0.2.0/24\n",
        "  cors      https://app.example.com\n",
    ] {
        assert!(report.contains(line), "{line}{report}");
    }
    let (_, report) = check(CONFIGURATION, &[]);
    assert!(
        report.contains("  listen    127.0.0.1:0  ->  http://127.0.0.1:9\n"),
        "{report}"
    );
    assert!(!report.contains("  upstream  "), "{report}");
}

#[test]
fn mistakes_in_the_json_log_have_fields() {
    let text = CONFIGURATION
        .replace("listen:", "listne:")
        .replace("leeway: 30s", "leeway: 30");
    let (code, report) = check(&text, &["--log-format", "json"]);
    assert_eq!(code, 78, "{report}");
    let lines: Vec<Value> = report
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let places: Vec<_> = lines
        .iter()
        .map(|line| (&line["level"], &line["fields"]["line"], &line["fields"]["column"]))
        .collect();
    assert_eq!(
        places,
        [
            (&json!("ERROR"), &json!(1), &json!(1)),
            (&json!("ERROR"), &json!(5), &json!(9))
        ]
    );
    let fields = &lines[1]["fields"];
    assert_eq!(fields["file"], "actgate.yaml");
    assert_eq!(fields["message"], "`30` has no unit of time");
    assert_eq!(fields["help"], "write it as `30ms`, `30s`, `30m` or `30h`");
}

#[test]
fn each_limit_has_a_line_and_where_it_is_counted() {
    let limited = |lines: &str| {
        with(lines).replace("routes:\n", "limit: { per: client, rate: 5000/h, mode: shadow }\nroutes:\n  - match: [PUT /limited, GET /limited, GET /l]\n    limit: { per: [initiator, actor], rate: 60/m, burst: 10 }\n")
    };
    let (code, report) = check(&limited(""), &[]);
    assert_eq!(code, 0, "{report}");
    for line in [
        "  limit     PUT /limited, GET /l, GET /limited, together: 60/m (10 at once) by initiator and actor, counted in the memory of each gate\n",
        "  limit     every route without a limit of its own, together: 5000/h by client, counted in the memory of each gate; in shadow: \
         nothing is denied for it\n",
    ] {
        assert!(report.contains(line), "{report}");
    }
    let (_, report) = check(
        &limited("shared_limits: { redis: 'redis://127.0.0.1:6379' }\n"),
        &["--json"],
    );
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let expected = json!([
        { "rule": "PUT /limited: limit", "together_with": ["GET /l: limit", "GET /limited: limit"],
          "quota": "60/m (10 at once) by initiator and actor", "mode": "enforce", "counted_in": "redis" },
        { "rule": "limit of the policy", "quota": "5000/h by client", "mode": "shadow", "counted_in": "redis" },
    ]);
    assert_eq!(report["limits"], expected, "{report}");
}

#[test]
fn a_store_without_a_limit_is_a_warning() {
    let text = with("shared_limits: { redis: 'redis://127.0.0.1:6379' }\n");
    let (code, report) = check(&text, &[]);
    let warning = "the policy has no `limit`, so that this has no effect";
    assert!(code == 0 && report.contains(warning), "{report}");
    assert_eq!(check(&text, &["--strict"]).0, 78);
}
