//! Headers with which a client claims what a proxy in front of the API may state: none is forwarded, in any spelling.

use serde_json::json;

use crate::deployment::{Configuration, Deployment};
use crate::mint::TokenIssuer;
use crate::table::{PASSES, Table};
use crate::wire::request;

const CLAIMS: [&str; 58] = [
    "Proxy",
    "Proxy-Any",
    "Method-Override",
    "X-HTTP-Method-Override",
    "X-Override-URL",
    "X-WAWS-Unencoded-URL",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Host-Override",
    "X-HTTP-Host-Override",
    "X-Forwarded",
    "Forwarded-For",
    "Client-IP",
    "CF-Connecting-IP",
    "Fastly-Client-IP",
    "X-Azure-ClientIP",
    "X-Azure-SocketIP",
    "X-ProxyUser-Ip",
    "True-Client-IP",
    "WL-Proxy-Client-IP",
    "Front-End-Https",
    "X-Arr-Ssl",
    "X-Sendfile-Type",
    "X-Accel-Mapping",
    "X-Middleware-Subrequest",
    "X-Middleware-Subrequest-Id",
    "Remote-User",
    "Remote-Groups",
    "X-Remote-User",
    "X-Remote-Extra-Scopes",
    "X-Authenticated-User",
    "X-Authenticated-Groups",
    "X-WEBAUTH-USER",
    "X-WEBAUTH-ROLE",
    "X-Forwarded-User",
    "X-Forwarded-Email",
    "X-Forwarded-Groups",
    "X-Forwarded-Preferred-Username",
    "X-Goog-Authenticated-User-Id",
    "X-Goog-Authenticated-User-Email",
    "X-Amzn-Oidc-Identity",
    "X-Amzn-Oidc-Data",
    "X-Amzn-Oidc-Accesstoken",
    "X-MS-CLIENT-PRINCIPAL",
    "X-MS-CLIENT-PRINCIPAL-NAME",
    "X-MS-CLIENT-PRINCIPAL-ID",
    "X-SSL-Client-Verify",
    "X-SSL-Client-S-DN",
    "SSL-Client-Cert",
    "Client-Cert",
    "Client-Cert-Chain",
    "X-Client-Cert",
    "X-Auth-Request-User",
    "X-Consumer-Username",
    "X-Userinfo",
    "Tailscale-User-Login",
    "X-AppEngine-User-Id",
    "SM_USER",
];

const KEPT: [&str; 8] = [
    "X-Request-Id",
    "X-Requested-With",
    "X-API-Key",
    "X-Middleware-Prefetch",
    "X-Amzn-Trace-Id",
    "CF-Ray",
    "X-User-Id",
    "X-Remote",
];

fn spellings(name: &str) -> [String; 4] {
    [
        name.to_owned(),
        name.to_ascii_uppercase().replace('-', "_"),
        name.to_ascii_lowercase().replace(['-', '_'], "."),
        name.replacen('-', "_", 1),
    ]
}

#[test]
fn claims_of_a_client_are_not_forwarded() {
    let deployment = Deployment::with_routes();
    let valid = deployment.reader();
    let mut table = Table::on(&deployment);
    for (target, line) in [("/orders/1", valid.as_str()), ("/open/page", "X: y")] {
        for spelling in 0..4 {
            let claims = CLAIMS.map(|name| format!("{}: forged", spellings(name)[spelling]));
            let kept = KEPT.map(|name| format!("{name}: kept"));
            let mut fields: Vec<&str> = claims.iter().chain(&kept).map(String::as_str).collect();
            fields.push(line);
            let row = format!("{target}, spelling {spelling}");
            for one in table.request(&row, &request("GET", target, &fields), PASSES) {
                let forged = one.head.fields.iter().filter(|(_, value)| value == b"forged");
                let forged: Vec<_> = forged.map(|(name, _)| name).collect();
                table.check(&format!("{row}: {forged:?} upstream"), forged.is_empty());
                let lost: Vec<_> = KEPT.iter().filter(|name| !one.has(name)).collect();
                table.check(&format!("{row}: {lost:?} are not claims"), lost.is_empty());
            }
        }
    }
    table.finish();
}

#[test]
fn configured_headers_are_not_forwarded_in_any_spelling() {
    let configuration = Configuration {
        top: "drop_headers: [X-Tenant, \"X-Debug-*\", Cookie]\n".to_owned(),
        ..Configuration::default()
    };
    let deployment = Deployment::start(TokenIssuer::new(), &configuration);
    let valid = deployment.reader();
    let mut table = Table::on(&deployment);
    for (target, line) in [("/orders/1", valid.as_str()), ("/open/page", "X: y")] {
        let fields = [
            "X-Tenant: forged",
            "X_TENANT: forged",
            "x.tenant: forged",
            "X-Debug-Level: forged",
            "X_Debug_Any: forged",
            "Cookie: forged",
            "X-Tenants: kept",
            "X-Debug: kept",
            line,
        ];
        for one in table.request(target, &request("GET", target, &fields), PASSES) {
            let forged = one.head.fields.iter().any(|(_, value)| value == b"forged");
            table.check(&format!("{target}: none upstream"), !forged);
            table.check(
                &format!("{target}: others pass"),
                one.has("x-tenants") && one.has("x-debug"),
            );
        }
    }
    table.finish();
}

/// An upstream that reads the identity from the header of an identity proxy gets it there, from the token alone.
#[test]
fn the_header_of_an_identity_proxy_may_carry_the_identity() {
    let configuration = Configuration {
        top: "identity_headers: { subject: remote-user, actor: x-webauth-user, client: x-consumer-id }\n".to_owned(),
        ..Configuration::default()
    };
    let deployment = Deployment::start(TokenIssuer::new(), &configuration);
    let token = deployment
        .issuer
        .token(json!({ "client_id": "web", "act": { "sub": "tool" } }));
    let line = crate::wire::bearer(&token);
    let mut table = Table::on(&deployment);
    let fields = [
        "Remote-User: forged",
        "REMOTE_USER: forged",
        "X_WEBAUTH.USER: forged",
        "X-Consumer-Id: forged",
    ];
    let bytes = request("GET", "/orders/1", &[&fields[..], &[&line]].concat());
    for one in table.request("guarded", &bytes, PASSES) {
        for (name, value) in [
            ("remote-user", "alice-canary"),
            ("x-webauth-user", "tool"),
            ("x-consumer-id", "web"),
        ] {
            let values = one.head.values(name);
            table.check(&format!("{name}: {values:?}"), values == [value]);
        }
    }
    for one in table.request("public", &request("GET", "/open/page", &fields), PASSES) {
        let forged = one.head.fields.iter().any(|(_, value)| value == b"forged");
        table.check("no claim on a public route", !forged);
    }
    table.finish();
}
