//! Request targets: the absolute form, and invalid targets.

use crate::deployment::Deployment;
use crate::table::{
    BAD_REQUEST, BARE_CHALLENGE, HEAD_TOO_LARGE, INSUFFICIENT_SCOPE, INVALID_REQUEST, MISDIRECTED, PASSES, Table,
};
use crate::wire::request;

#[test]
fn an_absolute_form_target_is_matched_by_its_path() {
    let deployment = Deployment::with_routes();
    let reader = deployment.reader();
    let mut table = Table::on(&deployment);
    for (what, target) in [
        ("the same host", "http://orders.example.com/orders/1"),
        ("the same host in capitals", "HTTP://ORDERS.EXAMPLE.COM/orders/1"),
    ] {
        table.request(
            &format!("{what}, no token"),
            &request("GET", target, &[]),
            BARE_CHALLENGE,
        );
        let seen = table.request(
            &format!("{what}, valid token"),
            &request("GET", target, &[&reader]),
            PASSES,
        );
        table.check(
            &format!("{what}: the path is forwarded"),
            seen.iter().all(|one| one.target == "/orders/1"),
        );
        // RFC 9112 section 3.2.2: the authority of the target replaces Host.
        let other = format!("GET {target} HTTP/1.1\r\nHost: evil.example\r\n{reader}\r\nConnection: close\r\n\r\n");
        for one in table.request(&format!("{what}, another Host"), other.as_bytes(), PASSES) {
            let host = one.head.values("host").join(", ");
            table.check(
                &format!("{what}: Host {host} upstream"),
                host.eq_ignore_ascii_case("orders.example.com"),
            );
        }
    }
    let closed = "http://orders.example.com/admin/users";
    table.request(
        "a protected path without the scope",
        &request("GET", closed, &[&reader]),
        INSUFFICIENT_SCOPE,
    );
    table.request(
        "a protected path without a token",
        &request("GET", closed, &[]),
        BARE_CHALLENGE,
    );
    table.request(
        "a public path",
        &request("GET", "http://orders.example.com/open/page", &[]),
        PASSES,
    );
    for target in [
        "http://orders.example.com/open/../admin/users",
        "http://orders.example.com/open/%2e%2e/admin/users",
        "http://orders.example.com//admin/users",
    ] {
        table.request(target, &request("GET", target, &[&reader]), INVALID_REQUEST);
    }
    for target in [
        "http://user@orders.example.com/orders/1",
        "http://user:secret@orders.example.com/orders/1",
        "http://@orders.example.com/orders/1",
        "http://evil.example@orders.example.com/open/page",
        "http://orders.example.com@evil.example/open/page",
    ] {
        table.request(
            &format!("userinfo: {target}"),
            &request("GET", target, &[&reader]),
            BAD_REQUEST,
        );
    }
    for target in [
        "http://evil.example/orders/1",
        "http://evil.example/open/page",
        "http://169.254.169.254/latest/meta-data",
        "http://orders.example.com.evil.example/open/page",
        "http://evil.example:80/open/page",
    ] {
        table.request(
            &format!("another host: {target}"),
            &request("GET", target, &[&reader]),
            MISDIRECTED,
        );
    }
    for target in [
        "http:///open/page",
        "http://",
        "http:/open/page",
        "ftp://orders.example.com/open/page",
        "file:///etc/hostname",
        "javascript:alert(1)",
        "orders.example.com:80/open/page",
    ] {
        table.request(target, &request("GET", target, &[&reader]), BAD_REQUEST);
    }
    table.finish();
}

#[test]
fn invalid_targets_are_rejected() {
    let deployment = Deployment::with_routes();
    let reader = deployment.reader();
    let mut table = Table::on(&deployment);
    for target in [
        "open/page",
        "admin/users",
        "",
        "?x=1",
        "*",
        "\\open\\page",
        "/open/pa ge",
        "/open/page /x",
        "/open/\tpage",
        "/open/\u{1}page",
        "/open/\u{7f}page",
        "/open/\0page",
        "/open/<page>",
        "/open/pa`ge",
    ] {
        let bytes = request("GET", target, &[&reader]);
        table.request(&target.escape_debug().to_string(), &bytes, BAD_REQUEST);
    }
    table.request("/open/é", &request("GET", "/open/é", &[&reader]), INVALID_REQUEST);
    // RFC 3986 does not allow these characters unencoded, but they are not ambiguous.
    for target in ["/open/\"page\"", "/open/{page}", "/open/p^age", "/open/p|age"] {
        table.request(target, &request("GET", target, &[&reader]), PASSES);
    }
    table.finish();
}

#[test]
fn a_long_target_is_too_large_a_head() {
    let deployment = Deployment::with_routes();
    let mut table = Table::on(&deployment);
    for (length, want) in [(30_000, PASSES), (35_000, HEAD_TOO_LARGE), (1_000_000, HEAD_TOO_LARGE)] {
        let long = format!("/open/{}", "a".repeat(length));
        table.request(&format!("{length} characters"), &request("GET", &long, &[]), want);
    }
    table.finish();
}
