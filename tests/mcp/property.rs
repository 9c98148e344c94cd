//! A property over random policies and random headers: no message reaches the access of a route that its revision, method and
//! name do not name.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use actgate::clock::FixedClock;
use actgate::request::Target;
use actgate::testing::TestIssuer;
use actgate::{Authorizer, Policy};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

static ISSUER: LazyLock<TestIssuer> = LazyLock::new(|| TestIssuer::new().unwrap());
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_current_thread().build().unwrap());

const METHODS: [&str; 4] = ["tools/call", "prompts/get", "tools/list", "server/discover"];
const NAMES: [&str; 7] = ["get", "get_a", "get_ab", "set", "a", "g", "é"];
const PATTERNS: [&str; 6] = ["get", "get_a", "a", "get_*", "g*", "get_a*"];

/// A route as the model reads it, its method and its pattern; neither is the route without `mcp`.
#[derive(Clone, Debug)]
struct Route {
    method: Option<&'static str>,
    name: Option<&'static str>,
}

/// A message as its sender means it, and how the headers are written.
#[derive(Clone, Debug)]
struct Sent {
    fields: Vec<(&'static str, String)>,
}

fn routes() -> impl Strategy<Value = Vec<Route>> {
    let of_message = (
        select(&METHODS[..]),
        prop_oneof![1 => Just(None), 2 => select(&PATTERNS[..]).prop_map(Some)],
    );
    let of_message = of_message.prop_map(|(method, name)| Route {
        method: Some(method),
        name: name.filter(|_| method == "tools/call" || method == "prompts/get"),
    });
    (vec(of_message, 1..6), any::<bool>()).prop_map(|(mut routes, has_rest)| {
        if has_rest {
            routes.push(Route {
                method: None,
                name: None,
            });
        }
        let mut unique: Vec<Route> = Vec::new();
        for route in routes {
            if !unique
                .iter()
                .any(|other| (other.method, other.name) == (route.method, route.name))
            {
                unique.push(route);
            }
        }
        unique
    })
}

fn sent() -> impl Strategy<Value = Sent> {
    let version = prop_oneof![
        8 => Just("2026-07-28"),
        1 => Just("2027-01-01"),
        1 => Just("2025-11-25"),
        1 => Just("2026-7-28"),
        1 => Just(""),
    ];
    let name = (select(&NAMES[..]), 0..8_u8).prop_map(|(name, form)| match form {
        0..=2 => name.to_owned(),
        3..=4 => format!("=?base64?{}?=", STANDARD.encode(name)),
        5 => format!("=?BASE64?{}?=", STANDARD.encode(name)),
        6 => format!("=?base64?{}?=", STANDARD.encode(name).trim_end_matches('=')),
        _ => name.to_uppercase(),
    });
    let field = prop_oneof![
        6 => version.prop_map(|version| ("mcp-protocol-version", version.to_owned())),
        6 => select(&METHODS[..]).prop_map(|method| ("mcp-method", method.to_owned())),
        6 => name.clone().prop_map(|name| ("mcp-name", name)),
        1 => name.prop_map(|name| ("mcp_name", name)),
        1 => Just(("mcp-method", "Tools/Call".to_owned())),
        1 => Just(("mcp-param-a", "get".to_owned())),
    ];
    let usual = (
        vec(field.clone(), 0..2),
        select(&METHODS[..]),
        select(&NAMES[..]),
        0..16_u8,
    );
    let usual = usual.prop_map(|(mut fields, method, name, kept)| {
        let message = [
            ("mcp-protocol-version", "2026-07-28".to_owned()),
            ("mcp-method", method.to_owned()),
            ("mcp-name", name.to_owned()),
        ];
        // One in four lacks a header.
        let message = message
            .into_iter()
            .enumerate()
            .filter(|(index, _)| usize::from(kept) != *index);
        fields.extend(message.map(|(_, field)| field));
        fields
    });
    prop_oneof![vec(field, 0..5), usual].prop_map(|fields| Sent { fields })
}

/// The policy of these routes: the access of each is a scope with its number.
fn policy(routes: &[Route]) -> Policy {
    let mut text = "routes:\n".to_owned();
    for (number, route) in routes.iter().enumerate() {
        let mcp = match (route.method, route.name) {
            (None, _) => String::new(),
            (Some(method), None) => format!("mcp: {method}, "),
            (Some(method), Some(name)) => format!("mcp: {{ method: {method}, name: '{name}' }}, "),
        };
        text += &format!("  - {{ match: POST /mcp, {mcp}scopes: [s{number}] }}\n");
    }
    Policy::from_yaml(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// The only value of a header.
fn only<'s>(sent: &'s Sent, name: &str) -> Option<&'s str> {
    let mut values = sent.fields.iter().filter(|(other, _)| *other == name);
    let value = values.next()?;
    values.next().is_none().then_some(&*value.1)
}

/// The number of the route that the headers of a message name, read as the revision writes; none for every other request.
fn named(routes: &[Route], sent: &Sent) -> Option<usize> {
    only(sent, "mcp-protocol-version").filter(|version| ["2026-07-28", "2027-01-01"].contains(version))?;
    let method = only(sent, "mcp-method")?;
    let is_doubled = |name: &str| sent.fields.iter().filter(|(other, _)| *other == name).count() > 1;
    let mut name = None;
    if is_doubled("mcp-name") || sent.fields.iter().any(|(name, _)| *name == "mcp_name") {
        return None;
    }
    if let Some(written) = only(sent, "mcp-name") {
        let encoded = written
            .strip_prefix("=?base64?")
            .and_then(|rest| rest.strip_suffix("?="));
        name = Some(match encoded {
            Some(encoded) => String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?,
            None if written.is_ascii() && !written.starts_with("=?") => written.to_owned(),
            None => return None,
        });
    }
    let has_name = method == "tools/call" || method == "prompts/get";
    if has_name && name.is_none() {
        return None;
    }
    let name = name.filter(|_| has_name);
    let rank = |route: &Route| match (route.method, route.name) {
        (None, _) => Some(0),
        (Some(other), _) if other != method => None,
        (_, None) => Some(1),
        (_, Some(pattern)) => match pattern.strip_suffix('*') {
            Some(begin) => name.as_ref()?.starts_with(begin).then_some(2 + begin.len()),
            None => (name.as_deref()? == pattern).then_some(1000),
        },
    };
    let ranked = routes
        .iter()
        .enumerate()
        .filter_map(|(number, route)| Some((rank(route)?, number)));
    ranked.max().map(|(_, number)| number)
}

#[test]
fn no_message_reaches_a_route_that_its_headers_do_not_name() {
    let [allowed, denied] = [const { AtomicUsize::new(0) }; 2];
    let config = Config {
        cases: 400,
        failure_persistence: None,
        ..Config::default()
    };
    let result = TestRunner::new(config).run(&(routes(), vec(sent(), 8)), |(routes, messages)| {
        let builder = Authorizer::builder().issuer(ISSUER.trusted(TestIssuer::AUDIENCE).unwrap());
        let builder = builder.policy(policy(&routes)).clock(FixedClock::at(TestIssuer::NOW));
        let authorizer = builder.build().unwrap();
        let uri = Uri::from_static("/mcp");
        let target = Target::new(&Method::POST, &uri).unwrap();
        for message in &messages {
            let expected = named(&routes, message);
            let reached = |number: usize| {
                let token = ISSUER.token(json!({ "scope": format!("s{number}") })).unwrap();
                let mut headers = HeaderMap::new();
                headers.insert(
                    "authorization",
                    HeaderValue::try_from(format!("Bearer {token}")).unwrap(),
                );
                for (name, value) in &message.fields {
                    let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
                    headers.append(HeaderName::from_static(name), value);
                }
                let decision = RUNTIME.block_on(authorizer.decide(&target, &headers));
                decision.outcome().is_ok()
            };
            let all: Vec<usize> = (0..routes.len()).filter(|number| reached(*number)).collect();
            prop_assert_eq!(&all, &Vec::from_iter(expected), "{:?} {:?}", message, routes);
            match expected {
                Some(_) => &allowed,
                None => &denied,
            }
            .fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
    // Without each of these outcomes the property is vacuous.
    for counter in [allowed, denied] {
        let counted = counter.into_inner();
        assert!(counted > 100, "{counted}");
    }
}
