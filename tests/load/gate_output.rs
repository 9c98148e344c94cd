//! What a gate writes for each request, without a decision: how much of its bars is left for everything else.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

/// The headers of an identity with a chain of two actors, and of the way of a request.
const HEADERS: [(&str, &str); 11] = [
    ("x-auth-subject", "alice-canary"),
    ("x-auth-kind", "human"),
    ("x-auth-actor", "refund-agent"),
    (
        "x-auth-chain",
        r#"{"initiator":{"iss":"https://idp.example.com","sub":"alice-canary","kind":"human"},"actors":[{"sub":"refund-agent","kind":"agent"},{"sub":"planner","kind":"agent"}]}"#,
    ),
    ("x-auth-client", "web-canary"),
    (
        "x-auth-scope",
        "orders:read orders:write refunds:read refunds:write items:read items:write",
    ),
    ("x-auth-issuer", "https://idp.example.com"),
    ("x-forwarded-for", "127.0.0.1"),
    ("x-forwarded-proto", "http"),
    ("x-forwarded-host", "127.0.0.1:8080"),
    ("via", "1.1 actgate-01936f3b8a7c7d1e8f2a3b4c5d6e7f80"),
];

/// The bytes of a line of the decision log for such a request.
const LINE_BYTES: usize = 700;

/// Lines are written in batches of this size.
const BATCH: usize = 128 * 1024;

/// The same headers and the same number of bytes for each request.
pub struct GateOutput {
    headers: Vec<(HeaderName, HeaderValue)>,
    line: Vec<u8>,
    waiting: Mutex<(Vec<u8>, File)>,
}

impl GateOutput {
    /// Writes its lines to a file in `folder`.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let header = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        let mut line = vec![b'x'; LINE_BYTES - 1];
        line.push(b'\n');
        Ok(Self {
            headers: HEADERS.map(header).into(),
            line,
            waiting: Mutex::new((Vec::new(), File::create(folder.join("lines.log"))?)),
        })
    }

    /// Sets the headers of a request in place of its token, and writes its line.
    pub fn write(&self, headers: &mut HeaderMap) {
        headers.reserve(HEADERS.len());
        headers.remove(AUTHORIZATION);
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (bytes, file) = &mut *waiting;
        bytes.extend_from_slice(&self.line);
        if bytes.len() >= BATCH {
            // A full disk shows in the gates of the same row.
            let _ = file.write_all(bytes);
            bytes.clear();
        }
    }
}
