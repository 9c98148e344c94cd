//! nginx, Caddy, Traefik, HAProxy and Envoy in front of the API, each with its example: every request gets the decision that it gets
//! from the gate itself.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::decision_api::{Decisions, decision, rows};
use crate::deployment::Configuration;
use crate::deployment::gate::Process;
use crate::peers::program::installed;
use crate::structure::source::{files_below, root};

/// A proxy with its example.
struct Front {
    _process: Process,
    _folder: TempDir,
    address: SocketAddr,
}

impl Front {
    /// Starts a proxy with the example in `file`, whose ports are those of `targets`; `command` gets the folder of the file.
    fn start(file: &str, targets: &[(u16, SocketAddr)], command: impl FnOnce(&Path) -> Command) -> Self {
        Self::start_edited(file, targets, &[], command)
    }

    /// The same, with the second text of each edit before the first one.
    fn start_edited(
        file: &str,
        targets: &[(u16, SocketAddr)],
        edits: &[(&str, &str)],
        command: impl FnOnce(&Path) -> Command,
    ) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = free.expect("a free port");
        let folder = TempDir::new().expect("a folder");
        let path = root().join("sidecar/examples").join(file);
        let mut missing: Vec<u16> = [8080]
            .into_iter()
            .chain(targets.iter().map(|(port, _)| *port))
            .collect();
        // With the files beside it.
        for file in files_below(path.parent().expect("a folder")) {
            let mut text = fs::read_to_string(&file).expect("the example");
            for (place, added) in edits
                .iter()
                .filter(|(place, _)| text.contains(place))
                .copied()
                .collect::<Vec<_>>()
            {
                text = text.replacen(place, &format!("{added}{place}"), 1);
            }
            for (port, target) in [(8080, address)].iter().chain(targets) {
                for (before, after) in [("127.0.0.1:", ""), ("://:", " {"), ("port_value: ", " ")] {
                    let of = |port: u16| format!("{before}{port}{after}");
                    if text.contains(&of(*port)) && !file.ends_with("actgate.yaml") {
                        missing.retain(|missing| missing != port);
                        text = text.replace(&of(*port), &of(target.port()));
                    }
                }
            }
            fs::write(folder.path().join(file.file_name().expect("a name")), text).expect("the example is written");
        }
        assert_eq!(missing, [0; 0], "{file} has none of these ports");
        let mut process = Process::spawn(command(folder.path()).current_dir(folder.path()));
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(address).is_err() {
            let output = process.stderr().join("\n");
            assert!(
                process.is_running() && Instant::now() < deadline,
                "{file} does not start:\n{output}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Self {
            _process: process,
            _folder: folder,
            address,
        }
    }
}

/// The headers in which the API receives the identity, in any spelling.
fn identity(received: &crate::deployment::upstream::Received) -> Vec<(String, Vec<u8>)> {
    let fields = received.head.fields.iter();
    let own = fields.filter(|(name, _)| name.to_lowercase().replace('_', "-").starts_with("x-auth-"));
    // A proxy may write one that is empty.
    let mut own: Vec<_> = own.filter(|(_, value)| !value.is_empty()).cloned().collect();
    for (name, _) in &mut own {
        *name = name.to_lowercase();
    }
    own.sort();
    own
}

/// Every row in front of the gate, and in front of the proxy.
fn decide_the_same(name: &str, decisions: &Decisions, front: &Front) {
    let upstream = &decisions.deployment.upstream;
    let rows = rows::rows(&decisions.deployment.issuer);
    assert_eq!(rows.len(), 30);
    for row in rows {
        let known = upstream.count();
        let (of_gate, line_of_gate) = decisions.exchange(decisions.deployment.gate.address, &row.request());
        let from_gate = upstream.since(known);
        let known = upstream.count();
        let (answer, line) = decisions.exchange(front.address, &row.request());
        let from_proxy = upstream.since(known);
        let row_name = format!("{name}, {}", row.name);
        assert_eq!(decision(&line), decision(&line_of_gate), "{row_name}");
        assert_eq!(answer.status, of_gate.status, "{row_name}: {}", answer.everything());
        let challenge = |answer: &crate::wire::Answer| answer.field("www-authenticate");
        assert_eq!(challenge(&answer), challenge(&of_gate), "{row_name}");
        assert_eq!(
            (from_gate.len(), from_proxy.len()),
            (usize::from(row.status == 200), from_gate.len()),
            "{row_name}"
        );
        for (of_gate, of_proxy) in from_gate.iter().zip(&from_proxy) {
            assert_eq!(
                (&of_proxy.method, &of_proxy.target),
                (&of_gate.method, &of_gate.target),
                "{row_name}"
            );
            assert_eq!(identity(of_proxy), identity(of_gate), "{row_name}");
            assert!(!of_proxy.has("authorization"), "{row_name}");
        }
    }
    println!("{name}: 30 requests, each decided as by the gate");
}

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn nginx_decides_as_the_gate() {
    let decisions = Decisions::start("  forward_auth: { proxy: nginx, bodies: passed }\n");
    let targets = [
        (9000, decisions.deployment.upstream.address()),
        (9191, decisions.address),
    ];
    let front = Front::start("nginx/actgate.conf", &targets, |folder| {
        let main = "daemon off;\nmaster_process off;\nerror_log stderr;\npid nginx.pid;\nevents {}\nhttp {\naccess_log off;\n\
                    client_body_temp_path body;\nproxy_temp_path proxy;\nfastcgi_temp_path fastcgi;\n\
                    uwsgi_temp_path uwsgi;\nscgi_temp_path scgi;\ninclude actgate.conf;\n}\n";
        fs::write(folder.join("nginx.conf"), main).expect("the configuration is written");
        let mut nginx = Command::new("nginx");
        nginx.args(["-c", "nginx.conf", "-e", "stderr", "-p"]).arg(folder);
        nginx
    });
    decide_the_same("nginx", &decisions, &front);
}

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn caddy_decides_as_the_gate() {
    let decisions = Decisions::start("  forward_auth: { proxy: caddy, bodies: passed }\n");
    let targets = [
        (9000, decisions.deployment.upstream.address()),
        (9191, decisions.address),
    ];
    let front = Front::start("caddy/Caddyfile", &targets, |folder| {
        let mut caddy = Command::new("caddy");
        caddy
            .args(["run", "--config", "Caddyfile", "--adapter", "caddyfile"])
            .env("HOME", folder);
        caddy
    });
    decide_the_same("Caddy", &decisions, &front);
}

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn traefik_decides_as_the_gate() {
    let decisions = Decisions::start("  forward_auth: { proxy: traefik, bodies: passed }\n");
    let targets = [
        (9000, decisions.deployment.upstream.address()),
        (9191, decisions.address),
    ];
    let front = Front::start("traefik/traefik.toml", &targets, |_| {
        let mut traefik = Command::new(installed("venv/bin/traefik"));
        traefik.arg("--configFile=traefik.toml");
        traefik
    });
    // It listens before it has routes.
    let deadline = Instant::now() + Duration::from_secs(30);
    let probe = crate::wire::request("GET", "/nowhere", &[]);
    loop {
        let known = decisions.deployment.gate.decisions().len();
        if crate::wire::answer(front.address, &probe).status != 404 {
            decisions.deployment.gate.decision_after(known);
            break;
        }
        assert!(Instant::now() < deadline, "no routes");
        std::thread::sleep(Duration::from_millis(20));
    }
    decide_the_same("Traefik", &decisions, &front);
}

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn haproxy_decides_as_the_gate() {
    let configuration = Configuration {
        top: "trusted_proxies: [127.0.0.1]\n".to_owned(),
        ..Configuration::of_policy(rows::POLICY)
    };
    let decisions = Decisions::start_with("  forward_auth: nginx\n", configuration);
    let targets = [(8081, decisions.deployment.gate.address)];
    let front = Front::start("haproxy/haproxy.cfg", &targets, |_| {
        let mut haproxy = Command::new("haproxy");
        haproxy.args(["-db", "-f", "haproxy.cfg"]);
        haproxy
    });
    decide_the_same("HAProxy", &decisions, &front);
}

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn envoy_decides_as_the_gate() {
    let decisions = Decisions::start("  ext_authz: { bodies: sent }\n");
    let targets = [
        (9000, decisions.deployment.upstream.address()),
        (9191, decisions.address),
    ];
    let front = Front::start("envoy/envoy.yml", &targets, |_| envoy());
    decide_the_same("Envoy", &decisions, &front);
    // What Envoy forwards as its client wrote it does not arrive.
    let known = decisions.deployment.upstream.count();
    let reader = decisions.deployment.reader();
    let fields = [
        &*reader,
        "Forwarded: for=6.6.6.6",
        "X-Real-IP: 6.6.6.6",
        "X-Forwarded-Host: evil.example",
        "X-Forwarded-Port: 1",
    ];
    decisions.exchange(front.address, &crate::wire::request("GET", "/orders/7", &fields));
    let received = decisions.deployment.upstream.since(known);
    assert_eq!(received.len(), 1);
    for name in ["forwarded", "x-real-ip", "x-forwarded-host", "x-forwarded-port"] {
        assert!(!received[0].has(name), "{name}");
    }
    assert!(received[0].has("x-forwarded-for") && received[0].has("x-forwarded-proto"));
}

fn envoy() -> Command {
    let mut envoy = Command::new(installed("venv/bin/envoy"));
    let arguments = [
        "-c",
        "envoy.yml",
        "--concurrency",
        "1",
        "--log-level",
        "warning",
        "--disable-hot-restart",
    ];
    envoy.args(arguments);
    envoy
}

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn the_bodies_and_the_mcp_filter_of_envoy() {
    let policy = "routes:\n  - match: POST /mcp\n    mcp: { method: tools/call, name: [get_*] }\n    scopes: [orders:read]\n  - match: \
                  POST /mcp\n    mcp: { method: tools/call }\n    scopes: [admin]\n  - match: POST /mcp\n    scopes: [other]\n  - match: \
                  POST /orders\n    scopes: [orders:read]\n  - match: DELETE /orders\n    scopes: [admin]\n  - match: POST /pay\n    \
                  scopes: [orders:read]\n    operation: { json: { /amount: { max: 5 } } }\n";
    let apis = "  ext_authz: { bodies: sent, mcp: { from: envoy-metadata } }\n";
    let decisions = Decisions::start_with(apis, Configuration::of_policy(policy));
    let targets = [
        (9000, decisions.deployment.upstream.address()),
        (9191, decisions.address),
    ];
    let filter = "- name: envoy.filters.http.mcp\n                    typed_config:\n                      \"@type\": \
                  type.googleapis.com/envoy.extensions.filters.http.mcp.v3.Mcp\n                  ";
    let namespaces = "metadata_context_namespaces: [envoy.filters.http.mcp]\n                      ";
    let edits = [
        ("- name: envoy.filters.http.ext_authz", filter),
        ("transport_api_version: V3", namespaces),
    ];
    let front = Front::start_edited("envoy/envoy.yml", &targets, &edits, |_| envoy());
    let reader = decisions.deployment.reader();
    let status = |path: &str, content_type: &str, body: &str, framing: &str| {
        let length = match framing {
            "chunked" => "Transfer-Encoding: chunked".to_owned(),
            _ => format!("Content-Length: {}", body.len()),
        };
        let content_type = format!("Content-Type: {content_type}");
        let fields = [
            &*reader,
            &length,
            &content_type,
            "Accept: application/json, text/event-stream",
            "MCP-Protocol-Version: 2025-06-18",
        ];
        let mut request = crate::wire::request("POST", path, &fields);
        match framing {
            "chunked" => request.extend(format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).as_bytes()),
            _ => request.extend(body.as_bytes()),
        }
        let (answer, line) = decisions.exchange(front.address, &request);
        (answer.status, line["code"].as_str().unwrap_or_default().to_owned())
    };
    let allowed = (200, String::new());
    let denied = |status: u16, code: &str| (status, code.to_owned());
    let call = |name: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}","arguments":{{}}}}}}"#)
    };
    for framing in ["length", "chunked"] {
        assert_eq!(
            status("/mcp", "application/json", &call("get_order"), framing),
            allowed,
            "{framing}"
        );
        let other = status("/mcp", "application/json", &call("delete_order"), framing);
        assert_eq!(other, denied(403, "insufficient_scope"), "{framing}");
        let form = "application/x-www-form-urlencoded";
        assert_eq!(status("/orders", form, "a=b", framing), allowed, "{framing}");
        assert_eq!(
            status("/orders", form, "a=b&_method=DELETE", framing),
            denied(400, "invalid_request"),
            "{framing}"
        );
        assert_eq!(
            status("/pay", "application/json", r#"{"amount":5}"#, framing),
            allowed,
            "{framing}"
        );
        let more = status("/pay", "application/json", r#"{"amount":6}"#, framing);
        assert_eq!(more, denied(403, "operation_not_met"), "{framing}");
    }
}

#[test]
#[ignore = "needs the programs of tests/peers/run"]
fn a_client_of_authzen_gets_decisions() {
    let decisions = Decisions::start("  authzen: {}\n");
    let token = decisions
        .deployment
        .issuer
        .token(serde_json::json!({ "act": crate::mint::chain(&["bot"]) }));
    let url = format!("http://{}", decisions.address);
    let client = crate::peers::program::Program::start("clients/authzen_client.py", &[&url, &token]);
    client.line_after("done", 0);
    assert_eq!(client.count("GET /orders/7 True"), 1);
    assert_eq!(client.count("GET /reports False actor_present"), 1);
    assert_eq!(client.count("GET /open/a True"), 1);
}
