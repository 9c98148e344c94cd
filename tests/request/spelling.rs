//! Other spellings of a method and of a path, which some servers treat as the one that the policy names.

use serde_json::json;

use crate::deployment::Deployment;
use crate::table::{FORBIDDEN, INSUFFICIENT_SCOPE, INVALID_REQUEST, PASSES, Table};
use crate::wire::{bearer, request};

/// Strict routes over a weak catch-all. The token of every row has the scope of the catch-all only.
const SHOP: &str = r#"
routes:
  - match: DELETE /orders/{id}
    scopes: [admin]
  - match: ["* /admin/{*rest}", "* /admin", "* /admin/"]
    scopes: [admin]
  - match: GET /Reports/
    scopes: [admin]
  - match: GET /login
    public: true
  - match: "* /{*rest}"
    scopes: [read]
"#;

fn deployment(policy: &str) -> (Deployment, String) {
    let deployment = Deployment::with_policy(policy);
    let token = bearer(&deployment.issuer.token(json!({ "scope": "read" })));
    (deployment, token)
}

#[test]
fn a_method_with_a_lower_case_letter_is_ambiguous() {
    let (deployment, token) = deployment(SHOP);
    let mut table = Table::on(&deployment);
    for method in ["delete", "Delete", "deletE", "get", "Post", "pROPFIND", "x"] {
        table.request(method, &request(method, "/orders/7", &[&token]), INVALID_REQUEST);
        table.request(method, &request(method, "/login", &[]), INVALID_REQUEST);
    }
    table.finish();
}

#[test]
fn a_path_whose_other_spelling_requires_another_access_is_ambiguous() {
    let (deployment, token) = deployment(SHOP);
    let mut table = Table::on(&deployment);
    for (method, path) in [
        ("DELETE", "/Orders/7"),
        ("DELETE", "/ORDERS/7"),
        ("DELETE", "/orders/7/"),
        ("DELETE", "/orders/7./"),
        ("DELETE", "/orders/7%20/"),
        ("DELETE", "/orders./7"),
        ("DELETE", "/orders%20./7/"),
        ("DELETE", "/%4Frders/7"),
        ("DELETE", "/%6frders/7"),
        ("GET", "/Admin/users"),
        ("GET", "/ADMIN/USERS/"),
        ("PATCH", "/aDMIN/users"),
        ("GET", "/Admin"),
        ("GET", "/admin."),
        ("GET", "/admin%20/users"),
        ("GET", "/reports"),
        ("GET", "/reports/"),
        ("GET", "/Reports"),
        ("HEAD", "/REPORTS/"),
        ("GET", "/LOGIN"),
        ("GET", "/login/"),
    ] {
        table.request(path, &request(method, path, &[&token]), INVALID_REQUEST);
    }
    for (method, path) in [
        ("GET", "/Orders/7"),
        ("GET", "/orders/7/"),
        ("DELETE", "/Orders/7/lines"),
        ("DELETE", "/customers/A.."),
        ("GET", "/files/Report.PDF"),
        ("GET", "/files/%7Eme/"),
        ("PROPFIND", "/Files/"),
    ] {
        table.request(path, &request(method, path, &[&token]), PASSES);
    }
    table.finish();
}

#[test]
fn a_method_in_a_parameter_that_requires_another_access_is_ambiguous() {
    let (deployment, token) = deployment(SHOP);
    let mut table = Table::on(&deployment);
    for target in [
        "/orders/7?_method=DELETE",
        "/orders/7?_method=delete",
        "/orders/7?a=b&_method=Delete",
        "/orders/7?%5Fmethod=%64elete",
        "/orders/7?_METHOD=DELETE",
        "/orders/7?.method=DELETE",
        "/orders/7?_method[]=DELETE",
        "/orders/7/?_method=DELETE",
        "/Orders/7?_method=+DELETE",
    ] {
        table.request(target, &request("POST", target, &[&token]), INVALID_REQUEST);
        table.request(target, &request("GET", target, &[&token]), INVALID_REQUEST);
    }
    for target in [
        "/orders/7?_method=PUT",
        "/orders/7?_method=pay",
        "/orders/7?_method=",
        "/orders/7?method=DELETE",
        "/orders?_method=DELETE",
        "/files/7?_method=DELETE",
    ] {
        table.request(target, &request("POST", target, &[&token]), PASSES);
    }
    table.finish();
}

#[test]
fn a_method_in_a_body_that_requires_another_access_is_ambiguous() {
    let (deployment, token) = deployment(SHOP);
    let public = SHOP.replace("    scopes: [read]", "    public: true");
    let (open, _) = self::deployment(&public);
    let multipart = |name: &str, value: &str| {
        let part = format!("--b\r\nContent-Disposition: form-data; {name}\r\n\r\n{value}\r\n--b--\r\n");
        ("multipart/form-data; boundary=b", part)
    };
    let encoded = |form: &str| ("application/x-www-form-urlencoded", form.to_owned());
    let forms = [
        encoded("_method=DELETE"),
        encoded("a=b&_method=delete&c=d"),
        encoded("%5Fmethod=%44ELETE"),
        encoded("_METHOD=DELETE"),
        encoded(&format!("a={}&_method=DELETE", "x".repeat(70_000))),
        multipart("name=\"_method\"", "DELETE"),
        multipart("name=_method", "delete"),
        multipart("name=\"_method\"; x=y", "Delete"),
        multipart("x=\"name=\"; name=\"_method\"", "DELETE"),
        multipart(&format!("xname=\"{}\"; name=\"_method\"", "x".repeat(60)), "DELETE"),
        multipart("name=\"\r\n _method\"", "DELETE"),
        multipart(
            "name=\"_method\"\r\nContent-Type: text/plain; charset=utf-16le",
            "D\0E\0L\0E\0T\0E\0",
        ),
        encoded("[_method]=DELETE"),
        encoded("]_method=DELETE"),
        encoded(&format!("_method%00{}=DELETE", "x".repeat(60))),
        ("application/json", "{\"_method\": \"DELETE\"}".to_owned()),
        ("application/vnd.api+json", "{\"\\u005fMETHOD\": \"delete\"}".to_owned()),
    ];
    let send = |token: &str, (content_type, form): &(&str, String)| {
        let content_type = format!("Content-Type: {content_type}");
        let length = format!("Content-Length: {}", form.len());
        let mut bytes = request("POST", "/orders/7", &[token, &content_type, &length]);
        bytes.extend(form.as_bytes());
        bytes
    };
    for (deployment, token) in [(&deployment, &*token), (&open, "X-No: token")] {
        let mut table = Table::on(deployment);
        for form in &forms {
            let name = form.1.get(..60).unwrap_or(&form.1);
            table.request(name, &send(token, form), INVALID_REQUEST);
        }
        for form in [
            encoded("_method=PUT"),
            encoded("_method=pay"),
            encoded("payment_method=DELETE"),
            multipart("name=\"a\"", "method=DELETE"),
            multipart("name=\"_method\"", "PUT"),
            (
                "application/json",
                "{\"payment_method\": \"card\", \"note\": \"delete\"}".to_owned(),
            ),
        ] {
            table.request(&form.1, &send(token, &form), PASSES);
        }
        table.finish_with_cut_bodies();
    }
}

#[test]
fn any_method_is_every_registered_one() {
    let (deployment, token) = deployment(SHOP);
    let mut table = Table::on(&deployment);
    for method in ["GET", "PROPFIND", "MKCALENDAR", "QUERY"] {
        table.request(method, &request(method, "/files/7", &[&token]), PASSES);
    }
    for method in ["PURGE", "ANY", "GETT", "PRI", "M-SEARCH"] {
        table.request(method, &request(method, "/files/7", &[&token]), FORBIDDEN);
    }
    table.finish();
    let named = SHOP.replace("DELETE /orders/{id}", "'\"PURGE\" /files/{id}'");
    let (deployment, token) = self::deployment(&named);
    let mut table = Table::on(&deployment);
    let purge = request("PURGE", "/files/7", &[&token]);
    table.request("named in double quotes", &purge, INSUFFICIENT_SCOPE);
    table.finish();
}

#[test]
fn the_owner_of_an_api_that_folds_nothing_states_it() {
    let (deployment, token) = deployment(&format!("spelling: exact\n{SHOP}"));
    let mut table = Table::on(&deployment);
    for (method, target) in [
        ("DELETE", "/Orders/7"),
        ("DELETE", "/orders/7/"),
        ("GET", "/Admin/users"),
        ("POST", "/orders/7?_method=DELETE"),
    ] {
        table.request(target, &request(method, target, &[&token]), PASSES);
    }
    let delete = request("delete", "/orders/7", &[&token]);
    table.request("a lower-case method", &delete, INVALID_REQUEST);
    let escape = request("DELETE", "/%6Frders/7", &[&token]);
    table.request("an escape that decides", &escape, INVALID_REQUEST);
    table.finish();
}
