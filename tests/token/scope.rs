//! Scope of a signed token, and routes that it does not allow.

use serde_json::json;

use crate::deployment::Deployment;
use crate::mint::claims_without;
use crate::table::{FORBIDDEN, INSUFFICIENT_SCOPE, INVALID_REQUEST, INVALID_TOKEN, PASSES, Table};
use crate::wire;

#[test]
fn a_route_needs_its_scope() {
    let deployment = Deployment::with_routes();
    let issuer = &deployment.issuer;
    let mut table = Table::on(&deployment);
    table.token("missing", &issuer.signed(&claims_without("scope")), INSUFFICIENT_SCOPE);
    for scope in [
        "",
        " ",
        "Orders:Read",
        "ORDERS:READ",
        "orders:rea",
        "orders:readx",
        "xorders:read",
        "orders:reading orders:reader",
        "orders:read,orders:write",
        "orders:read;orders:write",
        "orders:read|x",
        "orders:read\torders:write",
        "orders:read\norders:write",
        "orders:read\u{a0}orders:write",
        "orders:read\u{2003}orders:write",
        "orders:read\u{0}",
        "\u{0}orders:read",
        "οrders:read",
        "orders\u{200b}:read",
        "orders：read",
        "orders%3Aread",
        "orders:*",
        "*",
        "orders",
        "orders:write admin",
        "not:orders:read",
    ] {
        let token = issuer.token(json!({ "scope": scope }));
        table.token(&format!("scope {scope:?}"), &token, INSUFFICIENT_SCOPE);
    }
    for scope in ["orders:read", "a orders:read b"] {
        table.token(
            &format!("scope {scope:?}"),
            &issuer.token(json!({ "scope": scope })),
            PASSES,
        );
    }
    for wrong in [
        json!(["orders:read"]),
        json!(null),
        json!(1),
        json!(true),
        json!({ "orders:read": true }),
    ] {
        let token = issuer.token(json!({ "scope": wrong }));
        table.token(&format!("scope of a wrong type: {wrong}"), &token, INVALID_TOKEN);
    }
    for name in ["scopes", "Scope", "permissions", "roles"] {
        let mut claims = claims_without("scope");
        claims[name] = json!("orders:read");
        table.token(
            &format!("the scope in {name}"),
            &issuer.signed(&claims),
            INSUFFICIENT_SCOPE,
        );
    }
    // Some issuers write `scp` in place of `scope`; two that disagree are malformed.
    let mut claims = claims_without("scope");
    claims["scp"] = json!("orders:read");
    table.token("the scope in scp", &issuer.signed(&claims), PASSES);
    claims["scope"] = json!("orders:write");
    table.token("another scope in scp", &issuer.signed(&claims), INVALID_TOKEN);
    table.finish();
}

#[test]
fn a_valid_token_is_denied_on_other_routes() {
    let deployment = Deployment::with_routes();
    let token = deployment.issuer.token(json!({}));
    let bearer = wire::bearer(&token);
    let request = |method: &str, target: &str| wire::request(method, target, &[&bearer]);
    let mut table = Table::on(&deployment);
    table.request("right scope, right route", &request("GET", "/orders/1"), PASSES);
    table.request(
        "wrong scope for the method",
        &request("POST", "/orders"),
        INSUFFICIENT_SCOPE,
    );
    table.request(
        "wrong scope for the route",
        &request("GET", "/admin/users"),
        INSUFFICIENT_SCOPE,
    );
    for (method, target) in [
        ("DELETE", "/orders/1"),
        ("PATCH", "/orders/1"),
        ("PURGE", "/orders/1"),
        ("PUT", "/orders"),
        ("GET", "/"),
        ("GET", "/nowhere"),
        ("GET", "/orders"),
    ] {
        table.request(
            &format!("no route for {method} {target}"),
            &request(method, target),
            FORBIDDEN,
        );
    }
    for (method, target) in [
        ("get", "/orders/1"),
        ("Get", "/orders/1"),
        ("gET", "/orders/1"),
        ("post", "/orders"),
    ] {
        table.request(
            &format!("the spelling {method} of a method"),
            &request(method, target),
            INVALID_REQUEST,
        );
    }
    table.finish();
}
