//! A WebSocket client and a server of other authors, which know nothing of the gate between them.

use std::net::TcpStream;

use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use super::Setup;
use crate::wire::DEADLINE;

/// Accepts `count` connections, each of which echoes its messages.
fn echo(setup: &Setup, count: usize) -> std::thread::JoinHandle<()> {
    let listener = setup.upstream.try_clone().expect("the listener");
    listener.set_nonblocking(false).expect("a listener that blocks");
    std::thread::spawn(move || {
        for stream in listener.incoming().take(count) {
            let stream = stream.expect("a connection");
            std::thread::spawn(move || {
                let Ok(mut socket) = tungstenite::accept(stream) else {
                    return;
                };
                while let Ok(message) = socket.read() {
                    if message.is_text() || message.is_binary() {
                        socket.send(message).expect("sent");
                    }
                }
            });
        }
    })
}

fn connect(setup: &Setup, token: Option<&str>) -> tungstenite::Result<WebSocket<TcpStream>> {
    let stream = TcpStream::connect(setup.gate.address)?;
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_nodelay(true)?;
    let mut request = format!("ws://{}/orders/1", setup.gate.address).into_client_request()?;
    if let Some(token) = token {
        let (_, value) = token.split_once(": ").expect("a header line");
        let value = HeaderValue::from_str(value).expect("a value");
        request.headers_mut().insert("authorization", value);
    }
    match tungstenite::client(request, stream) {
        Ok((socket, response)) => {
            assert_eq!(response.status(), 101);
            Ok(socket)
        }
        Err(tungstenite::HandshakeError::Failure(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn messages_of_every_size_come_back() {
    let setup = Setup::start("");
    let server = echo(&setup, 1);
    let mut socket = connect(&setup, Some(&setup.token())).expect("a tunnel");
    for length in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
        let message = Message::binary(vec![length as u8; length]);
        socket.send(message.clone()).expect("sent");
        assert_eq!(socket.read().expect("an echo"), message, "{length}");
    }
    socket.send(Message::Ping(b"ping".as_slice().into())).expect("sent");
    assert_eq!(socket.read().expect("a pong"), Message::Pong(b"ping".as_slice().into()));
    socket.close(None).expect("a close");
    assert!(socket.read().expect("the close of the server").is_close());
    assert!(matches!(socket.read(), Err(tungstenite::Error::ConnectionClosed)));
    server.join().expect("the server ends");
}

/// A client may send as soon as it has read the 101, which is never taken for bytes before the switch.
#[test]
fn a_message_right_after_the_switch_passes() {
    const CLIENTS: usize = 200;
    let setup = Setup::start("");
    let server = echo(&setup, CLIENTS);
    for number in 0..CLIENTS {
        let mut socket = connect(&setup, Some(&setup.token())).expect("a tunnel");
        let message = Message::text(format!("message {number}"));
        socket.send(message.clone()).expect("sent");
        assert_eq!(socket.read().expect("an echo"), message);
    }
    server.join().expect("the server ends");
}

#[test]
fn a_client_without_a_token_reads_the_challenge() {
    let setup = Setup::start("");
    let Err(tungstenite::Error::Http(response)) = connect(&setup, None) else {
        panic!("no response");
    };
    assert_eq!(response.status(), 401);
    assert!(response.headers().contains_key("www-authenticate"));
    assert!(!setup.is_called());
}
