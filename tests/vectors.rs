//! Public test vectors: the JOSE records of Wycheproof and the examples of the RFCs.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use actgate::clock::FixedClock;
use actgate::keys::{Algorithm, KeySet};
use actgate::limits::Limits;
use actgate::request::Target;
use actgate::testing::{TestIssuer, verify_signature};
use actgate::{Authorizer, Policy, TrustedIssuer};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, Uri};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

/// 2011-03-22T18:40:00Z, before the `exp` of the claims in RFC 7515.
const BEFORE_EXPIRATION: u64 = 1_300_819_200;

#[test]
fn wycheproof_records_are_accepted_or_rejected_as_labelled() {
    let expectations: Expectations = read("wycheproof/expectations.json");
    let counts = [("signature", 401), ("key", 26), ("crypto", 83), ("encryption", 139)];
    for (name, count) in counts {
        let name = format!("json_web_{name}_test");
        let labels: BTreeMap<u32, Expect> = expectations.files[&name]
            .iter()
            .map(|label| (label.tc_id, label.expect))
            .collect();
        let vectors: Vectors = read(&format!("wycheproof/{name}.json"));
        let mut tally = Tally::default();
        for group in &vectors.groups {
            for test in &group.tests {
                let record = format!("{} {} {}", test.tc_id, group.comment, test.comment);
                tally.verify(&record, labels[&test.tc_id], &compact(&test.token), &group.keys);
            }
        }
        println!("wycheproof {name}: {tally}");
        assert_eq!(labels.len(), count, "{name}: labels");
        assert_eq!(tally.records(), count, "{name}: records");
        tally.assert_clean(&name);
    }
}

#[test]
fn rfc_7520_and_rfc_7797_examples_verify_in_compact_form_only() {
    let mut tally = Tally::default();
    for file in ["rfc/jws_rfc7520.json", "rfc/jws_rfc7797.json"] {
        let cookbook: Cookbook = read(file);
        for example in &cookbook.tests {
            let key: Value = match &example.public_key {
                Some(file) => read(&format!("rfc/{file}")),
                None => read("rfc/RFC7520-oct-sig.json"),
            };
            let symmetric = example.protected["alg"].as_str().unwrap().starts_with("HS");
            let expect = if symmetric { Expect::Reject } else { Expect::Accept };
            tally.verify(&format!("{file} {}", example.name), expect, &example.compact, &key);
            for serialization in [&example.general_json, &example.flattened_json].into_iter().flatten() {
                let record = format!("{file} {} as JSON", example.name);
                tally.verify(&record, Expect::Reject, &serialization.to_string(), &key);
            }
        }
    }
    println!("RFC 7520 and RFC 7797: {tally}");
    assert_eq!((tally.accepted, tally.records()), (3, 20));
    tally.assert_clean("RFC 7520 and RFC 7797");
}

#[test]
fn examples_printed_in_the_rfcs_verify() {
    let examples: Examples = read("rfc/rfc-examples.json");
    let mut tally = Tally::default();
    for example in &examples.jws {
        let expect = match example.expect.as_str() {
            "signature-valid" => Expect::Accept,
            "reject" => Expect::Reject,
            other => panic!("{}: unknown label {other}", example.id),
        };
        tally.verify(&example.id, expect, &example.token, &example.jwk);
    }
    println!("RFC examples: {tally}");
    assert_eq!((tally.accepted, tally.records()), (6, 11));
    tally.assert_clean("RFC examples");
}

#[tokio::test]
async fn no_jws_example_of_an_rfc_is_an_access_token() {
    let examples: Examples = read("rfc/rfc-examples.json");
    for example in &examples.jws {
        let keys = key_set(&example.jwk).unwrap_or_else(|| TestIssuer::new().unwrap().key_set().unwrap());
        let issuer = TrustedIssuer::new(TestIssuer::ISSUER, keys).unwrap();
        let issuer = issuer.audience(TestIssuer::AUDIENCE).unwrap();
        let authorizer = authorizer(issuer, "any", BEFORE_EXPIRATION);
        let (method, uri) = (Method::GET, Uri::from_static("/orders"));
        let target = Target::new(&method, &uri).unwrap();
        let decision = authorizer.decide(&target, &bearer(&example.token)).await;
        let status = decision.outcome().unwrap_err().status().as_u16();
        assert!(matches!(status, 400 | 401), "{}: {status}", example.id);
        assert!(decision.identity().is_none(), "{}", example.id);
    }
    assert_eq!(examples.jws.len(), 11);
}

#[tokio::test]
async fn claim_sets_of_the_rfcs_have_the_chain_of_the_rfc() {
    let examples: Examples = read("rfc/rfc-examples.json");
    let issuer = TestIssuer::new().unwrap();
    let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
    let authorizer = authorizer(trusted, "profile", TestIssuer::NOW);
    for example in &examples.claims {
        let mut claims = example.claims.clone();
        for name in ["iss", "aud", "exp", "iat", "nbf"] {
            claims.remove(name);
        }
        claims.insert("scope".to_owned(), json!("openid profile reademail"));
        let (method, uri) = (Method::GET, Uri::from_static("/orders"));
        let target = Target::new(&method, &uri).unwrap();
        let decision = authorizer
            .decide(&target, &bearer(&issuer.token(Value::Object(claims)).unwrap()))
            .await;
        let identity = decision
            .identity()
            .unwrap_or_else(|| panic!("{}: {:?}", example.id, decision.error()));
        let chain = identity.chain();
        let prior: Vec<&str> = chain.prior().iter().map(|actor| actor.party().subject()).collect();
        assert_eq!(
            Some(identity.subject()),
            example.claims["sub"].as_str(),
            "{}",
            example.id
        );
        assert_eq!(
            chain.current().map(|actor| actor.party().subject()),
            example.current_actor.as_deref()
        );
        assert_eq!(prior, example.prior_actors, "{}", example.id);
        assert_eq!(decision.outcome(), Ok(()), "{}", example.id);
    }
    assert_eq!(examples.claims.len(), 4);
}

#[derive(Deserialize)]
struct Expectations {
    files: BTreeMap<String, Vec<Label>>,
}

#[derive(Deserialize)]
struct Label {
    #[serde(rename = "tcId")]
    tc_id: u32,
    expect: Expect,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Expect {
    /// Also for records that depend on the offered algorithms: this test offers all ten.
    #[serde(alias = "accept-if-offered")]
    Accept,
    Reject,
    Either,
}

#[derive(Deserialize)]
struct Vectors {
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    comment: String,
    keys: Value,
    tests: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "tcId")]
    tc_id: u32,
    comment: String,
    token: Value,
}

#[derive(Deserialize)]
struct Cookbook {
    tests: Vec<CookbookExample>,
}

#[derive(Deserialize)]
struct CookbookExample {
    name: String,
    public_key: Option<String>,
    protected: Value,
    compact: String,
    general_json: Option<Value>,
    flattened_json: Option<Value>,
}

#[derive(Deserialize)]
struct Examples {
    jws: Vec<Example>,
    claims: Vec<ClaimSet>,
}

#[derive(Deserialize)]
struct Example {
    id: String,
    token: String,
    jwk: Value,
    expect: String,
}

#[derive(Deserialize)]
struct ClaimSet {
    id: String,
    claims: Map<String, Value>,
    current_actor: Option<String>,
    prior_actors: Vec<String>,
}

/// The results of the records of one file.
#[derive(Default)]
struct Tally {
    accepted: usize,
    rejected: usize,
    either: usize,
    wrong: Vec<String>,
    crashed: Vec<String>,
}

impl Tally {
    /// Verifies `token` and counts the result.
    fn verify(&mut self, record: &str, expect: Expect, token: &str, keys: &Value) {
        let is_valid = || match key_set(keys) {
            Some(keys) => verify_signature(token, &keys, &Limits::default()).is_ok(),
            None => false,
        };
        match (panic::catch_unwind(AssertUnwindSafe(is_valid)), expect) {
            (Err(_), _) => self.crashed.push(record.to_owned()),
            (Ok(_), Expect::Either) => self.either += 1,
            (Ok(true), Expect::Accept) => self.accepted += 1,
            (Ok(false), Expect::Reject) => self.rejected += 1,
            (Ok(true), Expect::Reject) => self.wrong.push(format!("{record}: accepted")),
            (Ok(false), Expect::Accept) => self.wrong.push(format!("{record}: rejected")),
        }
    }

    fn records(&self) -> usize {
        self.accepted + self.rejected + self.either + self.wrong.len() + self.crashed.len()
    }

    fn assert_clean(&self, name: &str) {
        assert!(self.wrong.is_empty(), "{name}, wrong:\n{}", self.wrong.join("\n"));
        assert!(self.crashed.is_empty(), "{name}, crashed:\n{}", self.crashed.join("\n"));
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} records: {} accepted, {} rejected, {} either, {} wrong, {} crashed",
            self.records(),
            self.accepted,
            self.rejected,
            self.either,
            self.wrong.len(),
            self.crashed.len()
        )
    }
}

/// The keys of a record as a key set; `None` if none of them is usable.
fn key_set(keys: &Value) -> Option<KeySet> {
    let document = match keys.get("keys") {
        Some(_) => keys.clone(),
        None => json!({ "keys": [keys] }),
    };
    KeySet::from_json(document.to_string().as_bytes(), Algorithm::all()).ok()
}

/// A policy that allows every access token with this scope.
fn authorizer(issuer: TrustedIssuer, scope: &str, now: u64) -> Authorizer {
    let builder = Authorizer::builder().issuer(issuer).policy(any_order(scope));
    builder.clock(FixedClock::at(now)).build().unwrap()
}

fn any_order(scope: &str) -> Policy {
    Policy::from_yaml(&format!("routes:\n  - match: GET /orders\n    scopes: [{scope}]\n")).unwrap()
}

/// The token of a record as text; some records have a JSON serialization.
fn compact(token: &Value) -> String {
    match token {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn bearer(token: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        AUTHORIZATION,
        HeaderValue::from_str(&format!("Bearer {token}")).unwrap(),
    );
    headers
}

fn read<T: DeserializeOwned>(file: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"))
}
