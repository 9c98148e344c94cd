//! What happens to messages that last longer than the token that authorized them.

use super::{Setup, head, is_ended, status};
use crate::mint::now;
use crate::wire::{self, Connection};

const LIFETIME: u64 = 4;
const NO_LEEWAY: &str = "leeway: 0s\n";
const EVENTS: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// A stream of events with one event, by a token that expires.
fn streaming(setup: &Setup, target: &str, token: &str) -> (Connection, Connection) {
    let mut client = setup.client();
    client.send(&wire::request("GET", target, &[token])).expect("sent");
    let mut upstream = setup.accept();
    head(&mut upstream);
    upstream.send(EVENTS).expect("sent");
    upstream.send(b"1\r\na\r\n").expect("sent");
    assert_eq!(status(&head(&mut client)), 200);
    assert_eq!(client.reader().chunk().expect("an event"), b"a");
    (client, upstream)
}

#[test]
fn a_response_is_cut_when_its_token_expires() {
    let setup = Setup::start(NO_LEEWAY);
    let expiry = now() + LIFETIME;
    let (mut client, mut upstream) = streaming(&setup, "/orders/1", &setup.token_for(LIFETIME));
    // A cut, and no last chunk.
    let cut = client.reader().chunk().expect_err("a cut");
    assert_eq!(cut.kind(), std::io::ErrorKind::UnexpectedEof);
    assert!(now() >= expiry);
    assert!(is_ended(&mut upstream));
    setup.gate.process.wait_for_line(&["its access token has expired"]);
}

#[test]
fn a_tunnel_is_cut_when_its_token_expires() {
    let setup = Setup::start(NO_LEEWAY);
    let expiry = now() + LIFETIME;
    let (mut client, mut upstream) = setup.tunnel(&setup.token_for(LIFETIME));
    client.send(b"a").expect("sent");
    assert_eq!(upstream.reader().exactly(1).expect("a byte"), b"a");
    assert!(is_ended(&mut client) && is_ended(&mut upstream));
    assert!(now() >= expiry);
}

/// A busy stream has no other end.
#[test]
fn a_stream_that_never_pauses_is_cut_too() {
    let setup = Setup::start(NO_LEEWAY);
    let expiry = now() + LIFETIME;
    let (mut client, mut upstream) = streaming(&setup, "/orders/1", &setup.token_for(LIFETIME));
    let sender = std::thread::spawn(move || {
        let piece = [b"4000\r\n".as_slice(), &[b'x'; 0x4000], b"\r\n"].concat();
        while upstream.send(&piece).is_ok() {}
    });
    while client.reader().chunk().is_ok() {}
    assert!(now() >= expiry);
    sender.join().expect("the sender ends");
}

#[test]
fn the_owner_can_let_both_go_on() {
    let setup = Setup::start("leeway: 0s\nstreams: { after_expiry: continue }\n");
    let expiry = now() + LIFETIME;
    let (mut client, mut upstream) = streaming(&setup, "/orders/1", &setup.token_for(LIFETIME));
    let (mut tunnel, mut far) = setup.tunnel(&setup.token_for(LIFETIME));
    setup.gate.wait_until("expired", || now() > expiry + 1);
    upstream.send(b"1\r\nb\r\n").expect("sent");
    assert_eq!(client.reader().chunk().expect("an event"), b"b");
    tunnel.send(b"c").expect("sent");
    assert_eq!(far.reader().exactly(1).expect("a byte"), b"c");
}

/// On a public route no token is verified, so none expires.
#[test]
fn a_response_without_an_identity_goes_on() {
    let setup = Setup::start(NO_LEEWAY);
    let expiry = now() + 1;
    let (mut client, mut upstream) = streaming(&setup, "/open/page", &setup.token_for(1));
    setup.gate.wait_until("expired", || now() > expiry + 2);
    upstream.send(b"1\r\nb\r\n").expect("sent");
    assert_eq!(client.reader().chunk().expect("an event"), b"b");
}

/// The request was authorized in time. Its response has a moment to arrive.
#[test]
fn a_response_that_begins_after_the_expiry_is_complete() {
    let setup = Setup::start(NO_LEEWAY);
    let expiry = now() + 2;
    let mut client = setup.client();
    client
        .send(&wire::request("GET", "/orders/1", &[&setup.token_for(2)]))
        .expect("sent");
    let mut upstream = setup.accept();
    head(&mut upstream);
    setup.gate.wait_until("expired", || now() > expiry);
    upstream
        .send(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nab")
        .expect("sent");
    assert_eq!(status(&head(&mut client)), 200);
    assert_eq!(client.reader().exactly(2).expect("a half"), b"ab");
    upstream.send(b"cd").expect("sent");
    assert_eq!(client.reader().exactly(2).expect("the other half"), b"cd");
}
