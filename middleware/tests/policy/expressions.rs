//! Expressions at their limits, and on routes with several parameters.

use actgate::clock::FixedClock;
use actgate::limits::Limits;
use actgate::profile::{ChainCompleteness, PriorActors};
use actgate::request::{Presented, Target};
use actgate::testing::TestIssuer;
use actgate::{Authorizer, Policy};
use http::{HeaderMap, HeaderValue, Method, Uri};
use serde_json::{Value, json};

/// What an expression on `GET /a/{x}/{y}` evaluates to, in the words of an explanation.
fn got(issuer: &TestIssuer, expression: &str, claims: Value, headers: &HeaderMap) -> String {
    let policy = format!("routes:\n  - match: GET /a/{{x}}/{{y}}\n    expression: |-\n      {expression}\n");
    let policy = Policy::from_yaml(&policy).unwrap_or_else(|mistakes| panic!("{expression}: {mistakes}"));
    let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
    let trusted = trusted
        .chain_completeness(ChainCompleteness::Complete)
        .prior_actors(PriorActors::Enforce);
    let builder = Authorizer::builder().issuer(trusted).policy(policy);
    let authorizer = builder.clock(FixedClock::at(TestIssuer::NOW)).build().unwrap();
    let (uri, token) = (Uri::from_static("/a/one/two"), issuer.token(claims).unwrap());
    let target = Target::new(&Method::GET, &uri).unwrap();
    let mut headers = headers.clone();
    let field = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
    headers.insert(http::header::AUTHORIZATION, field);
    let explanation = authorizer.explain(&Presented::headers(&target, &headers), TestIssuer::NOW);
    let mut checks = explanation.checks().iter();
    let check = checks.find(|check| check.rule.ends_with(": expression"));
    check
        .unwrap_or_else(|| panic!("{expression}: {:?}", explanation.checks().last()))
        .got
        .clone()
}

#[test]
fn facts_are_read_up_to_their_limits() {
    let issuer = TestIssuer::new().unwrap();
    let none = HeaderMap::new();
    let numbers = |count: usize| Value::from((0..count).collect::<Vec<_>>());
    let members = |count: usize| Value::Object((0..count).map(|n| (format!("m{n}"), json!(n))).collect());
    let exact = |mut value: Value| {
        match &mut value {
            Value::Array(items) => items[0] = json!(0.5),
            Value::Object(all) => drop(all.insert("m0".to_owned(), json!(0.5))),
            _ => {}
        }
        value
    };
    let words = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
    let too_many = "more than 256 items, 32 actors, or 65536 bytes";
    for (expression, claims, expected) in [
        ("scopes.exists(s, s == \"0\")", json!({ "scope": words(256) }), "true"),
        ("scopes.exists(s, s == \"0\")", json!({ "scope": words(257) }), too_many),
        ("1 in claims.list", json!({ "list": numbers(256) }), "true"),
        ("1 in claims.list", json!({ "list": numbers(257) }), too_many),
        ("claims.object.m1 == 1", json!({ "object": members(256) }), "true"),
        ("claims.object.m1 == 1", json!({ "object": members(257) }), too_many),
        ("1 in claims.list", json!({ "list": exact(numbers(256)) }), "true"),
        ("1 in claims.list", json!({ "list": exact(numbers(257)) }), too_many),
        (
            "claims.object.m1 == 1",
            json!({ "object": exact(members(256)) }),
            "true",
        ),
        (
            "claims.object.m1 == 1",
            json!({ "object": exact(members(257)) }),
            too_many,
        ),
        ("token.nbf == 5", json!({ "nbf": 5 }), "true"),
        (
            "initiator.kind == \"service\"",
            json!({ "sub_profile": "service" }),
            "true",
        ),
        ("params.y == \"two\" && params.x == \"one\"", json!({}), "true"),
        ("claims[\"a\"].b == 1", json!({ "a": {} }), "no `b`"),
        (
            "claims.a[claims.k] == 1",
            json!({ "a": {}, "k": "hidden" }),
            "a member that is missing",
        ),
        ("[1, \"a\"].exists(i, i == 1)", json!({}), "true"),
        ("(claims.a == 1 ? \"a\" : 1) == 1", json!({ "a": 2 }), "true"),
        ("[1] + [2] == [1, 2]", json!({}), "true"),
        ("([1] + [\"a\"]).exists(i, i == 1)", json!({}), "true"),
        ("\"a\" + claims.b == \"ab\"", json!({ "b": "b" }), "true"),
        ("claims.b + \"a\" == \"ba\"", json!({ "b": "b" }), "true"),
    ] {
        assert_eq!(got(&issuer, expression, claims, &none), expected, "{expression}");
    }
    for (length, expected) in [(65_536, "true"), (65_537, too_many)] {
        let long = HeaderValue::try_from("h".repeat(length)).unwrap();
        let headers = HeaderMap::from_iter([(http::HeaderName::from_static("x-long"), long)]);
        let expression = "request.headers[\"x-long\"].startsWith(\"h\")";
        assert_eq!(got(&issuer, expression, json!({}), &headers), expected, "{length}");
    }
}

#[test]
fn tokens_and_paths_are_read_up_to_their_limits() {
    let issuer = TestIssuer::new().unwrap();
    let limits = Limits::default()
        .with_token_bytes(1 << 20)
        .with_chain_depth(40)
        .with_json_depth(80);
    let got = |expression: &str, path: &str, claims: Value| {
        let policy = format!("routes:\n  - match: GET /a/{{*x}}\n    expression: |-\n      {expression}\n");
        let trusted = issuer.trusted(TestIssuer::AUDIENCE).unwrap();
        let trusted = trusted
            .chain_completeness(ChainCompleteness::Complete)
            .prior_actors(PriorActors::Enforce);
        let builder = Authorizer::builder()
            .issuer(trusted)
            .policy(Policy::from_yaml(&policy).unwrap());
        let authorizer = builder
            .limits(limits.clone())
            .clock(FixedClock::at(TestIssuer::NOW))
            .build()
            .unwrap();
        let (uri, token) = (path.parse::<Uri>().unwrap(), issuer.token(claims).unwrap());
        let payload = token.split('.').nth(1).map_or(0, |payload| payload.len() * 3 / 4);
        let target = Target::new(&Method::GET, &uri).unwrap();
        let explanation = authorizer.explain(&Presented::token(&target, &token), TestIssuer::NOW);
        let mut checks = explanation.checks().iter();
        let check = checks.find(|check| check.rule.ends_with(": expression"));
        (
            check
                .unwrap_or_else(|| panic!("{:?}", explanation.checks().last()))
                .got
                .clone(),
            payload,
        )
    };
    let too_many = "more than 256 items, 32 actors, or 65536 bytes";
    let path = |length: usize| format!("/a/{}", "x".repeat(length - 3));
    let reads = "claims.pad != \"\"";
    let padded = |length: usize| json!({ "pad": "p".repeat(length) });
    for (length, expected) in [(60_000, "true"), (65_000, "true")] {
        assert_eq!(got(reads, &path(length), padded(1)).0, expected, "{length}");
    }
    let (_, empty) = got(reads, "/a/b", padded(1));
    for (length, expected) in [(65_536, "true"), (65_537, too_many)] {
        let (got, payload) = got(reads, "/a/b", padded(length + 1 - empty));
        assert_eq!((&*got, payload), (expected, length));
    }
    let chain = |depth: usize| {
        (0..depth).fold(Value::Null, |inner, _| match inner {
            Value::Null => json!({ "sub": "a" }),
            inner => json!({ "sub": "a", "act": inner }),
        })
    };
    for (depth, expected) in [(32, "true"), (33, too_many)] {
        let claims = json!({ "act": chain(depth) });
        assert_eq!(
            got("chain.all(one, one.subject == \"a\")", "/a/b", claims).0,
            expected,
            "{depth}"
        );
    }
    let numbers = |count: usize| Value::from((0..count).collect::<Vec<_>>());
    let members = |count: usize| Value::Object((0..count).map(|n| (format!("m{n}"), json!(n))).collect());
    for (count, expected) in [(256, "true"), (257, too_many)] {
        for inner in [numbers(count), members(count)] {
            // The fraction comes first: the numbers of the claim are read exactly.
            let claims = json!({ "list": [0.5, inner] });
            assert_eq!(got("size(claims.list) == 2", "/a/b", claims).0, expected, "{count}");
        }
    }
}

/// The mistake of an expression that is written in this way, with its place.
fn place(written: &str) -> (u64, u64) {
    let policy = format!("routes:\n- match: GET /a\n  expression: {written}\n");
    let mistakes = Policy::from_yaml(&policy).map(drop).unwrap_err();
    let mistake = mistakes.iter().next().unwrap();
    (mistake.line(), mistake.column())
}

#[test]
fn a_mistake_has_its_place_in_each_way_of_writing() {
    for (written, column) in [
        ("claims.a == 'x' && clams.b", 34),
        ("\"claims.a == 'x' && clams.b\"", 35),
        ("'claims.a == ''x'' && clams.b'", 37),
        ("'claims.a == \"x\" && clams.b'", 35),
        ("'claims.a == \"\\\\d\" && clams.b'", 37),
        ("\"claims.a == \\\"x\\\" && clams.b\"", 37),
        ("\"claims.a == \\\"\\\\\\\\d\\\" && clams.b\"", 41),
    ] {
        assert_eq!(place(written), (3, column), "{written}");
    }
}

#[test]
fn an_expression_is_accepted_up_to_its_length_and_its_number_of_parts() {
    let mistake = |expression: &str| {
        let policy = format!("routes:\n- match: GET /a\n  expression: |-\n    {expression}\n");
        let mistakes = Policy::from_yaml(&policy).map(drop).err()?;
        mistakes.iter().next().map(|mistake| mistake.message().to_owned())
    };
    let long = |length: usize| {
        let text = format!("claims.a == \"{}\"", "x".repeat(length - 14));
        assert_eq!(text.len(), length);
        mistake(&text)
    };
    assert_eq!(long(2048), None);
    assert_eq!(
        long(2049).as_deref(),
        Some("the expression has 2049 bytes, and at most 2048 are accepted")
    );
    // What the items of a list take together is in proportion to their bytes, also where one of two values is read.
    assert_eq!(
        mistake("claims.a.exists(x, (x == \"a\" ? x : \"b\").contains(\"c\"))"),
        None
    );
    // A list of `n` numbers has `n` parts beside itself, and the comparison two more with its other side.
    let parts = |count: usize| mistake(&format!("1 in [{}]", vec!["1"; count - 3].join(",")));
    assert_eq!(parts(600), None);
    assert_eq!(
        parts(601).as_deref(),
        Some("the expression has 601 parts, and at most 600 are evaluated")
    );
}
