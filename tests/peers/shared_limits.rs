//! Gates that count together in a real Redis, which is stopped, slow and restarted.

use std::fs;
use std::net::TcpListener;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::deployment::Configuration;
use crate::deployment::gate::{Gate, Process};
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::upstream::Upstream;
use crate::mint::TokenIssuer;
use crate::mint::certificate::CertificateAuthority;
use crate::wire::get;

const POLICY: &str = "routes: [{ match: GET /limited, limit: { per: initiator, rate: 20/d } }, { match: GET /free }]\n";

/// A server with these options at a unix socket of the folder.
fn redis(folder: &TempDir, options: &[&str]) -> Process {
    let socket = folder.path().join("redis.sock");
    let _ = fs::remove_file(&socket);
    let process = Process::spawn(
        Command::new("redis-server")
            .args(["--save", "", "--appendonly", "no", "--port", "0", "--unixsocket"])
            .arg(&socket)
            .args(options)
            .current_dir(folder.path()),
    );
    let deadline = Instant::now() + Duration::from_secs(20);
    while !socket.exists() {
        assert!(Instant::now() < deadline, "{}", process.stdout().join("\n"));
        thread::sleep(Duration::from_millis(10));
    }
    process
}

/// Two gates that count in the same store, and their issuer.
struct Fleet {
    gates: [Gate; 2],
    issuer: TokenIssuer,
    _upstream: Upstream,
    _keys: KeyServer,
}

impl Fleet {
    fn start(shared_limits: &str, files: &[(&str, &str)]) -> Fleet {
        let issuer = TokenIssuer::new();
        let keys = KeyServer::start(Conduct::Publish(issuer.document()));
        let upstream = Upstream::start();
        let configuration = Configuration {
            top: format!("shared_limits: {shared_limits}\n"),
            ..Configuration::of_policy(POLICY)
        };
        let text = configuration.text(upstream.address(), &keys);
        let gates = [(), ()].map(|()| {
            let gate = Gate::run_beside(&text, files);
            gate.wait_until_ready();
            gate
        });
        Fleet {
            gates,
            issuer,
            _upstream: upstream,
            _keys: keys,
        }
    }

    fn token(&self, subject: &str) -> String {
        self.issuer.token(json!({ "sub": subject }))
    }
}

#[test]
#[ignore = "tests/peers/run installs what it needs"]
fn gates_count_together_in_redis() {
    let folder = TempDir::new().unwrap();
    let _redis = redis(&folder, &["--requirepass", "secret"]);
    let socket = folder.path().join("redis.sock");
    let limits = format!(
        "{{ redis: 'redis+unix://{}', password_file: password, timeout: 5s }}",
        socket.display()
    );
    let fleet = Fleet::start(&limits, &[("password", "secret\n")]);
    let token = fleet.token("alice");
    let allowed: usize = thread::scope(|scope| {
        let one = |gate: &'_ Gate| {
            let (address, token) = (gate.address, token.clone());
            let answers = move || {
                (0..15)
                    .filter(|_| get(address, "/limited", &token).status == 200)
                    .count()
            };
            scope.spawn(answers)
        };
        let running: Vec<_> = fleet.gates.iter().flat_map(|gate| [one(gate), one(gate)]).collect();
        running.into_iter().map(|one| one.join().unwrap()).sum()
    });
    assert_eq!(allowed, 20);
    let [one, other] = &fleet.gates;
    for gate in [one, other] {
        assert_eq!(
            get(gate.address, "/limited", &token).field("retry-after"),
            Some("4320".to_owned())
        );
        assert_eq!(get(gate.address, "/limited", &fleet.token("bob")).status, 200);
        assert_eq!(
            gate.process
                .stderr()
                .iter()
                .filter(|line| line.contains("cannot be counted"))
                .count(),
            0
        );
    }
}

#[test]
#[ignore = "tests/peers/run installs what it needs"]
fn an_outage_of_redis_denies_what_needs_it_and_ends_by_itself() {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("redis.sock");
    let limits = format!("{{ redis: 'redis+unix://{}' }}", socket.display());
    let fleet = Fleet::start(&limits, &[]);
    let (gate, token) = (&fleet.gates[0], fleet.token("alice"));
    let is_out = |state: &str| {
        let begun = Instant::now();
        let answer = get(gate.address, "/limited", &token);
        assert_eq!(
            (answer.status, answer.field("retry-after")),
            (503, Some("1".to_owned())),
            "{state}"
        );
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{state}: {:?}",
            begun.elapsed()
        );
        assert_eq!(get(gate.address, "/free", &token).status, 200, "{state}");
        assert_eq!(gate.readiness(), 200, "{state}");
    };
    let recovers = |state| gate.wait_until(state, || get(gate.address, "/limited", &token).status == 200);
    is_out("not started");
    let denied = |event: &Value| event["code"] == "limit_unavailable" && event["rule"] == "GET /limited: limit";
    gate.wait_until("a line in the decision log", || gate.decisions().iter().any(denied));
    let mut server = redis(&folder, &[]);
    recovers("started");
    server.signal("STOP");
    is_out("slow");
    server.signal("CONT");
    recovers("as fast as before");
    server.signal("KILL");
    server.wait();
    is_out("killed");
    let _server = redis(&folder, &[]);
    recovers("restarted");
    gate.process.wait_for_line(&["cannot be counted"]);
    let lines = gate.process.stderr();
    let warnings: Vec<&String> = lines.iter().filter(|line| line.contains("cannot be counted")).collect();
    assert_eq!(warnings.len(), 1, "{lines:?}");
    assert!(warnings[0].contains("redis.sock"), "{}", warnings[0]);
}

#[test]
#[ignore = "tests/peers/run installs what it needs"]
fn redis_is_asked_over_tls_as_a_user() {
    let folder = TempDir::new().unwrap();
    let authority = CertificateAuthority::new("limits");
    let server = authority.server();
    for (name, text) in [
        ("cert.pem", server.pem()),
        ("key.pem", server.key_pem()),
        ("ca.pem", authority.pem()),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let port = free.expect("a free port").port().to_string();
    let options = format!(
        "--tls-port {port} --tls-cert-file cert.pem --tls-key-file key.pem --tls-auth-clients no --user gate on >secret ~orders:* +@all"
    );
    let _redis = redis(&folder, &options.split(' ').collect::<Vec<_>>());
    let limits = |more: &str| {
        format!("{{ redis: 'rediss://127.0.0.1:{port}', user: gate, password_file: password, timeout: 5s{more} }}")
    };
    let (password, ca) = (("password", "secret\n"), authority.pem());
    let counted = |limits: &str| {
        let fleet = Fleet::start(limits, &[password, ("ca.pem", &ca)]);
        get(fleet.gates[0].address, "/limited", &fleet.token("alice")).status
    };
    assert_eq!(counted(&limits(", ca_file: ca.pem, prefix: orders")), 200);
    assert_eq!(
        counted(&limits(", ca_file: ca.pem")),
        503,
        "a key that the user may not write"
    );
    assert_eq!(
        counted(&limits(", prefix: orders")),
        503,
        "an authority that the system does not trust"
    );
}
