//! `actgate explain`: tokens as people paste them, files that are no key set, and what came beside what is accepted.

use std::net::TcpListener;
use std::process::Output;

use serde_json::{Value, json};

use crate::check::{Files, output_text};
use crate::deployment::gate::run_to_end;
use crate::mint::signing_key::{Curve, SigningKey};
use crate::mint::{AUDIENCE, ISSUER, TokenIssuer, token_of};

const ROUTES: &str = "
routes:
  - match: GET /orders/{id}
    scopes: [orders:read]
  - match: GET /fresh
    initiator: { max_auth_age: 5m, acr: phr, amr: mfa }
";

fn configuration() -> String {
    format!(
        "listen: 127.0.0.1:0\nupstream: http://127.0.0.1:9\naudience: {AUDIENCE}\nissuers:\n  - issuer: {ISSUER}\n{ROUTES}"
    )
}

/// Explains GET `path` for the text on standard input, with this key set.
fn explain(keys: &str, path: &str, input: &str) -> Output {
    let files = Files::new();
    let (config, keys) = (
        files.write("actgate.yaml", &configuration()),
        files.write("keys.json", keys),
    );
    let arguments = [
        "explain", "--config", &config, "--jwks", &keys, "--path", path, "--json",
    ];
    run_to_end(&arguments, input)
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", output_text(output)))
}

/// The check of this name.
fn check(report: &Value, rule: &str) -> Value {
    let checks = report["checks"].as_array().expect("the checks");
    let named = checks.iter().find(|check| check["rule"] == json!(rule));
    named.unwrap_or_else(|| panic!("no check {rule}: {report}")).clone()
}

#[test]
fn a_token_is_explained_however_it_is_pasted() {
    let issuer = TokenIssuer::new();
    let token = issuer.token(json!({}));
    let (start, end) = token.split_at(50);
    for (pasted, notes) in [
        (format!("{token}\n"), json!([])),
        (
            format!("Bearer {token}"),
            json!(["`Bearer` before the token is ignored"]),
        ),
        (
            format!("Authorization: Bearer {token}\r\n"),
            json!([
                "`Authorization:` before the token is ignored",
                "`Bearer` before the token is ignored"
            ]),
        ),
        (format!("\"{token}\","), json!(["quotes around the token are ignored"])),
        (format!("'{token}'"), json!(["quotes around the token are ignored"])),
        (
            format!("{start}\n{end}\n"),
            json!(["white space within the token is ignored"]),
        ),
        (
            json!({ "access_token": token, "token_type": "Bearer" }).to_string(),
            json!(["the token is the `access_token` of a JSON object"]),
        ),
    ] {
        let output = explain(&issuer.document(), "/orders/1", &pasted);
        let report = report(&output);
        assert_eq!(output.status.code(), Some(0), "{pasted}: {report}");
        assert_eq!(
            (&report["decision"], &report["notes"]),
            (&json!("allow"), &notes),
            "{pasted}"
        );
    }
}

#[test]
fn a_file_that_is_no_key_set_is_named_with_its_fault() {
    let issuer = TokenIssuer::new();
    let key = SigningKey::ec("a", Curve::P256).jwk(Some("ES256"));
    let huge = format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(300 * 1024));
    let not_a_set = "this is not a JWK set:";
    for (document, fault) in [
        (
            "<html>".to_owned(),
            format!("{not_a_set} the document is HTML or XML, not JSON"),
        ),
        (String::new(), format!("{not_a_set} the document is empty")),
        ("{}".to_owned(), format!("{not_a_set} it has no `keys`")),
        (
            key.to_string(),
            format!("{not_a_set} it is one JWK; a set has its keys in a list `keys`"),
        ),
        (
            "-----BEGIN PUBLIC KEY-----\n".to_owned(),
            format!("{not_a_set} the document is PEM, not JSON"),
        ),
        (
            json!({ "issuer": ISSUER, "jwks_uri": "https://idp.example.com/jwks" }).to_string(),
            format!("{not_a_set} it has a `jwks_uri` and no `keys`, as the metadata of an issuer has"),
        ),
        (huge, "the document is longer than 262144 bytes".to_owned()),
        (
            json!({ "keys": [{ "kty": "oct", "kid": "a" }] }).to_string(),
            "the set contains no usable key: kid `a`: it is symmetric".to_owned(),
        ),
    ] {
        let output = explain(&document, "/orders/1", &issuer.token(json!({})));
        let text = output_text(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        let wanted = format!("keys.json, for issuer {ISSUER}: {fault}");
        assert!(text.contains(&wanted), "{wanted} in {text}");
    }
    let files = Files::new();
    let config = files.write("actgate.yaml", &configuration());
    let folder = std::path::Path::new(&config)
        .parent()
        .expect("a folder")
        .to_string_lossy()
        .into_owned();
    for (file, fault) in [
        (
            format!("{folder}/missing.json"),
            "the file cannot be read: No such file",
        ),
        (folder.clone(), "this is a folder, not a file"),
    ] {
        let arguments = ["explain", "--config", &config, "--jwks", &file, "--path", "/orders/1"];
        let output = run_to_end(&arguments, "a.b.c");
        let text = output_text(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(&format!("{file}: {fault}")), "{text}");
    }
}

#[test]
fn what_came_is_shown_beside_what_is_accepted() {
    let mut issuer = TokenIssuer::new();
    let mut encryption = SigningKey::ec("enc", Curve::P256).jwk(None);
    encryption["use"] = json!("enc");
    issuer.publish(encryption);
    let listing = "the issuer has `es256` (ES256); skipped: kid `enc`: its `use` is `enc`, not `sig`";
    let no_key = "no key of the issuer fits the token";
    let of = |kid: &str| token_of(&SigningKey::ec(kid, Curve::P256), "ES256");
    for (token, rule, expected, got) in [
        (
            issuer.token_with_header_changed(json!({ "typ": "JWT" })),
            "type",
            "of type at+jwt",
            "JWT".to_owned(),
        ),
        (
            issuer.token_with_header(r#"{"alg":"ES256","kid":"es256"}"#),
            "type",
            "of type at+jwt",
            "no `typ`".to_owned(),
        ),
        (
            issuer.token(json!({ "iss": format!("{ISSUER}/") })),
            "issuer",
            "issued by https://idp.example.com",
            format!("{ISSUER}/"),
        ),
        (
            issuer.token(json!({ "aud": ["https://a.example", "b"] })),
            "audience",
            "for https://orders.example.com",
            "https://a.example, b".to_owned(),
        ),
        (
            of("other"),
            "key",
            "a key of the issuer for `kid` and `alg`",
            format!("{no_key}: kid `other`, alg `ES256`; {listing}"),
        ),
        (
            of("enc"),
            "key",
            "a key of the issuer for `kid` and `alg`",
            format!("{no_key}: kid `enc`, alg `ES256`; {listing}"),
        ),
        (
            issuer.token_with_header_changed(json!({ "alg": "RS256" })),
            "key",
            "a key of the issuer for `kid` and `alg`",
            format!("the token's algorithm is not accepted: kid `es256`, alg `RS256`; {listing}"),
        ),
        (
            issuer.token_with_header_changed(json!({ "alg": "HS256" })),
            "form",
            "a strict compact JWS",
            "the token's algorithm is not accepted: `HS256`".to_owned(),
        ),
        (
            issuer.token_with_header_changed(json!({ "alg": "none" })),
            "form",
            "a strict compact JWS",
            "the token's algorithm is not accepted: `none`".to_owned(),
        ),
    ] {
        let report = report(&explain(&issuer.document(), "/orders/1", &token));
        let check = check(&report, rule);
        let wanted = (json!(false), json!(expected), json!(got));
        let found = (check["passed"].clone(), check["expected"].clone(), check["got"].clone());
        assert_eq!(found, wanted, "{report}");
        assert_eq!(report["status"], json!(401), "{report}");
    }
}

#[test]
fn a_login_of_another_form_is_shown_as_unknown() {
    let issuer = TokenIssuer::new();
    for (claim, rule, value, got) in [
        (
            "auth_time",
            "max_auth_age",
            json!("2026-01-01T00:00:00Z"),
            "an unknown auth_time: a text, expected seconds since 1970",
        ),
        (
            "auth_time",
            "max_auth_age",
            json!(-1),
            "an unknown auth_time: a number, expected seconds since 1970",
        ),
        ("acr", "acr", json!(2), "an unknown acr: a number, expected a text"),
        ("acr", "acr", json!(["phr"]), "an unknown acr: a list, expected a text"),
        (
            "amr",
            "amr",
            json!("mfa"),
            "an unknown amr: a text, expected a list of texts",
        ),
        (
            "amr",
            "amr",
            json!(null),
            "an unknown amr: null, expected a list of texts",
        ),
        ("amr", "amr", json!([]), "an empty amr"),
    ] {
        let report = report(&explain(
            &issuer.document(),
            "/fresh",
            &issuer.token(json!({ claim: value })),
        ));
        let check = check(&report, &format!("GET /fresh: initiator.{rule}"));
        assert_eq!(check["got"], json!(got), "{report}");
    }
}

#[test]
fn a_whole_url_as_path_is_refused_with_help() {
    let issuer = TokenIssuer::new();
    for path in ["https://orders.example.com/orders/1", "http://localhost:8080/orders/1"] {
        let output = explain(&issuer.document(), path, &issuer.token(json!({})));
        assert_eq!(report(&output)["status"], json!(400), "{path}");
        let files = Files::new();
        let (config, keys) = (
            files.write("actgate.yaml", &configuration()),
            files.write("keys.json", &issuer.document()),
        );
        let arguments = ["explain", "--config", &config, "--jwks", &keys, "--path", path];
        let text = output_text(&run_to_end(&arguments, "a.b.c"));
        assert!(
            text.contains("the path is a whole URL; write what follows the host"),
            "{text}"
        );
    }
}

const SHOP: &str = "
routes:
  - { match: GET /health, public: true }
  - { match: 'GET /orders/{id}', scopes: [orders:read] }
  - { match: 'DELETE /orders/{id}', scopes: [orders:delete] }
  - { match: '* /files/{*rest}', scopes: [orders:read] }
  - { match: 'POST /files/shared/{id}', scopes: [orders:share] }
";

#[test]
fn a_claim_of_another_form_is_described_without_its_value() {
    let issuer = TokenIssuer::new();
    let texts = "a text or a list of texts";
    for (claim, value, form) in [
        ("scope", json!(["orders:read"]), "a list, expected a text".to_owned()),
        ("scope", json!(7), "a number, expected a text".to_owned()),
        (
            "scp",
            json!(["hidden"]),
            format!("a list, expected {texts} with the scopes of `scope`"),
        ),
        (
            "exp",
            json!("2030-01-01"),
            "a text, expected seconds since 1970".to_owned(),
        ),
        ("nbf", json!(null), "null, expected seconds since 1970".to_owned()),
        (
            "iat",
            json!([1]),
            "a list with a value that is no text, expected seconds since 1970".to_owned(),
        ),
        ("aud", json!(4711), format!("a number, expected {texts}")),
        ("aud", json!([]), format!("an empty list, expected {texts}")),
        (
            "aud",
            json!(["a", 7]),
            format!("a list with a value that is no text, expected {texts}"),
        ),
        ("sub", json!({ "id": 1 }), "an object, expected a text".to_owned()),
        ("sub", json!(" "), "an empty text, expected a text".to_owned()),
        (
            "client_id",
            json!(
                "a
"
            ),
            "a text with a control character, expected a text".to_owned(),
        ),
        ("cnf", json!("x"), "a text, expected an object".to_owned()),
    ] {
        let report = report(&explain(
            &issuer.document(),
            "/orders/1",
            &issuer.token(json!({ claim: value })),
        ));
        let wanted = format!("the claim `{claim}` of the token is malformed: {form}");
        assert_eq!(check(&report, "claims")["got"], json!(wanted), "{report}");
    }
    let number = issuer.token(json!({ "iss": 7 }));
    let report = report(&explain(&issuer.document(), "/orders/1", &number));
    let wanted = "the claim `iss` of the token is malformed: a number, expected a text";
    assert_eq!(check(&report, "issuer")["got"], json!(wanted));
}

#[test]
fn keys_that_cannot_be_fetched_are_explained_with_their_cause() {
    let issuer = TokenIssuer::new();
    // A connection to it is accepted by the system and never answered.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let silent = (silent.local_addr().expect("its address"), Some(silent));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let closed = (listener.local_addr().expect("its address"), None);
    drop(listener);
    for ((address, _listener), timeout, cause, notices) in [
        (silent, "3s", "no complete answer within 3s", 1),
        (closed, "500ms", "Connection refused", 0),
    ] {
        let files = Files::new();
        let uri = format!("http://{address}/jwks");
        let source = format!("  - issuer: {ISSUER}\n    jwks_uri: {uri}\n    keys: {{ timeout: {timeout} }}\n");
        let text = configuration().replace(&format!("  - issuer: {ISSUER}\n"), &source);
        let config = files.write("actgate.yaml", &text);
        let arguments = ["explain", "--config", &config, "--path", "/orders/1", "--json"];
        let output = run_to_end(&arguments, &issuer.token(json!({})));
        let report = report(&output);
        assert_eq!(
            (&report["status"], output.status.code()),
            (&json!(503), Some(1)),
            "{report}"
        );
        let got = check(&report, "key")["got"].as_str().expect("a text").to_owned();
        let start = format!("the signing keys of issuer `{ISSUER}` are unavailable: {uri}: ");
        assert!(got.starts_with(&start) && got.contains(cause), "{got}");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(stderr.matches("fetching keys…").count(), notices, "{stderr}");
        // Without a token no key is used.
        let output = run_to_end(&arguments, "");
        assert_eq!((output.status.code(), output.stderr), (Some(1), Vec::new()));
    }
}

#[test]
fn a_failed_type_has_help() {
    let issuer = TokenIssuer::new();
    let advice = "configure the issuer for RFC 9068 access tokens (`at+jwt`), or choose the `profile` of the issuer";
    for (header, got) in [
        (r#"{"alg":"ES256","kid":"es256","typ":"JWT"}"#, "`typ` is `JWT`"),
        (
            r#"{"alg":"ES256","kid":"es256","typ":"dpop+jwt"}"#,
            "`typ` is `dpop+jwt`",
        ),
        (r#"{"alg":"ES256","kid":"es256"}"#, "there is no `typ`"),
    ] {
        let report = report(&explain(
            &issuer.document(),
            "/orders/1",
            &issuer.token_with_header(header),
        ));
        assert_eq!(
            check(&report, "type")["help"],
            json!(format!("{got}: {advice}")),
            "{report}"
        );
    }
    let accepted = report(&explain(&issuer.document(), "/orders/1", &issuer.token(json!({}))));
    assert_eq!(check(&accepted, "type").get("help"), None);
}

/// The request line of the report and the checks in words, for a request without a token unless there is one.
fn explained(method: &str, path: &str, token: &str) -> (Option<i32>, Value, Vec<String>) {
    let issuer = TokenIssuer::new();
    let files = Files::new();
    let text = configuration().replace(ROUTES, SHOP);
    let (config, keys) = (
        files.write("actgate.yaml", &text),
        files.write("keys.json", &issuer.document()),
    );
    let arguments = [
        "explain", "--config", &config, "--jwks", &keys, "--method", method, "--path", path, "--json",
    ];
    let output = run_to_end(&arguments, token);
    let report = report(&output);
    let checks = report["checks"].as_array().expect("the checks").iter();
    let word = |check: &Value, member: &str| check[member].as_str().unwrap_or_default().to_owned();
    let checks = checks.map(|check| format!("{}: {}", word(check, "rule"), word(check, "got")));
    let checks = checks.collect();
    (output.status.code(), report, checks)
}

#[test]
fn a_request_without_a_token_passes_the_pipeline_of_the_gate() {
    let no_token = "credential: none";
    for (method, path, status, checks) in [
        ("GET", "/health", json!(null), vec!["route: GET /health"]),
        ("HEAD", "/health?verbose=1", json!(null), vec!["route: GET /health"]),
        (
            "GET",
            "/orders/7",
            json!(401),
            vec!["route: GET /orders/{id}", no_token],
        ),
        (
            "POST",
            "/files/a?next=https://orders.example.com",
            json!(401),
            vec!["route: * /files/{*rest}", no_token],
        ),
        ("GET", "/none", json!(401), vec!["route: none", no_token]),
        (
            "GET",
            "/orders/../health",
            json!(400),
            vec!["route: the request is ambiguous: the path contains a dot segment"],
        ),
        (
            "GET",
            "//health",
            json!(400),
            vec!["route: the request is ambiguous: the path contains an empty segment"],
        ),
        (
            "GET",
            "health",
            json!(400),
            vec!["route: the request is ambiguous: the path does not begin with a slash"],
        ),
    ] {
        let (code, report, found) = explained(method, path, "");
        assert_eq!(
            (&report["status"], found),
            (&status, checks.iter().map(|check| (*check).to_owned()).collect()),
            "{path}"
        );
        let (decision, exit) = if status.is_null() { ("allow", 0) } else { ("deny", 1) };
        assert_eq!((&report["decision"], code), (&json!(decision), Some(exit)), "{path}");
    }
}

/// `actgate run` answers 501 before it looks for a route.
#[test]
fn a_method_that_is_not_forwarded_is_501() {
    let token = TokenIssuer::new().token(json!({}));
    for (method, path, token) in [
        ("TRACE", "/files/a", ""),
        ("TRACE", "/files/a", &*token),
        ("CONNECT", "/health", ""),
        ("TRACE", "/none", ""),
    ] {
        let (code, report, _) = explained(method, path, token);
        assert_eq!(
            (&report["decision"], &report["status"], &report["code"], code),
            (&json!("deny"), &json!(501), &json!("method_not_implemented"), Some(1)),
            "{method} {path}: {report}"
        );
        assert_eq!(report["www_authenticate"], json!(null), "{report}");
    }
    let (_, report, _) = explained("OPTIONS", "/health", "");
    assert_ne!(report["status"], json!(501));
}

#[test]
fn a_missed_route_is_named() {
    for (method, path, got) in [
        ("PUT", "/orders/7", "none: `/orders/{id}` has no PUT"),
        ("POST", "/health", "none: `/health` has no POST"),
        (
            "GET",
            "/Orders/7",
            "none: `GET /orders/{id}` has another spelling of this path",
        ),
        (
            "GET",
            "/health/",
            "none: `GET /health` has another spelling of this path",
        ),
        ("GET", "/elsewhere", "none"),
        (
            "POST",
            "/files/Shared/7",
            "the request is ambiguous: the path in another spelling (case, last slash, blanks or dots at the end of a \
             segment) requires another access: that of `POST /files/shared/{id}`; state `spelling: exact` if the API \
             distinguishes the two",
        ),
        (
            "GET",
            "/orders/7?_method=delete",
            "the request is ambiguous: the method in the query (`_method`) requires another access: that of \
             `DELETE /orders/{id}`; state `spelling: exact` if the API distinguishes the two",
        ),
        (
            "GET",
            "/orders/7?_method=PUT",
            "the request is ambiguous: the method in the query (`_method`) requires another access: the policy has no \
             route for it; state `spelling: exact` if the API distinguishes the two",
        ),
    ] {
        let (_, report, found) = explained(method, path, "");
        assert_eq!(found[0], format!("route: {got}"), "{method} {path}: {report}");
    }
}
