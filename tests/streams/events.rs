//! Event streams: each event arrives before the next one is sent, and the end of either side ends the other.

use std::time::Duration;

use super::{Setup, head, is_ended, status};

const EVENTS: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

fn chunk(data: &str) -> Vec<u8> {
    format!("{:x}\r\n{data}\r\n", data.len()).into_bytes()
}

#[test]
fn each_event_arrives_before_the_next_is_sent() {
    let setup = Setup::start("timeouts: { response: 3s, stream: 1h }\n");
    let (mut client, mut upstream) = setup.exchange();
    upstream.send(EVENTS).expect("sent");
    let answer = head(&mut client);
    assert_eq!(status(&answer), 200);
    assert_eq!(answer.values("content-type"), ["text/event-stream"]);
    for number in 0..20 {
        let event = format!("id: {number}\ndata: {}\n\n", "x".repeat(number * 10));
        upstream.send(&chunk(&event)).expect("sent");
        assert_eq!(client.reader().chunk().expect("an event"), event.as_bytes());
        if number == 10 {
            // Longer than the time for a response head, which does not apply to its body.
            std::thread::sleep(Duration::from_secs(4));
        }
    }
    upstream.send(b"0\r\n\r\n").expect("sent");
    assert_eq!(client.reader().chunk().expect("the last chunk"), b"");
}

#[test]
fn the_end_of_the_client_ends_the_upstream() {
    let setup = Setup::start("");
    let (mut client, mut upstream) = setup.exchange();
    upstream.send(EVENTS).expect("sent");
    upstream.send(&chunk("data: 1\n\n")).expect("sent");
    head(&mut client);
    assert_eq!(client.reader().chunk().expect("an event"), b"data: 1\n\n");
    drop(client);
    assert!(is_ended(&mut upstream));
}

#[test]
fn the_death_of_the_upstream_is_no_clean_end() {
    let setup = Setup::start("");
    let (mut client, mut upstream) = setup.exchange();
    upstream.send(EVENTS).expect("sent");
    upstream.send(&chunk("data: 1\n\n")).expect("sent");
    head(&mut client);
    assert_eq!(client.reader().chunk().expect("an event"), b"data: 1\n\n");
    drop(upstream);
    assert!(client.reader().chunk().is_err());
}
