//! Long polls: a response that begins late has `timeouts.response`, not `timeouts.body`.

use std::time::Duration;

use super::{Setup, head, status};
use crate::wire;

/// Longer than `timeouts.body`, and shorter than `timeouts.response`.
const SILENCE: Duration = Duration::from_secs(3);

#[test]
fn a_response_that_begins_after_a_silence_arrives() {
    let setup = Setup::start("timeouts: { body: 1s, header: 1s, keep_alive: 1s, response: 30s }\n");
    let poll = wire::request("GET", "/orders/1", &[&setup.token()]);
    let upload = format!(
        "POST /orders HTTP/1.1\r\nHost: orders.example.com\r\n{}\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello",
        setup.token()
    );
    let mut open = Vec::new();
    for (request, body) in [(poll, ""), (upload.into_bytes(), "hello")] {
        let mut client = setup.client();
        client.send(&request).expect("sent");
        let mut upstream = setup.accept();
        head(&mut upstream);
        assert_eq!(
            upstream.reader().exactly(body.len()).expect("the body"),
            body.as_bytes()
        );
        open.push((client, upstream));
    }
    std::thread::sleep(SILENCE);
    for (client, upstream) in &mut open {
        upstream
            .send(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnews")
            .expect("sent");
        assert_eq!(status(&head(client)), 200);
        assert_eq!(client.reader().exactly(4).expect("the body"), b"news");
    }
}

#[test]
fn a_silence_longer_than_the_time_for_a_response_is_504() {
    let setup = Setup::start("timeouts: { body: 30s, response: 1s }\n");
    let (mut client, _upstream) = setup.exchange();
    assert_eq!(status(&head(&mut client)), 504);
}
