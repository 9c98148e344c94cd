//! The gate and its upstreams: connections that end, addresses that fail, and protocols other than HTTP/1.1 over TCP.

mod addresses;
mod answers;
mod http2_ends;
mod mismatches;
mod path_forms;
mod protocols;
mod stale;
mod tls;
mod tls_server;
mod tunnels;

use std::future::Future;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use tokio::net::TcpStream;

use crate::deployment::gate::Gate;
use crate::wire::{self, Answer};

/// A gate with public routes in front of the upstreams in these lines.
fn gate(upstreams: &str) -> Gate {
    Gate::run(&configuration(upstreams))
}

fn configuration(upstreams: &str) -> String {
    format!(
        "listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\naudience: a\n\
         issuers: [{{ issuer: 'https://idp.example', jwks_uri: 'http://127.0.0.1:9/jwks' }}]\n\
         routes: [{{ match: '* /{{*rest}}', public: true }}]\n{upstreams}\n"
    )
}

fn send(gate: &Gate, method: &str, target: &str, fields: &[&str], body: &str) -> Answer {
    let length = format!("content-length: {}", body.len());
    let mut fields = fields.to_vec();
    if !body.is_empty() {
        fields.push(&length);
    }
    let mut request = wire::request(method, target, &fields);
    request.extend(body.as_bytes());
    wire::answer(gate.address, &request)
}

/// What a server answers to a request: its number on the connection, from 0, and its head. An empty text ends the connection.
type Reply = fn(usize, &str) -> &'static str;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A server that keeps its connections open. Returns its address, and the head of each request that it received.
fn server(reply: Reply) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let received = Arc::new(Mutex::new(Vec::new()));
    let all = received.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let all = all.clone();
            std::thread::spawn(move || serve(stream, reply, &all));
        }
    });
    (address, received)
}

fn serve(mut stream: impl Read + Write, reply: Reply, all: &Mutex<Vec<String>>) {
    for number in 0.. {
        let Some(head) = head(&mut stream) else { return };
        let answer = reply(number, &head);
        all.lock().expect("the requests").push(head);
        if answer.is_empty() || stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// The head of the next request, whose body is read and dropped.
fn head(stream: &mut impl Read) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        bytes.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
    let length = head
        .split("content-length: ")
        .nth(1)
        .and_then(|rest| rest.lines().next());
    let mut body = vec![0; length.map_or(0, |length| length.parse().expect("a length"))];
    stream.read_exact(&mut body).ok()?;
    Some(head)
}

/// Serves each connection to a free port of the loopback, on a runtime that ends with the process.
fn listen<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    listener.set_nonblocking(true).expect("a listener that does not block");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("the listener");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
    });
    address
}
