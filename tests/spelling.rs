//! A property over random policies and random spellings of a target: however a server reads a request, it gets the access that
//! the gate required, unless the gate answered 400.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use actgate::clock::FixedClock;
use actgate::request::Target;
use actgate::testing::TestIssuer;
use actgate::{Authorizer, Policy};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Method, Uri};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

static ISSUER: LazyLock<TestIssuer> = LazyLock::new(|| TestIssuer::new().unwrap());

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_current_thread().build().unwrap());

/// A route as the model reads it: methods (none is every registered one), segments, and its access.
#[derive(Clone, Debug)]
struct Route {
    methods: Vec<&'static str>,
    segments: Vec<&'static str>,
    access: usize,
}

/// What a server ignores in the spelling of a path.
#[derive(Clone, Copy, Debug)]
struct Server {
    case: bool,
    slash: bool,
    segment_end: bool,
}

/// A request as it is sent.
#[derive(Clone, Debug)]
struct Request {
    method: &'static str,
    path: String,
    parameter: Option<&'static str>,
}

const LITERALS: [&str; 9] = ["a", "A", "b", "users", "Users", "a.", "x", "ab", "é"];
const METHODS: [&str; 5] = ["GET", "POST", "DELETE", "HEAD", "PURGE"];

fn routes() -> impl Strategy<Value = Vec<Route>> {
    let segment = prop_oneof![4 => select(&LITERALS[..]), 2 => Just("{p}")];
    let last = prop_oneof![4 => Just(None), 2 => Just(Some("{*r}")), 1 => Just(Some(""))];
    let methods = prop_oneof![2 => Just(vec![]), 3 => vec(select(&METHODS[..3]), 1..3), 1 => Just(vec!["PURGE"])];
    let route = (methods, vec(segment, 0..3), last, 0_usize..3);
    let route = route.prop_map(|(mut methods, mut segments, last, access)| {
        methods.sort_unstable();
        methods.dedup();
        segments.extend(last);
        if segments.is_empty() {
            segments.push("");
        }
        Route {
            methods,
            segments,
            access,
        }
    });
    let catch_all = (0_usize..3).prop_map(|access| Route {
        methods: vec![],
        segments: vec!["{*r}"],
        access,
    });
    (vec(route, 1..6), catch_all).prop_map(|(mut routes, catch_all)| {
        routes.push(catch_all);
        routes
    })
}

/// A request for one of the routes, or near it, in a random spelling.
fn request() -> impl Strategy<Value = (usize, Vec<&'static str>, Spelled)> {
    let value = select(&["a", "A", "7", "x", "users", "Zz"][..]);
    (any::<usize>(), vec(value, 4), spelled())
}

#[derive(Clone, Debug)]
struct Spelled {
    method: &'static str,
    case: Vec<bool>,
    slash: bool,
    ends: Vec<&'static str>,
    escape: Vec<bool>,
    parameter: Option<&'static str>,
}

fn spelled() -> impl Strategy<Value = Spelled> {
    let end = prop_oneof![6 => Just(""), 1 => Just("."), 1 => Just("%20"), 1 => Just(".%20.")];
    let parameter = prop_oneof![4 => Just(None), 1 => select(&METHODS[..]).prop_map(Some)];
    let swap = prop_oneof![3 => Just(false), 1 => Just(true)];
    let escape = prop_oneof![8 => Just(false), 1 => Just(true)];
    (
        select(&METHODS[..]),
        vec(swap, 12),
        any::<bool>(),
        vec(end, 4),
        vec(escape, 12),
        parameter,
    )
        .prop_map(|(method, case, slash, ends, escape, parameter)| Spelled {
            method,
            case,
            slash,
            ends,
            escape,
            parameter,
        })
}

/// The request for a route, its parameters filled in, in a spelling.
fn write(route: &Route, values: &[&'static str], spelled: &Spelled) -> Request {
    let mut letters = spelled.case.iter().cycle();
    let mut escapes = spelled.escape.iter().cycle();
    let mut path = String::new();
    for (index, segment) in route.segments.iter().enumerate() {
        path.push('/');
        let value = values[index % values.len()];
        let rest = format!("{value}/{}", values[(index + 1) % values.len()]);
        let text = match *segment {
            "{p}" => value,
            "{*r}" => &rest,
            literal => literal,
        };
        for character in text.chars() {
            let character = match letters.next() {
                Some(true) if character.is_ascii_lowercase() => character.to_ascii_uppercase(),
                Some(true) => character.to_ascii_lowercase(),
                _ => character,
            };
            let is_escaped = *escapes.next().unwrap() && character.is_ascii_alphanumeric() || !character.is_ascii();
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                match is_escaped {
                    true => path.push_str(&format!("%{byte:02X}")),
                    false => path.push(char::from(byte)),
                }
            }
        }
        if !text.is_empty() {
            path.push_str(spelled.ends[index % spelled.ends.len()]);
        }
    }
    if spelled.slash && path.len() > 1 && !path.ends_with('/') {
        path.push('/');
    }
    Request {
        method: spelled.method,
        path,
        parameter: spelled.parameter,
    }
}

impl Server {
    fn all() -> impl Iterator<Item = Server> {
        (0..8).map(|bits| Server {
            case: bits & 1 != 0,
            slash: bits & 2 != 0,
            segment_end: bits & 4 != 0,
        })
    }

    fn canonical(self, path: &str) -> String {
        let mut path = path.to_owned();
        if self.case {
            path = path.to_lowercase();
        }
        if self.segment_end {
            let ends = |segment: &str| segment.trim_end_matches(['.', ' ']).to_owned();
            path = path.split('/').map(ends).collect::<Vec<_>>().join("/");
        }
        if self.slash && path.len() > 1 && path.ends_with('/') {
            path.pop();
        }
        path
    }

    /// The access of the best of the routes, as this server reads them. It tries the routes one by one.
    fn access(self, routes: &[Route], method: &str, path: &str) -> Option<usize> {
        let path = self.canonical(path);
        let mut best: Option<(Vec<u8>, u8, usize)> = None;
        for route in routes {
            let closeness = match &route.methods[..] {
                [] if routes.iter().any(|other| other.methods.contains(&method)) || method != "PURGE" => 0,
                [] => continue,
                names if names.contains(&method) => 2,
                names if method == "HEAD" && names.contains(&"GET") => 1,
                _ => continue,
            };
            let pattern = self.canonical(&format!("/{}", route.segments.join("/")));
            if let Some(rank) = rank(&pattern, &path) {
                let found = (rank, closeness, route.access);
                best = best
                    .filter(|best| (&best.0, best.1) >= (&found.0, found.1))
                    .or(Some(found));
            }
        }
        best.map(|(_, _, access)| access)
    }
}

/// How specific a pattern is for a path that it matches: literal, parameter, rest, segment by segment.
fn rank(pattern: &str, path: &str) -> Option<Vec<u8>> {
    let mut rank = Vec::new();
    let (mut patterns, mut segments) = (pattern[1..].split('/'), path[1..].split('/').peekable());
    loop {
        match (patterns.next(), segments.peek()) {
            (None, None) => return Some(rank),
            (Some("{*r}"), Some(_)) => {
                let rest: Vec<&str> = segments.collect();
                rank.push(0);
                return (rest != [""]).then_some(rank);
            }
            (Some("{p}"), Some(segment)) if !segment.is_empty() => rank.push(1),
            (Some(literal), Some(segment)) if literal == *segment => rank.push(2),
            _ => return None,
        }
        segments.next();
    }
}

fn policy(routes: &[Route]) -> String {
    let mut text = "routes:\n".to_owned();
    for route in routes {
        let quoted = |method: &&str| {
            if *method == "PURGE" {
                "\"PURGE\"".to_owned()
            } else {
                (*method).to_owned()
            }
        };
        let methods = match &route.methods[..] {
            [] => "*".to_owned(),
            names => names.iter().map(quoted).collect::<Vec<_>>().join(","),
        };
        let path = route.segments.join("/");
        text.push_str(&format!(
            "  - {{ match: '{methods} /{path}', scopes: [s{}] }}\n",
            route.access
        ));
    }
    text
}

fn authorizer(policy: &str) -> Option<Authorizer> {
    let policy = Policy::from_yaml(policy).ok()?;
    let builder = Authorizer::builder().issuer(ISSUER.trusted(TestIssuer::AUDIENCE).unwrap());
    let builder = builder.policy(policy).clock(FixedClock::at(TestIssuer::NOW));
    Some(builder.build().unwrap())
}

/// The access that the gate requires, or the code of its denial. The token has one scope, so that the access is known.
fn decide(authorizer: &Authorizer, request: &Request) -> Result<usize, &'static str> {
    let uri = match request.parameter {
        None => request.path.clone(),
        Some(method) => format!("{}?_method={}", request.path, method.to_lowercase()),
    };
    let (method, uri) = (
        Method::from_bytes(request.method.as_bytes()).unwrap(),
        uri.parse::<Uri>().unwrap(),
    );
    let mut denied = "";
    for access in 0..3 {
        let token = token(access);
        let headers =
            HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}")).unwrap())]);
        let target = Target::new(&method, &uri).map_err(|error| error.code())?;
        let decision = RUNTIME.block_on(authorizer.decide(&target, &headers));
        match decision.error() {
            None => return Ok(access),
            Some(error) => denied = error.code(),
        }
    }
    Err(denied)
}

fn token(access: usize) -> &'static str {
    static TOKENS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let token = |access| ISSUER.token(json!({ "scope": format!("s{access}") })).unwrap();
        (0..3).map(token).collect()
    });
    &TOKENS[access]
}

#[test]
fn a_server_gives_the_access_that_the_gate_required_unless_the_answer_is_400() {
    let [invalid, allowed, ambiguous, without] = [(); 4].map(|()| AtomicUsize::new(0));
    let count = |counter: &AtomicUsize| counter.fetch_add(1, Ordering::Relaxed);
    let mut runner = TestRunner::new(Config {
        cases: 4_000,
        max_global_rejects: 40_000,
        failure_persistence: None,
        ..Config::default()
    });
    let result = runner.run(&(routes(), vec(request(), 1..6)), |(routes, requests)| {
        let policy = policy(&routes);
        let Some(authorizer) = authorizer(&policy) else {
            count(&invalid);
            return Ok(());
        };
        for (route, values, spelled) in requests {
            let request = write(&routes[route % routes.len()], &values, &spelled);
            let access = match decide(&authorizer, &request) {
                Ok(access) => access,
                Err("no_route") => {
                    count(&without);
                    continue;
                }
                Err(code) => {
                    prop_assert_eq!(code, "invalid_request", "{:?} on\n{}", request, policy);
                    count(&ambiguous);
                    continue;
                }
            };
            count(&allowed);
            for path in [
                decoded(&request.path, |_| true),
                decoded(&request.path, |byte| !byte.is_ascii_alphanumeric()),
            ] {
                for server in Server::all() {
                    let methods = [
                        Some(request.method),
                        request.parameter.filter(|method| *method != "PURGE"),
                    ];
                    for method in methods.into_iter().flatten() {
                        let served = server.access(&routes, method, &path);
                        prop_assert_eq!(
                            served,
                            Some(access),
                            "{:?} as {} {} by {:?} on\n{}",
                            request,
                            method,
                            path,
                            server,
                            policy
                        );
                    }
                }
            }
        }
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
    // Without each of these outcomes the property is vacuous.
    for (counter, name) in [
        (invalid, "invalid"),
        (allowed, "allowed"),
        (ambiguous, "ambiguous"),
        (without, "without a route"),
    ] {
        let counted = counter.into_inner();
        assert!(counted > 100, "{name}: {counted}");
    }
}

/// The path as a server reads it that decodes these escapes.
fn decoded(path: &str, is_decoded: impl Fn(u8) -> bool) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes().iter();
    while let Some(byte) = rest.next() {
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let digits: Vec<u8> = rest.by_ref().take(2).copied().collect();
        let escaped = u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap();
        match is_decoded(escaped) {
            true => bytes.push(escaped),
            false => bytes.extend([b'%', digits[0], digits[1]]),
        }
    }
    String::from_utf8(bytes).unwrap()
}
