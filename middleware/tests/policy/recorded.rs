//! The explanation of the record of a decision is that of its token, and names what the record does not decide.

use std::fs;
use std::path::Path;

use actgate::analysis::Cases;
use actgate::chain::{Actor, Conceal, RecordedFacts};
use actgate::clock::FixedClock;
use actgate::policy::{Mode, Outcome};
use actgate::profile::{ChainCompleteness, PriorActors};
use actgate::request::{Presented, Target};
use actgate::testing::{CaseRequest, PolicyTest, TestIssuer};
use actgate::{Authorizer, Explanation, KnownRequest, Policy, RecordedExplanation};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

const NOW: u64 = TestIssuer::NOW;

/// Shows some places, or all of them.
pub struct Recording<'l> {
    listed: &'l [&'l str],
    key: &'static str,
}

pub const KEY: Recording<'_> = Recording {
    listed: &[],
    key: "testing",
};
const OTHER_KEY: Recording<'_> = Recording {
    listed: &[],
    key: "other",
};
pub const EVERYTHING: Recording<'_> = Recording {
    listed: &["*"],
    key: "testing",
};

impl Recording<'_> {
    fn lists(&self, place: &str) -> bool {
        self.listed.contains(&"*") || self.listed.contains(&place)
    }
}

impl Conceal for Recording<'_> {
    fn shows(&self, place: &str) -> bool {
        self.lists(place)
    }

    fn shows_of_request(&self, place: &str) -> bool {
        self.lists(place)
    }

    fn hash(&self, value: &[u8]) -> String {
        // FNV-1a: for these tests alone.
        let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        let begin = self
            .key
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash, byte| fold(hash, &byte));
        format!("{:x}", value.iter().fold(begin, fold))
    }

    fn key_id(&self) -> &str {
        self.key
    }
}

fn everything() -> KnownRequest {
    KnownRequest::nothing().with_query().with_headers().with_body()
}

/// The record of a decision, written as JSON and read again.
pub fn record(
    authorizer: &Authorizer,
    explained: &Explanation,
    presented: &Presented<'_>,
    conceal: &Recording<'_>,
) -> Option<RecordedFacts> {
    let recorded = authorizer.record(explained.decision(), presented, conceal)?;
    let json = serde_json::to_string(&recorded).unwrap();
    Some(RecordedFacts::from_json(&json).unwrap_or_else(|error| panic!("{error}: {json}")))
}

#[test]
fn the_record_of_every_case_is_explained_as_its_token() {
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy-examples");
    let (mut whole, mut by_hashes, mut failures) = (0, 0, Vec::new());
    for folder in fs::read_dir(folders).expect("the examples") {
        let folder = folder.expect("a folder").path();
        let Ok(policy) = fs::read_to_string(folder.join("policy.yaml")) else {
            continue;
        };
        let cases = fs::read_to_string(folder.join("cases.yaml")).expect("cases");
        let cases = Cases::from_yaml(&cases).unwrap();
        let test = PolicyTest::new(Policy::from_yaml(&policy).unwrap(), &cases).unwrap();
        let (authorizer, _) = test.authorizer();
        for case in cases.iter() {
            let now = case.at().unwrap_or(NOW);
            let request = CaseRequest::new(case, test.token(case, now).unwrap().as_deref()).unwrap();
            let Ok(target) = Target::new(&request.method, &request.uri) else {
                continue;
            };
            let presented = request.presented(&target);
            let uri = request.uri.path().parse::<Uri>().unwrap();
            let alone = Target::new(&request.method, &uri).unwrap();
            let alone = Presented::token(&alone, "").client_certificate(request.certificate.as_ref());
            match compare(
                authorizer,
                [(&presented, everything()), (&alone, KnownRequest::nothing())],
                now,
            ) {
                Ok(None) => {}
                Ok(Some(is_decided_by_hashes)) => {
                    whole += 1;
                    by_hashes += usize::from(is_decided_by_hashes);
                }
                Err(reason) => failures.push(format!("{}/cases.yaml:{}: {reason}", folder.display(), case.line())),
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
    assert!(
        whole > 500 && by_hashes > 400 && by_hashes < whole,
        "{whole}, {by_hashes}"
    );
}

/// Compares the explanation of a request with those of its records; the result is whether hashes suffice, and [`None`] without a
/// record. `requests` are the whole request, and what is left of it beside the record.
fn compare(
    authorizer: &Authorizer,
    requests: [(&Presented<'_>, KnownRequest); 2],
    now: u64,
) -> Result<Option<bool>, String> {
    let presented = requests[0].0;
    let first = authorizer.explain(presented, now);
    // The token is remembered: its first steps are those of one that was verified before.
    let explained = authorizer.explain(presented, now);
    let Some(shown) = record(authorizer, &first, presented, &EVERYTHING) else {
        return Ok(None);
    };
    let change = authorizer.smallest_change(&explained, presented, now);
    for (presented, known) in requests {
        let found = authorizer.explain_recorded(&shown, presented, known, now, None);
        if !found.undecided().is_empty() || !found.is_decided() {
            return Err(format!("not decided: {:?}", found.undecided()));
        }
        is_same(&explained, found.explanation())?;
        let other = authorizer.smallest_change_of_record(&found, presented, now);
        if change != other {
            return Err(format!("the smallest change is {change:?}, of the record {other:?}"));
        }
    }
    let concealed = record(authorizer, &first, presented, &KEY).ok_or("no record")?;
    let mut is_decided_by_hashes = true;
    for (presented, known) in requests {
        for conceal in [Some(&KEY), Some(&OTHER_KEY), None] {
            let conceal = conceal.map(|key| key as &dyn Conceal);
            let part = authorizer.explain_recorded(&concealed, presented, known, now, conceal);
            is_part(&explained, &part)?;
            if conceal.is_some_and(|key| key.key_id() == KEY.key) {
                is_decided_by_hashes &= part.is_decided();
            }
        }
    }
    Ok(Some(is_decided_by_hashes))
}

fn is_same(explained: &Explanation, recorded: &Explanation) -> Result<(), String> {
    let (one, other) = (explained.decision(), recorded.decision());
    if (one.outcome(), one.shadow(), one.route()) != (other.outcome(), other.shadow(), other.route()) {
        return Err(format!("another decision: {one:?}, of the record {other:?}"));
    }
    if explained.facts() != recorded.facts() || chain(explained) != chain(recorded) {
        return Err("other facts".to_owned());
    }
    if other.identity().is_some() {
        return Err("an identity of a record".to_owned());
    }
    let (one, other) = (explained.checks(), recorded.checks());
    match one.iter().zip(other).find(|(one, other)| one != other) {
        Some((one, other)) => Err(format!("another check: {one:?}, of the record {other:?}")),
        None if one.len() != other.len() => Err("other checks".to_owned()),
        None => Ok(()),
    }
}

fn chain(explanation: &Explanation) -> Option<Vec<String>> {
    let chain = explanation.chain()?;
    let actors = chain.current().into_iter().chain(chain.prior());
    let of_one = |actor: &Actor| format!("{} {}", actor.party().subject(), actor.kind());
    Some(actors.map(of_one).collect())
}

/// Whether what is decided is decided as by the token.
fn is_part(explained: &Explanation, part: &RecordedExplanation) -> Result<(), String> {
    if part.is_decided() && part.explanation().decision().outcome() != explained.decision().outcome() {
        return Err(format!("another outcome by hashes: {part:?}"));
    }
    let error = explained.decision().error();
    if let Some(denial) = part.certain_denial() {
        let is_same = denial.check.code == error.map(|error| error.code()) && denial.decision.error() == error;
        if error.is_none() || denial.alternatives == 0 && !is_same {
            return Err(format!("no such denial, but {error:?}: {part:?}"));
        }
    } else if part.is_decided() && error.is_some() {
        return Err(format!("no certain denial: {part:?}"));
    }
    for (check, part) in explained.checks().iter().zip(part.explanation().checks()) {
        if part.outcome != Outcome::Undecided && part.outcome != check.outcome {
            return Err(format!("another check by hashes: {check:?}, {part:?}"));
        }
    }
    Ok(())
}

/// A request of a row: `POST /a?b=c`, headers as `name: value`, and a body.
pub struct Request {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: String,
}

impl Request {
    pub fn read(text: &str, token: &str) -> Request {
        let mut parts = text.split(" | ");
        let (method, uri) = parts.next().unwrap().split_once(' ').unwrap();
        let mut headers = HeaderMap::from_iter([
            (AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}")).unwrap()),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ]);
        let mut body = String::new();
        for part in parts {
            match part.split_once(": ") {
                Some((name, value)) if !part.starts_with(['{', '[']) => {
                    let name = name.parse::<HeaderName>().unwrap();
                    match headers.contains_key(&name) && name != CONTENT_TYPE {
                        true => headers.append(name, value.parse().unwrap()),
                        false => headers.insert(name, value.parse().unwrap()).is_some(),
                    };
                }
                _ => body = part.to_owned(),
            }
        }
        Request {
            method: method.parse().unwrap(),
            uri: uri.parse().unwrap(),
            headers,
            body,
        }
    }
}

/// The decision of an explanation, and what is not decided.
pub fn summary(found: &RecordedExplanation) -> String {
    let decision = match found.explanation().decision().outcome() {
        _ if !found.is_decided() => "unknown".to_owned(),
        Ok(()) => "allow".to_owned(),
        Err(error) => error.code().to_owned(),
    };
    let undecided = found.undecided().iter().map(|undecided| {
        let mode = if undecided.mode == Mode::Enforce {
            ""
        } else {
            " in shadow"
        };
        format!("; {}{mode}: {}", undecided.rule, undecided.reason)
    });
    let certain = found.certain_denial().filter(|_| !found.is_decided()).map(|denial| {
        let code = denial.check.code.unwrap_or("no code");
        format!("; denied with {code} or {} others", denial.alternatives)
    });
    format!(
        "{decision}{}{}",
        undecided.collect::<String>(),
        certain.unwrap_or_default()
    )
}

pub fn authorizer(issuer: &TestIssuer, policy: &str) -> Authorizer {
    let policy = Policy::from_yaml(policy).unwrap_or_else(|mistakes| panic!("{policy}: {mistakes}"));
    let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
    let trusted = trusted
        .chain_completeness(ChainCompleteness::Complete)
        .prior_actors(PriorActors::Enforce);
    let builder = Authorizer::builder().issuer(trusted).policy(policy).reads_bodies();
    builder.clock(FixedClock::at(NOW)).build().unwrap()
}

#[test]
fn each_value_that_is_not_listed_is_compared_by_its_hash_or_not_decided() {
    let issuer = TestIssuer::new().unwrap();
    let lines = include_str!("recorded.txt").lines();
    let lines: Vec<&str> = lines
        .filter(|line| !line.is_empty() && !line.starts_with("# "))
        .collect();
    let (rows, rest) = lines.as_chunks::<7>();
    assert!(rest.is_empty(), "{rest:?}");
    let mut wrong = Vec::new();
    for [routes, claims, request, expected @ ..] in rows {
        let expected = expected.map(str::trim);
        let authorizer = authorizer(&issuer, &format!("routes: [{routes}]"));
        let token = issuer.token(serde_json::from_str(claims.trim()).unwrap()).unwrap();
        let line = request.trim();
        let request = Request::read(line, &token);
        let target = Target::new(&request.method, &request.uri).unwrap();
        let presented = Presented::headers(&target, &request.headers).body(request.body.as_bytes());
        let path = request.uri.path().parse::<Uri>().unwrap();
        let alone = Target::new(&request.method, &path).unwrap();
        let alone = Presented::token(&alone, "");
        // Twice: the steps of a record are those of a token that was verified before.
        authorizer.explain(&presented, NOW);
        let explained = authorizer.explain(&presented, NOW);
        let code = match explained.decision().outcome() {
            Ok(()) => "allow",
            Err(error) => error.code(),
        };
        let of = |conceal: &Recording<'_>| record(&authorizer, &explained, &presented, conceal).unwrap();
        let explain = |recorded: &RecordedFacts, key: Option<&dyn Conceal>| {
            authorizer.explain_recorded(recorded, &alone, KnownRequest::nothing(), NOW, key)
        };
        let listed = explain(&of(&EVERYTHING), None);
        is_same(&explained, listed.explanation()).unwrap_or_else(|reason| panic!("{routes}: {reason}"));
        assert_eq!(summary(&listed), code, "{routes}");
        assert!(!of(&EVERYTHING).has_hashes(), "{routes}");
        let recorded = of(&KEY);
        let whole = authorizer.explain_recorded(&recorded, &presented, everything(), NOW, Some(&KEY));
        let found = [
            format!("is {code}, {}", if recorded.has_hashes() { "hashed" } else { "shown" }),
            format!("with the key: {}", summary(&explain(&recorded, Some(&KEY)))),
            format!("without it: {}", summary(&explain(&recorded, None))),
            format!("with the request: {}", summary(&whole)),
        ];
        assert_eq!(
            summary(&explain(&recorded, Some(&OTHER_KEY))),
            summary(&explain(&recorded, None)),
            "{routes}"
        );
        if found != expected {
            wrong.push(format!("{routes}\n{claims}\n  {line}\n  {}", found.join("\n  ")));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
