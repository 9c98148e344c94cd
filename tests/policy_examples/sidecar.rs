//! The cases through the binary, over the wire: one gate for each example, with real time and real certificates.
//!
//! A case with a time of its own is sent with the times of its token moved to the present. Where a rule reads the hour of the day,
//! `actgate explain --at` decides the cases: a gate has no clock but that of the machine.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use actgate::analysis::{Case, CaseOutcome};
use actgate::testing::{CaseRequest, TestIssuer};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::example::{Example, compare, time_of, token_at, token_of};
use crate::deployment::gate::{Gate, run_to_end};
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::upstream::Upstream;
use crate::mint::certificate::{Certificate, CertificateAuthority};
use crate::mint::now;
use crate::wire::tls::TlsClient;
use crate::wire::{self, Outcome};

/// How many examples run at a time.
const AT_A_TIME: usize = 4;

/// The times of a token that rules and checks compare with the clock.
const TIMES: &[&str] = &["iat", "nbf", "exp", "auth_time"];

#[test]
fn every_case_gets_the_answer_it_expects() {
    let issuer = TestIssuer::new().unwrap();
    let keys = KeyServer::start(Conduct::Publish(issuer.jwks()));
    let examples = Example::all();
    let next = AtomicUsize::new(0);
    let (failures, explained) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                while let Some(example) = examples.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let failed = match example.reads_the_hour() {
                        true => explain(example, &issuer, &keys),
                        false => send(example, &issuer, &keys),
                    };
                    failures.lock().unwrap().extend(failed);
                    if example.reads_the_hour() {
                        let cases = example.cases.iter().len();
                        explained.lock().unwrap().push(format!("{} ({cases})", example.name));
                    }
                }
            });
        }
    });
    let (failures, mut explained) = (failures.into_inner().unwrap(), explained.into_inner().unwrap());
    explained.sort();
    println!(
        "policy examples with their cases by `actgate explain --at`: {}",
        explained.join(", ")
    );
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// Sends every case to a gate, and returns what is not as expected.
fn send(example: &Example, issuer: &TestIssuer, keys: &KeyServer) -> Vec<String> {
    let upstream = Upstream::start();
    let certificates = Certificates::of(example);
    let mut text = configuration(example, keys, &format!("http://{}", upstream.address()));
    let files = certificates.as_ref().map(Certificates::files).unwrap_or_default();
    if certificates.is_some() {
        let clients = "client_certificates: { ca_file: clients.crt, demand: optional }";
        text += &format!("\ntls: {{ certificate: tls.crt, key: tls.key, {clients} }}\n");
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, &**text)).collect();
    let gate = Gate::run_beside(&text, &files);
    gate.wait_until_ready();
    let mut decisions = 0;
    let mut failures = Vec::new();
    for case in example.cases.iter() {
        let fault = loop {
            let (begun, before) = (now(), upstream.count());
            let token = case.token().map(|_| token(case, issuer, begun, certificates.as_ref()));
            let message = CaseRequest::new(case, token.as_deref()).unwrap();
            let status = match &certificates {
                None => status(wire::exchange(gate.address, &bytes(case, &message))),
                Some(certificates) => certificates.status(&gate, case, &message),
            };
            let event = gate.decision_after(decisions);
            decisions += 1;
            // A case may be about the last second of a time limit.
            if now() != begun {
                continue;
            }
            let outcome = match (event["decision"].as_str(), event["code"].as_str()) {
                (Some("allow"), _) if status == 200 => CaseOutcome::Allow,
                (_, code) => CaseOutcome::deny(code.unwrap_or_default(), status),
            };
            let expected = outcome
                .is_allowed()
                .then(|| (case.target().to_owned(), message.body.clone().unwrap_or_default()));
            let received = upstream.since(before).into_iter();
            let received: Vec<_> = received
                .map(|one| (one.target, String::from_utf8(one.body).unwrap()))
                .collect();
            break compare(case, &outcome).err().or_else(|| {
                let is_right = received == Vec::from_iter(expected);
                (!is_right).then(|| format!("the upstream received {received:?}"))
            });
        };
        failures.extend(fault.map(|reason| format!("{}: {reason}", example.place(case))));
    }
    failures
}

/// Explains every case as of its time, and returns what is not as expected.
fn explain(example: &Example, issuer: &TestIssuer, keys: &KeyServer) -> Vec<String> {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    };
    let config = write("actgate.yaml", &configuration(example, keys, "http://127.0.0.1:9"));
    let jwks = write("keys.json", &issuer.jwks());
    let faults = example.cases.iter().filter_map(|case| {
        let token = token_of(case, issuer).unwrap_or_default();
        let message = CaseRequest::new(case, None).unwrap();
        let at = time_of(case).to_string();
        let mut arguments = vec!["explain", "--json", "--config", &config, "--jwks", &jwks, "--at", &at];
        arguments.extend(["--method", message.method.as_str(), "--path", case.target()]);
        let headers: Vec<String> = fields(&message);
        arguments.extend(headers.iter().flat_map(|field| ["--header", field]));
        arguments.extend(message.body.iter().flat_map(|body| ["--body", body.as_str()]));
        assert!(case.certificate().is_none(), "`explain` has no certificates");
        let output = run_to_end(&arguments, &token);
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        let outcome = match (&report["decision"], output.status.code()) {
            (decision, Some(0)) if decision == "allow" => CaseOutcome::Allow,
            _ => {
                let status = report["status"].as_u64().and_then(|status| status.try_into().ok());
                CaseOutcome::deny(report["code"].as_str().unwrap_or_default(), status.unwrap_or_default())
            }
        };
        let reason = compare(case, &outcome).err()?;
        Some(format!("{}: {reason}", example.place(case)))
    });
    faults.collect()
}

/// The configuration of a gate with the policy of an example.
fn configuration(example: &Example, keys: &KeyServer, upstream: &str) -> String {
    let mut text = format!("listen: 127.0.0.1:0\nupstream: {upstream}\nadmin: 127.0.0.1:0\n");
    text += &format!("audience: {}\nissuers:\n", TestIssuer::AUDIENCE);
    for issuer in example.cases.issuers(TestIssuer::ISSUER) {
        let identifier = &issuer.identifier;
        text += &format!("  - issuer: {identifier}\n    jwks_uri: {}\n", keys.jwks_uri());
        text += &format!("    profile: {}\n", issuer.profile.preset().unwrap());
        text += "    chain_completeness: complete\n    prior_actors: enforce\n";
    }
    text + &example.policy
}

/// The token of a case, with its own times moved to `now` and with the thumbprints of real certificates.
fn token(case: &Case, issuer: &TestIssuer, now: u64, certificates: Option<&Certificates>) -> String {
    let mut claims = Value::Object(case.token().unwrap().claims().clone());
    if case.at().is_some() {
        for name in TIMES {
            let time = claims.get(*name).and_then(Value::as_u64);
            if let Some(moved) = time.and_then(|time| (now + time).checked_sub(time_of(case))) {
                claims[*name] = json!(moved);
            }
        }
    }
    let claims = certificates.map_or(claims.clone(), |certificates| certificates.in_place(&claims));
    token_at(case, issuer, now, claims)
}

/// The header lines of a message.
fn fields(message: &CaseRequest) -> Vec<String> {
    let lines = message.headers.iter();
    lines
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect()
}

/// A message over HTTP/1.1.
fn bytes(case: &Case, message: &CaseRequest) -> Vec<u8> {
    let mut fields = fields(message);
    fields.extend(
        message
            .body
            .as_ref()
            .map(|body| format!("Content-Length: {}", body.len())),
    );
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    let mut bytes = wire::request(case.method(), case.target(), &fields);
    bytes.extend(message.body.iter().flat_map(|body| body.bytes()));
    bytes
}

fn status(outcome: Outcome) -> u16 {
    match outcome {
        Outcome::Answered(answer) => answer.status,
        _ => 0,
    }
}

/// Real certificates in place of those that the cases write.
struct Certificates {
    server: Certificate,
    clients: CertificateAuthority,
    without: TlsClient,
    /// By the certificate of a case: the client, and the thumbprints of both certificates.
    of_case: BTreeMap<Vec<u8>, (TlsClient, String, String)>,
}

impl Certificates {
    /// [`None`] where no case has a certificate.
    fn of(example: &Example) -> Option<Certificates> {
        let (gate, clients) = (CertificateAuthority::new("gate"), CertificateAuthority::new("clients"));
        let without = TlsClient::trusting(&[&gate]);
        let certificates = example
            .cases
            .iter()
            .filter_map(|case| Some(case.certificate()?.to_vec()));
        let of_case: BTreeMap<_, _> = certificates
            .map(|der| {
                let written = Certificate {
                    certificate: der.clone(),
                    key: Vec::new(),
                }
                .thumbprint();
                let real = clients.client("client");
                let thumbprint = real.thumbprint();
                (der, (without.clone().with_certificate(real), written, thumbprint))
            })
            .collect();
        let server = gate.server();
        (!of_case.is_empty()).then_some(Certificates {
            server,
            clients,
            without,
            of_case,
        })
    }

    fn files(&self) -> Vec<(&'static str, String)> {
        vec![
            ("tls.crt", self.server.pem()),
            ("tls.key", self.server.key_pem()),
            ("clients.crt", self.clients.pem()),
        ]
    }

    fn in_place(&self, claims: &Value) -> Value {
        let text = self
            .of_case
            .values()
            .fold(claims.to_string(), |text, (_, written, real)| {
                text.replace(written, real)
            });
        serde_json::from_str(&text).unwrap()
    }

    fn status(&self, gate: &Gate, case: &Case, message: &CaseRequest) -> u16 {
        let client = match case.certificate() {
            None => &self.without,
            Some(der) => &self.of_case[der].0,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let answer = runtime
            .block_on(client.exchange(gate.address, &bytes(case, message)))
            .unwrap();
        let status = answer.split(' ').nth(1).unwrap_or_default();
        status.parse().unwrap_or_default()
    }
}
