//! The head of a request: methods, and headers that name another method, URI or client.

use serde_json::json;

use crate::deployment::Deployment;
use crate::mint::forged_token;
use crate::table::{
    BAD_REQUEST, BARE_CHALLENGE, FORBIDDEN, HEAD_TOO_LARGE, INSUFFICIENT_SCOPE, INVALID_TOKEN, PASSES, Table, Want,
};
use crate::wire::{bearer, request};

const NAMING_ANOTHER_URI: [&str; 14] = [
    "X-Forwarded-Uri: /open/page",
    "X-Forwarded-Path: /open/page",
    "X-Forwarded-Prefix: /open",
    "X-Original-Uri: /open/page",
    "X-Original-Url: /open/page",
    "X-Rewrite-Url: /open/page",
    "X-Envoy-Original-Path: /open/page",
    "X-Replaced-Path: /open/page",
    "X-Auth-Request-Redirect: /open/page",
    "X-Accel-Redirect: /open/page",
    "X-Original-Method: OPTIONS",
    "X-Forwarded-Method: OPTIONS",
    "Forwarded: for=127.0.0.1;host=localhost;proto=https;path=/open/page",
    "X-Skip-Auth: true",
];

#[test]
fn headers_that_name_another_uri_do_not_affect_the_route() {
    let deployment = Deployment::with_routes();
    let without_scope = bearer(&deployment.issuer.token(json!({ "scope": "other" })));
    let valid = deployment.reader();
    let mut table = Table::on(&deployment);
    for line in NAMING_ANOTHER_URI {
        let row = |what: &str| format!("{line}: {what}");
        table.request(&row("no token"), &request("GET", "/orders/1", &[line]), BARE_CHALLENGE);
        table.request(
            &row("a token without the scope"),
            &request("GET", "/orders/1", &[line, &without_scope]),
            INSUFFICIENT_SCOPE,
        );
        table.request(
            &row("a forged token"),
            &request("GET", "/orders/1", &[line, &bearer(&forged_token())]),
            INVALID_TOKEN,
        );
        let seen = table.request(
            &row("a valid token"),
            &request("GET", "/orders/1", &[line, &valid]),
            PASSES,
        );
        for one in &seen {
            table.check(&row("the target is the real one"), one.target == "/orders/1");
        }
        let protected = line.replace("/open/page", "/admin/users");
        let open = request("GET", "/open/page", &[&protected]);
        table.request(&row("a public path stays public"), &open, PASSES);
    }
    table.finish();
}

/// Services behind a proxy trust these headers, so those of a client must not reach them.
#[test]
fn headers_that_name_another_uri_are_not_forwarded() {
    let deployment = Deployment::with_routes();
    let valid = deployment.reader();
    let mut table = Table::on(&deployment);
    for line in [
        "X-Forwarded-Uri: /forged",
        "X-Forwarded-Prefix: /forged",
        "X-Forwarded-Path: /forged",
        "X-Forwarded-Method: FORGED",
        "X-Original-Uri: /forged",
        "X-Original-Url: /forged",
        "X-Original-Method: FORGED",
        "X-Rewrite-Url: /forged",
        "X-Replaced-Path: /forged",
        "X-Envoy-Original-Path: /forged",
    ] {
        for target in ["/orders/1", "/open/page"] {
            let bytes = request("GET", target, &[line, &valid]);
            for one in table.request(&format!("{line} at {target}"), &bytes, PASSES) {
                let name = line.split(':').next().unwrap_or_default();
                table.check(&format!("{name} upstream of {target}"), !one.has(name));
            }
        }
    }
    table.finish();
}

#[test]
fn method_overrides_and_forwarding_headers_have_no_effect() {
    let deployment = Deployment::with_routes();
    let valid = deployment.reader();
    let writer = bearer(&deployment.issuer.token(json!({ "scope": "orders:write" })));
    let mut table = Table::on(&deployment);
    for line in [
        "X-HTTP-Method-Override: GET",
        "X-HTTP-Method: GET",
        "X-Method-Override: GET",
        "_method: GET",
    ] {
        // A token for reading must not allow a write that is declared as a read, nor the reverse.
        let post = request("POST", "/orders", &[line, &valid]);
        table.request(&format!("POST with {line}"), &post, INSUFFICIENT_SCOPE);
        let reversed = line.replace("GET", "POST");
        let get = request("GET", "/orders/1", &[&reversed, &writer]);
        table.request(&format!("GET with {reversed}"), &get, INSUFFICIENT_SCOPE);
    }
    for line in [
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-For: 10.0.0.1, 127.0.0.1",
        "X-Real-Ip: 127.0.0.1",
        "X-Forwarded-Host: admin.internal",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Port: 443",
        "X-Forwarded-Server: admin.internal",
        "Forwarded: for=127.0.0.1",
        "Via: 1.1 trusted",
        "True-Client-Ip: 127.0.0.1",
        "User-Agent: kube-probe/1.29",
    ] {
        let bare = request("GET", "/orders/1", &[line]);
        table.request(&format!("no token with {line}"), &bare, BARE_CHALLENGE);
        let admin = request("GET", "/admin/users", &[line, &valid]);
        table.request(&format!("no scope with {line}"), &admin, INSUFFICIENT_SCOPE);
    }
    table.finish();
}

#[test]
fn forwarding_headers_of_an_untrusted_peer_are_replaced() {
    let deployment = Deployment::with_routes();
    let valid = deployment.reader();
    let mut table = Table::on(&deployment);
    let lines = [
        "X-Forwarded-For: 203.0.113.7",
        "X-Forwarded-Host: forged.example",
        "X-Forwarded-Proto: forged",
        "Forwarded: for=203.0.113.7;host=forged.example",
    ];
    let fields = [lines[0], lines[1], lines[2], lines[3], &valid];
    for one in table.request("forwarding headers", &request("GET", "/orders/1", &fields), PASSES) {
        for (name, sent) in [
            ("x-forwarded-for", Some("127.0.0.1")),
            ("x-forwarded-host", Some("orders.example.com")),
            ("x-forwarded-proto", Some("http")),
            ("forwarded", None),
        ] {
            let values = one.head.values(name);
            table.check(&format!("{name}: {values:?} upstream"), values == Vec::from_iter(sent));
        }
    }
    table.finish();
}

#[test]
fn options_and_head_need_authorization() {
    let deployment = Deployment::with_routes();
    let mut table = Table::on(&deployment);
    table.request("OPTIONS", &request("OPTIONS", "/orders/1", &[]), BARE_CHALLENGE);
    table.request("OPTIONS of everything", &request("OPTIONS", "*", &[]), BAD_REQUEST);
    let preflight = [
        "Origin: https://evil.example",
        "Access-Control-Request-Method: GET",
        "Access-Control-Request-Headers: authorization",
    ];
    table.request(
        "a preflight",
        &request("OPTIONS", "/orders/1", &preflight),
        BARE_CHALLENGE,
    );
    let valid = deployment.reader();
    table.request(
        "OPTIONS with a token",
        &request("OPTIONS", "/orders/1", &[&valid]),
        FORBIDDEN,
    );
    table.request("HEAD", &request("HEAD", "/orders/1", &[]), BARE_CHALLENGE);
    table.request(
        "HEAD with a forged token",
        &request("HEAD", "/orders/1", &[&bearer(&forged_token())]),
        INVALID_TOKEN,
    );
    let without_scope = bearer(&deployment.issuer.token(json!({ "scope": "other" })));
    table.request(
        "HEAD without the scope",
        &request("HEAD", "/orders/1", &[&without_scope]),
        INSUFFICIENT_SCOPE,
    );
    let seen = table.request(
        "HEAD with a valid token",
        &request("HEAD", "/orders/1", &[&valid]),
        PASSES,
    );
    table.check("it stays a HEAD", seen.iter().all(|one| one.method == "HEAD"));
    table.request(
        "HEAD where only POST has a route",
        &request("HEAD", "/orders", &[&valid]),
        FORBIDDEN,
    );
    table.finish();
}

#[test]
fn trace_connect_and_invalid_methods_are_rejected() {
    const NOT_IMPLEMENTED: Want = Want::status(501);
    let deployment = Deployment::with_routes();
    let admin = bearer(&deployment.issuer.token(json!({ "scope": "admin orders:read" })));
    let mut table = Table::on(&deployment);
    for (method, target, want) in [
        ("TRACE", "/orders/1", NOT_IMPLEMENTED),
        ("TRACE", "/open/page", NOT_IMPLEMENTED),
        ("TRACE", "/admin/users", NOT_IMPLEMENTED),
        ("CONNECT", "orders.example.com:443", NOT_IMPLEMENTED),
        ("CONNECT", "169.254.169.254:80", NOT_IMPLEMENTED),
        ("CONNECT", "/orders/1", NOT_IMPLEMENTED),
        // No route has these methods.
        ("TRACK", "/orders/1", FORBIDDEN),
        ("PRI", "/orders/1", FORBIDDEN),
        ("A", "/orders/1", FORBIDDEN),
        ("G E T", "/orders/1", BAD_REQUEST),
        ("GE\tT", "/orders/1", BAD_REQUEST),
        ("GET\0", "/orders/1", BAD_REQUEST),
        ("", "/orders/1", BAD_REQUEST),
        ("GÉT", "/orders/1", BAD_REQUEST),
        ("GET()", "/orders/1", BAD_REQUEST),
    ] {
        let bytes = request(method, target, &[&admin]);
        table.request(&format!("{method:?} {target}"), &bytes, want);
    }
    let long = "M".repeat(100_000);
    let bytes = request(&long, "/orders/1", &[&admin]);
    table.request("a very long method", &bytes, HEAD_TOO_LARGE);
    table.finish();
}

/// Health checks of old balancers name no host.
#[test]
fn http_1_0_without_a_host_is_served_on_public_routes_alone() {
    let deployment = Deployment::with_routes();
    let valid = deployment.reader();
    let mut table = Table::on(&deployment);
    let own = deployment.gate.address.to_string();
    for one in table.request("public", b"GET /open/page HTTP/1.0\r\n\r\n", PASSES) {
        table.check("the host upstream", one.head.values("host") == [own.as_str()]);
    }
    table.request("guarded", b"GET /orders/1 HTTP/1.0\r\n\r\n", BARE_CHALLENGE);
    let bytes = format!("GET /orders/1 HTTP/1.0\r\n{valid}\r\n\r\n");
    table.request("guarded, with a valid token", bytes.as_bytes(), BAD_REQUEST);
    table.request(
        "HTTP/1.1",
        b"GET /open/page HTTP/1.1\r\nConnection: close\r\n\r\n",
        BAD_REQUEST,
    );
    table.finish();
}
