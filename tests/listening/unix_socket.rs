//! `listen: unix:PATH`.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use tempfile::TempDir;

use super::ask_at;
use crate::deployment::gate::{Process, run_to_end};
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::upstream::Upstream;
use crate::deployment::{Configuration, ROUTES};
use crate::mint::TokenIssuer;
use crate::wire::request;

/// A configuration in a folder, which listens at the path.
fn configure(folder: &TempDir, upstream: &Upstream, listen: &str) -> String {
    let key_server = KeyServer::start(Conduct::Publish(TokenIssuer::new().document()));
    let text = Configuration::of_policy(ROUTES).text(upstream.address(), &key_server);
    let path = folder.path().join("actgate.yaml");
    fs::write(
        &path,
        text.replacen("listen: 127.0.0.1:0", &format!("listen: {listen}"), 1),
    )
    .expect("a configuration");
    path.to_string_lossy().into_owned()
}

fn run(configuration: &str, socket: &Path) -> Process {
    let process = Process::start(&["run", "--config", configuration]);
    let announced = format!("actgate: listening on unix:{}", socket.display());
    let deadline = std::time::Instant::now() + crate::wire::DEADLINE;
    while !process.stderr().iter().any(|line| line.contains(&announced)) {
        assert!(std::time::Instant::now() < deadline, "{:?}", process.stderr());
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    process
}

#[test]
fn a_socket_serves_its_owner_and_group_and_is_removed_at_the_end() {
    let folder = TempDir::new().expect("a folder");
    let upstream = Upstream::start();
    let socket = folder.path().join("gate.sock");
    let configuration = configure(&folder, &upstream, "unix:gate.sock");
    let mut process = run(&configuration, &socket);
    let mode = fs::metadata(&socket).expect("the socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let answer = ask_at(&socket);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    // RFC 7239 section 6.2: a peer without an address is not one.
    let received = upstream.since(0);
    assert_eq!(received[0].head.value("x-forwarded-for"), None);
    process.terminate();
    assert_eq!(process.wait().code(), Some(0));
    assert!(!socket.exists());
}

#[test]
fn a_socket_that_is_left_is_replaced_and_one_in_use_is_not() {
    let folder = TempDir::new().expect("a folder");
    let socket = folder.path().join("gate.sock");
    let configuration = configure(&folder, &Upstream::start(), "unix:gate.sock");
    drop(UnixListener::bind(&socket).expect("a socket"));
    let mut process = run(&configuration, &socket);
    assert!(ask_at(&socket).starts_with("HTTP/1.1 200 OK\r\n"));

    let second = run_to_end(&["run", "--config", &configuration], "");
    let text = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1), "{text}");
    assert!(text.contains("another process listens there"), "{text}");
    assert!(ask_at(&socket).starts_with("HTTP/1.1 200 OK\r\n"));

    // After SIGKILL the socket is left.
    process.signal("KILL");
    process.wait();
    assert!(socket.exists());
    let mut process = run(&configuration, &socket);
    process.terminate();
    assert_eq!(process.wait().code(), Some(0));
}

#[test]
fn another_file_is_not_replaced() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("gate.sock");
    fs::write(&file, "text").expect("a file");
    let configuration = configure(&folder, &Upstream::start(), "unix:gate.sock");
    let output = run_to_end(&["run", "--config", &configuration], "");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("the file is no socket"), "{text}");
    assert_eq!(fs::read_to_string(&file).expect("the file"), "text");
}

#[test]
fn a_peer_of_the_socket_may_be_a_trusted_proxy() {
    let folder = TempDir::new().expect("a folder");
    let upstream = Upstream::start();
    let socket = folder.path().join("gate.sock");
    let configuration = configure(&folder, &upstream, "unix:gate.sock");
    let text = fs::read_to_string(&configuration).expect("the configuration");
    let trusted = format!("trusted_proxies: [unix, 10.0.0.0/8]\n{text}");
    for (text, client, scheme) in [(text, None, "http"), (trusted, Some("192.0.2.1, 10.0.0.2"), "https")] {
        fs::write(&configuration, text).expect("a configuration");
        let mut process = run(&configuration, &socket);
        let before = upstream.count();
        let lines = ["X-Forwarded-For: 192.0.2.1, 10.0.0.2", "X-Forwarded-Proto: https"];
        let mut stream = UnixStream::connect(&socket).expect("a connection");
        stream.write_all(&request("GET", "/open/page", &lines)).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let received = upstream.since(before);
        let head = &received[0].head;
        assert_eq!(head.value("x-forwarded-for").as_deref(), client);
        assert_eq!(head.values("x-forwarded-proto"), [scheme]);
        process.terminate();
        process.wait();
    }
}
