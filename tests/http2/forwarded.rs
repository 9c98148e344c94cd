//! Forwarding headers and web pages of requests over HTTP/2.

use crate::deployment::{Configuration, Deployment};
use crate::mint::TokenIssuer;
use crate::wire::http2::Http2;

fn deployment(top: &str) -> Deployment {
    let configuration = Configuration {
        top: top.to_owned(),
        ..Configuration::default()
    };
    Deployment::start(TokenIssuer::new(), &configuration)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_headers_of_a_trusted_proxy_are_extended() {
    let reported = [
        "x-forwarded-for: 192.0.2.1",
        "x-forwarded-proto: https",
        "x-forwarded-host: orders.example.com",
    ];
    for (top, client, scheme, host) in [
        (
            "trusted_proxies: [127.0.0.1]\n",
            "192.0.2.1, 127.0.0.1",
            "https",
            Some("orders.example.com"),
        ),
        ("trusted_proxies: [10.0.0.0/8]\n", "127.0.0.1", "http", None),
    ] {
        let deployment = deployment(top);
        let http2 = Http2::open(deployment.gate.address).await;
        assert_eq!(http2.get("/open/page", &reported).await.status, 200);
        let head = &deployment.upstream.since(0)[0].head;
        let authority = deployment.gate.address.to_string();
        let host = host.unwrap_or(&authority);
        assert_eq!(head.values("x-forwarded-for"), [client], "{top}");
        assert_eq!(head.values("x-forwarded-proto"), [scheme], "{top}");
        assert_eq!(head.values("x-forwarded-host"), [host], "{top}");
        assert_eq!(head.values("host"), [host], "{top}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_reads_denials() {
    let deployment = deployment("cors: { origins: [https://app.example.com] }\n");
    let http2 = Http2::open(deployment.gate.address).await;
    let denied = http2.get("/orders/1", &["origin: https://app.example.com"]).await;
    assert_eq!(denied.status, 401);
    assert_eq!(
        denied.field("access-control-allow-origin"),
        Some("https://app.example.com")
    );
    let asked = [
        "origin: https://app.example.com",
        "access-control-request-method: GET",
        "access-control-request-headers: authorization",
    ];
    let preflight = http2.send(http2.request("OPTIONS", "/orders/1", &asked)).await;
    let preflight = preflight.expect("an answer");
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.field("access-control-allow-headers"), Some("authorization"));
    assert_eq!(deployment.upstream.count(), 0);
}

/// A server of HTTP/1.1 expects one line (RFC 9113 section 8.2.3).
#[tokio::test(flavor = "multi_thread")]
async fn the_lines_of_cookies_are_joined() {
    let deployment = deployment("");
    let http2 = Http2::open(deployment.gate.address).await;
    let crumbs = ["cookie: a=1", "x-other: 1", "cookie: b=2", "cookie: c=3; d=4"];
    assert_eq!(http2.get("/open/page", &crumbs).await.status, 200);
    let head = &deployment.upstream.since(0)[0].head;
    assert_eq!(head.values("cookie"), ["a=1; b=2; c=3; d=4"]);
}
