//! The key endpoint of an issuer; a test can change its behaviour at any time.

use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::wire::http1::Reader;

/// How the endpoint answers.
#[derive(Clone, Debug)]
pub enum Conduct {
    /// This key set, as an issuer publishes it.
    Publish(String),
    /// This status with a valid key set.
    Status(u16, String),
    /// 200 with this body and content type.
    Body(&'static str, Vec<u8>),
    /// A `Content-Length` of the whole document, and half of the document.
    Cut(String),
    /// Keys without end, until the client closes.
    Huge,
    /// One byte each 20 ms, without end.
    Dripping,
    /// No answer.
    Hanging,
    /// A redirect to this address.
    Redirect(String),
}

/// A key endpoint at `/jwks`, with discovery documents beside it.
pub struct KeyServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    open: Option<Listening>,
}

struct Shared {
    conduct: Mutex<Conduct>,
    /// The issuer that the discovery documents name.
    issuer: Mutex<String>,
    requests: Mutex<Vec<String>>,
}

struct Listening {
    closing: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl KeyServer {
    /// Starts on a free port of the loopback.
    pub fn start(conduct: Conduct) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            conduct: Mutex::new(conduct),
            issuer: Mutex::new(format!("http://{address}")),
            requests: Mutex::default(),
        });
        let open = Some(listen(listener, &shared));
        Self { address, shared, open }
    }

    /// The base address; also the issuer in the discovery documents unless a test sets another.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn jwks_uri(&self) -> String {
        self.url() + "/jwks"
    }

    pub fn conduct(&self, conduct: Conduct) {
        *self.shared.conduct.lock().expect("the conduct") = conduct;
    }

    /// Sets the issuer in the discovery documents.
    pub fn claim_to_be(&self, issuer: &str) {
        *self.shared.issuer.lock().expect("the issuer") = issuer.to_owned();
    }

    /// The number of requests for the key set.
    pub fn fetches(&self) -> usize {
        let requests = self.shared.requests.lock().expect("the requests");
        let of_keys = requests.iter().filter(|target| target.starts_with("/jwks"));
        of_keys.count()
    }

    /// The target of every request.
    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().expect("the requests").clone()
    }

    /// Waits for a request for the key set after the first `fetches`.
    pub fn wait_for_fetch_after(&self, fetches: usize) {
        let deadline = Instant::now() + Duration::from_secs(15);
        while self.fetches() <= fetches {
            assert!(Instant::now() < deadline, "no fetch after {fetches}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Stops listening.
    pub fn close(&mut self) {
        if let Some(open) = self.open.take() {
            open.closing.store(true, Ordering::SeqCst);
            let _ = TcpStream::connect(self.address);
            open.thread.join().expect("the accepting thread ends");
        }
    }

    /// Listens again on the same address.
    pub fn reopen(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        let listener = loop {
            match TcpListener::bind(self.address) {
                Ok(listener) => break listener,
                Err(error) if error.kind() == ErrorKind::AddrInUse && Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(error) => panic!("cannot listen again: {error}"),
            }
        };
        self.open = Some(listen(listener, &self.shared));
    }
}

impl Drop for KeyServer {
    fn drop(&mut self) {
        self.close();
    }
}

fn listen(listener: TcpListener, shared: &Arc<Shared>) -> Listening {
    let closing = Arc::new(AtomicBool::new(false));
    let is_closing = Arc::clone(&closing);
    let shared = Arc::clone(shared);
    let thread = std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            if is_closing.load(Ordering::SeqCst) {
                return;
            }
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || serve(stream, &shared));
        }
    });
    Listening { closing, thread }
}

fn serve(mut stream: TcpStream, shared: &Shared) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
    let Ok(copy) = stream.try_clone() else {
        return;
    };
    let Ok(Some(head)) = Reader::new(copy).head() else {
        return;
    };
    let target = head.start.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut requests = shared.requests.lock().expect("the requests");
    requests.push(target.clone());
    drop(requests);
    let conduct = match target.starts_with("/.well-known/") {
        true => Conduct::Publish(discovery(shared, &head.value("host").unwrap_or_default())),
        false => shared.conduct.lock().expect("the conduct").clone(),
    };
    // The client may close before the end of an answer.
    let _ = answer(&mut stream, &conduct);
}

fn discovery(shared: &Shared, host: &str) -> String {
    let issuer = shared.issuer.lock().expect("the issuer").clone();
    let jwks_uri = format!("http://{host}/jwks");
    serde_json::json!({ "issuer": issuer, "jwks_uri": jwks_uri }).to_string()
}

fn answer(stream: &mut TcpStream, conduct: &Conduct) -> std::io::Result<()> {
    match conduct {
        Conduct::Publish(document) => whole(stream, 200, "application/json", document.as_bytes()),
        Conduct::Status(status, document) => whole(stream, *status, "application/json", document.as_bytes()),
        Conduct::Body(kind, body) => whole(stream, 200, kind, body),
        Conduct::Cut(document) => {
            let half = &document.as_bytes()[..document.len() / 2];
            write!(stream, "{}", head(200, "application/json", document.len()))?;
            stream.write_all(half)
        }
        Conduct::Huge => {
            write!(stream, "{}{{\"keys\":[", unframed())?;
            let member = format!("{{\"kty\":\"XYZ\",\"kid\":\"{}\"}},", "k".repeat(4000));
            // Far above any limit, but not endless: a client that reads everything fails the test.
            for _ in 0..5000 {
                stream.write_all(member.as_bytes())?;
            }
            stream.write_all(b"{}]}")
        }
        Conduct::Dripping => {
            write!(stream, "{}", unframed())?;
            loop {
                stream.write_all(b" ")?;
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Conduct::Hanging => {
            std::thread::sleep(Duration::from_secs(60));
            Ok(())
        }
        Conduct::Redirect(location) => write!(
            stream,
            "HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        ),
    }
}

fn whole(stream: &mut TcpStream, status: u16, kind: &str, body: &[u8]) -> std::io::Result<()> {
    write!(stream, "{}", head(status, kind, body.len()))?;
    stream.write_all(body)
}

fn head(status: u16, kind: &str, length: usize) -> String {
    format!("HTTP/1.1 {status} Status\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n")
}

fn unframed() -> &'static str {
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n"
}
