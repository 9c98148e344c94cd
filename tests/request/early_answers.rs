//! Answers of the upstream that come before it has read the request body.

use std::io::Write;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

use crate::deployment::Configuration;
use crate::deployment::gate::Gate;
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::mint::TokenIssuer;
use crate::wire::http1::{Reader, Unframed};
use crate::wire::{AnswerTo, Connection, Outcome, bearer};

/// What the upstream does once it has answered 413 to a head.
#[derive(Clone, Copy, Debug)]
enum Afterwards {
    /// It ends its side and reads the rest.
    HalfClose,
    /// It keeps the connection and reads the rest.
    Keep,
    /// It closes with bytes that it has not read, which resets the connection.
    Close,
}

const TOO_LARGE: &str = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 9\r\n";

fn upstream(afterwards: Afterwards) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || refuse(stream, afterwards));
        }
    });
    address
}

fn refuse(mut stream: TcpStream, afterwards: Afterwards) -> std::io::Result<()> {
    let mut reader = Reader::new(stream.try_clone()?);
    while let Some(head) = reader.head()? {
        let connection = match afterwards {
            Afterwards::Keep => "",
            Afterwards::HalfClose | Afterwards::Close => "Connection: close\r\n",
        };
        stream.write_all(format!("{TOO_LARGE}{connection}\r\ntoo large").as_bytes())?;
        match afterwards {
            Afterwards::Close => return Ok(()),
            Afterwards::HalfClose => stream.shutdown(Shutdown::Write)?,
            Afterwards::Keep => {}
        }
        reader.body(&head, Unframed::Empty)?;
    }
    Ok(())
}

/// A gate before `upstream`, and the `Authorization` line of a token that writes.
fn gate_before(upstream: SocketAddr) -> (Gate, String) {
    let issuer = TokenIssuer::new();
    let keys = KeyServer::start(Conduct::Publish(issuer.document()));
    let gate = Gate::run(&Configuration::default().text(upstream, &keys));
    gate.wait_until_ready();
    let token = issuer.token(serde_json::json!({ "scope": "orders:write" }));
    (gate, bearer(&token))
}

/// The status and the body of the answer to `size` bytes, from a client that sends all of them before it reads.
fn upload(gate: &Gate, token: &str, size: usize) -> (u16, String) {
    let mut client = Connection::open(gate.address).expect("a connection");
    let head = format!(
        "POST /orders HTTP/1.1\r\nHost: orders.example.com\r\n{token}\r\nContent-Type: application/octet-stream\r\n\
         Content-Length: {size}\r\n\r\n"
    );
    client.send(head.as_bytes()).expect("sent");
    // The gate may have answered and closed.
    let _ = client.send(&vec![b'x'; size]);
    match client.answer(AnswerTo::AnyMethod) {
        Outcome::Answered(answer) => (answer.status, answer.text()),
        other => panic!("{other:?} for {size} bytes"),
    }
}

const SIZES: [usize; 3] = [1_000, 100_000, 2_000_000];

#[test]
fn the_answer_of_an_upstream_that_reads_on_arrives() {
    for afterwards in [Afterwards::HalfClose, Afterwards::Keep] {
        let (gate, token) = gate_before(upstream(afterwards));
        for size in SIZES {
            for _ in 0..5 {
                let answer = upload(&gate, &token, size);
                assert_eq!(answer, (413, "too large".to_owned()), "{afterwards:?}, {size} bytes");
            }
        }
    }
}

/// The reset of a connection can discard an answer that has arrived: the answer is that of the upstream, whole, or 502.
#[test]
fn an_upstream_that_closes_with_unread_bytes_has_no_other_answer_than_its_own() {
    let (gate, token) = gate_before(upstream(Afterwards::Close));
    for size in SIZES {
        for _ in 0..5 {
            let (status, body) = upload(&gate, &token, size);
            match status {
                413 => assert_eq!(body, "too large"),
                _ => assert_eq!(status, 502, "{body}"),
            }
        }
    }
}
