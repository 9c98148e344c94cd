//! A collector: it takes the spans that are sent to `/v1/traces`, as the proto crate of OpenTelemetry decodes them.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;

use crate::wire::http1::{Head, Reader, Unframed};

/// A running collector. Its threads end with the process.
#[derive(Clone)]
pub struct Collector {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    heads: Vec<Head>,
    resources: Vec<BTreeMap<String, String>>,
    spans: Vec<Span>,
    /// The responses to come, in place of 200 without a body.
    answers: Vec<Vec<u8>>,
}

impl Collector {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let served = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&served);
                std::thread::spawn(move || serve(&stream, &shared));
            }
        });
        Self { address, shared }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers the next request with these bytes.
    pub fn answer_with(&self, status: &str, body: &[u8]) {
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
        let answer = [head.as_bytes(), body].concat();
        self.shared.state.lock().expect("the state").answers.push(answer);
    }

    /// Waits for this number of spans in all, and returns them.
    pub fn spans(&self, count: usize) -> Vec<Span> {
        let deadline = Instant::now() + Duration::from_secs(15);
        let mut state = self.shared.state.lock().expect("the state");
        while state.spans.len() < count {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "{} of {count} spans: {:?}",
                state.spans.len(),
                state.spans
            );
            state = self.shared.changed.wait_timeout(state, left).expect("the state").0;
        }
        state.spans.clone()
    }

    /// The spans so far.
    pub fn spans_so_far(&self) -> Vec<Span> {
        self.spans(0)
    }

    /// The heads of the requests.
    pub fn heads(&self) -> Vec<Head> {
        self.shared.state.lock().expect("the state").heads.clone()
    }

    /// The attributes of the process, once for each request.
    pub fn resources(&self) -> Vec<BTreeMap<String, String>> {
        self.shared.state.lock().expect("the state").resources.clone()
    }
}

fn serve(stream: &TcpStream, shared: &Shared) {
    let mut reader = Reader::new(stream);
    while let Ok(Some(head)) = reader.head() {
        let (body, _) = reader.body(&head, Unframed::Empty).expect("a body");
        assert_eq!(head.start, "POST /v1/traces HTTP/1.1");
        assert_eq!(head.value("content-type").as_deref(), Some("application/x-protobuf"));
        let message = ExportTraceServiceRequest::decode(body.as_slice()).expect("spans");
        let mut state = shared.state.lock().expect("the state");
        state.heads.push(head);
        let answer = state.answers.pop();
        if answer.as_ref().is_none_or(|answer| answer.starts_with(b"HTTP/1.1 200")) {
            for of_resource in message.resource_spans {
                let resource = of_resource.resource.expect("a resource");
                state.resources.push(values(&resource.attributes));
                let spans = of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
                state.spans.extend(spans);
            }
        }
        drop(state);
        let answer = answer.unwrap_or_else(|| b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec());
        let mut stream = stream;
        if stream.write_all(&answer).is_err() {
            return;
        }
        shared.changed.notify_all();
    }
}

/// Attributes as texts.
pub fn values(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let value = |attribute: &KeyValue| match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{other:?}"),
    };
    attributes
        .iter()
        .map(|attribute| (attribute.key.clone(), value(attribute)))
        .collect()
}

/// Bytes in hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
