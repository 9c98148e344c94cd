//! A table of inputs: every row is sent, and the table fails at its end with all rows that failed.

use std::fmt::Write;
use std::net::SocketAddr;

use crate::deployment::Deployment;
use crate::deployment::upstream::Received;
use crate::mint::CANARY;
use crate::wire::challenge::Challenge;
use crate::wire::http1::Head;
use crate::wire::{self, Answer, Outcome};

/// The expected answer to a row: one status and one challenge.
#[derive(Clone, Copy)]
pub struct Want {
    status: u16,
    challenge: Expected,
}

/// The expected challenge.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// No challenge at all.
    NoChallenge,
    /// A challenge without an error code.
    Bare,
    /// A challenge with this error code.
    Code(&'static str),
}

/// 200.
pub const PASSES: Want = Want::status(200);
/// 400 without a challenge: the message is not one that the gate reads.
pub const BAD_REQUEST: Want = Want::status(400);
/// 400 `invalid_request`: the credential or the target is malformed or ambiguous.
pub const INVALID_REQUEST: Want = Want::code(400, "invalid_request");
/// 401 with a challenge that has no error code: there is no token.
pub const BARE_CHALLENGE: Want = Want {
    status: 401,
    challenge: Expected::Bare,
};
/// 401 `invalid_token`.
pub const INVALID_TOKEN: Want = Want::code(401, "invalid_token");
/// 403 `insufficient_scope`.
pub const INSUFFICIENT_SCOPE: Want = Want::code(403, "insufficient_scope");
/// 403 by policy, without a challenge: no other token scope would help.
pub const FORBIDDEN: Want = Want::status(403);
/// 421: the gate does not serve this host.
pub const MISDIRECTED: Want = Want::status(421);
/// 431.
pub const HEAD_TOO_LARGE: Want = Want::status(431);

impl Want {
    /// This status without a challenge.
    pub const fn status(status: u16) -> Self {
        Self {
            status,
            challenge: Expected::NoChallenge,
        }
    }

    /// This status and this error code in the challenge.
    const fn code(status: u16, code: &'static str) -> Self {
        Self {
            status,
            challenge: Expected::Code(code),
        }
    }
}

/// The rows of one kind of input for one deployment.
pub struct Table<'d> {
    deployment: &'d Deployment,
    rows: usize,
    failures: Vec<String>,
}

impl<'d> Table<'d> {
    pub fn on(deployment: &'d Deployment) -> Self {
        Self {
            deployment,
            rows: 0,
            failures: Vec::new(),
        }
    }

    /// The address of the gate.
    pub fn gate(&self) -> SocketAddr {
        self.deployment.gate.address
    }

    /// Sends GET of a protected resource with `token`.
    pub fn token(&mut self, name: &str, token: &str, want: Want) {
        self.request(name, &protected(&wire::bearer(token)), want);
    }

    /// Sends GET of a protected resource with this header line.
    pub fn credential(&mut self, name: &str, line: &str, want: Want) {
        self.request(name, &protected(line), want);
    }

    /// Sends exactly these bytes and returns the requests that the upstream received.
    pub fn request(&mut self, name: &str, bytes: &[u8], want: Want) -> Vec<Received> {
        self.rows += 1;
        let before = self.deployment.upstream.count();
        let outcome = wire::exchange(self.deployment.gate.address, bytes);
        let seen = self.deployment.upstream.since(before);
        let mut faults = compare(&outcome, want);
        if let Outcome::Answered(answer) = &outcome {
            faults.extend(echo(answer, bytes));
            faults.extend(reach(answer.status, &seen));
        }
        if !faults.is_empty() {
            let got = match &outcome {
                Outcome::Answered(answer) => answer.everything().replace('\n', "\n      "),
                other => format!("{other:?}"),
            };
            self.fail(&format!("{name}: {}\n      {got}", faults.join("; ")));
        }
        seen
    }

    /// Records a failure.
    pub fn fail(&mut self, failure: &str) {
        self.failures.push(failure.to_owned());
    }

    /// Records a failure unless `holds`.
    pub fn check(&mut self, name: &str, holds: bool) {
        if !holds {
            self.fail(name);
        }
    }

    /// Fails if a row failed, if a token was logged, or if the upstream received an invalid request.
    pub fn finish(mut self) {
        for broken in self.deployment.upstream.broken() {
            self.fail(&format!("the upstream could not read a request: {broken}"));
        }
        self.finish_with_cut_bodies();
    }

    /// As [`Table::finish`], but the upstream may have received incomplete bodies.
    pub fn finish_with_cut_bodies(mut self) {
        let process = &self.deployment.gate.process;
        let logged: Vec<_> = process.stdout().into_iter().chain(process.stderr()).collect();
        // Every compact JWS begins with the Base64url of an opening brace and a quote.
        if let Some(line) = logged.iter().find(|line| line.contains("eyJ")) {
            self.fail(&format!("a token in the log: {line}"));
        }
        if let Some(line) = logged.iter().find(|line| line.contains("panicked")) {
            self.fail(&format!("a panic: {line}"));
        }
        assert!(self.rows > 0, "a table without rows");
        let mut report = String::new();
        for failure in &self.failures {
            let _ = write!(report, "\n  - {failure}");
        }
        assert!(
            self.failures.is_empty(),
            "{} failures in {} rows:{report}",
            self.failures.len(),
            self.rows
        );
    }
}

fn protected(line: &str) -> Vec<u8> {
    wire::request("GET", "/orders/1", &[line])
}

fn compare(outcome: &Outcome, want: Want) -> Vec<String> {
    let Outcome::Answered(answer) = outcome else {
        return vec![format!("{outcome:?}, not {}", want.status)];
    };
    let mut faults = Vec::new();
    if answer.status != want.status {
        faults.push(format!("{}, not {}", answer.status, want.status));
    }
    faults.extend(challenge(answer, want.challenge).err());
    faults
}

/// Checks the challenge against RFC 9110 and RFC 6750 and against the expectation of the row.
fn challenge(answer: &Answer, want: Expected) -> Result<(), String> {
    let fields = answer.head.values("www-authenticate");
    let challenge = match fields.as_slice() {
        [] => None,
        [one] => Some(Challenge::parse(one)?),
        more => return Err(format!("{} challenges", more.len())),
    };
    if challenge
        .as_ref()
        .is_some_and(|c| c.scheme != "Bearer" || c.parameter("realm").is_none())
    {
        return Err("no Bearer challenge with a realm".into());
    }
    let code = challenge.as_ref().map(|found| found.parameter("error"));
    match (want, code) {
        (Expected::NoChallenge, None) | (Expected::Bare, Some(None)) => Ok(()),
        (Expected::Code(wanted), Some(Some(code))) if code == wanted => Ok(()),
        (Expected::NoChallenge, _) => Err("a challenge where none is expected".into()),
        (Expected::Bare, _) => Err(format!("error {code:?} where none is expected")),
        (Expected::Code(wanted), _) => Err(format!("error {code:?}, not {wanted}")),
    }
}

/// An answer contains no part of the token or its claims.
fn echo(answer: &Answer, request: &[u8]) -> Vec<String> {
    let answered = answer.everything();
    let mut faults = Vec::new();
    if answered.contains(CANARY) {
        faults.push("a claim is echoed".into());
    }
    let request = String::from_utf8_lossy(&request[..request.len().min(8 * 1024)]).into_owned();
    let words = request.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'));
    for word in words.filter(|word| word.len() >= 24) {
        let mut windows = word.as_bytes().windows(24);
        if windows.any(|part| answered.contains(std::str::from_utf8(part).unwrap_or("?"))) {
            faults.push("the token is echoed".into());
            break;
        }
    }
    faults
}

/// An allowed request reaches the upstream once, any other not at all.
fn reach(status: u16, seen: &[Received]) -> Vec<String> {
    match (status, seen) {
        (200, [one]) => unclean(one),
        (200, _) => vec![format!("the upstream received {} requests", seen.len())],
        (_, []) => Vec::new(),
        (_, _) => vec!["the upstream received it".into()],
    }
}

/// What no forwarded request may have.
pub fn unclean(received: &Received) -> Vec<String> {
    let mut faults = received.head.faults.clone();
    if received.head.values("host").len() != 1 {
        faults.push("not exactly one Host upstream".into());
    }
    if !received.target.starts_with('/') {
        faults.push(format!("target {:?} upstream", received.target));
    }
    for (name, value) in received.head.fields.iter().chain(&received.trailers.fields) {
        let spelling = name.to_ascii_lowercase().replace(['_', '.'], "-");
        if !spelling.starts_with("x-auth-") {
            continue;
        }
        let value = String::from_utf8_lossy(value);
        if spelling != name.to_ascii_lowercase() || value.contains("forged") {
            faults.push(format!("identity header {name}: {value} upstream"));
        }
        if received.head.values(name).len() != 1 {
            faults.push(format!("identity header {name} not exactly once upstream"));
        }
    }
    faults
}

#[test]
fn an_allowed_row_reaches_the_upstream_once_and_another_not_at_all() {
    let received = Received {
        method: "GET".into(),
        target: "/orders/1".into(),
        head: Head {
            fields: vec![("host".into(), b"orders.example.com".to_vec())],
            ..Head::default()
        },
        body: Vec::new(),
        trailers: Head::default(),
    };
    let once = std::slice::from_ref(&received);
    let twice = [received.clone(), received.clone()];
    assert!(reach(200, once).is_empty() && reach(401, &[]).is_empty());
    for (status, seen) in [(200, &[][..]), (200, &twice), (401, once), (502, once)] {
        assert_eq!(reach(status, seen).len(), 1, "{status}, {} requests", seen.len());
    }
}

#[test]
fn a_row_has_one_status_and_one_challenge() {
    let answer = |status, challenge: Option<&str>| {
        let fields = challenge.map(|value| ("www-authenticate".to_owned(), value.as_bytes().to_vec()));
        Outcome::Answered(Answer {
            status,
            head: Head {
                fields: Vec::from_iter(fields),
                ..Head::default()
            },
            body: Vec::new(),
        })
    };
    let bare = Some(r#"Bearer realm="a""#);
    let invalid = Some(r#"Bearer realm="a", error="invalid_token""#);
    for (outcome, want, fits) in [
        (answer(200, None), PASSES, true),
        (answer(401, invalid), INVALID_TOKEN, true),
        (answer(401, bare), BARE_CHALLENGE, true),
        (answer(403, None), FORBIDDEN, true),
        (answer(401, bare), INVALID_TOKEN, false),
        (answer(401, invalid), BARE_CHALLENGE, false),
        (answer(401, None), BARE_CHALLENGE, false),
        (answer(400, invalid), INVALID_TOKEN, false),
        (answer(403, invalid), FORBIDDEN, false),
        (answer(200, invalid), PASSES, false),
        (answer(401, Some("Bearer")), BARE_CHALLENGE, false),
        (Outcome::Closed, BAD_REQUEST, false),
        (Outcome::TimedOut, BAD_REQUEST, false),
    ] {
        assert_eq!(compare(&outcome, want).is_empty(), fits, "{outcome:?}");
    }
}
