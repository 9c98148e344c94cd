//! An issuer whose every document a test sets, and which records the heads of its requests.

use std::collections::HashMap;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::wire::http1::{Head, Reader};

/// A response of the issuer.
#[derive(Clone)]
pub struct Document {
    status: u16,
    fields: String,
    body: Vec<u8>,
}

impl Document {
    /// 200 with this body.
    pub fn of(body: impl Into<Vec<u8>>) -> Self {
        Self {
            status: 200,
            fields: "content-type: application/json\r\n".to_owned(),
            body: body.into(),
        }
    }

    /// This status without a body.
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::of("") }
    }

    /// The same with this field line.
    pub fn with(mut self, line: &str) -> Self {
        self.fields += line;
        self.fields += "\r\n";
        self
    }
}

/// The server; it listens until the test process ends.
pub struct DocumentServer {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    documents: HashMap<String, Document>,
    requests: Vec<Head>,
}

impl DocumentServer {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared: Arc<Mutex<Shared>> = Arc::default();
        let served = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&served);
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        Self { address, shared }
    }

    /// The base address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets the response for this path; other paths get 404.
    pub fn set(&self, path: &str, document: Document) {
        let mut shared = self.shared.lock().expect("the documents");
        shared.documents.insert(path.to_owned(), document);
    }

    /// How often this path was requested.
    pub fn count(&self, path: &str) -> usize {
        let shared = self.shared.lock().expect("the requests");
        let requests = shared.requests.iter();
        requests
            .filter(|head| head.start.split(' ').nth(1) == Some(path))
            .count()
    }

    /// The values of this field in every request.
    pub fn values(&self, field: &str) -> Vec<Vec<String>> {
        let shared = self.shared.lock().expect("the requests");
        let requests = shared.requests.iter();
        requests.map(|head| head.values(field)).collect()
    }
}

fn serve(mut stream: TcpStream, shared: &Mutex<Shared>) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
    let Ok(copy) = stream.try_clone() else {
        return;
    };
    let Ok(Some(head)) = Reader::new(copy).head() else {
        return;
    };
    let path = head.start.split(' ').nth(1).unwrap_or_default().to_owned();
    let document = {
        let mut shared = shared.lock().expect("the requests");
        shared.requests.push(head);
        shared.documents.get(&path).cloned().unwrap_or(Document::status(404))
    };
    let Document { status, fields, body } = document;
    let length = body.len();
    let head = format!("HTTP/1.1 {status} Status\r\n{fields}content-length: {length}\r\nconnection: close\r\n\r\n");
    // The client may close before the end of a response.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}
