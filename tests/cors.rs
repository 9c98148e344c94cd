//! Requests of web pages of other origins.

use crate::deployment::upstream::Conduct;
use crate::deployment::{Configuration, Deployment};
use crate::mint::{TokenIssuer, forged_token};
use crate::table::{BARE_CHALLENGE, FORBIDDEN, INVALID_REQUEST, INVALID_TOKEN, PASSES, Table, Want};
use crate::wire::{self, Answer, bearer, request};

const PAGE: &str = "Origin: https://app.example.com";
const OTHER: &str = "Origin: https://evil.example";
const NO_CONTENT: Want = Want::status(204);

/// A route for each case, one of them for OPTIONS.
const ROUTES: &str = "
routes:
  - { match: 'GET /open/{*rest}', public: true }
  - { match: 'OPTIONS /own/{id}', public: true }
  - { match: 'GET /own/{id}', scopes: [orders:read] }
  - { match: 'GET,PUT /orders/{id}', scopes: [orders:read] }
";

fn with(keys: &str) -> Deployment {
    let configuration = Configuration {
        policy: ROUTES.to_owned(),
        top: match keys {
            "" => String::new(),
            keys => format!("cors: {{ origins: [https://app.example.com, 'http://localhost:3000'], {keys} }}\n"),
        },
        ..Configuration::default()
    };
    Deployment::start(TokenIssuer::new(), &configuration)
}

/// The CORS headers of an answer, and its `Vary`.
fn headers(answer: &Answer) -> Vec<String> {
    let fields = answer.head.fields.iter();
    let fields =
        fields.map(|(name, value)| format!("{}: {}", name.to_ascii_lowercase(), String::from_utf8_lossy(value)));
    let mut own: Vec<String> = fields
        .filter(|line| line.starts_with("access-control-") || line.starts_with("vary:"))
        .collect();
    own.sort();
    own
}

fn preflight(target: &str, origin: &str, lines: &[&str]) -> Vec<u8> {
    request("OPTIONS", target, &[&[origin], lines].concat())
}

const FOR_PUT: [&str; 2] = [
    "Access-Control-Request-Method: PUT",
    "Access-Control-Request-Headers: authorization, X-Any",
];

#[test]
fn a_preflight_of_a_permitted_page_is_answered_for_routes_of_the_policy() {
    let deployment = with("max_age: 2m");
    let mut table = Table::on(&deployment);
    table.request("PUT", &preflight("/orders/1", PAGE, &FOR_PUT), NO_CONTENT);
    let answer = wire::answer(table.gate(), &preflight("/orders/1", PAGE, &FOR_PUT));
    let expected = [
        "access-control-allow-headers: authorization, x-any",
        "access-control-allow-methods: PUT",
        "access-control-allow-origin: https://app.example.com",
        "access-control-expose-headers: www-authenticate",
        "access-control-max-age: 120",
        "vary: access-control-request-method, access-control-request-headers",
        "vary: origin",
    ];
    table.check(&format!("{:?}", headers(&answer)), headers(&answer) == expected);
    let get = ["Access-Control-Request-Method: GET"];
    for (row, target, origin, lines, want) in [
        ("another page", "/orders/1", OTHER, &FOR_PUT[..], BARE_CHALLENGE),
        ("no page", "/orders/1", "X: y", &FOR_PUT, BARE_CHALLENGE),
        ("the page `null`", "/orders/1", "Origin: null", &FOR_PUT, BARE_CHALLENGE),
        ("two pages", "/orders/1", PAGE, &[PAGE, FOR_PUT[0]], BARE_CHALLENGE),
        ("a method without a route", "/own/1", PAGE, &FOR_PUT, PASSES),
        ("no method", "/orders/1", PAGE, &[], BARE_CHALLENGE),
        ("no route", "/nowhere", PAGE, &FOR_PUT, BARE_CHALLENGE),
        (
            "a lower-case method",
            "/orders/1",
            PAGE,
            &["Access-Control-Request-Method: put"],
            BARE_CHALLENGE,
        ),
        ("an ambiguous path", "/orders//1", PAGE, &FOR_PUT, INVALID_REQUEST),
        (
            "the other page",
            "/orders/1",
            "Origin: http://localhost:3000",
            &FOR_PUT,
            NO_CONTENT,
        ),
        ("a public route", "/open/a", PAGE, &get, NO_CONTENT),
        ("a path with a route for OPTIONS", "/own/1", PAGE, &get, NO_CONTENT),
        ("the same of another page", "/own/1", OTHER, &get, PASSES),
    ] {
        table.request(row, &preflight(target, origin, lines), want);
    }
    table.finish();
}

/// The reason in the decision log for a request that is denied.
fn reason(deployment: &Deployment, request: &[u8]) -> String {
    let before = deployment.gate.decisions().len();
    let answer = wire::answer(deployment.gate.address, request);
    assert!((400..500).contains(&answer.status), "{}", answer.everything());
    assert!(!answer.everything().contains("preflight"), "{}", answer.everything());
    let event = deployment.gate.decision_after(before);
    event["reason"].as_str().expect("a reason").to_owned()
}

#[test]
fn the_log_says_what_a_preflight_lacks() {
    let deployment = with("methods: [GET, PUT], headers: [Authorization]");
    let ask = |method: &'static str| [method, "Access-Control-Request-Headers: authorization"];
    let (put, delete) = (
        ask("Access-Control-Request-Method: PUT"),
        ask("Access-Control-Request-Method: DELETE"),
    );
    for (target, origin, lines, lacks) in [
        (
            "/orders/1",
            OTHER,
            &put[..],
            "its origin is not one of `cors: { origins }`",
        ),
        (
            "/orders/1",
            PAGE,
            &delete,
            "the method that it asks for is not one of `cors: { methods }`",
        ),
        (
            "/nowhere",
            PAGE,
            &put,
            "the policy has no route for its path and the method that it asks for",
        ),
        (
            "/orders/1",
            PAGE,
            &FOR_PUT,
            "a header that it asks for is not one of `cors: { headers }`",
        ),
    ] {
        let reason = reason(&deployment, &preflight(target, origin, lines));
        let expected =
            format!("no bearer token was presented: this is a preflight of CORS that is not granted, since {lacks}");
        assert_eq!(reason, expected, "{target} {origin}");
    }
    let other = reason(&deployment, &request("OPTIONS", "/orders/1", &[PAGE]));
    assert_eq!(other, "no bearer token was presented", "no preflight");
    let without = with("");
    let reason = reason(&without, &preflight("/orders/1", PAGE, &put));
    assert!(reason.ends_with("since `cors` is not configured"), "{reason}");
}

#[test]
fn methods_and_headers_of_the_configuration_are_exact() {
    let deployment = with("methods: [GET], headers: [Authorization], expose: [X-Total], credentials: true");
    let mut table = Table::on(&deployment);
    let get = "Access-Control-Request-Method: GET";
    for (row, lines, want) in [
        (
            "a header",
            &[get, "Access-Control-Request-Headers: authorization"][..],
            NO_CONTENT,
        ),
        (
            "another header",
            &[get, "Access-Control-Request-Headers: authorization,x-any"],
            BARE_CHALLENGE,
        ),
        (
            "another method",
            &["Access-Control-Request-Method: PUT"],
            BARE_CHALLENGE,
        ),
        (
            "a private network",
            &[get, "Access-Control-Request-Private-Network: true"],
            NO_CONTENT,
        ),
    ] {
        table.request(row, &preflight("/orders/1", PAGE, lines), want);
    }
    let answer = wire::answer(table.gate(), &request("GET", "/open/a", &[PAGE]));
    let expected = [
        "access-control-allow-credentials: true",
        "access-control-allow-origin: https://app.example.com",
        "access-control-expose-headers: www-authenticate, x-total",
        "vary: origin",
    ];
    table.check(&format!("{:?}", headers(&answer)), headers(&answer) == expected);
    table.finish();
}

#[test]
fn denials_can_be_read_across_origins_by_permitted_pages_alone() {
    let deployment = with("max_age: 2m");
    let mut table = Table::on(&deployment);
    let (valid, forged) = (deployment.reader(), bearer(&forged_token()));
    let granted = [
        "access-control-allow-origin: https://app.example.com",
        "access-control-expose-headers: www-authenticate",
        "vary: origin",
    ];
    for (row, target, line, want) in [
        ("no token", "/orders/1", "X: y", BARE_CHALLENGE),
        ("a forged token", "/orders/1", forged.as_str(), INVALID_TOKEN),
        ("no route", "/nowhere", valid.as_str(), FORBIDDEN),
        ("ambiguous", "/orders//1", valid.as_str(), INVALID_REQUEST),
        ("a token", "/orders/1", valid.as_str(), PASSES),
    ] {
        for (origin, expected) in [(PAGE, &granted[..]), (OTHER, &granted[2..]), ("X: y", &granted[2..])] {
            let bytes = request("GET", target, &[origin, line]);
            table.request(&format!("{row}, {origin}"), &bytes, want);
            let found = headers(&wire::answer(table.gate(), &bytes));
            table.check(&format!("{row}, {origin}: {found:?}"), found == expected);
        }
    }
    table.finish();
}

const ANSWER: &str = "HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\naccess-control-allow-credentials: true\r\n\
    access-control-expose-headers: x-own\r\nvary: accept\r\ncontent-length: 2\r\n\r\nok";

#[test]
fn the_headers_of_the_upstream_are_replaced_where_the_gate_answers() {
    let of_upstream = [
        "access-control-allow-credentials: true",
        "access-control-allow-origin: *",
        "access-control-expose-headers: x-own",
        "vary: accept",
    ];
    let of_gate = [
        "access-control-allow-origin: https://app.example.com",
        "access-control-expose-headers: www-authenticate",
        "vary: accept",
        "vary: origin",
    ];
    for (keys, origin, expected) in [
        ("", PAGE, &of_upstream[..]),
        ("max_age: 2m", PAGE, &of_gate),
        ("max_age: 2m", OTHER, &of_gate[2..]),
    ] {
        let deployment = with(keys);
        deployment.upstream.conduct(Conduct::AnswerWith(ANSWER));
        let answer = wire::answer(deployment.gate.address, &request("GET", "/open/a", &[origin]));
        assert_eq!(headers(&answer), expected, "{keys} {origin}");
    }
}

#[test]
fn without_the_key_a_preflight_is_decided_on_as_any_request() {
    let deployment = with("");
    let mut table = Table::on(&deployment);
    table.request("guarded", &preflight("/orders/1", PAGE, &FOR_PUT), BARE_CHALLENGE);
    let get = ["Access-Control-Request-Method: GET"];
    table.request("a public route for OPTIONS", &preflight("/own/1", PAGE, &get), PASSES);
    let answer = wire::answer(table.gate(), &request("GET", "/orders/1", &[PAGE]));
    table.check("no header of CORS", headers(&answer).is_empty());
    table.finish();
}
