//! Request targets: the absolute form, and invalid targets.

use crate::deployment::Deployment;
use crate::table::{BARE_CHALLENGE, INSUFFICIENT_SCOPE, PASSES, Table, Want};
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
        for one in table.request(
            &format!("{what}, another Host"),
            other.as_bytes(),
            Want::of(&[200, 400]),
        ) {
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
        table.request(target, &request("GET", target, &[&reader]), Want::of(&[400]));
    }
    for target in [
        "http://user@orders.example.com/orders/1",
        "http://user:secret@orders.example.com/orders/1",
        "http://@orders.example.com/orders/1",
        "http://evil.example@orders.example.com/open/page",
    ] {
        table.request(
            &format!("userinfo: {target}"),
            &request("GET", target, &[&reader]),
            Want::of(&[400]),
        );
    }
    for target in [
        "http://evil.example/orders/1",
        "http://evil.example/open/page",
        "http://169.254.169.254/latest/meta-data",
        "http://orders.example.com.evil.example/open/page",
        "http://orders.example.com@evil.example/open/page",
        "http://evil.example:80/open/page",
    ] {
        table.request(
            &format!("another host: {target}"),
            &request("GET", target, &[&reader]),
            Want::of(&[400, 421]),
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
        table.request(
            target,
            &request("GET", target, &[&reader]),
            Want::of(&[400, 403, 404, 421]),
        );
    }
    table.finish();
}

#[test]
fn invalid_targets_are_rejected() {
    let deployment = Deployment::with_routes();
    let want = Want::of(&[400, 414, 431]).or_close();
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
        "/open/é",
        "/open/\"page\"",
        "/open/<page>",
        "/open/{page}",
        "/open/pa`ge",
        "/open/p^age",
        "/open/p|age",
    ] {
        let shown = target.escape_debug();
        let bytes = request("GET", target, &[&reader]);
        // RFC 3986 does not allow these characters unencoded, but they are not ambiguous.
        let lenient = target.contains(['"', '<', '{', '`', '^', '|', 'é']);
        let want = match lenient {
            true => Want::of(&[200, 400, 401, 403, 404]),
            false => want,
        };
        table.request(&format!("{shown}"), &bytes, want);
    }
    for length in [10_000, 70_000, 1_000_000] {
        let long = format!("/open/{}", "a".repeat(length));
        let may = Want::of(&[200, 400, 414, 431]).or_close();
        let want = match length {
            10_000 => may,
            _ => want,
        };
        table.request(&format!("{length} characters"), &request("GET", &long, &[]), want);
    }
    table.finish();
}
