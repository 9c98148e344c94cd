//! `listen: systemd` and `Type=notify`, as the example units start the gate.

use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::{ask, ask_at};
use crate::deployment::gate::{Process, binary, run_to_end};
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::upstream::Upstream;
use crate::deployment::{Configuration, ROUTES};
use crate::mint::TokenIssuer;
use crate::structure::source::root;
use crate::wire::DEADLINE;

/// The settings of an example unit.
fn unit(name: &str) -> BTreeMap<String, String> {
    let path = root().join("sidecar/examples/systemd").join(name);
    let text = fs::read_to_string(path).expect("the unit");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let settings = lines.filter_map(|line| line.split_once('='));
    settings
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn configure(folder: &TempDir) -> String {
    let key_server = KeyServer::start(Conduct::Publish(TokenIssuer::new().document()));
    let text = Configuration::of_policy(ROUTES).text(Upstream::start().address(), &key_server);
    let path = folder.path().join("actgate.yaml");
    fs::write(&path, text.replacen("listen: 127.0.0.1:0", "listen: systemd", 1)).expect("a configuration");
    path.to_string_lossy().into_owned()
}

/// Runs the command of the example unit as systemd does: with the socket as descriptor 3 and an address for notifications.
fn activate(configuration: &str, socket: OwnedFd, notifications: &Path) -> Process {
    let service = unit("actgate.service");
    let arguments = service["ExecStart"].split(' ').skip(1);
    let arguments = arguments.map(|argument| match argument {
        "/etc/actgate/actgate.yaml" => configuration,
        other => other,
    });
    let mut command = Command::new("sh");
    let script = "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\"";
    command.args(["-c", script]).arg(binary()).args(arguments);
    command.env("NOTIFY_SOCKET", notifications);
    Process::spawn_with_input(&mut command, Stdio::from(socket))
}

fn notification(notifications: &UnixDatagram) -> String {
    let mut bytes = [0; 512];
    let count = notifications.recv(&mut bytes).expect("a notification");
    String::from_utf8_lossy(&bytes[..count]).trim_end().to_owned()
}

#[test]
fn the_example_units_start_the_gate_and_learn_its_state() {
    assert_eq!(unit("actgate.service")["Type"], "notify");
    assert!(unit("actgate.socket").contains_key("ListenStream"));
    let folder = TempDir::new().expect("a folder");
    let configuration = configure(&folder);
    let at = folder.path().join("notify");
    let notifications = UnixDatagram::bind(&at).expect("a socket");
    notifications.set_read_timeout(Some(DEADLINE)).expect("a time limit");

    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    // A client that connects before the start waits in the queue of the socket.
    let early = TcpStream::connect(address).expect("a connection");
    let mut process = activate(&configuration, listener.into(), &at);
    assert_eq!(notification(&notifications), "READY=1");
    for stream in [early, TcpStream::connect(address).expect("a connection")] {
        stream.set_read_timeout(Some(DEADLINE)).expect("a time limit");
        let answer = ask(stream);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
    process.terminate();
    assert_eq!(notification(&notifications), "STOPPING=1");
    assert_eq!(process.wait().code(), Some(0));
}

#[test]
fn a_unix_socket_of_systemd_is_served_and_stays() {
    let folder = TempDir::new().expect("a folder");
    let configuration = configure(&folder);
    let path = folder.path().join("gate.sock");
    let at = folder.path().join("notify");
    let notifications = UnixDatagram::bind(&at).expect("a socket");
    notifications.set_read_timeout(Some(DEADLINE)).expect("a time limit");
    let listener = UnixListener::bind(&path).expect("a socket");
    let mut process = activate(&configuration, listener.into(), &at);
    assert_eq!(notification(&notifications), "READY=1");
    assert!(ask_at(&path).starts_with("HTTP/1.1 200 OK\r\n"));
    process.terminate();
    assert_eq!(process.wait().code(), Some(0));
    assert!(path.exists());
}

#[test]
fn without_a_socket_the_start_fails_with_the_reason() {
    let folder = TempDir::new().expect("a folder");
    let configuration = configure(&folder);
    let output = run_to_end(&["run", "--config", &configuration], "");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("systemd passed no socket to this process"), "{text}");

    let datagrams = UnixDatagram::bind(folder.path().join("datagrams")).expect("a socket");
    let mut process = activate(&configuration, datagrams.into(), &folder.path().join("nowhere"));
    assert_eq!(process.wait().code(), Some(1));
    let text = process.stderr().join("\n");
    assert!(text.contains("neither TCP nor a unix stream"), "{text}");
}
