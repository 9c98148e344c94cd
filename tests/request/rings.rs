//! Gates in a ring: a request that comes back is 508.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::deployment::gate::Gate;
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::{Deployment, ROUTES};
use crate::mint::{AUDIENCE, ISSUER, TokenIssuer};
use crate::table::{PASSES, Table, Want};
use crate::wire::{self, bearer, request};

/// An address that forwards connections to one that is known later: to `actgate check` it is another service.
struct Relay {
    address: SocketAddr,
    target: Arc<OnceLock<SocketAddr>>,
}

impl Relay {
    /// `rewrite` changes what is sent to the target.
    fn start(rewrite: fn(&mut [u8])) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let target = Arc::new(OnceLock::<SocketAddr>::new());
        let known = Arc::clone(&target);
        std::thread::spawn(move || {
            for from in listener.incoming().flatten() {
                let Some(to) = known.get().and_then(|target| TcpStream::connect(target).ok()) else {
                    continue;
                };
                let (back_from, back_to) = (to.try_clone().expect("a clone"), from.try_clone().expect("a clone"));
                std::thread::spawn(move || copy(from, to, rewrite));
                std::thread::spawn(move || copy(back_from, back_to, |_| {}));
            }
        });
        Self { address, target }
    }

    fn lead_to(&self, gate: &Gate) {
        self.target.set(gate.address).expect("set once");
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, rewrite: fn(&mut [u8])) {
    let mut buffer = [0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        rewrite(&mut buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

/// Hides the pseudonym, as a proxy does that names hosts behind it by names of its own.
fn rename(bytes: &mut [u8]) {
    const NAME: &[u8] = b"actgate-";
    let found: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(NAME)).collect();
    for at in found {
        bytes[at..at + NAME.len()].copy_from_slice(b"renamed-");
    }
}

/// Gates of which each forwards to the next, and the last to the first.
fn ring(count: usize, relay: &Relay, keys: &KeyServer) -> Vec<Gate> {
    let mut gates: Vec<Gate> = Vec::new();
    for _ in 0..count {
        let upstream = gates.last().map_or(relay.address, |gate| gate.address);
        gates.push(Gate::run(&format!(
            "listen: 127.0.0.1:0\nupstream: http://{upstream}\nadmin: 127.0.0.1:0\naudience: {AUDIENCE}\naccess_token: forward\nissuers:\n  - issuer: {ISSUER}\n    jwks_uri: {}\n{ROUTES}",
            keys.jwks_uri(),
        )));
    }
    relay.lead_to(gates.last().expect("a gate"));
    gates
}

/// Waits for the first warning and returns all so far.
fn warnings(gates: &[Gate]) -> Vec<String> {
    let deadline = Instant::now() + wire::DEADLINE;
    loop {
        let lines = gates.iter().flat_map(|gate| gate.process.stderr());
        let found: Vec<String> = lines.filter(|line| line.contains("WARN")).collect();
        if !found.is_empty() || Instant::now() > deadline {
            return found;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_ring_of_gates_ends_at_the_first_return() {
    let issuer = TokenIssuer::new();
    let keys = KeyServer::start(Conduct::Publish(issuer.document()));
    let valid = bearer(&issuer.token(json!({})));
    for count in 1..=3 {
        let relay = Relay::start(|_| {});
        let gates = ring(count, &relay, &keys);
        let first = gates.last().expect("a gate");
        for (row, bytes) in [
            ("public", request("GET", "/open/page", &[])),
            (
                "public, with Via",
                request("GET", "/open/page", &["Via: 1.1 a, 1.0 b (c, d)"]),
            ),
            ("guarded", request("GET", "/orders/1", &[&valid])),
            (
                "Connection: via",
                request("GET", "/open/page", &["Connection: via", "Via: 1.1 a"]),
            ),
        ] {
            let answer = wire::answer(first.address, &bytes);
            assert_eq!(answer.status, 508, "{count}, {row}: {}", answer.everything());
            assert_eq!(answer.json()["code"], json!("loop_detected"), "{count}, {row}");
            assert_eq!(
                answer.field("content-type").as_deref(),
                Some("application/problem+json")
            );
        }
        // The first gate sees each request twice, the others once.
        first.decision_after(7);
        let denied = first
            .decisions()
            .into_iter()
            .filter(|event| event["status"] == json!(508));
        let denied: Vec<_> = denied.map(|event| event["code"].clone()).collect();
        assert_eq!(denied, vec![json!("loop_detected"); 4], "{count}");
        assert_eq!(first.decisions().len(), 8, "{count}");
        for gate in &gates[..count - 1] {
            gate.decision_after(3);
            assert_eq!(gate.decisions().len(), 4, "{count}");
        }
        let warnings = warnings(&gates);
        assert!(
            matches!(warnings.as_slice(), [one] if one.contains("ring")),
            "{count}: {warnings:?}"
        );
    }
}

#[test]
fn a_ring_through_a_proxy_that_renames_entries_ends_at_a_number() {
    let issuer = TokenIssuer::new();
    let keys = KeyServer::start(Conduct::Publish(issuer.document()));
    let relay = Relay::start(rename);
    let gates = ring(1, &relay, &keys);
    let answer = wire::answer(gates[0].address, &request("GET", "/open/page", &[]));
    assert_eq!(answer.status, 508, "{}", answer.everything());
    assert_eq!(answer.json()["code"], json!("loop_detected"));
    gates[0].decision_after(65);
    let denied = gates[0].decisions();
    let denied = denied.iter().filter(|event| event["status"] == json!(508));
    assert_eq!(denied.count(), 1);
    assert_eq!(gates[0].decisions().len(), 66);
}

#[test]
fn many_entries_of_a_client_are_no_ring_and_hide_none() {
    let deployment = Deployment::with_routes();
    let gate = &deployment.gate;
    let many = format!("Via: {}", vec!["1.1 a"; 65].join(", "));
    let answer = wire::answer(gate.address, &request("GET", "/open/page", &[&many]));
    assert_eq!(answer.status, 508);
    assert_eq!(
        wire::answer(gate.address, &request("GET", "/open/page", &[])).status,
        200
    );
    let own = deployment.upstream.since(0)[0].head.value("via").unwrap_or_default();
    let returned = format!("Via: {own}");
    for _ in 0..2 {
        let answer = wire::answer(gate.address, &request("GET", "/open/page", &[&returned]));
        assert_eq!(answer.status, 508);
    }
    let warnings = warnings(std::slice::from_ref(gate));
    assert!(
        matches!(warnings.as_slice(), [one] if one.contains("passed through this gate before")),
        "{warnings:?}"
    );
}

#[test]
fn via_of_other_proxies_is_forwarded() {
    let deployment = Deployment::with_routes();
    let mut table = Table::on(&deployment);
    let many = vec!["1.1 a"; 64].join(", ");
    for lines in [
        vec![],
        vec!["1.1 a"],
        vec!["1.0 fred, 1.1 p.example.net:8080 (Apache/1.1 (nested, twice))"],
        vec![
            "1.1 actgate",
            "HTTP/2 actgate-0123456789abcdef0123456789abcdef",
            "1.1 actgate-",
        ],
        vec!["", ", ,", "garbage ((("],
        vec![&many],
    ] {
        let fields: Vec<String> = lines.iter().map(|line| format!("Via: {line}")).collect();
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        let row = format!("{lines:.60?}");
        for one in table.request(&row, &request("GET", "/open/page", &fields), PASSES) {
            let mut via = one.head.values("via");
            let own = via.pop().unwrap_or_default();
            table.check(&format!("{row}: the entries before"), via == lines);
            let pseudonym = own.strip_prefix("1.1 actgate-").unwrap_or_default();
            let is_hex = pseudonym.len() == 32 && pseudonym.bytes().all(|byte| byte.is_ascii_hexdigit());
            table.check(&format!("{row}: the own entry {own:?}"), is_hex);
        }
    }
    let old = b"GET /open/page HTTP/1.0\r\nHost: a.example\r\n\r\n";
    for one in table.request("HTTP/1.0", old, PASSES) {
        let via = one.head.values("via");
        table.check(
            &format!("{via:?}"),
            via.len() == 1 && via[0].starts_with("1.0 actgate-"),
        );
    }
    let more = format!("Via: {many}, 1.1 b");
    table.request("65 entries", &request("GET", "/open/page", &[&more]), Want::status(508));
    table.finish();
}

/// The upstream sees the pseudonym and may send it back.
#[test]
fn a_request_with_the_pseudonym_of_the_gate_is_508_in_any_form() {
    let deployment = Deployment::with_routes();
    assert_eq!(
        wire::answer(deployment.gate.address, &request("GET", "/open/page", &[])).status,
        200
    );
    let own = deployment.upstream.since(0)[0].head.value("via").unwrap_or_default();
    let name = own.strip_prefix("1.1 ").expect("the version").to_owned();
    let mut table = Table::on(&deployment);
    for line in [
        own.clone(),
        format!("1.1 a, {own}, 1.1 b"),
        format!("1.1 a,{own} (comment)"),
        format!("HTTP/1.1\t{name}"),
        format!("2.0 {}", name.to_ascii_uppercase()),
        format!("1.1 a (no end, {own}"),
    ] {
        let field = format!("Via: {line}");
        let bytes = request("GET", "/open/page", &["Via: 1.1 a", &field]);
        let answer = wire::answer(deployment.gate.address, &bytes);
        assert_eq!(answer.json()["code"], json!("loop_detected"), "{line}");
        table.request(&line, &request("GET", "/orders/1", &[&field]), Want::status(508));
    }
    // The answer repeats no part of the request, and `Table` takes the pseudonym for a token.
    table.finish();
}
