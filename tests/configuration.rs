//! Mistakes in a configuration: each is reported once, at its place, with help.

use crate::check::{CONFIGURATION, Files, output_text};
use crate::deployment::gate::run_to_end;

/// What is written in place of what, and the beginning of the report after the name of the file.
const MISTAKES: &[(&str, &str, &str)] = &[
    // Keys.
    (
        "listen:",
        "listne:",
        "1:1: unknown key `listne`\n  help: did you mean `listen`?",
    ),
    (
        "listen: 127.0.0.1:0\n",
        "",
        " the key `listen` is missing\n  help: add `listen: …`",
    ),
    (
        "audience: https://orders.example.com\n",
        "",
        " the key `audience` is missing\n  help: add `audience: …`, or `resources` for several APIs",
    ),
    (
        "    scopes:",
        "    scope:",
        "21:5: unknown key `scope`\n  help: did you mean `scopes`?",
    ),
    (
        "leeway: 30s",
        "leeway: 30s\nleeway: 10s",
        "6:1: the key `leeway` occurs twice",
    ),
    ("leeway: 30s", "leeway:", "5:7: a value is missing here"),
    (
        "leeway: 30s",
        "leeway: 5",
        "5:9: `5` has no unit of time\n  help: write it as `5s`, `5m` or `5h`",
    ),
    (
        "leeway:",
        "token: x\nleeway:",
        "5:1: unknown key `token`\n  help: it is `access_token: strip` or `access_token: forward`",
    ),
    (
        "    chain_completeness: complete",
        "    chain: complete",
        "10:5: unknown key `chain`\n  help: it is `chain_completeness`",
    ),
    (
        "leeway:",
        "drain: 30s\nleeway:",
        "5:1: unknown key `drain`\n  help: write it under `timeouts`",
    ),
    (
        "leeway:",
        "jwks_uri: https://idp.example.com/jwks\nleeway:",
        "5:1: unknown key `jwks_uri`\n  help: write it in an entry of `issuers`",
    ),
    (
        "leeway:",
        "port: 8080\nleeway:",
        "5:1: unknown key `port`\n  help: write the address and the port in `listen`",
    ),
    (
        "leeway:",
        "trusted_proxies: [10.0.0.0/8]\nleeway:",
        "5:1: unknown key `trusted_proxies`\n  help: remove it: addresses that a proxy in front states are not read",
    ),
    // Addresses.
    (
        "127.0.0.1:0",
        "localhost:8080",
        "1:9: `localhost:8080` is not a socket address\n  help: write an IP address and a port, as in 127.0.0.1:8080",
    ),
    (
        "127.0.0.1:0",
        "http://127.0.0.1:8080",
        "1:9: `http://127.0.0.1:8080` is not a socket address",
    ),
    ("127.0.0.1:0", "'*:8080'", "1:9: `*:8080` is not a socket address"),
    ("127.0.0.1:0", "':8080'", "1:9: `:8080` is not a socket address"),
    ("127.0.0.1:0", "0.0.0.0", "1:9: `0.0.0.0` is not a socket address"),
    (
        "http://127.0.0.1:9",
        "https://127.0.0.1:9",
        "2:11: only plain http is supported to the upstream",
    ),
    (
        "http://127.0.0.1:9",
        "http://127.0.0.1:0",
        "2:11: no service can listen on port 0",
    ),
    (
        "http://127.0.0.1:9",
        "http://127.0.0.1:9/api",
        "2:11: the upstream has more than a host and a port; the path of a request is never changed",
    ),
    (
        "http://127.0.0.1:9",
        "http://*.internal:9000",
        "2:11: `http://*.internal:9000` is a pattern",
    ),
    (
        "http://127.0.0.1:9",
        "http://${API}:9000",
        "2:11: `http://${API}:9000` is a placeholder",
    ),
    (
        "admin: 127.0.0.1:0",
        "admin: 0.0.0.0:9901",
        "3:8: `admin` can be reached from other machines",
    ),
    (
        "listen: 127.0.0.1:0",
        "listen: 0.0.0.0:9",
        "2:11: `upstream` points to this gate's own `listen` address",
    ),
    (
        "admin: 127.0.0.1:0",
        "admin: 127.0.0.1:9",
        "2:11: `upstream` points to this gate's own `admin` address",
    ),
    ("leeway:", "hosts: []\nleeway:", "5:8: the list of hosts is empty"),
    ("leeway:", "hosts: ['*']\nleeway:", "5:9: `*` is a pattern"),
    (
        "leeway:",
        "hosts: ['*.example.com']\nleeway:",
        "5:9: `*.example.com` is a pattern",
    ),
    (
        "leeway:",
        "hosts: [.example.com]\nleeway:",
        "5:9: `.example.com` is a pattern",
    ),
    (
        "leeway:",
        "hosts: [\"${HOST}\"]\nleeway:",
        "5:9: `${HOST}` is a placeholder",
    ),
    (
        "leeway:",
        "hosts: [https://a.example]\nleeway:",
        "5:9: `https://a.example` is not a host",
    ),
    // Audience, leeway, issuers.
    (
        "https://orders.example.com",
        "' https://orders.example.com'",
        "4:11: ` https://orders.example.com` is not an audience: it has white space at an end",
    ),
    (
        "audience: https://orders.example.com",
        "audience: []",
        "4:11: there is no audience",
    ),
    (
        "audience: https://orders.example.com",
        "audience: ''",
        "4:11: an audience is empty",
    ),
    (
        "audience: https://orders.example.com",
        "audience: '*'",
        "4:11: `*` is not an audience: it is a pattern",
    ),
    (
        "https://orders.example.com",
        "https://*.example.com",
        "4:11: `https://*.example.com` is not an audience: it is a pattern",
    ),
    (
        "https://orders.example.com",
        "${AUDIENCE}",
        "4:11: `${AUDIENCE}` is not an audience: it is a pattern",
    ),
    (
        "leeway: 30s",
        "leeway: 61s",
        "5:9: the leeway is too long\n  help: write at most 60s",
    ),
    ("leeway: 30s", "leeway: soon", "5:9: `soon` is not a duration"),
    (
        "refresh: 10m",
        "refresh: 10M",
        "12:22: `10M` is not a duration\n  help: write `10m` for minutes",
    ),
    (
        "issuer: https://idp",
        "issuer: idp",
        "7:13: `idp.example.com` is not an issuer: it is not an absolute URL\n  help: write `https://idp.example.com`",
    ),
    (
        "issuer: https://idp",
        "issuer: http://idp",
        "7:13: `http://idp.example.com` cannot be used",
    ),
    (
        "issuer: https://idp.example.com",
        "issuer: https://idp.example.com/.well-known/openid-configuration",
        "7:13: `https://idp.example.com/.well-known/openid-configuration` is not an issuer: it is the address of a document \
         of the issuer\n  help: write `https://idp.example.com`, or with a slash",
    ),
    (
        "issuer: https://idp.example.com",
        "issuer: https://login.example.com/{tenantid}/v2.0",
        "7:13: `https://login.example.com/{tenantid}/v2.0` is not an issuer: it is a pattern",
    ),
    (
        "    algorithms",
        "    jwks_uri: https://idp.example.com/.well-known/openid-configuration\n    algorithms",
        "8:15: `https://idp.example.com/.well-known/openid-configuration` cannot be used: it is the address of metadata",
    ),
    (
        "- issuer: https://idp.example.com\n    algorithms",
        "- algorithms",
        "7:5: the key `issuer` is missing",
    ),
    (
        "    algorithms",
        "    jwks_uri: http://idp.example.com/jwks\n    algorithms",
        "8:15: `http://idp.example.com/jwks` cannot be used",
    ),
    (
        "ES256",
        "HS256",
        "8:18: `HS256` is a shared secret, which is never accepted\n  help: the issuer signs with one of `RS256`, `RS384`, \
         `RS512`, `PS256`, `PS384`, `PS512`, `ES256`, `ES384`, `ES512`, `EdDSA`",
    ),
    (
        "ES256",
        "hs512",
        "8:18: `hs512` is a shared secret, which is never accepted",
    ),
    (
        "[ES256, RS256]",
        "[none]",
        "8:18: `none` is no signature, which is never accepted",
    ),
    (
        "ES256",
        "es256",
        "8:18: unknown word `es256`\n  help: did you mean `ES256`?",
    ),
    (
        "ES256",
        "eddsa",
        "8:18: unknown word `eddsa`\n  help: did you mean `EdDSA`?",
    ),
    (
        "- issuer: https://idp.example.com\n    algorithms",
        "- https://idp.example.com\n  - issuer: https://idp.example.com\n    algorithms",
        "7:5: expected a mapping, not a text\n  help: write `- issuer: https://idp.example.com`",
    ),
    ("[ES256, RS256]", "[]", "8:17: no algorithm is accepted"),
    ("[ES256, RS256]", "ES256", "8:17: expected a list"),
    ("profile: rfc9068", "profile: rfc9069", "9:14: unknown word `rfc9069`"),
    (
        "completeness: complete",
        "completeness: whole",
        "10:25: unknown word `whole`",
    ),
    (
        "completeness: complete",
        "completeness: outer-only",
        "24:12: `POST /refunds: chain.max_depth` reads prior actors",
    ),
    (
        "prior_actors: enforce",
        "prior_actors: audit",
        "24:12: `POST /refunds: chain.max_depth` reads prior actors",
    ),
    ("refresh: 10m", "refresh: 1ms", "12:22: `refresh` is out of range"),
    ("max_stale: 24h", "max_stale: 1m", "12:66: `max_stale` is out of range"),
    // Identity headers.
    ("x-auth-subject", "x auth", "13:30: `x auth` is not a header name"),
    (
        "x-auth-subject",
        "authorization",
        "13:30: `authorization` has another meaning",
    ),
    ("x-auth-subject", "host", "13:30: `host` has another meaning"),
    (
        "x-auth-subject",
        "x_auth_kind",
        "13:30: `x_auth_kind` is the same as `x-auth-kind` to some servers",
    ),
    (
        "subject: x-auth-subject",
        "subject: x-a, kind: X_A",
        "13:30: `x-a` is the same as `X_A` to some servers",
    ),
    (
        "{ subject: x-auth-subject }",
        "x-auth-subject",
        "13:19: expected a mapping",
    ),
    // The decision log.
    (
        "leeway:",
        "decision_log: ''\nleeway:",
        "5:15: the path of the decision log is empty",
    ),
    ("leeway:", "decision_log: .\nleeway:", "5:15: `.` is a folder"),
    (
        "leeway:",
        "decision_log: nowhere/a.log\nleeway:",
        "5:15: the folder of `nowhere/a.log` does not exist",
    ),
    (
        "leeway:",
        "decision_log: actgate.yaml\nleeway:",
        "5:15: `actgate.yaml` is a file that the gate reads",
    ),
    (
        "leeway:",
        "decision_log: stderr\nleeway:",
        "5:15: `stderr` is not a file\n  help: write `stdout`, or a file such as decisions.log",
    ),
    ("leeway:", "decision_log: '-'\nleeway:", "5:15: `-` is not a file"),
    ("leeway:", "decision_log: none\nleeway:", "5:15: `none` is not a file"),
    // The policy.
    (
        "[human-must-initiate]",
        "[human-must-begin]",
        "22:15: no requirement is named `human-must-begin`\n  help: did you mean `human-must-initiate`?",
    ),
    (
        "GET /health",
        "POST /refunds",
        "20:12: `POST /refunds` matches the same requests as `POST /refunds` in line 18",
    ),
    (
        "public: true",
        "public: true\n    scopes: [a]",
        "18:5: a public route has no requirement",
    ),
    ("public: true", "public: yes", "19:13: expected `true` or `false`"),
    ("[refund-agent]", "[]", "23:12: `one_of` is empty"),
    (
        "actor: { one_of",
        "actor: { absent: true, one_of",
        "23:12: an actor cannot be absent and have properties",
    ),
    ("max_depth: 2", "max_depth: two", "24:25: expected a whole number"),
    (
        "routes:",
        "policy: policy.yaml\nroutes:",
        "17:9: the policy is written here and named as well",
    ),
    (
        "requirements:",
        "scopes: { implies: { a: [a] } }\nrequirements:",
        "14:26: `a` implies itself\n  help: remove it from its own list",
    ),
    (
        "requirements:",
        "scopes: [a]\nrequirements:",
        "14:9: expected a mapping, not a list",
    ),
    (
        "requirements:",
        "---\nrequirements:",
        "15:1: the file contains more than one document",
    ),
];

#[test]
fn each_mistake_is_reported_once_at_its_place_with_help() {
    let mut failures = Vec::new();
    for (right, wrong, expected) in MISTAKES {
        assert!(CONFIGURATION.contains(right), "{right}");
        let files = Files::new();
        let path = files.write("actgate.yaml", &CONFIGURATION.replacen(right, wrong, 1));
        let output = run_to_end(&["check", "--config", &path], "");
        let text = output_text(&output);
        let lines: Vec<&str> = text.lines().collect();
        let is_one = matches!(lines.as_slice(), [_, help] if help.starts_with("  help: "));
        if output.status.code() != Some(78) || !is_one || !text.starts_with(&format!("{path}:{expected}")) {
            let code = output.status.code();
            failures.push(format!("{right:?} -> {wrong:?}: {code:?}\n{text}not {expected}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn an_empty_list_of_issuers_or_routes_is_a_mistake() {
    let at = |key: &str| CONFIGURATION.find(key).expect("the key");
    let issuers = &CONFIGURATION[at("issuers:")..at("identity_headers:")];
    let routes = &CONFIGURATION[at("routes:")..];
    for (right, wrong, expected) in [
        (issuers, "issuers: []\n", "6:10: no issuer is trusted"),
        (
            routes,
            "routes: []\n",
            "17:9: there is no route, so that every request would be denied",
        ),
    ] {
        let files = Files::new();
        let path = files.write("actgate.yaml", &CONFIGURATION.replacen(right, wrong, 1));
        let output = run_to_end(&["check", "--config", &path], "");
        let text = output_text(&output);
        assert_eq!(output.status.code(), Some(78), "{text}");
        assert!(text.starts_with(&format!("{path}:{expected}")), "{text}");
    }
}
