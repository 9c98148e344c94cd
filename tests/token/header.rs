//! Header members that change the meaning of a token: extensions, key ids, types.

use serde_json::{Value, json};

use crate::deployment::Deployment;
use crate::mint::signing_key::{Curve, RsaPair, SigningKey, base64url};
use crate::mint::{TokenIssuer, claims_text, now, sign, sign_input};
use crate::table::{INVALID_REQUEST, INVALID_TOKEN, PASSES, Table};

#[test]
fn header_extensions_are_denied() {
    let deployment = Deployment::with_issuer(TokenIssuer::of_every_kind());
    let issuer = &deployment.issuer;
    let mut table = Table::on(&deployment);
    for (what, changes) in [
        ("crit of an unknown name", json!({ "crit": ["urn:x"], "urn:x": 1 })),
        ("crit of a name that is absent", json!({ "crit": ["urn:x"] })),
        ("an empty crit", json!({ "crit": [] })),
        ("crit as text", json!({ "crit": "exp" })),
        ("crit null", json!({ "crit": null })),
        ("crit as a number", json!({ "crit": 1 })),
        ("crit of numbers", json!({ "crit": [1] })),
        ("crit with a name twice", json!({ "crit": ["exp", "exp"], "exp": 1 })),
        ("crit of a registered name", json!({ "crit": ["alg"] })),
        ("crit naming b64, true", json!({ "crit": ["b64"], "b64": true })),
        ("crit naming b64, false", json!({ "crit": ["b64"], "b64": false })),
        ("b64 false without crit", json!({ "b64": false })),
        ("b64 true without crit", json!({ "b64": true })),
        ("zip", json!({ "zip": "DEF" })),
        ("zip of an unknown kind", json!({ "zip": "none" })),
        ("enc", json!({ "enc": "A256GCM" })),
    ] {
        let token = issuer.token_with_header_changed(changes);
        table.token(what, &token, INVALID_TOKEN);
    }
    let twice = r#"{"alg":"ES256","typ":"at+jwt","kid":"es256","crit":["b64"],"b64":false,"crit":["exp"]}"#;
    table.token("crit twice", &issuer.token_with_header(twice), INVALID_TOKEN);

    let key = issuer.key("es256");
    let nested = r#"{"alg":"ES256","typ":"at+jwt","kid":"es256","cty":"JWT"}"#;
    let inner = issuer.token(json!({}));
    table.token("a nested JWT", &sign(key, "ES256", nested, inner), INVALID_TOKEN);

    let unencoded = r#"{"alg":"ES256","typ":"at+jwt","kid":"es256","crit":["b64"],"b64":false}"#;
    let header = base64url(unencoded);
    let token = sign_input(key, "ES256", &format!("{header}.{}", claims_text()));
    table.token("an unencoded payload", &token, INVALID_REQUEST);
    let token = sign_input(key, "ES256", &format!("{header}.plain-payload"));
    table.token("an unencoded payload that could be Base64url", &token, INVALID_TOKEN);
    let detached = issuer.token(json!({}));
    let parts: Vec<_> = detached.split('.').collect();
    let token = format!("{}..{}", parts[0], parts[2]);
    table.token("a detached payload", &token, INVALID_TOKEN);
    table.finish();
}

#[test]
fn a_kid_must_equal_that_of_a_key() {
    let deployment = Deployment::with_issuer(TokenIssuer::of_every_kind());
    let key = deployment.issuer.key("es256");
    let mut table = Table::on(&deployment);
    let long = "k".repeat(3000);
    for kid in [
        json!("../es256"),
        json!("/dev/null"),
        json!("./es256"),
        json!("http://127.0.0.1:9/jwks"),
        json!("https://idp.example.com/jwks#es256"),
        json!("es256?x=1"),
        json!("es256&kid=es256"),
        json!("es256' OR '1'='1"),
        json!("es256\"; DROP TABLE keys; --"),
        json!("$(id)"),
        json!("{{7*7}}"),
        json!("es256\u{0}"),
        json!("es256\n"),
        json!("es256\r\nX-Evil: 1"),
        json!(" es256"),
        json!("es256 "),
        json!("ES256"),
        json!("Es256"),
        json!("es25"),
        json!("es2566"),
        json!("еs256"),
        json!(""),
        json!("not-published"),
        json!(long),
        json!(256),
        json!(null),
        json!(true),
        json!(["es256"]),
        json!({ "kid": "es256" }),
    ] {
        let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": kid });
        let token = sign(key, "ES256", header.to_string(), claims_text());
        let shown: String = kid.to_string().chars().take(40).collect();
        table.token(&format!("kid {shown}"), &token, INVALID_TOKEN);
    }
    let twice = r#"{"alg":"ES256","typ":"at+jwt","kid":"es256","kid":"es256-other"}"#;
    table.token("kid twice", &sign(key, "ES256", twice, claims_text()), INVALID_TOKEN);
    let unpublished = SigningKey::ec("never-published", Curve::P256);
    let token = crate::mint::token_of(&unpublished, "ES256");
    table.token("a key that is not published", &token, INVALID_TOKEN);
    let known = deployment.issuer.token(json!({}));
    table.token("the exact kid", &known, PASSES);
    let asked = deployment.key_server.requests();
    let others = asked.iter().any(|target| target != "/jwks");
    table.check("the kid does not change the requests to the key server", !others);
    table.finish();
}

#[test]
fn a_token_without_kid_needs_exactly_one_fitting_key() {
    let deployment = Deployment::with_issuer(TokenIssuer::of_every_kind());
    let mut table = Table::on(&deployment);
    let header = |algorithm: &str| json!({ "alg": algorithm, "typ": "at+jwt" }).to_string();
    let genuine = |kid: &str, algorithm: &str| {
        let key = deployment.issuer.key(kid);
        sign(key, algorithm, header(algorithm), claims_text())
    };
    let single = genuine("es512", "ES512");
    table.token("exactly one key fits", &single, PASSES);
    table.token("several keys fit", &genuine("es256", "ES256"), INVALID_TOKEN);
    table.token("several keys fit, RSA", &genuine("rs256", "RS256"), INVALID_TOKEN);
    for (foreign, algorithm) in [
        (SigningKey::ec("x", Curve::P521), "ES512"),
        (SigningKey::ec("x", Curve::P256), "ES256"),
        (SigningKey::rsa("x", RsaPair::Untrusted), "RS512"),
    ] {
        let token = sign(&foreign, algorithm, header(algorithm), claims_text());
        table.token(&format!("a foreign signature, {algorithm}"), &token, INVALID_TOKEN);
    }
    table.finish();
}

#[test]
fn other_types_of_token_are_denied() {
    let deployment = Deployment::with_issuer(TokenIssuer::of_every_kind());
    let key = deployment.issuer.key("es256");
    let mut table = Table::on(&deployment);
    let kinds = [
        "JWT",
        "jwt",
        "dpop+jwt",
        "logout+jwt",
        "secevent+jwt",
        "oauth-authz-req+jwt",
        "token-introspection+jwt",
        "rt+jwt",
        "refresh+jwt",
        "id+jwt",
        "oauth-id-jag+jwt",
        "txntoken+jwt",
        "entity-statement+jwt",
        "vc+sd-jwt",
        "application/jwt",
        "application/octet-stream",
        "application/dpop+jwt",
        "at+jwtx",
        "xat+jwt",
        "at",
        "at jwt",
        "application/application/at+jwt",
        "text/at+jwt",
        "",
        " at+jwt",
        "at+jwt ",
        "at+jwt\u{0}",
        "at+jwt; v=1",
        "at+jwt,JWT",
    ];
    let mut types: Vec<Value> = kinds.map(|kind| json!(kind)).into();
    types.extend([json!(null), json!(1), json!(["at+jwt"]), json!({ "at+jwt": 1 })]);
    for kind in types {
        let header = json!({ "alg": "ES256", "kid": "es256", "typ": kind });
        let token = sign(key, "ES256", header.to_string(), claims_text());
        table.token(&format!("typ {kind}"), &token, INVALID_TOKEN);
    }
    let missing = r#"{"alg":"ES256","kid":"es256"}"#;
    table.token("no typ", &sign(key, "ES256", missing, claims_text()), INVALID_TOKEN);
    let twice = r#"{"alg":"ES256","kid":"es256","typ":"JWT","typ":"at+jwt"}"#;
    table.token("typ twice", &sign(key, "ES256", twice, claims_text()), INVALID_TOKEN);
    table.finish();
}

#[test]
fn the_type_is_compared_case_insensitively() {
    let deployment = Deployment::with_issuer(TokenIssuer::of_every_kind());
    let key = deployment.issuer.key("es256");
    let mut table = Table::on(&deployment);
    for kind in ["AT+JWT", "At+Jwt", "application/at+jwt", "APPLICATION/AT+JWT"] {
        let header = json!({ "alg": "ES256", "kid": "es256", "typ": kind });
        let token = sign(key, "ES256", header.to_string(), claims_text());
        table.token(&format!("typ {kind}"), &token, PASSES);
    }
    table.finish();
}

#[test]
fn id_tokens_and_logout_tokens_are_denied() {
    let deployment = Deployment::with_issuer(TokenIssuer::of_every_kind());
    let key = deployment.issuer.key("es256");
    let mut table = Table::on(&deployment);
    let id_token = json!({
        "nonce": "n-0S6_WzA2Mj", "at_hash": "77QmUPtjPfzWtF2AnpK9RQ", "auth_time": now() - 10,
        "email": "canary@example.com", "aud": "web-canary",
    });
    let mut with_audience = id_token.clone();
    with_audience["aud"] = json!(crate::mint::AUDIENCE);
    let mut with_actor = with_audience.clone();
    with_actor["act"] = json!({ "sub": "bot-canary" });
    let event = "http://schemas.openid.net/event/backchannel-logout";
    let logout = json!({ "events": { event: {} }, "sid": "08a5019c-17e1-4977" });
    for (what, kind, changes) in [
        ("an ID token", "JWT", id_token),
        (
            "an ID token with the audience of the gate",
            "JWT",
            with_audience.clone(),
        ),
        (
            "an ID token with the audience of the gate and an actor",
            "JWT",
            with_actor,
        ),
        ("an ID token without a type", "", with_audience),
        ("a logout token", "logout+jwt", logout.clone()),
        ("a logout token as a plain JWT", "JWT", logout),
    ] {
        let mut header = json!({ "alg": "ES256", "kid": "es256" });
        if !kind.is_empty() {
            header["typ"] = json!(kind);
        }
        let claims = crate::mint::claims(changes).to_string();
        let token = sign(key, "ES256", header.to_string(), claims);
        table.token(what, &token, INVALID_TOKEN);
    }
    table.finish();
}
