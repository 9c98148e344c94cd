//! Escaped slashes: `%2F` as a part of a segment.

use crate::deployment::Deployment;
use crate::table::{BARE_CHALLENGE, INVALID_REQUEST, PASSES, Table};
use crate::wire::request;

const ROUTES: &str = "
routes:
  - { match: 'GET /open/{*rest}', public: true }
  - { match: 'GET /projects/{id}', scopes: [orders:read], escaped_slash: pass }
  - { match: 'GET /projects/{id}/issues', scopes: [orders:read], escaped_slash: pass }
  - { match: 'GET /projects/{id}/keys', scopes: [admin] }
  - { match: 'GET /files/{*rest}', public: true, escaped_slash: pass }
  - { match: 'GET /files/private/{*rest}', scopes: [admin] }
";

#[test]
fn an_escaped_slash_is_forwarded_byte_for_byte_where_a_route_accepts_it() {
    let deployment = Deployment::with_policy(ROUTES);
    let valid = deployment.reader();
    let mut table = Table::on(&deployment);
    for path in [
        "/projects/group%2Fname",
        "/projects/group%2fname",
        "/projects/%40scope%2Fname?x=%2F",
        "/projects/a%2Fb%2Fc/issues",
        "/files/a%2Fb/c",
        "/files/a%20b%2Fc",
    ] {
        for one in table.request(path, &request("GET", path, &[&valid]), PASSES) {
            table.check(&format!("{path}: {}", one.target), one.target == path);
        }
    }
    table.request("no token", &request("GET", "/projects/a%2Fb", &[]), BARE_CHALLENGE);
    table.finish();
}

#[test]
fn an_escaped_slash_never_leads_to_another_access() {
    let deployment = Deployment::with_policy(ROUTES);
    let valid = deployment.reader();
    let mut table = Table::on(&deployment);
    for path in [
        "/projects/a%2Fkeys",
        "/projects/a%2FKeys",
        "/projects/a%2Fkeys%2F",
        "/files/private%2Fa",
        "/files/PRIVATE%2fa",
        "/files/x%2F..%2Fprivate%2Fa",
        "/files/%2Fprivate/a",
        "/files/.%2Fprivate/a",
        "/files/a%2F%2Fb",
        "/files/a%5Cb",
        "/files/a%252Fb",
        "/files/a%2F%3Bb",
        "/open/a%2Fb",
        "/open%2Fa",
        "/projects/a%2Fb/other",
        "/nowhere%2Fa",
    ] {
        for line in [valid.as_str(), "X: y"] {
            let row = format!("{path}, {line:.20}");
            table.request(&row, &request("GET", path, &[line]), INVALID_REQUEST);
        }
    }
    table.finish();
}
