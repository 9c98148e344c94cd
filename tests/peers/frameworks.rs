//! Real frameworks behind the gate: no spelling of a request reaches a handler that its route denies.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::json;

use crate::deployment::gate::Gate;
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::{Configuration, Trust};
use crate::mint::TokenIssuer;
use crate::peers::program::Service;
use crate::peers::spelling::{self, Probe};
use crate::wire::http1::Reader;
use crate::wire::{DEADLINE, bearer};

/// Requests to the strict handlers of every service, in their canonical spelling.
const STRICT: [(&str, &str); 5] = [
    ("DELETE", "/orders/7"),
    ("GET", "/admin/users"),
    ("POST", "/admin/users/3"),
    ("POST", "/refunds"),
    ("PUT", "/Accounts/7/limits"),
];

/// The routes of the strict handlers.
const STRICT_ROUTES: &str = r#"
routes:
  - match: DELETE /orders/{id}
    scopes: [orders:admin]
  - match: "* /admin/{*rest}"
    scopes: [orders:admin]
  - match: POST /refunds
    scopes: [orders:admin]
  - match: PUT /Accounts/{id}/limits
    scopes: [orders:admin]
"#;

/// A weaker route that covers every other path, and every other method of these.
const WEAK_CATCH_ALL: &str = "  - match: '* /{*rest}'\n    scopes: [files:read]\n";
const PUBLIC_CATCH_ALL: &str = "  - match: '* /{*rest}'\n    public: true\n";

const LOWER_METHODS: &[&str] = &[
    "delete /orders/7",
    "Delete /orders/7",
    "dELETE /orders/7",
    "put /Accounts/7/limits",
];

/// A router that compares without case and ignores a last slash.
const FOLDED_PATHS: &[&str] = &[
    "DELETE /orders/7/",
    "DELETE /Orders/7",
    "DELETE /ORDERS/7/",
    "GET /ADMIN/USERS",
    "GET /Admin/Users/",
    "POST /refunds/",
    "POST /Refunds",
    "PUT /accounts/7/limits",
    "PUT /ACCOUNTS/7/LIMITS/",
];

#[test]
#[ignore = "needs the frameworks of tests/peers/run"]
fn flask() {
    strict_handlers_are_unreachable("flask_service.py", LOWER_METHODS);
}

#[test]
#[ignore = "needs the frameworks of tests/peers/run"]
fn django() {
    strict_handlers_are_unreachable("django_service.py", LOWER_METHODS);
}

#[test]
#[ignore = "needs the frameworks of tests/peers/run"]
fn bottle() {
    strict_handlers_are_unreachable("bottle_service.py", LOWER_METHODS);
}

#[test]
#[ignore = "needs the frameworks of tests/peers/run"]
fn fastapi() {
    strict_handlers_are_unreachable("fastapi_service.py", &["DELETE /%6Frders/7"]);
}

#[test]
#[ignore = "needs the frameworks of tests/peers/run"]
fn express() {
    let overrides = [
        "POST /orders/7 with a long form",
        "POST /orders/7?_method=DELETE",
        "POST /ORDERS/7?_method=delete",
        "POST /orders/7 with Content-Type: application/x-www-form-urlencoded: _method=DELETE",
    ];
    strict_handlers_are_unreachable("express_service.js", &[FOLDED_PATHS, &overrides].concat());
}

#[test]
#[ignore = "needs the frameworks of tests/peers/run"]
fn koa() {
    strict_handlers_are_unreachable("koa_service.js", FOLDED_PATHS);
}

#[test]
#[ignore = "needs the frameworks of tests/peers/run"]
fn fastify() {
    strict_handlers_are_unreachable("fastify_service.js", FOLDED_PATHS);
}

#[test]
#[ignore = "needs the frameworks of tests/peers/run"]
fn sinatra() {
    let overrides = [
        "POST /orders/7 with Content-Type: application/x-www-form-urlencoded: _method=DELETE",
        "POST /orders/7 with Content-Type: multipart/related; boundary=b: --b\\r\\nContent-Disposition: form-data; name=_method\\r\\n\\r\\nDELETE\\r\\n--b--\\r\\n",
        "POST /orders/7 with X-No-Content-Type: x: _method=DELETE",
        "POST /orders/7 with Content-Type: multipart/mixed; boundary=b: --b\\r\\nContent-ID: _method\\r\\n\\r\\nDELETE\\r\\n--b--\\r\\n",
    ];
    strict_handlers_are_unreachable("sinatra_service.rb", &overrides);
}

#[test]
#[ignore = "needs the frameworks of tests/peers/run"]
fn symfony() {
    let overrides = [
        "POST /orders/7 with Content-Type: application/x-www-form-urlencoded: _method=DELETE",
        "POST /orders/7 with Content-Type: application/x-www-form-urlencoded: %20%20_method=DELETE",
        "POST /orders/7 with Content-Type: application/x-www-form-urlencoded, text/plain: _method=DELETE",
        "POST /orders/7??_method=DELETE",
        "POST /orders/7?_method%00x=DELETE",
        "POST /orders/7 with Content-Type: multipart/form-data; boundary=b: --b\\r\\nContent-Disposition: form-data; name=\\'_method\\'\\r\\n\\r\\nDELETE\\r\\n--b--\\r\\n",
    ];
    strict_handlers_are_unreachable("symfony_service.php", &overrides);
}

#[test]
#[ignore = "needs the frameworks of tests/peers/run"]
fn slim() {
    let overrides = ["POST /orders/7 with Content-Type: application/x-www-form-urlencoded: _METHOD=DELETE"];
    strict_handlers_are_unreachable("slim_service.php", &overrides);
}

/// Sends every spelling of [`STRICT`] to the service itself, where the `folded` ones reach a strict handler, and through the
/// gate without the scope of the handler, where none does.
fn strict_handlers_are_unreachable(file: &str, folded: &[&str]) {
    let service = Service::start(file);
    let mut probes = Vec::new();
    for (method, path) in STRICT {
        probes.extend(spelling::spellings(method, path));
    }
    probes.extend(spelling::overrides("DELETE", "/orders/7"));
    let canonical: Vec<_> = STRICT.iter().map(|(method, path)| format!("{method} {path}")).collect();

    let direct = strict_requests(&service, service.address, &probes, "");
    println!(
        "{file}: {} of {} spellings reach a strict handler without the gate",
        direct.len(),
        probes.len()
    );
    let expected = canonical.iter().map(String::as_str).chain(folded.iter().copied());
    let missing: Vec<_> = expected.filter(|name| !direct.contains(*name)).collect();
    assert!(
        missing.is_empty(),
        "without the gate these reach no strict handler: {missing:#?}\nothers do: {direct:#?}"
    );

    for (catch_all, routes) in [("weak", WEAK_CATCH_ALL), ("public", PUBLIC_CATCH_ALL)] {
        let (gate, issuer, _key_server) = gate_before(&service, &format!("{STRICT_ROUTES}{routes}"));
        let token = |scope: &str| bearer(&issuer.token(json!({ "scope": scope })));
        let weak = token("files:read");
        assert_eq!(
            handler(gate.address, &Probe::of("GET", "/files/1"), &weak),
            Some("weak")
        );
        for (who, credential) in [("the token of the catch-all", weak.as_str()), ("no token", "")] {
            let through = strict_requests(&service, gate.address, &probes, credential);
            assert!(
                through.is_empty(),
                "with {who} and a {catch_all} catch-all these reach a strict handler: {through:#?}"
            );
        }
        let strong = token("orders:admin");
        let through = strict_requests(&service, gate.address, &plain(), &strong);
        assert_eq!(
            through,
            canonical.iter().cloned().collect(),
            "with the token of the handlers"
        );
    }
}

/// The canonical requests.
fn plain() -> Vec<Probe> {
    STRICT.iter().map(|(method, path)| Probe::of(method, path)).collect()
}

/// A ready gate before the service.
fn gate_before(service: &Service, policy: &str) -> (Gate, TokenIssuer, KeyServer) {
    let issuer = TokenIssuer::new();
    let key_server = KeyServer::start(Conduct::Publish(issuer.document()));
    let configuration = Configuration {
        policy: policy.to_owned(),
        trust: Trust::JwksUri,
        ..Configuration::default()
    };
    let gate = Gate::run(&configuration.text(service.address, &key_server));
    gate.wait_until_ready();
    (gate, issuer, key_server)
}

/// The names of the requests that reach a strict handler of the service. The answers and the output of the service agree.
fn strict_requests(service: &Service, address: SocketAddr, probes: &[Probe], credential: &str) -> BTreeSet<String> {
    let before = service.program.count("strict ");
    let mut names = BTreeSet::new();
    let mut count = 0;
    for probe in probes {
        if handler(address, probe, credential) == Some("strict") {
            names.insert(probe.name.clone());
            count += 1;
        }
    }
    // The output is in the order of the requests.
    let last = "weak GET /files/last";
    let earlier = service.program.count(last);
    assert_eq!(
        handler(service.address, &Probe::of("GET", "/files/last"), ""),
        Some("weak")
    );
    service.program.wait_for_count(last, earlier + 1);
    assert_eq!(
        service.program.count("strict ") - before,
        count,
        "an answer of a strict handler was lost; seen: {names:#?}"
    );
    names
}

/// The handler that answered.
fn handler(address: SocketAddr, probe: &Probe, credential: &str) -> Option<&'static str> {
    let mut stream = TcpStream::connect_timeout(&address, DEADLINE).expect("a connection");
    stream.set_read_timeout(Some(DEADLINE)).expect("a time-out");
    // The peer may answer and close before it has read everything.
    let _ = stream.write_all(&probe.bytes(credential));
    let head = match Reader::new(stream).head() {
        Ok(Some(head)) => head,
        // Nothing, or something that is not HTTP, such as the answer to the version 0.9.
        Ok(None) => return None,
        Err(error) if error.kind() == ErrorKind::WouldBlock => panic!("no answer to {}", probe.name),
        Err(_) => return None,
    };
    let handler = head.value("handler");
    ["strict", "weak"]
        .into_iter()
        .find(|known| handler.as_deref() == Some(*known))
}
