//! What a permission for Envoy sets, and what it removes.

use super::check::{Checker, http};
use super::{Decisions, rows};
use crate::deployment::Configuration;

const APIS: &str = "  ext_authz: { bodies: sent }\n";

#[test]
fn a_permission_sets_the_identity_and_removes_what_a_client_claims() {
    let configuration = Configuration {
        top: "drop_headers: [X-Tenant]\n".to_owned(),
        ..Configuration::of_policy(rows::POLICY)
    };
    let decisions = Decisions::start_with(APIS, configuration);
    let mut envoy = Checker::connect(decisions.address);
    let claims = [
        "X-Auth-Subject: root",
        "x-auth-actor: root",
        "X_Auth_Kind: human",
        "remote-user: root",
        "x-http-method-override: DELETE",
        "x-tenant: 1",
        "x-forwarded-user: root",
        "accept: */*",
    ];
    let mut fields = claims.map(str::to_owned).to_vec();
    fields.push(decisions.deployment.reader());
    let checked = envoy.check(http("GET", "/orders/7", &fields));
    let (set, removed) = checked.permitted().expect("a permission");
    assert_eq!(
        (&*set["x-auth-subject"], &*set["x-auth-kind"]),
        ("alice-canary", "human")
    );
    let mut removed = removed.to_vec();
    removed.sort();
    let expected = [
        "authorization",
        "remote-user",
        "x-auth-actor",
        "x-forwarded-user",
        "x-http-method-override",
        "x-tenant",
        "x_auth_kind",
    ];
    assert_eq!(removed, expected);

    // A public route has no identity, and the API receives no token that was not verified.
    let checked = envoy.check(http("GET", "/open/a", &fields));
    let (set, removed) = checked.permitted().expect("a permission");
    assert!(set.is_empty(), "{set:?}");
    assert!(
        ["authorization", "x-auth-subject"]
            .iter()
            .all(|name| removed.iter().any(|removed| removed == name))
    );
}

#[test]
fn a_permission_removes_what_envoy_forwards_as_its_client_wrote_it() {
    let fields = |reader: String| {
        let claims = [
            "forwarded: for=6.6.6.6;host=evil.example",
            "x-forwarded-client-cert: By=a",
            "x-forwarded-for: 6.6.6.6",
            "x-forwarded-host: evil.example",
            "x-forwarded-port: 1",
            "x_forwarded_for: 6.6.6.6",
            "x-real-ip: 6.6.6.6",
            "x-envoy-external-address: 192.0.2.7",
        ];
        claims
            .into_iter()
            .map(str::to_owned)
            .chain([reader])
            .collect::<Vec<_>>()
    };
    let own = ["forwarded", "x-forwarded-host", "x-forwarded-port", "x-real-ip"];
    let dropped = ["x-envoy-external-address", "x-forwarded-for"];
    let always = ["authorization", "x_forwarded_for"];
    for (options, top, removed) in [
        ("bodies: sent", "", own.to_vec()),
        ("forwarded_headers: removed", "", own.to_vec()),
        ("forwarded_headers: kept", "", vec![]),
        (
            "forwarded_headers: kept",
            "drop_headers: [X-Forwarded-For, X-Envoy-*]\n",
            dropped.to_vec(),
        ),
    ] {
        let configuration = Configuration {
            top: top.to_owned(),
            ..Configuration::of_policy(rows::POLICY)
        };
        let decisions = Decisions::start_with(&format!("  ext_authz: {{ {options} }}\n"), configuration);
        let mut envoy = Checker::connect(decisions.address);
        let checked = envoy.check(http("GET", "/orders/7", &fields(decisions.deployment.reader())));
        let (_, found) = checked.permitted().expect("a permission");
        let mut found: Vec<&str> = found.iter().map(String::as_str).collect();
        let mut expected = [&always[..], &removed].concat();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "{options} {top}");
    }
}

#[test]
fn a_request_with_too_many_headers_is_denied() {
    let decisions = Decisions::start(APIS);
    let mut envoy = Checker::connect(decisions.address);
    for (count, status) in [(900, None), (1001, Some(400)), (26_000, Some(400))] {
        let fields: Vec<String> = (0..count).map(|number| format!("x-{number:x}: 1")).collect();
        let checked = envoy.check(http("GET", "/open/a", &fields));
        assert_eq!(checked.denied().map(|(status, ..)| status), status, "{count}");
    }
}
