//! Metadata and key sets of many issuers: what is read, and what the log reports of each that cannot be used.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::deployment::gate::Gate;
use crate::deployment::key_server::Conduct;
use crate::deployment::{Configuration, Deployment, ROUTES};
use crate::keys::document_server::{Document, DocumentServer};
use crate::mint::signing_key::{Curve, SigningKey};
use crate::mint::{AUDIENCE, TokenIssuer, claims, header, sign};
use crate::wire;

/// Fetches often enough for a test.
const KEYS: &str = "    keys: { refresh: 100ms, cooldown: 100ms, timeout: 1s, max_stale: 60s }\n";

/// A gate that trusts these issuers, each with further lines of its entry.
fn gate(issuers: &[(String, String)]) -> Gate {
    let mut configuration = format!(
        "listen: 127.0.0.1:0\nupstream: http://127.0.0.1:9\nadmin: 127.0.0.1:0\naudience: {AUDIENCE}\nissuers:\n"
    );
    for (issuer, lines) in issuers {
        let _ = write!(configuration, "  - issuer: {issuer}\n{lines}");
    }
    Gate::run(&(configuration + ROUTES))
}

fn metadata(issuer: &str, server: &DocumentServer) -> Value {
    json!({ "issuer": issuer, "jwks_uri": format!("{}/jwks", server.url()) })
}

fn without(mut document: Value, member: &str) -> Value {
    document.as_object_mut().expect("an object").remove(member);
    document
}

fn with(mut document: Value, member: &str, value: Value) -> Value {
    document[member] = value;
    document
}

#[test]
fn each_fault_of_discovery_is_named_with_its_address() {
    let server = DocumentServer::start();
    let base = server.url();
    let good = |path: &str| metadata(&format!("{base}{path}"), &server);
    let twice = |path: &str, member: &str| {
        good(path)
            .to_string()
            .replacen('{', &format!("{{\"{member}\":\"x\","), 1)
    };
    // The path of the issuer, its OpenID Connect metadata, and the reason for it.
    let rows: Vec<(&str, Document, String)> = vec![
        (
            "/slash",
            Document::of(good("/slash/").to_string()),
            format!(
                "the metadata names the issuer `{base}/slash/`, which differs by the slash at the end; configure `{base}/slash/`"
            ),
        ),
        (
            "/case",
            Document::of(good("/case").to_string().replace("http://", "HTTP://")),
            format!(
                "the metadata names the issuer `HTTP://{}/case`, which is another spelling",
                &base[7..]
            ),
        ),
        (
            "/other",
            Document::of(good("/another").to_string()),
            format!("the metadata names another issuer, `{base}/another`"),
        ),
        (
            "/long",
            Document::of(with(good("/long"), "issuer", json!("i".repeat(5000))).to_string()),
            format!("the metadata names another issuer, `{}…`", "i".repeat(200)),
        ),
        (
            "/no-issuer",
            Document::of(without(good("/no-issuer"), "issuer").to_string()),
            "the metadata has no `issuer`".to_owned(),
        ),
        (
            "/issuer-twice",
            Document::of(twice("/issuer-twice", "issuer")),
            "the document has the member `issuer` twice".to_owned(),
        ),
        (
            "/uri-twice",
            Document::of(twice("/uri-twice", "jwks_uri")),
            "the document has the member `jwks_uri` twice".to_owned(),
        ),
        (
            "/no-uri",
            Document::of(without(good("/no-uri"), "jwks_uri").to_string()),
            "the metadata has no `jwks_uri`".to_owned(),
        ),
        (
            "/relative",
            Document::of(with(good("/relative"), "jwks_uri", json!("/jwks")).to_string()),
            "its `jwks_uri`, `/jwks`, cannot be used: it is not an absolute URL".to_owned(),
        ),
        (
            "/plain",
            Document::of(with(good("/plain"), "jwks_uri", json!("http://idp.example/jwks")).to_string()),
            "its `jwks_uri`, `http://idp.example/jwks`, cannot be used: keys are fetched over https".to_owned(),
        ),
        (
            "/number",
            Document::of(with(good("/number"), "jwks_uri", json!(7)).to_string()),
            "the `jwks_uri` of the metadata is not a text".to_owned(),
        ),
        (
            "/html",
            Document::of("<!doctype html><title>Sign in</title>"),
            "the document is HTML or XML, not JSON".to_owned(),
        ),
        ("/empty", Document::of(""), "the document is empty".to_owned()),
        (
            "/list",
            Document::of("[]"),
            "the document is not a JSON object".to_owned(),
        ),
        (
            "/huge",
            Document::of(" ".repeat(300 * 1024)),
            "the document is longer than 262144 bytes".to_owned(),
        ),
        (
            "/gzip",
            Document::of(good("/gzip").to_string()).with("content-encoding: gzip"),
            "the document is encoded as `gzip`, which was not accepted".to_owned(),
        ),
        (
            "/moved",
            Document::status(301).with("location: https://elsewhere.example/"),
            "status 301; redirects are not followed".to_owned(),
        ),
        ("/broken", Document::status(500), "status 500".to_owned()),
    ];
    let well_known = "/.well-known/openid-configuration";
    for (path, document, _) in &rows {
        server.set(&format!("{path}{well_known}"), document.clone());
    }
    let issuers = rows.iter().map(|(path, ..)| (format!("{base}{path}"), KEYS.to_owned()));
    let issuers: Vec<_> = issuers.collect();
    let gate = gate(&issuers);
    for (path, _, reason) in &rows {
        let first = format!("{base}{path}{well_known}: {reason}");
        let second = format!("; {base}/.well-known/oauth-authorization-server{path}: status 404");
        let line = gate
            .process
            .wait_for_line(&["keys could not be fetched", &format!("{base}{path}{well_known}:")]);
        assert!(line.contains(&first) && line.contains(&second), "{line}");
        assert!(line.len() < 1000, "{line}");
    }
    assert!(
        server
            .values("accept-encoding")
            .iter()
            .all(|values| *values == ["identity"]),
        "no coding is accepted"
    );
}

/// Members that do not matter have any value; a byte order mark is ignored.
#[test]
fn only_the_members_that_matter_are_read_strictly() {
    let server = DocumentServer::start();
    let base = server.url();
    let key = SigningKey::ec("1", Curve::P256);
    let set = json!({ "keys": [key.jwk(Some("ES256"))], "x": 1 }).to_string();
    server.set("/jwks", Document::of(format!("\u{feff}{set}")));
    let list = vec!["\"claim\""; 5000].join(",");
    let long = vec!["\"claim_of_some_length\""; 9000].join(",");
    let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
    let members: Vec<(&str, String)> = vec![
        ("/mark", String::new()),
        ("/number", r#""x":1e400,"#.to_owned()),
        ("/twice", r#""x":1,"x":{"a":1,"a":2},"#.to_owned()),
        ("/list", format!(r#""claims_supported":[{list}],"#)),
        ("/long", format!(r#""claims_supported":[{long}],"#)),
        ("/deep", format!(r#""x":{deep},"#)),
        ("/null", r#""registration_endpoint":null,"#.to_owned()),
    ];
    for (path, member) in &members {
        let document = metadata(&format!("{base}{path}"), &server).to_string();
        let document = document.replacen('{', &format!("\u{feff}{{{member}"), 1);
        let address = format!("{path}/.well-known/openid-configuration");
        server.set(&address, Document::of(document).with("content-encoding: identity"));
    }
    let issuers = members
        .iter()
        .map(|(path, _)| (format!("{base}{path}"), KEYS.to_owned()));
    let issuers: Vec<_> = issuers.collect();
    let gate = gate(&issuers);
    for (issuer, _) in &issuers {
        gate.process.wait_for_line(&["new keys", &format!("{issuer}\"")]);
        let text = claims(json!({ "iss": issuer, "scope": "none" })).to_string();
        let token = sign(&key, "ES256", header(&key), text);
        assert_eq!(
            wire::get(gate.address, "/orders/1", &token).status,
            403,
            "verified: {issuer}"
        );
    }
}

#[test]
fn each_fault_of_a_key_set_is_named_with_its_address() {
    let server = DocumentServer::start();
    let base = server.url();
    let key = SigningKey::ec("1", Curve::P256).jwk(Some("ES256"));
    let set = json!({ "keys": [key] }).to_string();
    let rows: Vec<(&str, Document, &str)> = vec![
        (
            "/html",
            Document::of("<html>").with("x: y"),
            "this is not a JWK set: the document is HTML or XML, not JSON",
        ),
        (
            "/gzip",
            Document::of(b"\x1f\x8b\x08".to_vec()).with("content-encoding: gzip"),
            "the document is encoded as `gzip`, which was not accepted",
        ),
        (
            "/compressed",
            Document::of(b"\x1f\x8b\x08".to_vec()),
            "this is not a JWK set: the document is compressed",
        ),
        (
            "/codings",
            Document::of(set.clone())
                .with("content-encoding: br")
                .with("content-encoding: gzip"),
            "the document is encoded as `br, gzip`, which was not accepted",
        ),
        (
            "/found",
            Document::status(302),
            "status 302; redirects are not followed",
        ),
        ("/away", Document::status(503), "status 503"),
        ("/none", Document::of(r#"{"keys":[]}"#), "the set contains no key"),
        (
            "/metadata",
            Document::of(metadata("x", &server).to_string()),
            "this is not a JWK set: it has a `jwks_uri` and no `keys`, as the metadata of an issuer has",
        ),
        (
            "/unusable",
            Document::of(r#"{"keys":[{"kty":"oct","kid":"a\nb"},{"kty":"RSA","kid":"c","use":"enc"}]}"#),
            r"the set contains no usable key: kid `a\\u{a}b`: it is symmetric; kid `c`: its `use` is `enc`, not `sig`",
        ),
    ];
    for (path, document, _) in &rows {
        server.set(path, document.clone());
    }
    let issuers = rows.iter().map(|(path, ..)| {
        let uri = format!("    jwks_uri: {base}{path}?secret=canary\n{KEYS}");
        (format!("https://idp.example.com{path}"), uri)
    });
    // The query is part of the address that is requested, and is not logged.
    for (path, document, _) in &rows {
        server.set(&format!("{path}?secret=canary"), document.clone());
    }
    let issuers: Vec<_> = issuers.collect();
    let gate = gate(&issuers);
    for (path, _, reason) in &rows {
        let line = gate
            .process
            .wait_for_line(&["keys could not be fetched", &format!("{base}{path}?…: ")]);
        let wanted = format!("{base}{path}?…: {reason}\"");
        assert!(line.contains(&wanted), "{line}\nwithout {wanted}");
    }
    let lines = gate.process.stderr().join("\n");
    assert!(!lines.contains("canary"), "{lines}");
}

#[test]
fn skipped_keys_are_named_once_for_each_set() {
    let server = DocumentServer::start();
    let good = SigningKey::ec("good", Curve::P256).jwk(Some("ES256"));
    let publish = |odd: &[Value]| {
        let mut keys = vec![good.clone()];
        keys.extend(odd.iter().cloned());
        server.set("/jwks", Document::of(json!({ "keys": keys }).to_string()));
    };
    let fetched_twice = || {
        let (before, deadline) = (server.count("/jwks"), Instant::now() + Duration::from_secs(20));
        while server.count("/jwks") < before + 3 {
            assert!(Instant::now() < deadline, "no refresh");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let padded = with(good.clone(), "x", json!("AAA="));
    publish(&[
        with(padded, "kid", json!("padded")),
        json!({ "kty": "AKP", "kid": "pq" }),
    ]);
    let lines = format!("    jwks_uri: {}/jwks\n{KEYS}", server.url());
    let gate = gate(&[("https://idp.example.com".to_owned(), lines)]);
    let named = "kid `padded`: its `x` is not base64url without padding; kid `pq`: its `kty`, `AKP`, is not supported";
    let line = gate.process.wait_for_line(&["unusable keys are skipped", named]);
    assert!(line.contains("WARN") && line.contains("skipped=2"), "{line}");
    fetched_twice();
    publish(&[with(good.clone(), "use", json!("enc"))]);
    let line = gate.process.wait_for_line(&[
        "keys for another purpose are not used",
        "kid `good`: its `use` is `enc`, not `sig`",
    ]);
    assert!(line.contains("INFO"), "{line}");
    fetched_twice();
    let count = |text: &str| gate.process.stderr().iter().filter(|line| line.contains(text)).count();
    assert_eq!(count("unusable keys are skipped"), 1, "not repeated at each refresh");
    assert_eq!(count("keys for another purpose"), 1);
    assert_eq!(count("new keys"), 1, "the usable keys are the same");
}

#[test]
fn a_long_set_is_used_up_to_its_hundredth_key() {
    let server = DocumentServer::start();
    let keys: Vec<SigningKey> = (0..102)
        .map(|n| SigningKey::ec(&format!("k{n}"), Curve::P256))
        .collect();
    let jwks: Vec<Value> = keys.iter().map(|key| key.jwk(Some("ES256"))).collect();
    server.set("/jwks", Document::of(json!({ "keys": jwks }).to_string()));
    let lines = format!("    jwks_uri: {}/jwks\n{KEYS}", server.url());
    let gate = gate(&[("https://idp.example.com".to_owned(), lines)]);
    gate.process
        .wait_for_line(&["WARN", "only the first 100 keys of the set are used", "omitted=2"]);
    let status = |key: &SigningKey| {
        let text = claims(json!({ "scope": "none" })).to_string();
        wire::get(gate.address, "/orders/1", &sign(key, "ES256", header(key), text)).status
    };
    let statuses = [0, 50, 99, 100, 101].map(|n| status(&keys[n]));
    assert_eq!(statuses, [403, 403, 403, 401, 401]);
}

#[test]
fn an_answer_that_does_not_come_or_end_is_named_with_its_address() {
    let lines = "    keys: { refresh: 5s, cooldown: 200ms, timeout: 300ms, max_stale: 60s }\n";
    for (conduct, reason) in [
        (Conduct::Hanging, "no complete answer within 300ms"),
        (Conduct::Dripping, "no complete answer within 300ms"),
        (Conduct::Huge, "the document is longer than 262144 bytes"),
        (
            Conduct::Redirect("/x".to_owned()),
            "status 302; redirects are not followed",
        ),
        (Conduct::Cut("{\"keys\":[]}".to_owned()), "no response: "),
    ] {
        let configuration = Configuration::of_issuer(lines);
        let deployment = Deployment::start_cold(TokenIssuer::new(), conduct, &configuration);
        let wanted = format!("{}: {reason}", deployment.key_server.jwks_uri());
        deployment
            .gate
            .process
            .wait_for_line(&["keys could not be fetched", &wanted]);
    }
}
