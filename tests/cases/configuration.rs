//! Cases of a configuration: its policy, its issuers and their profiles.

use super::run;
use crate::check::Files;

const CONFIGURATION: &str = "\
listen: 127.0.0.1:0
upstream: http://127.0.0.1:9
audience: https://orders.example.com
issuers:
  - issuer: https://sso.example.com/realms/shop
    profile: keycloak
    algorithms: [RS256]
    claims: { tenant: t1 }
  - issuer: https://shop.okta.example
    profile: okta
    audience: [https://other.example.com]
    header: x-okta-token
routes:
  - match: GET /orders/{id}
    scopes: [orders:read]
    initiator: { kind: human }
";

/// The exit code and the output for these cases.
fn run_cases(cases: &str) -> (i32, String) {
    let files = Files::new();
    let config = files.write("actgate.yaml", CONFIGURATION);
    let cases = files.write("cases.yaml", cases);
    run(&["--config", &config, "--cases", &cases])
}

#[test]
fn cases_are_decided_by_the_issuers_of_a_configuration() {
    let (code, text) = run_cases(
        "cases:
  - name: a person of Keycloak
    request: GET /orders/1
    token: { preset: keycloak, fixture: human, claims: { scope: 'orders:read' } }
    expect: allow
  - name: a person of another tenant
    request: GET /orders/1
    token: { preset: keycloak, fixture: human, claims: { scope: 'orders:read', tenant: t2 } }
    expect: { deny: invalid_claim, status: 401 }
  - name: a service of Keycloak
    request: GET /orders/1
    token: { preset: keycloak, fixture: machine, claims: { scope: 'orders:read' } }
    expect: { deny: initiator_not_human, status: 403 }
  - name: a person of Okta, in the header of its tokens
    request: GET /orders/1
    token: { preset: okta, fixture: human, claims: { scp: ['orders:read'] } }
    expect: allow
  - name: an ID token
    request: GET /orders/1
    token: { preset: okta, fixture: id-token }
    expect: { deny: invalid_claim, status: 401 }
  - name: claims alone are those of the first issuer
    request: GET /orders/1
    typ: JWT
    token: { typ: Bearer, sub: u1, sid: s, preferred_username: alice, scope: 'orders:read' }
    expect: allow
  - name: no scope
    request: GET /orders/1
    token: { preset: keycloak, fixture: human }
    expect: { deny: insufficient_scope, status: 403 }
",
    );
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("7 cases, coverage 100 %"), "{text}");
}

#[test]
fn a_rule_of_a_configuration_has_its_line_there() {
    let (code, text) = run_cases(
        "cases: [{ name: a, request: GET /orders/1, token: { preset: keycloak, fixture: machine }, expect: allow }]",
    );
    assert_eq!(code, 1);
    for (rule, line) in [("scopes", 15), ("initiator.kind", 16)] {
        let shown = text.lines().find(|shown| shown.contains(&format!("✗ {rule}  ")));
        assert!(
            shown.is_some_and(|shown| shown.ends_with(&format!("actgate.yaml:{line}"))),
            "{rule}: {text}"
        );
    }
}

#[test]
fn what_a_configuration_states_is_not_written_in_cases() {
    let case = "{ name: a, request: GET /, token: { preset: entra, fixture: human }, expect: allow }";
    let (code, text) = run_cases(&format!("profile: keycloak\ncases: [{case}]\n"));
    assert_eq!(code, 78);
    assert!(
        text.contains("cases.yaml:1:10: the issuers and their profiles are those of the configuration"),
        "{text}"
    );
    let (code, text) = run_cases(&format!("cases: [{case}]\n"));
    assert_eq!(code, 78);
    assert!(text.contains("no trusted issuer has the profile `entra`"), "{text}");
}
