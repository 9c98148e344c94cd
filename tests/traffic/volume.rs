//! Bodies of a GiB in each direction: they pass as they come, and the memory of the gate stays.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Runtime;

use crate::deployment::Configuration;
use crate::deployment::gate::Gate;
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::mint::TokenIssuer;
use crate::traffic::counting_upstream::{CountingUpstream, drain, fill};
use crate::wire::http2::Http2;
use crate::wire::{self, bearer};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// More memory than before the body.
const MAX_GROWTH: u64 = 16 * MIB;

/// A gate, and the line of a token for every route.
struct Stretch {
    gate: Gate,
    token: String,
}

impl Stretch {
    fn start() -> Self {
        let issuer = TokenIssuer::new();
        let keys = KeyServer::start(Conduct::Publish(issuer.document()));
        let upstream = CountingUpstream::start();
        let gate = Gate::run(&Configuration::default().text(upstream.address, &keys));
        gate.wait_until_ready();
        let claims = serde_json::json!({ "scope": "orders:write orders:read" });
        let token = bearer(&issuer.token(claims));
        Self { gate, token }
    }

    /// Runs `transfer` after a short one, and compares the memory after that with the highest of the long one.
    fn memory_stays(&self, transfer: impl Fn(u64), size: u64) {
        transfer(MIB);
        let before = self.gate.process.resident();
        // The samples end with the transfer, also where it fails.
        let (sender, ended) = mpsc::channel::<()>();
        let highest = std::thread::scope(|scope| {
            let sampled = scope.spawn(move || {
                let mut most = None;
                while ended.recv_timeout(Duration::from_millis(20)) == Err(RecvTimeoutError::Timeout) {
                    most = most.max(self.gate.process.resident());
                }
                most
            });
            let sender = sender;
            transfer(size);
            drop(sender);
            sampled.join().expect("the samples")
        });
        if let (Some(before), Some(highest)) = (before, highest) {
            assert!(
                highest < before + MAX_GROWTH,
                "{before} bytes before, {highest} meanwhile"
            );
        }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.gate.address).expect("a connection");
        stream.set_read_timeout(Some(wire::DEADLINE)).expect("a time-out");
        stream
    }

    fn download(&self, size: u64) {
        let mut stream = self.connect();
        let token = &self.token;
        write!(
            stream,
            "GET /orders/{size} HTTP/1.1\r\nHost: a.example\r\n{token}\r\nConnection: close\r\n\r\n"
        )
        .expect("sent");
        let read = drain(&mut stream).expect("the answer");
        assert!(
            (size..size + 1024).contains(&read),
            "{read} of {size} bytes with the head"
        );
    }

    fn upload(&self, size: u64) {
        let mut stream = self.connect();
        let token = &self.token;
        write!(
            stream,
            "POST /orders HTTP/1.1\r\nHost: a.example\r\n{token}\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n"
        )
        .expect("sent");
        fill(&mut stream, size).expect("all is read");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the answer");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.ends_with(&format!("\r\n\r\n{size}")), "{answer}");
    }

    fn http2_download(&self, size: u64) {
        Runtime::new().expect("a runtime").block_on(async {
            let client = Http2::open(self.gate.address).await;
            let request = client.request("GET", &format!("/orders/{size}"), &[&self.token]);
            let (response, mut body) = client.begin(request).await.expect("a stream");
            body.send_data(Bytes::new(), true).expect("sent");
            let mut body = response.await.expect("an answer").into_body();
            let mut read = 0;
            while let Some(data) = body.data().await {
                let data = data.expect("the body");
                body.flow_control().release_capacity(data.len()).expect("a window");
                read += data.len() as u64;
            }
            assert_eq!(read, size);
        });
    }

    fn http2_upload(&self, size: u64) {
        Runtime::new().expect("a runtime").block_on(async {
            let client = Http2::open(self.gate.address).await;
            let request = client.request("POST", "/orders", &[&self.token]);
            let (response, mut body) = client.begin(request).await.expect("a stream");
            let part = Bytes::from(vec![b'x'; 16 * 1024]);
            let mut left = size;
            while left > 0 {
                body.reserve_capacity(part.len());
                let capacity = std::future::poll_fn(|context| body.poll_capacity(context)).await;
                let count = capacity
                    .expect("the stream is open")
                    .expect("a window")
                    .min(left as usize);
                body.send_data(part.slice(..count), left == count as u64).expect("sent");
                left -= count as u64;
            }
            let answer = crate::wire::http2::answer(response).await.expect("an answer");
            assert_eq!(
                (answer.status.as_u16(), answer.body),
                (200, size.to_string().into_bytes())
            );
        });
    }
}

#[test]
fn large_bodies_pass_without_memory() {
    let stretch = Stretch::start();
    stretch.memory_stays(|size| stretch.download(size), 32 * MIB);
    stretch.memory_stays(|size| stretch.upload(size), 32 * MIB);
    stretch.memory_stays(|size| stretch.http2_download(size), 32 * MIB);
    stretch.memory_stays(|size| stretch.http2_upload(size), 32 * MIB);
}

#[test]
#[ignore = "takes minutes; .ci/run does it"]
fn a_gib_passes_in_each_direction_without_memory() {
    let stretch = Stretch::start();
    stretch.memory_stays(|size| stretch.download(size), GIB);
    stretch.memory_stays(|size| stretch.upload(size), GIB);
    stretch.memory_stays(|size| stretch.http2_download(size), GIB);
    stretch.memory_stays(|size| stretch.http2_upload(size), GIB);
}
