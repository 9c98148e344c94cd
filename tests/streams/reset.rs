//! Clients of HTTP/1.1 that reset their connection while the upstream computes.

use super::{Setup, head, is_ended};
use crate::wire::DEADLINE;

#[test]
fn a_reset_of_the_client_ends_the_request_to_the_upstream() {
    let setup = Setup::start("timeouts: { response: 10m }");
    for (line, body) in [("GET /orders/1", ""), ("POST /orders", "body")] {
        let before = setup.gate.decisions().len();
        let mut client = setup.client();
        let fields = format!("Host: orders.example.com\r\n{}", setup.token());
        let request = format!("{line} HTTP/1.1\r\n{fields}\r\nContent-Length: {}\r\n\r\n", body.len());
        client.send(request.as_bytes()).expect("sent");
        let mut upstream = setup.accept();
        head(&mut upstream);
        client.send(body.as_bytes()).expect("sent");
        upstream.reader().exactly(body.len()).expect("the body");
        client.reset();
        assert!(upstream.ends_within(DEADLINE) && is_ended(&mut upstream), "{line}");
        let event = setup.gate.decision_after(before);
        assert_eq!(event["upstream"]["error"], "client_gone", "{line}");
    }
}
