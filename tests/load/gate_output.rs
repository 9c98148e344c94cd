//! What a gate writes for each request, without a decision: how much of its bars is left for everything else.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use crate::Failure;

/// The headers of the way of a request.
const WAY: [(&str, &str); 4] = [
    ("x-forwarded-for", "127.0.0.1"),
    ("x-forwarded-proto", "http"),
    ("x-forwarded-host", "127.0.0.1:8080"),
    ("via", "1.1 actgate-01936f3b8a7c7d1e8f2a3b4c5d6e7f80"),
];

const SUBJECT: &str = "x-auth-subject";
const CLIENT: &str = "x-auth-client";
const SCOPE: &str = "x-auth-scope";

/// The headers of an identity with a chain of two actors.
const IDENTITY: [(&str, &str); 7] = [
    (SUBJECT, "alice-canary"),
    ("x-auth-kind", "human"),
    ("x-auth-actor", "refund-agent"),
    (
        "x-auth-chain",
        r#"{"initiator":{"iss":"https://idp.example.com","sub":"alice-canary","kind":"human"},"actors":[{"sub":"refund-agent","kind":"agent"},{"sub":"planner","kind":"agent"}]}"#,
    ),
    (CLIENT, "web-canary"),
    (
        SCOPE,
        "orders:read orders:write refunds:read refunds:write items:read items:write",
    ),
    ("x-auth-issuer", "https://idp.example.com"),
];

/// The bytes of a line of the decision log for such a request, in all and of what its token states.
const LINE_BYTES: usize = 700;
const STATED_BYTES: usize = 300;

/// Lines are written in batches of this size.
const BATCH: usize = 128 * 1024;

/// What is written of one token: as many bytes as a gate writes, in memory of their own.
pub struct StatedToken {
    headers: [(HeaderName, HeaderValue); 7],
    line: Box<[u8]>,
}

impl StatedToken {
    /// With these claims, each [`None`] of a usual length.
    pub fn new(subject: Option<&str>, client: Option<&str>, scope: Option<&str>) -> Result<Self, Failure> {
        let value = |name, usual| match name {
            SUBJECT => subject.unwrap_or(usual),
            CLIENT => client.unwrap_or(usual),
            SCOPE => scope.unwrap_or(usual),
            _ => usual,
        };
        let values = IDENTITY.map(|(name, usual)| value(name, usual));
        // One allocation, which the values share.
        let mut rest = Bytes::from(values.concat());
        let mut values = values
            .map(|value| HeaderValue::from_maybe_shared(rest.split_to(value.len())))
            .into_iter();
        let names = IDENTITY.map(|(name, _)| HeaderName::from_static(name));
        let mut headers = names.map(|name| (name, HeaderValue::from_static("")));
        for (_, header) in &mut headers {
            *header = values.next().ok_or("a header without a value")??;
        }
        Ok(Self {
            headers,
            line: vec![b'x'; STATED_BYTES].into(),
        })
    }
}

/// The same headers and the same number of bytes for each request.
pub struct GateOutput {
    way: Vec<(HeaderName, HeaderValue)>,
    line: Vec<u8>,
    waiting: Mutex<(Vec<u8>, File)>,
}

impl GateOutput {
    /// Writes its lines to a file in `folder`.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let header = |(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        let mut line = vec![b'x'; LINE_BYTES - STATED_BYTES - 1];
        line.push(b'\n');
        Ok(Self {
            way: WAY.map(header).into(),
            line,
            waiting: Mutex::new((Vec::new(), File::create(folder.join("lines.log"))?)),
        })
    }

    /// Sets the headers of a request in place of its token, and writes its line.
    pub fn write(&self, token: &StatedToken, headers: &mut HeaderMap) {
        headers.reserve(IDENTITY.len() + WAY.len());
        headers.remove(AUTHORIZATION);
        for (name, value) in token.headers.iter().chain(&self.way) {
            headers.insert(name.clone(), value.clone());
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let (bytes, file) = &mut *waiting;
        bytes.extend_from_slice(&token.line);
        bytes.extend_from_slice(&self.line);
        if bytes.len() >= BATCH {
            // A full disk shows in the gates of the same row.
            let _ = file.write_all(bytes);
            bytes.clear();
        }
    }
}
