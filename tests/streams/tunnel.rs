//! A tunnel: both directions, their ends, and the limits.

use std::time::Instant;

use super::{Setup, is_ended};

#[test]
fn bytes_pass_in_both_directions_and_each_has_its_own_end() {
    let setup = Setup::start("");
    let (mut client, mut upstream) = setup.tunnel(&setup.token());
    for round in 0..10_u8 {
        client.send(&[round; 300]).expect("sent");
        assert_eq!(upstream.reader().exactly(300).expect("bytes"), [round; 300]);
        upstream.send(&[round; 500]).expect("sent");
        assert_eq!(client.reader().exactly(500).expect("bytes"), [round; 500]);
    }
    upstream.finish_sending();
    assert_eq!(client.reader().rest().expect("an end"), b"");
    client.send(b"the last of the client").expect("sent");
    client.finish_sending();
    assert_eq!(upstream.reader().rest().expect("an end"), b"the last of the client");
}

#[test]
fn the_end_of_either_side_ends_the_other() {
    let setup = Setup::start("");
    let (client, mut upstream) = setup.tunnel(&setup.token());
    drop(client);
    assert!(is_ended(&mut upstream));
    let (mut client, upstream) = setup.tunnel(&setup.token());
    drop(upstream);
    assert!(is_ended(&mut client));
}

/// A tunnel has neither the time limit of a request head nor that of an unread response.
#[test]
fn a_tunnel_outlives_the_limits_of_requests_and_not_its_own() {
    let setup = Setup::start("timeouts: { header: 2s, keep_alive: 1s, response: 2s, stream: 5s }\n");
    let (mut client, mut upstream) = setup.tunnel(&setup.token());
    let start = Instant::now();
    client.send(b"a").expect("sent");
    assert_eq!(upstream.reader().exactly(1).expect("a byte"), b"a");
    assert!(is_ended(&mut client) && is_ended(&mut upstream));
    assert!(start.elapsed().as_secs() >= 4, "{:?}", start.elapsed());
}

#[test]
fn a_tunnel_is_open_until_the_end_of_the_drain() {
    let mut setup = Setup::start("timeouts: { drain: 2s }\n");
    let (mut client, mut upstream) = setup.tunnel(&setup.token());
    setup.gate.process.terminate();
    setup.gate.wait_until("draining", || {
        setup.gate.process.stderr().iter().any(|line| line.contains("draining"))
    });
    client.send(b"a").expect("sent");
    assert_eq!(upstream.reader().exactly(1).expect("a byte"), b"a");
    assert!(is_ended(&mut client) && is_ended(&mut upstream));
    assert!(setup.gate.process.wait().success());
}
