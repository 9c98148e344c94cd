//! Every case of every folder in `policy-examples/`, decided by the library.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use actgate::clock::{Clock, FixedClock};
use actgate::request::{ClientCertificate, Presented, Target};
use actgate::testing::TestIssuer;
use actgate::{Authorizer, Policy};
use actgate_yaml::{OneOrMany, Spanned};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

#[tokio::test]
async fn every_case_gets_the_decision_it_expects() {
    let issuer = TestIssuer::new().unwrap();
    let mut evaluated = 0;
    let mut failures = Vec::new();
    for folder in folders() {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        match Example::read(&folder, &issuer) {
            Err(reason) => failures.push(format!("{name}: {reason}")),
            Ok(example) => {
                for case in &example.cases {
                    evaluated += 1;
                    let place = format!("{name}/cases.yaml:{}", case.name.line);
                    if let Err(reason) = example.run(case, &issuer).await {
                        failures.push(format!("{place}: {}: {reason}", case.name.value));
                    }
                }
            }
        }
    }
    println!(
        "policy examples: {evaluated} cases evaluated, {} failed",
        failures.len()
    );
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    assert!(evaluated > 0, "no policy example was found");
}

#[test]
fn the_readme_names_every_folder_and_no_other() {
    let readme = fs::read_to_string(examples().join("README.md")).unwrap();
    let named: BTreeSet<String> = readme
        .lines()
        .filter_map(|line| line.strip_prefix("| [")?.split_once(']'))
        .map(|(folder, _)| folder.to_owned())
        .collect();
    let present: BTreeSet<String> = folders()
        .iter()
        .map(|folder| folder.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(named, present);
}

#[test]
fn every_policy_begins_with_what_it_promises_and_what_it_cannot() {
    for folder in folders() {
        let text = fs::read_to_string(folder.join("policy.yaml")).unwrap();
        let mut lines = text.lines();
        assert!(
            lines.next().unwrap().starts_with("# Promises: "),
            "{}",
            folder.display()
        );
        assert!(
            lines.next().unwrap().starts_with("# Cannot promise: "),
            "{}",
            folder.display()
        );
    }
}

#[test]
fn a_folder_needs_both_an_allowed_and_a_denied_case() {
    let allowed = "cases:\n  - { name: a, request: GET /, token: {}, expect: allow }\n";
    let denied = "cases:\n  - { name: b, request: GET /, expect: { deny: no_route, status: 403 } }\n";
    let no_case = |place: &str, name: &str| format!("{place}: no case is {name}\n  help: add one");
    assert_eq!(read_cases(allowed).unwrap_err(), no_case("2:3", "denied"));
    assert_eq!(read_cases(denied).unwrap_err(), no_case("2:3", "allowed"));
    let both = [no_case("1:8", "allowed"), no_case("1:8", "denied")];
    assert_eq!(read_cases("cases: []").unwrap_err(), both.join("\n"));
}

#[test]
fn an_unknown_key_or_word_in_a_cases_file_is_an_error() {
    let with = |case: &str| read_cases(&format!("cases:\n  - {{ name: a, request: GET /, {case} }}\n")).unwrap_err();
    assert!(with("expects: allow").contains("expects"));
    assert!(with("expect: allowed").starts_with("2:"));
    assert!(with("expect: { deny: no_route, status: 403, why: x }").starts_with("2:"));
    assert!(with("expect: { deny: no_route }").starts_with("2:"));
    assert!(read_cases("cases: []\nmore: 1\n").unwrap_err().contains("more"));
}

#[test]
fn every_mistake_of_a_cases_file_is_reported() {
    let text = "cases:
  - { name: a, request: GET /, expect: alow }
  - { name: b, requst: GET /, expect: allow }
  - { name: c, request: [GET, /], expect: allow }
  - { name: d, request: GET /, expect: { deny: no_route, status: 70000 } }
";
    let reported = read_cases(text).unwrap_err();
    let lines: Vec<&str> = reported.lines().collect();
    let places = ["2:40: ", "3:16: ", "4:25: ", "5:66: "];
    let found = places.map(|place| lines.iter().filter(|line| line.starts_with(place)).count());
    assert_eq!(found, [1; 4], "{reported}");
    assert_eq!(
        lines.iter().filter(|line| !line.starts_with("  help: ")).count(),
        4,
        "{reported}"
    );
}

/// One folder: a gate with its policy, and the requests it is tried on.
struct Example {
    authorizer: Authorizer,
    clock: FixedClock,
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CasesFile {
    cases: Spanned<Vec<Case>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: Spanned<String>,
    /// `METHOD PATH`.
    request: String,
    /// Headers of the request beside the token.
    #[serde(default)]
    headers: BTreeMap<String, OneOrMany<String>>,
    /// The body of the request. Without a `Content-Type` in `headers` it is `application/json`.
    body: Option<String>,
    /// The certificate of the client in DER, in Base64.
    certificate: Option<String>,
    /// RFC 3339; the system's time where it is left out.
    at: Option<String>,
    /// Nothing is presented where it is left out.
    token: Option<Map<String, Value>>,
    expect: Expect,
}

#[derive(Debug)]
enum Expect {
    Allow,
    Deny(Denial),
}

impl<'de> Deserialize<'de> for Expect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ExpectVisitor)
    }
}

struct ExpectVisitor;

impl<'de> Visitor<'de> for ExpectVisitor {
    type Value = Expect;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`allow`, or a mapping with `deny` and `status`")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Expect, E> {
        match word {
            "allow" => Ok(Expect::Allow),
            other => Err(E::unknown_variant(other, &["allow"])),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Expect, A::Error> {
        Denial::deserialize(MapAccessDeserializer::new(members)).map(Expect::Deny)
    }
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Denial {
    deny: String,
    status: u16,
}

impl Example {
    fn read(folder: &Path, issuer: &TestIssuer) -> Result<Example, String> {
        let text = |file: &str| fs::read_to_string(folder.join(file)).map_err(|error| format!("{file}: {error}"));
        let policy = Policy::from_yaml(&text("policy.yaml")?).map_err(|error| format!("policy.yaml:{error}"))?;
        let cases = read_cases(&text("cases.yaml")?).map_err(|reason| format!("cases.yaml: {reason}"))?;
        let clock = FixedClock::at(0);
        let issuer = issuer
            .trusted(TestIssuer::AUDIENCE)
            .map_err(|error| error.to_string())?;
        let builder = Authorizer::builder().issuer(issuer).policy(policy).clock(clock.clone());
        let authorizer = builder.reads_bodies().build().map_err(|error| error.to_string())?;
        Ok(Example {
            authorizer,
            clock,
            cases,
        })
    }

    async fn run(&self, case: &Case, issuer: &TestIssuer) -> Result<(), String> {
        let now = match &case.at {
            Some(at) => seconds(at)?,
            None => Clock::system().now(),
        };
        self.clock.set(now);

        let (method, path) = case.request.split_once(' ').ok_or("request: expected `METHOD PATH`")?;
        let method: Method = method.parse().map_err(|_| "request: no method")?;
        let uri: Uri = path.parse().map_err(|_| "request: no path")?;
        let mut headers = match &case.token {
            Some(claims) => bearer(&issuer.token_at(now, Value::Object(claims.clone())).unwrap()),
            None => HeaderMap::new(),
        };
        for (name, values) in &case.headers {
            let name: HeaderName = name.parse().map_err(|_| "headers: no name")?;
            for value in values.iter() {
                let value = HeaderValue::from_str(value).map_err(|_| "headers: no value")?;
                headers.append(name.clone(), value);
            }
        }

        if case.body.is_some() && !headers.contains_key(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }

        let outcome = match Target::new(&method, &uri) {
            Err(error) => Err(error),
            Ok(target) => {
                let certificate = case.certificate.as_deref().map(certificate).transpose()?;
                let presented = Presented::headers(&target, &headers).client_certificate(certificate.as_ref());
                let presented = match &case.body {
                    Some(body) => presented.body(body.as_bytes()),
                    None => presented,
                };
                let decision = self.authorizer.decide_presented(&presented).await;
                decision.outcome().map_err(Clone::clone)
            }
        };
        let got = outcome.map_err(|error| Denial {
            deny: error.code().to_owned(),
            status: error.status().as_u16(),
        });
        let expected = match &case.expect {
            Expect::Allow => Ok(()),
            Expect::Deny(denial) => Err(denial),
        };
        if got.as_ref().copied() == expected {
            return Ok(());
        }
        Err(format!("expected {expected:?}, got {got:?}"))
    }
}

fn read_cases(text: &str) -> Result<Vec<Case>, String> {
    let cases = actgate_yaml::read::<CasesFile>(text).check(|file, omissions, diagnostics| {
        let is_allowed = |case: &Case| matches!(case.expect, Expect::Allow);
        let is_complete = !omissions.within(file.cases.span());
        for (name, is_there) in [
            ("allowed", file.cases.value.iter().any(is_allowed)),
            ("denied", !file.cases.value.iter().all(is_allowed)),
        ] {
            if is_complete && !is_there {
                diagnostics.push(file.cases.span(), format!("no case is {name}"), "add one");
            }
        }
        Some(file.cases.value)
    });
    cases.map_err(|mistakes| mistakes.to_string())
}

/// Seconds since 1970 of an RFC 3339 time.
fn seconds(at: &str) -> Result<u64, String> {
    let time = humantime::parse_rfc3339(at).map_err(|error| format!("at: {error}"))?;
    let since = time
        .duration_since(UNIX_EPOCH)
        .map_err(|error| format!("at: {error}"))?;
    Ok(since.as_secs())
}

fn certificate(text: &str) -> Result<ClientCertificate, String> {
    let der = STANDARD.decode(text).map_err(|error| format!("certificate: {error}"))?;
    Ok(ClientCertificate::from_der(&der))
}

fn bearer(token: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        AUTHORIZATION,
        HeaderValue::from_str(&format!("Bearer {token}")).unwrap(),
    );
    headers
}

/// In the order of their numbers.
fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir(examples())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy-examples")
}
