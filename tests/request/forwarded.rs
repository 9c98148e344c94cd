//! Forwarding headers: those of a trusted proxy are believed and extended, those of any other peer have no effect.

use std::fmt::Write as _;

use proptest::prelude::*;

use crate::deployment::upstream::Received;
use crate::deployment::{Configuration, Deployment};
use crate::mint::TokenIssuer;
use crate::table::{BAD_REQUEST, MISDIRECTED, PASSES, Table};
use crate::wire;

const FIELDS: [&str; 8] = [
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-user",
    "x-real-ip",
    "forwarded",
];

/// A gate that trusts this peer, and proxies in front of it.
fn trusting(peer: &str) -> Deployment {
    let configuration = Configuration {
        top: format!("trusted_proxies: [{peer}, 10.0.0.0/8]\nhosts: [orders.example.com, shop.example]\n"),
        ..Configuration::default()
    };
    Deployment::start(TokenIssuer::new(), &configuration)
}

/// The forwarding headers of a request, each in one line.
fn forwarding(received: &Received) -> String {
    let mut lines = String::new();
    for name in FIELDS {
        for value in received.head.values(name) {
            let _ = writeln!(lines, "{name}: {value}");
        }
    }
    lines
}

fn request(lines: &[&str]) -> Vec<u8> {
    wire::request("GET", "/open/page", lines)
}

#[test]
fn the_headers_of_a_trusted_proxy_are_extended() {
    let deployment = trusting("127.0.0.1");
    let mut table = Table::on(&deployment);
    for (lines, host, expected) in [
        (
            &[][..],
            "orders.example.com",
            "x-forwarded-for: 127.0.0.1\nx-forwarded-proto: http\nx-forwarded-host: orders.example.com\n",
        ),
        (
            &[
                "X-Forwarded-For: 192.0.2.1",
                "X-Forwarded-Proto: https",
                "X-Forwarded-Port: 443",
            ],
            "orders.example.com",
            "x-forwarded-for: 192.0.2.1, 127.0.0.1\nx-forwarded-proto: https\nx-forwarded-host: orders.example.com\n\
             x-forwarded-port: 443\n",
        ),
        (
            &[
                "X-Forwarded-For: 6.6.6.6",
                "X-Forwarded-For: 192.0.2.1, 10.0.0.2",
                "X-Real-IP: 10.0.0.2",
            ],
            "orders.example.com",
            "x-forwarded-for: 6.6.6.6, 192.0.2.1, 10.0.0.2, 127.0.0.1\nx-forwarded-proto: http\n\
             x-forwarded-host: orders.example.com\nx-real-ip: 192.0.2.1\n",
        ),
        (
            &[
                "X-Forwarded-Host: shop.example",
                "X-Forwarded-Proto: https",
                "X-Forwarded-Port: 8443",
            ],
            "shop.example:8443",
            "x-forwarded-for: 127.0.0.1\nx-forwarded-proto: https\nx-forwarded-host: shop.example:8443\n\
             x-forwarded-port: 8443\n",
        ),
        (
            &["Forwarded: for=192.0.2.1;proto=https;host=shop.example, for=10.0.0.2"],
            "shop.example",
            "x-forwarded-for: 192.0.2.1, 10.0.0.2, 127.0.0.1\nx-forwarded-proto: https\nx-forwarded-host: shop.example\n\
             forwarded: for=192.0.2.1;proto=https;host=shop.example, for=10.0.0.2, \
             for=127.0.0.1;host=shop.example;proto=http\n",
        ),
        (
            &[
                "X-Forwarded-Proto: wss",
                "X-Forwarded-Prefix: /admin",
                "X-Forwarded-User: admin",
            ],
            "orders.example.com",
            "x-forwarded-for: 127.0.0.1\nx-forwarded-proto: https\nx-forwarded-host: orders.example.com\n",
        ),
    ] {
        for one in table.request(&format!("{lines:?}"), &request(lines), PASSES) {
            let found = forwarding(&one);
            table.check(&format!("{lines:?}: {found}"), found == expected);
            table.check(&format!("{lines:?}: host"), one.head.values("host") == [host]);
        }
    }
    table.finish();
}

#[test]
fn what_a_trusted_proxy_cannot_mean_is_ambiguous() {
    let deployment = trusting("127.0.0.1");
    let mut table = Table::on(&deployment);
    let many = format!("X-Forwarded-For: {}", vec!["10.0.0.2"; 33].join(", "));
    for lines in [
        &["X-Forwarded-For: here"][..],
        &["X-Forwarded-For: 192.0.2.1 10.0.0.2"],
        &[many.as_str()],
        &["X-Forwarded-Proto: gopher"],
        &["X-Forwarded-Proto: https, http"],
        &["X-Forwarded-Proto: https", "X-Forwarded-Proto: http"],
        &["X-Forwarded-Host: shop.example, orders.example.com"],
        &["X-Forwarded-Host: shop.example/x"],
        &["X-Forwarded-Host: a@shop.example"],
        &["X-Forwarded-Port: 0"],
        &["X-Real-IP: here"],
        &["Forwarded: for"],
        &["Forwarded: for=192.0.2.1;for=192.0.2.2"],
        &["Forwarded: for=192.0.2.1", "X-Forwarded-For: 192.0.2.2"],
        &["Forwarded: proto=https", "X-Forwarded-Proto: http"],
        &["Forwarded: host=shop.example", "X-Forwarded-Host: orders.example.com"],
    ] {
        table.request(&format!("{lines:?}"), &request(lines), BAD_REQUEST);
    }
    for line in ["X-Forwarded-Host: evil.example", "Forwarded: host=evil.example"] {
        table.request(line, &request(&[line]), MISDIRECTED);
    }
    table.finish();
}

/// An application that redirects to https, behind a load balancer that ends TLS.
#[test]
fn an_application_behind_tls_of_a_balancer_finds_https_and_the_client() {
    let deployment = trusting("127.0.0.1");
    let mut table = Table::on(&deployment);
    let valid = deployment.reader();
    let lines = [
        "X-Forwarded-For: 203.0.113.9",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Port: 443",
        &valid,
    ];
    for one in table.request("GET", &wire::request("GET", "/orders/1", &lines), PASSES) {
        table.check("scheme", one.head.values("x-forwarded-proto") == ["https"]);
        let client = one.head.values("x-forwarded-for");
        table.check("client", client == ["203.0.113.9, 127.0.0.1"]);
    }
    table.finish();
}

#[test]
fn metadata_and_challenges_are_for_the_host_that_a_trusted_proxy_reports() {
    let configuration = Configuration {
        top: "trusted_proxies: [127.0.0.1]\nhosts: [gate.internal]\n".to_owned(),
        ..Configuration::default()
    };
    let deployment = Deployment::start(TokenIssuer::new(), &configuration);
    let to = |lines: &[&str]| {
        let text = format!(
            "GET /.well-known/oauth-protected-resource HTTP/1.1\r\nHost: other.internal\r\nConnection: close\r\n{}\r\n",
            lines.iter().map(|line| format!("{line}\r\n")).collect::<String>()
        );
        wire::answer(deployment.gate.address, text.as_bytes()).status
    };
    assert_eq!(to(&[]), 421);
    assert_eq!(
        to(&["X-Forwarded-Host: orders.example.com", "X-Forwarded-Proto: https"]),
        200
    );
}

#[test]
fn the_decision_log_has_the_address_of_the_client() {
    let deployment = trusting("127.0.0.1");
    for (lines, address) in [
        (&[][..], Some("127.0.0.1")),
        (&["X-Forwarded-For: 6.6.6.6, 192.0.2.1, 10.0.0.2"], Some("192.0.2.1")),
        (&["Forwarded: for=\"[2001:db8::1]:80\""], Some("2001:db8::1")),
        (&["Forwarded: for=_hidden"], None),
        (&["X-Real-IP: 192.0.2.7"], Some("192.0.2.7")),
        // It is not known which of them the proxy means.
        (
            &["X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.2"],
            Some("127.0.0.1"),
        ),
    ] {
        let before = deployment.gate.decisions().len();
        wire::answer(deployment.gate.address, &request(lines));
        let decision = deployment.gate.decision_after(before);
        assert_eq!(decision["client_address"].as_str(), address, "{lines:?}: {decision}");
    }
}

/// A value of a forwarding header, well-formed or not.
fn value() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "192.0.2.1",
        "10.0.0.2",
        "127.0.0.1",
        "https",
        "http",
        "evil.example",
        "8443",
        "for=192.0.2.1;proto=https",
        "host=evil.example",
        "/admin",
        "unknown",
        "a, b",
        "GET",
        "\"",
        "",
    ]);
    prop_oneof![known.prop_map(str::to_owned), "[!-~]{0,12}"]
}

fn line() -> impl Strategy<Value = String> {
    let mut names: Vec<String> = FIELDS.map(str::to_owned).to_vec();
    for name in [
        "X-Forwarded-Uri",
        "X-Forwarded-Method",
        "X-Original-URL",
        "X_Forwarded_Host",
        "X.Forwarded.Proto",
    ] {
        names.push(name.to_owned());
    }
    (prop::sample::select(names), value()).prop_map(|(name, value)| format!("{name}: {value}"))
}

/// From a peer that is not trusted no forwarding header changes the answer, the decision log or what is forwarded.
#[test]
fn forwarding_headers_of_another_peer_change_nothing() {
    let configuration = Configuration {
        top: "trusted_proxies: [10.0.0.0/8]\n".to_owned(),
        ..Configuration::default()
    };
    let deployments = [
        Deployment::start(TokenIssuer::new(), &configuration),
        Deployment::with_routes(),
    ];
    for deployment in &deployments {
        let valid = deployment.reader();
        let outcome = |target: &str, lines: &[String]| {
            let lines: Vec<&str> = lines.iter().map(String::as_str).chain([valid.as_str()]).collect();
            let (requests, decisions) = (deployment.upstream.count(), deployment.gate.decisions().len());
            let answer = wire::answer(deployment.gate.address, &wire::request("GET", target, &lines));
            let mut decision = deployment.gate.decision_after(decisions);
            for own in ["time", "id", "latency_us"] {
                decision.as_object_mut().expect("an object").remove(own);
            }
            if let Some(upstream) = decision.get_mut("upstream") {
                upstream.as_object_mut().expect("an object").remove("time_us");
            }
            let received = deployment.upstream.since(requests);
            let received: Vec<_> = received.into_iter().map(|one| (one.target, one.head.fields)).collect();
            (answer.status, decision, received)
        };
        let plain = [
            outcome("/open/page", &[]),
            outcome("/orders/1", &[]),
            outcome("/admin/1", &[]),
        ];
        let targets = ["/open/page", "/orders/1", "/admin/1"];
        let config = ProptestConfig {
            cases: 40,
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        let strategy = (0..targets.len(), prop::collection::vec(line(), 0..6));
        let mut runner = prop::test_runner::TestRunner::new(config);
        runner
            .run(&strategy, |(target, lines)| {
                prop_assert_eq!(&outcome(targets[target], &lines), &plain[target]);
                Ok(())
            })
            .unwrap();
    }
}
