//! The folders of `policy-examples/`: a policy, and requests with their expected decisions.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use actgate::clock::FixedClock;
use actgate::profile::{ChainCompleteness, PriorActors};
use actgate::request::{ClientCertificate, Presented, Target};
use actgate::testing::TestIssuer;
use actgate::{Authorizer, Error, Policy, TrustedIssuer};
use actgate_yaml::{OneOrMany, Spanned};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use crate::mint;

/// One folder.
pub struct Example {
    pub name: String,
    /// The text of the policy.
    pub policy: String,
    pub trust: Trust,
    pub cases: Vec<Case>,
}

/// What the gate of an example trusts.
#[derive(Debug)]
pub struct Trust {
    /// [`TestIssuer::ISSUER`], and further issuers with the same keys.
    pub issuers: Vec<String>,
    /// The preset of each of them.
    pub profile: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CasesFile {
    #[serde(default)]
    issuers: Vec<String>,
    profile: Option<String>,
    cases: Spanned<Vec<Case>>,
}

/// One request, and its expected decision.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: Spanned<String>,
    /// `METHOD PATH`.
    request: String,
    /// Headers of the request beside the token.
    #[serde(default)]
    headers: BTreeMap<String, OneOrMany<String>>,
    /// The body of the request. Without a `Content-Type` in `headers` it is `application/json`.
    body: Option<String>,
    /// The certificate of the client in DER, in Base64.
    pub certificate: Option<String>,
    /// RFC 3339; the system's time where it is left out.
    pub at: Option<String>,
    /// The `typ` in the header of the token; `at+jwt` where it is left out.
    typ: Option<String>,
    /// Nothing is presented where it is left out.
    pub token: Option<Map<String, Value>>,
    expect: Expect,
    /// The decision if every rule in shadow were enforced; none where no rule is evaluated in shadow.
    shadow: Option<Expect>,
}

#[derive(Debug)]
enum Expect {
    Allow,
    Deny(Denial),
}

/// The code and the status of a denial.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Denial {
    pub deny: String,
    pub status: u16,
}

impl From<&Error> for Denial {
    fn from(error: &Error) -> Denial {
        Denial {
            deny: error.code().to_owned(),
            status: error.status().as_u16(),
        }
    }
}

impl<'de> Deserialize<'de> for Expect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ExpectVisitor)
    }
}

impl Expect {
    fn outcome(&self) -> Result<(), Denial> {
        match self {
            Expect::Allow => Ok(()),
            Expect::Deny(denial) => Err(denial.clone()),
        }
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

impl Example {
    /// Every folder, in the order of their numbers. All mistakes of their files are reported.
    pub fn all() -> Vec<Example> {
        let (mut read, mut mistakes) = (Vec::new(), Vec::new());
        for folder in folders() {
            let name = folder.file_name().unwrap().to_string_lossy().into_owned();
            match Example::read(&folder, &name) {
                Ok(example) => read.push(example),
                Err(reason) => mistakes.push(format!("{name}: {reason}")),
            }
        }
        assert!(mistakes.is_empty(), "\n{}", mistakes.join("\n"));
        assert!(!read.is_empty(), "no policy example was found");
        read
    }

    fn read(folder: &Path, name: &str) -> Result<Example, String> {
        let text = |file: &str| fs::read_to_string(folder.join(file)).map_err(|error| format!("{file}: {error}"));
        let policy = text("policy.yaml")?;
        Policy::from_yaml(&policy).map_err(|error| format!("policy.yaml:{error}"))?;
        let (trust, cases) = read_cases(&text("cases.yaml")?).map_err(|reason| format!("cases.yaml: {reason}"))?;
        Ok(Example {
            name: name.to_owned(),
            policy,
            trust,
            cases,
        })
    }

    /// An authorizer with the policy. It trusts `issuer` under each of its names.
    pub fn authorizer(&self, issuer: &TestIssuer, clock: &FixedClock) -> Authorizer {
        let mut builder = Authorizer::builder().policy(Policy::from_yaml(&self.policy).unwrap());
        for name in &self.trust.issuers {
            let trusted = TrustedIssuer::new(name, issuer.key_set().unwrap()).unwrap();
            let trusted = trusted.profile(self.trust.profile.parse().unwrap());
            let trusted = trusted.chain_completeness(ChainCompleteness::Complete);
            let trusted = trusted.prior_actors(PriorActors::Enforce);
            builder = builder.issuer(trusted.audience(TestIssuer::AUDIENCE).unwrap());
        }
        let builder = builder.clock(clock.clone()).reads_bodies();
        builder.build().unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// Whether a rule of the policy reads the hour of the day.
    pub fn reads_the_hour(&self) -> bool {
        self.policy.contains(" time: {")
    }

    /// Where a case is written, and its name.
    pub fn place(&self, case: &Case) -> String {
        format!("{}/cases.yaml:{}: {}", self.name, case.name.line, case.name.value)
    }
}

impl Case {
    /// The time of the request.
    pub fn now(&self) -> u64 {
        self.at.as_deref().map_or_else(mint::now, seconds)
    }

    /// The token for the time of the request.
    pub fn minted(&self, issuer: &TestIssuer) -> Option<String> {
        let claims = self.token.clone()?;
        Some(self.token_at(issuer, self.now(), Value::Object(claims)))
    }

    /// A token with these claims, valid at `now`, and with the type of the case.
    pub fn token_at(&self, issuer: &TestIssuer, now: u64, claims: Value) -> String {
        let token = issuer.token_at(now, claims).unwrap();
        let Some(typ) = &self.typ else { return token };
        let payload = URL_SAFE_NO_PAD.decode(mint::parts(&token)[1]).unwrap();
        let header = json!({ "alg": "ES256", "kid": "testing", "typ": typ });
        let claims = serde_json::from_slice(&payload).unwrap();
        issuer.token_with_header(header, claims).unwrap()
    }

    /// The request with this token.
    pub fn message(&self, token: Option<&str>) -> Message {
        let (method, target) = self.request.split_once(' ').expect("request: `METHOD PATH`");
        let mut headers = HeaderMap::new();
        if let Some(token) = token {
            headers.insert(AUTHORIZATION, value(&format!("Bearer {token}")));
        }
        for (name, values) in &self.headers {
            let name: HeaderName = name.parse().expect("the name of a header");
            for text in values.iter() {
                headers.append(name.clone(), value(text));
            }
        }
        if self.body.is_some() && !headers.contains_key(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Message {
            method: method.parse().expect("request: a method"),
            target: target.to_owned(),
            uri: target.parse().expect("request: a path"),
            headers,
            body: self.body.clone(),
            certificate: self
                .certificate
                .as_deref()
                .map(|text| ClientCertificate::from_der(&der(text))),
        }
    }

    /// Compares an outcome with the expected one.
    pub fn compare(&self, got: Result<(), Denial>) -> Result<(), String> {
        let expected = self.expect.outcome();
        if got == expected {
            return Ok(());
        }
        Err(format!("expected {expected:?}, got {got:?}"))
    }

    /// The same, for the outcome with the rules in shadow.
    pub fn compare_shadow(&self, got: Option<Result<(), Denial>>) -> Result<(), String> {
        let expected = self.shadow.as_ref().map(Expect::outcome);
        if got == expected {
            return Ok(());
        }
        Err(format!("in shadow: expected {expected:?}, got {got:?}"))
    }
}

/// A request, ready to be sent.
pub struct Message {
    pub method: Method,
    /// The target as the case writes it.
    pub target: String,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Option<String>,
    pub certificate: Option<ClientCertificate>,
}

impl Message {
    /// What the library receives of it.
    pub fn presented<'a>(&'a self, target: &'a Target<'a>) -> Presented<'a> {
        let presented = Presented::headers(target, &self.headers).client_certificate(self.certificate.as_ref());
        match &self.body {
            Some(body) => presented.body(body.as_bytes()),
            None => presented,
        }
    }
}

/// Reads a `cases.yaml`.
pub fn read_cases(text: &str) -> Result<(Trust, Vec<Case>), String> {
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
        let own = std::iter::once(TestIssuer::ISSUER.to_owned());
        let trust = Trust {
            issuers: own.chain(file.issuers).collect(),
            profile: file.profile.unwrap_or_else(|| "rfc9068".to_owned()),
        };
        Some((trust, file.cases.value))
    });
    cases.map_err(|mistakes| mistakes.to_string())
}

/// The DER of a certificate in Base64.
pub fn der(text: &str) -> Vec<u8> {
    STANDARD.decode(text).expect("a certificate in Base64")
}

/// In the order of their numbers.
pub fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = fs::read_dir(examples())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

pub fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy-examples")
}

/// Seconds since 1970 of an RFC 3339 time.
fn seconds(at: &str) -> u64 {
    let time = humantime::parse_rfc3339(at).unwrap_or_else(|error| panic!("at: {at}: {error}"));
    time.duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs()
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("the value of a header")
}
