//! Credentials: none, several, malformed ones, and bound tokens without their proof.

use serde_json::{Value, json};

use crate::deployment::Deployment;
use crate::mint::{TokenIssuer, forged_token};
use crate::table::{BAD_REQUEST, BARE_CHALLENGE, INSUFFICIENT_SCOPE, INVALID_REQUEST, INVALID_TOKEN, PASSES, Table};
use crate::wire::{self, bearer, request};

#[test]
fn request_without_a_credential_gets_a_bare_challenge() {
    let deployment = Deployment::with_routes();
    let token = deployment.issuer.token(json!({}));
    let mut table = Table::on(&deployment);
    let bare = request("GET", "/orders/1", &[]);
    table.request("no header", &bare, BARE_CHALLENGE);
    for line in [
        format!("X-Authorization: Bearer {token}"),
        format!("X-Auth-Token: {token}"),
        format!("X-Forwarded-Authorization: Bearer {token}"),
        format!("X-Original-Authorization: Bearer {token}"),
        format!("Authentication: Bearer {token}"),
        format!("Authorisation: Bearer {token}"),
        format!("Authorization2: Bearer {token}"),
        format!("Authorization_: Bearer {token}"),
        format!("HTTP_AUTHORIZATION: Bearer {token}"),
        format!("Proxy-Authorization: Bearer {token}"),
        format!("Cookie: access_token={token}"),
        format!("Cookie: Authorization=Bearer {token}"),
        format!("X-Access-Token: {token}"),
        "User-Agent: GoogleHC/1.0".to_owned(),
    ] {
        let name = line.split(' ').next().unwrap_or_default().to_owned();
        table.credential(&format!("the token in {name}"), &line, BARE_CHALLENGE);
    }
    table.finish();
}

#[test]
fn malformed_credential_is_rejected() {
    let deployment = Deployment::with_routes();
    let token = deployment.issuer.token(json!({}));
    let mut table = Table::on(&deployment);
    for (what, value) in [
        ("scheme only", "Bearer".to_owned()),
        ("scheme and a blank", "Bearer ".into()),
        ("a quoted parameter", format!("Bearer token=\"{token}\"")),
        ("a comma after the token", format!("Bearer {token},")),
        ("text after the token", format!("Bearer {token} more")),
        ("a parameter after the token", format!("Bearer {token}, realm=\"x\"")),
        ("non-ASCII after the token", format!("Bearer {token}é")),
    ] {
        let line = format!("Authorization: {value}");
        table.credential(what, &line, INVALID_REQUEST);
    }
    for (what, value) in [
        ("a parameter", format!("token={token}")),
        ("not a JWT at all", "opaque-canary-token".into()),
        ("one letter", "x".into()),
        ("null", "null".into()),
        ("undefined", "undefined".into()),
    ] {
        table.token(what, &value, INVALID_TOKEN);
    }
    table.finish();
}

#[test]
fn another_scheme_is_no_credential() {
    let deployment = Deployment::with_routes();
    let token = deployment.issuer.token(json!({}));
    let mut table = Table::on(&deployment);
    for (what, value) in [
        ("empty", String::new()),
        ("no scheme", token.clone()),
        ("a scheme that begins alike", format!("BearerX {token}")),
        ("a scheme that ends alike", format!("XBearer {token}")),
        ("a shortened scheme", format!("Bear {token}")),
        ("no space", format!("Bearer{token}")),
        ("a colon after the scheme", format!("Bearer: {token}")),
        ("an equals sign after the scheme", format!("Bearer={token}")),
        ("a tab after the scheme", format!("Bearer\t{token}")),
        ("a comma after the scheme", format!("Bearer,{token}")),
        ("a no-break space", format!("Bearer\u{a0}{token}")),
        ("a full-width scheme", format!("Ｂearer {token}")),
    ] {
        table.credential(what, &format!("Authorization: {value}"), BARE_CHALLENGE);
    }
    for scheme in [
        "Basic",
        "Digest",
        "Token",
        "JWT",
        "Negotiate",
        "MAC",
        "HOBA",
        "GNAP",
        "DPoP",
    ] {
        let line = format!("Authorization: {scheme} {token}");
        table.credential(&format!("the scheme {scheme}"), &line, BARE_CHALLENGE);
    }
    table.finish();
}

#[test]
fn the_scheme_is_case_insensitive() {
    let deployment = Deployment::with_routes();
    let token = deployment.issuer.token(json!({}));
    let mut table = Table::on(&deployment);
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let line = format!("Authorization: {scheme} {token}");
        table.credential(&format!("the scheme {scheme}"), &line, PASSES);
    }
    for (what, blanks) in [("two spaces", "  "), ("five spaces", "     ")] {
        let line = format!("Authorization: Bearer{blanks}{token}");
        table.credential(what, &line, PASSES);
    }
    table.finish();
}

#[test]
fn more_than_one_credential_is_a_bad_request() {
    let deployment = Deployment::with_routes();
    let valid = deployment.issuer.token(json!({}));
    let forged = forged_token();
    let mut table = Table::on(&deployment);
    for (what, first, second) in [
        ("valid, then forged", &valid, &forged),
        ("forged, then valid", &forged, &valid),
        ("the same twice", &valid, &valid),
    ] {
        let two = request("GET", "/orders/1", &[&bearer(first), &bearer(second)]);
        table.request(&format!("two headers: {what}"), &two, INVALID_REQUEST);
        let apart = request("GET", "/orders/1", &[&bearer(first), "X: y", &bearer(second)]);
        table.request(&format!("two headers apart: {what}"), &apart, INVALID_REQUEST);
        let list = format!("Authorization: Bearer {first}, Bearer {second}");
        table.credential(&format!("a comma list: {what}"), &list, INVALID_REQUEST);
        let tight = format!("Authorization: Bearer {first},Bearer {second}");
        table.credential(&format!("a tight comma list: {what}"), &tight, INVALID_REQUEST);
    }
    let empty = request("GET", "/orders/1", &[&bearer(&valid), "Authorization:"]);
    table.request("a valid one and an empty one", &empty, INVALID_REQUEST);
    for basic in [0, 1] {
        let mut lines = [bearer(&valid), "Authorization: Basic dXNlcjpwYXNz".into()];
        lines.rotate_left(basic);
        let two = request("GET", "/orders/1", &[&lines[0], &lines[1]]);
        table.request(&format!("two schemes in two headers, {basic}"), &two, INVALID_REQUEST);
    }
    let line = format!("Authorization: Basic dXNlcjpwYXNz, Bearer {valid}");
    table.credential("two schemes in a list", &line, INVALID_REQUEST);
    let line = format!("Authorization: Bearer {valid}, Basic dXNlcjpwYXNz");
    table.credential("two schemes in a list, Bearer first", &line, INVALID_REQUEST);
    for name in ["access_token", "access%5ftoken", "access%5Ftoken", "%61ccess_token"] {
        for query in [
            format!("{name}={valid}"),
            format!("x=1&{name}={valid}"),
            format!("{name}={forged}&y=2"),
        ] {
            let target = format!("/orders/1?{query}");
            let both = request("GET", &target, &[&bearer(&valid)]);
            let shown = query.split('=').next().unwrap_or_default();
            table.request(&format!("header and query: {shown}"), &both, INVALID_REQUEST);
        }
    }
    table.finish();
}

/// A token in a form is never a credential, and beside one in the header it makes the request ambiguous.
#[test]
fn token_in_header_and_form_is_a_bad_request() {
    let deployment = Deployment::with_routes();
    let writer = deployment.issuer.token(json!({ "scope": "orders:write" }));
    let reader = deployment.issuer.token(json!({}));
    let body = format!("access_token={writer}");
    let length = format!("Content-Length: {}", body.len());
    let form = |line: &str| {
        let kind = "Content-Type: application/x-www-form-urlencoded";
        let mut bytes = request("POST", "/orders", &[line, kind, &length]);
        bytes.extend(body.as_bytes());
        bytes
    };
    let mut table = Table::on(&deployment);
    table.request(
        "a token without the scope in the header, a valid one in the form",
        &form(&bearer(&reader)),
        INSUFFICIENT_SCOPE,
    );
    table.request(
        "a forged token in the header, a valid one in the form",
        &form(&bearer(&forged_token())),
        INVALID_TOKEN,
    );
    table.request("a token in the form only", &form("X: y"), BARE_CHALLENGE);
    table.request(
        "a valid token in header and form",
        &form(&bearer(&writer)),
        INVALID_REQUEST,
    );
    let kind = "Content-Type: Application/X-WWW-Form-Urlencoded; charset=utf-8";
    let line = bearer(&writer);
    for (name, body) in [
        ("after other fields", format!("a=1&b=2&access_token={writer}")),
        ("escaped", format!("access%5Ftoken={writer}")),
        (
            "a name that PHP reads as access_token",
            format!("++access+token%5B0%5D={writer}"),
        ),
        (
            "at the end of a long form",
            format!("a={}&access_token={writer}", "x".repeat(60_000)),
        ),
    ] {
        let length = format!("Content-Length: {}", body.len());
        let mut bytes = request("POST", "/orders", &[&line, kind, &length]);
        bytes.extend(body.as_bytes());
        table.request(&format!("header and form, {name}"), &bytes, INVALID_REQUEST);
        let mut chunked = request("POST", "/orders", &[&line, kind, "Transfer-Encoding: chunked"]);
        for part in body.as_bytes().chunks(1000) {
            chunked.extend(format!("{:x}\r\n", part.len()).as_bytes());
            chunked.extend(part);
            chunked.extend(b"\r\n");
        }
        chunked.extend(b"0\r\n\r\n");
        table.request(&format!("header and chunked form, {name}"), &chunked, INVALID_REQUEST);
    }
    for (name, body) in [
        ("short", "a=access_token&b=2".to_owned()),
        ("long", format!("a={}&b=2", "x".repeat(300_000))),
    ] {
        let length = format!("Content-Length: {}", body.len());
        let mut bytes = request("POST", "/orders", &[&line, kind, &length]);
        bytes.extend(body.as_bytes());
        table.request(&format!("header and a form without a token, {name}"), &bytes, PASSES);
    }
    table.finish();
}

#[test]
fn token_in_the_query_is_not_a_credential() {
    let deployment = Deployment::with_routes();
    let token = deployment.issuer.token(json!({}));
    let mut table = Table::on(&deployment);
    for query in ["access_token", "token", "bearer_token", "authorization", "jwt"] {
        let target = format!("/orders/1?{query}={token}");
        let bytes = request("GET", &target, &[]);
        table.request(&format!("in {query}"), &bytes, BARE_CHALLENGE);
    }
    table.finish();
}

/// Every table checks that answers do not repeat its requests; this one has tokens with conspicuous claims.
#[test]
fn the_log_says_what_came_in_place_of_a_bearer_token() {
    let deployment = Deployment::with_routes();
    let token = deployment.issuer.token(json!({}));
    let query = format!("/orders/1?access_token={token}");
    for (target, field, note) in [
        ("/orders/1", None, ""),
        (
            "/orders/1",
            Some(token.clone()),
            ": `authorization` has a token without the scheme `Bearer` before it",
        ),
        (
            "/orders/1",
            Some("Basic dTpw".to_owned()),
            ": `authorization` has the scheme `Basic`, not `Bearer`",
        ),
        (
            "/orders/1",
            Some(format!("Token {token}")),
            ": `authorization` has another scheme than `Bearer`",
        ),
        (&query, None, ": a token in the query is not accepted"),
    ] {
        let before = deployment.gate.decisions().len();
        let line = field.map(|field| format!("Authorization: {field}"));
        let answer = wire::answer(
            deployment.gate.address,
            &request("GET", target, &line.as_deref().into_iter().collect::<Vec<_>>()),
        );
        assert_eq!(answer.status, 401, "{note}");
        let event = deployment.gate.decision_after(before);
        assert_eq!(event["reason"], format!("no bearer token was presented{note}"));
        assert!(
            !event.to_string().contains(&token) && !event.to_string().contains("dTpw"),
            "{event}"
        );
        assert!(!answer.everything().contains("Bearer` "), "{}", answer.everything());
    }
}

#[test]
fn answers_repeat_no_token_and_no_claim() {
    let deployment = Deployment::with_routes();
    let issuer = &deployment.issuer;
    let mut table = Table::on(&deployment);
    let loud = json!({
        "iss": "https://canary.example.com", "aud": "https://canary.example.com",
        "scope": "canary\" error=\"none", "client_id": "canary\r\nX: y", "name": "<script>canary</script>",
    });
    table.token("claims of an invalid token", &issuer.token(loud), INVALID_TOKEN);
    let scope = json!({ "scope": "canary:read \", realm=\"canary" });
    table.token("a scope with quotes", &issuer.token(scope), INSUFFICIENT_SCOPE);
    table.token("a forged token", &forged_token(), INVALID_TOKEN);
    let kid = json!({ "kid": "canary\"\r\nSet-Cookie: a=b" });
    let token = issuer.token_with_header_changed(kid);
    table.token("a kid with quotes and line breaks", &token, INVALID_TOKEN);
    let target = "/orders/canary\"><script>";
    table.request("a path with quotes", &request("GET", target, &[]), BAD_REQUEST);
    let encoded = request("GET", "/nowhere/%22%3Ccanary%3E", &[&bearer(&forged_token())]);
    table.request("a path with encoded quotes", &encoded, INVALID_TOKEN);
    table.finish();
}

#[test]
fn a_public_route_ignores_tokens() {
    let deployment = Deployment::with_routes();
    let mut table = Table::on(&deployment);
    let valid = deployment.issuer.token(json!({}));
    for (what, line) in [
        ("none", "X: y".to_owned()),
        ("a valid one", bearer(&valid)),
        ("a forged one", bearer(&forged_token())),
        ("garbage", bearer("garbage")),
        ("another scheme", "Authorization: Basic dXNlcjpwYXNz".into()),
    ] {
        let bytes = request("GET", "/open/page", &[&line, "X-Auth-Subject: forged"]);
        for one in table.request(what, &bytes, PASSES) {
            let names = one.head.fields.iter().map(|(name, _)| name.to_ascii_lowercase());
            let identity: Vec<_> = names.filter(|name| name.starts_with("x-auth-")).collect();
            table.check(&format!("{what}: identity upstream: {identity:?}"), identity.is_empty());
        }
    }
    table.finish();
}

#[test]
fn a_bound_token_without_its_proof_is_denied() {
    let deployment = Deployment::with_routes();
    let issuer: &TokenIssuer = &deployment.issuer;
    let thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    let mut table = Table::on(&deployment);
    let confirmations: [Value; 13] = [
        json!({ "jkt": thumbprint }),
        json!({ "x5t#S256": thumbprint }),
        json!({ "jkt": thumbprint, "x5t#S256": thumbprint }),
        json!({ "kid": "es256" }),
        json!({ "jwk": { "kty": "EC" } }),
        json!({ "unknown": thumbprint }),
        json!({ "jkt": 1 }),
        json!({ "jkt": "" }),
        json!({}),
        json!(thumbprint),
        json!(null),
        json!([{ "jkt": thumbprint }]),
        json!(true),
    ];
    for confirmation in confirmations {
        let token = issuer.token(json!({ "cnf": confirmation }));
        table.token(&format!("cnf {confirmation}"), &token, INVALID_TOKEN);
        let proof = request("GET", "/orders/1", &[&bearer(&token), "DPoP: not.a.proof"]);
        table.request(
            &format!("cnf {confirmation} with an invalid proof"),
            &proof,
            INVALID_TOKEN,
        );
    }
    table.finish();
}

/// A challenge names what the client can request.
#[test]
fn the_challenge_names_the_missing_scope() {
    let deployment = Deployment::with_routes();
    let without_scope = deployment.issuer.token(json!({ "scope": "other" }));
    let denied = wire::get(deployment.gate.address, "/orders/1", &without_scope);
    let field = denied.field("www-authenticate").expect("a challenge");
    let challenge = crate::wire::challenge::Challenge::parse(&field).expect("a challenge");
    assert_eq!(challenge.parameter("scope"), Some("orders:read"), "{field}");
    let kind = denied.field("content-type").unwrap_or_default();
    assert!(kind.starts_with("application/problem+json"), "{kind}");
    assert_eq!(denied.json()["status"], json!(403));
}
