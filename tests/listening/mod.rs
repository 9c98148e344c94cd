//! Where the gate listens, and what a load balancer says of its clients.

mod proxy_protocol;
mod systemd;
mod unix_socket;

use std::io::{Read, Write};

use crate::wire::{DEADLINE, request};

/// Sends one request for a public page, and reads until the end of the connection.
fn ask(mut stream: impl Read + Write) -> String {
    stream.write_all(&request("GET", "/open/page", &[])).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

fn ask_at(path: &std::path::Path) -> String {
    let stream = std::os::unix::net::UnixStream::connect(path).expect("a connection");
    stream.set_read_timeout(Some(DEADLINE)).expect("a time limit");
    ask(stream)
}
