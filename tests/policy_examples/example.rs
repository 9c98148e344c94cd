//! The folders of `policy-examples/`: a policy, and requests with their expected decisions.

use std::fs;
use std::path::{Path, PathBuf};

use actgate::analysis::{Case, CaseOutcome, Cases};
use actgate::clock::FixedClock;
use actgate::profile::{ChainCompleteness, PriorActors};
use actgate::testing::{PolicyTest, TestIssuer};
use actgate::{Authorizer, Policy, TrustedIssuer};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::mint;

/// One folder.
pub struct Example {
    pub name: String,
    /// The text of the policy.
    pub policy: String,
    pub cases: Cases,
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
        let cases = Cases::from_yaml(&text("cases.yaml")?).map_err(|error| format!("cases.yaml:{error}"))?;
        Ok(Example {
            name: name.to_owned(),
            policy,
            cases,
        })
    }

    /// The policy with its issuers in memory.
    pub fn test(&self) -> PolicyTest {
        let policy = Policy::from_yaml(&self.policy).unwrap();
        PolicyTest::new(policy, &self.cases).unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// An authorizer with the policy. It trusts `issuer` under each of its names.
    pub fn authorizer(&self, issuer: &TestIssuer, clock: &FixedClock) -> Authorizer {
        let mut builder = Authorizer::builder().policy(Policy::from_yaml(&self.policy).unwrap());
        for named in self.cases.issuers(TestIssuer::ISSUER) {
            let trusted = TrustedIssuer::new(&named.identifier, issuer.key_set().unwrap()).unwrap();
            let trusted = trusted.profile(named.profile);
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
        format!("{}/cases.yaml:{}: {}", self.name, case.line(), case.name())
    }
}

/// The time of the request of a case.
pub fn time_of(case: &Case) -> u64 {
    case.at().unwrap_or_else(mint::now)
}

/// The token of a case for the time of its request.
pub fn token_of(case: &Case, issuer: &TestIssuer) -> Option<String> {
    let claims = case.token()?.claims().clone();
    Some(token_at(case, issuer, time_of(case), Value::Object(claims)))
}

/// A token with these claims, valid at `now`, and with the type of the case.
pub fn token_at(case: &Case, issuer: &TestIssuer, now: u64, claims: Value) -> String {
    let token = issuer.token_at(now, claims).unwrap();
    let Some(typ) = case.header_type() else {
        return token;
    };
    let payload = URL_SAFE_NO_PAD.decode(mint::parts(&token)[1]).unwrap();
    let header = json!({ "alg": "ES256", "kid": "testing", "typ": typ });
    let claims = serde_json::from_slice(&payload).unwrap();
    issuer.token_with_header(header, claims).unwrap()
}

/// Compares an outcome with the expected one.
pub fn compare(case: &Case, got: &CaseOutcome) -> Result<(), String> {
    let expected = case.expected();
    (got == expected)
        .then_some(())
        .ok_or_else(|| format!("expected {expected}, got {got}"))
}

/// The same, for the outcome with the rules in shadow.
pub fn compare_shadow(case: &Case, got: Option<&CaseOutcome>) -> Result<(), String> {
    let expected = case.expected_in_shadow(got);
    (got == expected)
        .then_some(())
        .ok_or_else(|| format!("in shadow: expected {expected:?}, got {got:?}"))
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
