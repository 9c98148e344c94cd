//! Paths: ambiguous ones, other spellings, segment boundaries, and the query.

use serde_json::json;

use crate::deployment::Deployment;
use crate::table::{BARE_CHALLENGE, FORBIDDEN, INSUFFICIENT_SCOPE, INVALID_REQUEST, PASSES, Table};
use crate::wire::{bearer, request};

/// Paths that some servers resolve to another path, mostly from the public prefix into the protected one.
const AMBIGUOUS: [&str; 63] = [
    "/open/../admin/users",
    "/open/x/../../admin/users",
    "/open/./../admin/users",
    "/open/..",
    "/open/.",
    "/open/./page",
    "/open/page/..",
    "/open/%2e%2e/admin/users",
    "/open/%2E%2E/admin/users",
    "/open/.%2e/admin/users",
    "/open/%2e./admin/users",
    "/open/%2e/page",
    "/open/..%2fadmin/users",
    "/open/..%2Fadmin/users",
    "/open/%2e%2e%2fadmin%2fusers",
    "/open%2f..%2fadmin/users",
    "/open/page%2fmore",
    "/open/page%2Fmore",
    "/open/..%5cadmin/users",
    "/open/..%5Cadmin/users",
    "/open/page%5cmore",
    "/open/..\\admin/users",
    "/open\\..\\admin/users",
    "/open/%252e%252e/admin/users",
    "/open/%252e%252e%252fadmin/users",
    "/open/..%252fadmin/users",
    "/open/..%255cadmin/users",
    "/open/%25252e%25252e/admin/users",
    "/open/..;/admin/users",
    "/open/..;x=y/admin/users",
    "/open;x/../admin/users",
    "/open/page;x=y",
    "/open/%3b/page",
    "/open//page",
    "/open///page",
    "//open/page",
    "//admin/users",
    "///admin/users",
    "/open/page//",
    "//evil.example/admin/users",
    "/open/page%00",
    "/open/page%00.html",
    "/open/%00/../admin/users",
    "/open/page%0d%0a",
    "/open/page%0aadmin",
    "/open/page%09",
    "/open/page%7f",
    "/open/%c0%ae%c0%ae/admin/users",
    "/open/%c0%af..%c0%afadmin/users",
    "/open/%e0%80%ae%e0%80%ae/admin/users",
    "/open/..%ef%bc%8fadmin/users",
    "/open/%ef%bc%8e%ef%bc%8e/admin/users",
    "/open/..%e2%81%84admin/users",
    "/open/%u002e%u002e/admin/users",
    "/open/%2",
    "/open/%",
    "/open/%zz/page",
    "/open/%ff/page",
    "/admin/./users",
    "/admin//users",
    "/admin%2fusers",
    "/admin;x/users",
    "/x/../admin/users",
];

/// A fragment is no part of a request target (RFC 9112 section 3.2): it is neither matched nor forwarded.
#[test]
fn a_fragment_is_dropped() {
    let deployment = Deployment::with_routes();
    let mut table = Table::on(&deployment);
    for (path, forwarded) in [
        ("/open/page#fragment", "/open/page"),
        ("/open/page#/../../admin/users", "/open/page"),
        ("/open/page#fragment?x=/open/page", "/open/page"),
        ("/open/page?x=y#fragment", "/open/page?x=y"),
        ("http://orders.example.com/open/page#x", "/open/page"),
    ] {
        let seen = table.request(path, &request("GET", path, &[]), PASSES);
        table.check(
            &format!("{path}: {forwarded} is forwarded"),
            seen.iter().all(|one| one.target == forwarded),
        );
    }
    let hidden = request("GET", "/admin/users#/../../open/page", &[]);
    table.request("a protected path before a fragment", &hidden, BARE_CHALLENGE);
    table.finish();
}

/// They are rejected for every client, whatever its token allows.
#[test]
fn ambiguous_path_is_a_bad_request() {
    let deployment = Deployment::with_routes();
    let reader = deployment.reader();
    let admin = bearer(&deployment.issuer.token(json!({ "scope": "admin" })));
    let mut table = Table::on(&deployment);
    for path in AMBIGUOUS {
        for (who, line) in [
            ("an anonymous client", "X: y"),
            ("a reader", &reader),
            ("an administrator", &admin),
        ] {
            let bytes = request("GET", path, &[line]);
            table.request(&format!("{path} of {who}"), &bytes, INVALID_REQUEST);
        }
        let query = request("GET", &format!("{path}?x=/open/page"), &[&admin]);
        table.request(&format!("{path} with a query"), &query, INVALID_REQUEST);
    }
    table.finish();
}

#[test]
fn other_spellings_of_a_protected_path_are_denied() {
    let deployment = Deployment::with_routes();
    let reader = deployment.reader();
    let mut table = Table::on(&deployment);
    for (path, anonymous, with_token) in [
        // Another path: no route has it.
        ("/ADMIN/users", BARE_CHALLENGE, FORBIDDEN),
        ("/Admin/users", BARE_CHALLENGE, FORBIDDEN),
        ("/admin%20/users", BARE_CHALLENGE, FORBIDDEN),
        ("/%EF%BD%81dmin/users", BARE_CHALLENGE, FORBIDDEN),
        ("/admin%e2%80%8b/users", BARE_CHALLENGE, FORBIDDEN),
        // The route of the prefix.
        ("/admin/users/", BARE_CHALLENGE, INSUFFICIENT_SCOPE),
        ("/admin/users.", BARE_CHALLENGE, INSUFFICIENT_SCOPE),
        ("/admin/users.json", BARE_CHALLENGE, INSUFFICIENT_SCOPE),
        ("/admin/users%20", BARE_CHALLENGE, INSUFFICIENT_SCOPE),
        ("/admin/users?", BARE_CHALLENGE, INSUFFICIENT_SCOPE),
        ("/admin/users?x=/open/page", BARE_CHALLENGE, INSUFFICIENT_SCOPE),
        ("/admin/users?/../open/page", BARE_CHALLENGE, INSUFFICIENT_SCOPE),
        ("/admin/users%3f", BARE_CHALLENGE, INSUFFICIENT_SCOPE),
        ("/admin/users&x", BARE_CHALLENGE, INSUFFICIENT_SCOPE),
        // Needless escapes.
        ("/%61dmin/users", INVALID_REQUEST, INVALID_REQUEST),
        ("/%61%64%6d%69%6e/users", INVALID_REQUEST, INVALID_REQUEST),
        ("/adm%69n/users", INVALID_REQUEST, INVALID_REQUEST),
    ] {
        table.request(
            &format!("{path} of an anonymous client"),
            &request("GET", path, &[]),
            anonymous,
        );
        table.request(
            &format!("{path} of a reader"),
            &request("GET", path, &[&reader]),
            with_token,
        );
    }
    table.finish();
}

#[test]
fn the_query_does_not_affect_the_route() {
    let deployment = Deployment::with_routes();
    let reader = deployment.reader();
    let mut table = Table::on(&deployment);
    for query in [
        "x=/open/page",
        "/open/page",
        "../open/page",
        "x=//",
        "x=%2e%2e%2f",
        "x=a;b",
        "x=%00",
        "?x=1",
    ] {
        let closed = format!("/admin/users?{query}");
        table.request(&closed, &request("GET", &closed, &[]), BARE_CHALLENGE);
        let other = format!("/orders/1?{query}");
        let seen = table.request(&other, &request("GET", &other, &[&reader]), PASSES);
        table.check(
            &format!("{other} arrives as sent"),
            seen.iter().all(|one| one.target == other),
        );
    }
    table.finish();
}

#[test]
fn the_target_is_forwarded_exactly_as_authorized() {
    let deployment = Deployment::with_routes();
    let reader = deployment.reader();
    let mut table = Table::on(&deployment);
    for target in [
        "/orders/1",
        "/orders/a%20b",
        "/orders/%c3%a9",
        "/orders/a+b",
        "/orders/a:b@c",
        "/orders/1?",
        "/orders/1?a=%2f&b=%2e",
        "/orders/~a-b_c",
        "/open/a/b/c",
    ] {
        let bytes = request("GET", target, &[&reader]);
        let seen = table.request(target, &bytes, PASSES);
        table.check(
            &format!("{target} arrives as sent: {:?}", seen.first().map(|one| &one.target)),
            seen.iter().all(|one| one.target == target),
        );
    }
    table.finish();
}

#[test]
fn a_route_matches_whole_segments() {
    let deployment = Deployment::with_routes();
    let reader = deployment.reader();
    let mut table = Table::on(&deployment);
    for path in [
        "/orderss/1",
        "/order/1",
        "/orders1",
        "/Orders/1",
        "/ORDERS/1",
        "/orders/1/items",
        "/xorders/1",
        "/x/orders/1",
        "/openx/page",
        "/ope/page",
        "/OPEN/page",
        "/open-page",
        "/adminx/users",
        "/orders-1",
        "/orders.1",
        "/orders:1",
    ] {
        table.request(path, &request("GET", path, &[&reader]), FORBIDDEN);
        table.request(
            &format!("{path} of an anonymous client"),
            &request("GET", path, &[]),
            BARE_CHALLENGE,
        );
    }
    table.finish();
}

/// Characters that are special in a pattern language have no special meaning in a route.
#[test]
fn characters_of_a_route_are_literal() {
    let deployment = Deployment::with_policy(
        r#"
routes:
  - match: GET /v1.0/{id}
    public: true
  - match: GET /a+b
    public: true
  - match: GET /"a$"
    public: true
  - match: GET /files/{id}/raw
    public: true
"#,
    );
    let mut table = Table::on(&deployment);
    for path in ["/v1.0/x", "/a+b", "/a$", "/files/1/raw"] {
        table.request(path, &request("GET", path, &[]), PASSES);
    }
    for path in [
        "/v1x0/x",
        "/v110/x",
        "/v1.0/",
        "/v1.0/x/y",
        "/aab",
        "/aaab",
        "/ab",
        "/a",
        "/files/1",
        "/files/1/rawx",
        "/files/1/raw/",
    ] {
        table.request(path, &request("GET", path, &[]), BARE_CHALLENGE);
    }
    table.request("an empty segment", &request("GET", "/files//raw", &[]), INVALID_REQUEST);
    table.finish();
}
