//! Gates that count together in a real Redis, which is stopped, slow and restarted.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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
    // One for each reason, and no more than one in five seconds.
    assert!(warnings.len() < 8, "{lines:?}");
    assert!(warnings[0].contains("redis.sock"), "{}", warnings[0]);
    gate.process.wait_for_line(&["counted again"]);
}

/// Forwards connections to the server at `socket`; those with a number below `holes` go on without forwarding anything.
fn relay(socket: &Path) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let holes = Arc::new(AtomicUsize::new(0));
    let (socket, shared) = (socket.to_owned(), Arc::clone(&holes));
    thread::spawn(move || {
        for (number, client) in listener.incoming().map_while(Result::ok).enumerate() {
            let server = UnixStream::connect(&socket).expect("the server");
            let (client_out, server_out) = (
                client.try_clone().expect("a clone"),
                server.try_clone().expect("a clone"),
            );
            let holes = Arc::clone(&shared);
            thread::spawn(move || forward(client, server_out, number, &holes));
            let holes = Arc::clone(&shared);
            thread::spawn(move || forward(server, client_out, number, &holes));
        }
    });
    (address, holes)
}

fn forward(mut from: impl io::Read, mut to: impl io::Write, number: usize, holes: &AtomicUsize) {
    let mut bytes = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        if number >= holes.load(Ordering::SeqCst) && to.write_all(&bytes[..read]).is_err() {
            return;
        }
    }
}

#[test]
#[ignore = "tests/peers/run installs what it needs"]
fn a_connection_that_forwards_nothing_is_replaced() {
    let folder = TempDir::new().unwrap();
    let _redis = redis(&folder, &[]);
    let (address, holes) = relay(&folder.path().join("redis.sock"));
    let fleet = Fleet::start(&format!("{{ redis: 'redis://{address}', timeout: 1s }}"), &[]);
    let (gate, token) = (&fleet.gates[0], fleet.token("alice"));
    let status = || get(gate.address, "/limited", &token).status;
    assert_eq!([status(), status()], [200, 200]);
    holes.store(1, Ordering::SeqCst);
    assert_eq!([status(), status(), status()], [503, 200, 200]);
}

#[test]
#[ignore = "tests/peers/run installs what it needs"]
fn a_connection_that_the_server_has_closed_costs_no_request() {
    let folder = TempDir::new().unwrap();
    let _redis = redis(&folder, &[]);
    let socket = folder.path().join("redis.sock");
    let fleet = Fleet::start(
        &format!("{{ redis: 'redis+unix://{}', timeout: 5s }}", socket.display()),
        &[],
    );
    let (gate, token) = (&fleet.gates[0], fleet.token("alice"));
    let statuses: Vec<u16> = (0..21)
        .map(|_| {
            let killed = Command::new("redis-cli")
                .arg("-s")
                .arg(&socket)
                .args(["CLIENT", "KILL", "TYPE", "normal"])
                .output();
            assert!(killed.unwrap().status.success());
            get(gate.address, "/limited", &token).status
        })
        .collect();
    let expected = [vec![200; 20], vec![429]].concat();
    assert_eq!(statuses, expected, "each is counted, and once");
}

#[test]
#[ignore = "tests/peers/run installs what it needs"]
fn a_question_that_waited_too_long_counts_nothing() {
    let folder = TempDir::new().unwrap();
    let server = redis(&folder, &[]);
    let socket = folder.path().join("redis.sock");
    let fleet = Fleet::start(&format!("{{ redis: 'redis+unix://{}' }}", socket.display()), &[]);
    let (gate, token) = (&fleet.gates[0], fleet.token("alice"));
    let status = || get(gate.address, "/limited", &token).status;
    let mut allowed = 0;
    let mut recover = || {
        gate.wait_until("an answer", || match status() {
            200 => {
                allowed += 1;
                true
            }
            429 => true,
            _ => false,
        });
    };
    for _ in 0..3 {
        recover();
        server.signal("STOP");
        assert_eq!(status(), 503);
        server.signal("CONT");
    }
    for _ in 0..40 {
        recover();
    }
    assert_eq!(allowed, 20);
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
        "--tls-port {port} --tls-cert-file cert.pem --tls-key-file key.pem --tls-auth-clients no --user gate on >secret ~orders:* +evalsha +eval +time +get +set +select"
    );
    let _redis = redis(&folder, &options.split(' ').collect::<Vec<_>>());
    let limits = |more: &str| {
        format!("{{ redis: 'rediss://127.0.0.1:{port}/3', user: gate, password_file: password, timeout: 5s{more} }}")
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
