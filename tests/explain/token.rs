//! What a token has beside what is accepted.

use serde_json::json;

use super::{check, explain, report};
use crate::mint::signing_key::{Curve, SigningKey};
use crate::mint::{ISSUER, TokenIssuer, token_of};

#[test]
fn what_came_is_shown_beside_what_is_accepted() {
    let mut issuer = TokenIssuer::new();
    let mut encryption = SigningKey::ec("enc", Curve::P256).jwk(None);
    encryption["use"] = json!("enc");
    issuer.publish(encryption);
    let listing = "the issuer has `es256` (ES256); skipped: kid `enc`: its `use` is `enc`, not `sig`";
    let no_key = "no key of the issuer fits the token";
    let of = |kid: &str| token_of(&SigningKey::ec(kid, Curve::P256), "ES256");
    for (token, rule, expected, got) in [
        (
            issuer.token_with_header_changed(json!({ "typ": "JWT" })),
            "type",
            "of type at+jwt",
            "JWT".to_owned(),
        ),
        (
            issuer.token_with_header(r#"{"alg":"ES256","kid":"es256"}"#),
            "type",
            "of type at+jwt",
            "no `typ`".to_owned(),
        ),
        (
            issuer.token(json!({ "iss": format!("{ISSUER}/") })),
            "issuer",
            "issued by https://idp.example.com",
            format!("{ISSUER}/"),
        ),
        (
            issuer.token(json!({ "aud": ["https://a.example", "b"] })),
            "audience",
            "for https://orders.example.com",
            "https://a.example, b".to_owned(),
        ),
        (
            of("other"),
            "key",
            "a key of the issuer for `kid` and `alg`",
            format!("{no_key}: kid `other`, alg `ES256`; {listing}"),
        ),
        (
            of("enc"),
            "key",
            "a key of the issuer for `kid` and `alg`",
            format!("{no_key}: kid `enc`, alg `ES256`; {listing}"),
        ),
        (
            issuer.token_with_header_changed(json!({ "alg": "RS256" })),
            "key",
            "a key of the issuer for `kid` and `alg`",
            format!("the token's algorithm is not accepted: kid `es256`, alg `RS256`; {listing}"),
        ),
        (
            issuer.token_with_header_changed(json!({ "alg": "HS256" })),
            "form",
            "a strict compact JWS",
            "the token's algorithm is not accepted: `HS256`".to_owned(),
        ),
        (
            issuer.token_with_header_changed(json!({ "alg": "none" })),
            "form",
            "a strict compact JWS",
            "the token's algorithm is not accepted: `none`".to_owned(),
        ),
    ] {
        let report = report(&explain(&issuer.document(), "/orders/1", &token));
        let check = check(&report, rule);
        let wanted = (json!(false), json!(expected), json!(got));
        let found = (check["passed"].clone(), check["expected"].clone(), check["got"].clone());
        assert_eq!(found, wanted, "{report}");
        assert_eq!(report["status"], json!(401), "{report}");
    }
}

#[test]
fn a_login_of_another_form_is_shown_as_unknown() {
    let issuer = TokenIssuer::new();
    for (claim, rule, value, got) in [
        (
            "auth_time",
            "max_auth_age",
            json!("2026-01-01T00:00:00Z"),
            "an unknown auth_time: a text, expected seconds since 1970",
        ),
        (
            "auth_time",
            "max_auth_age",
            json!(-1),
            "an unknown auth_time: a number, expected seconds since 1970",
        ),
        ("acr", "acr", json!(2), "an unknown acr: a number, expected a text"),
        ("acr", "acr", json!(["phr"]), "an unknown acr: a list, expected a text"),
        (
            "amr",
            "amr",
            json!("mfa"),
            "an unknown amr: a text, expected a list of texts",
        ),
        (
            "amr",
            "amr",
            json!(null),
            "an unknown amr: null, expected a list of texts",
        ),
        ("amr", "amr", json!([]), "an empty amr"),
    ] {
        let report = report(&explain(
            &issuer.document(),
            "/fresh",
            &issuer.token(json!({ claim: value })),
        ));
        let check = check(&report, &format!("GET /fresh: initiator.{rule}"));
        assert_eq!(check["got"], json!(got), "{report}");
    }
}

#[test]
fn a_claim_of_another_form_is_described_without_its_value() {
    let issuer = TokenIssuer::new();
    let texts = "a text or a list of texts";
    for (claim, value, form) in [
        ("scope", json!(["orders:read"]), "a list, expected a text".to_owned()),
        ("scope", json!(7), "a number, expected a text".to_owned()),
        (
            "scp",
            json!(["hidden"]),
            format!("a list, expected {texts} with the same scopes as `scope`, which it repeats"),
        ),
        (
            "exp",
            json!("2030-01-01"),
            "a text, expected seconds since 1970".to_owned(),
        ),
        ("nbf", json!(null), "null, expected seconds since 1970".to_owned()),
        (
            "iat",
            json!([1]),
            "a list with a value that is no text, expected seconds since 1970".to_owned(),
        ),
        ("aud", json!(4711), format!("a number, expected {texts}")),
        ("aud", json!([]), format!("an empty list, expected {texts}")),
        (
            "aud",
            json!(["a", 7]),
            format!("a list with a value that is no text, expected {texts}"),
        ),
        ("sub", json!({ "id": 1 }), "an object, expected a text".to_owned()),
        ("sub", json!(" "), "an empty text, expected a text".to_owned()),
        (
            "client_id",
            json!(
                "a
"
            ),
            "a text with a control character, expected a text".to_owned(),
        ),
        ("cnf", json!("x"), "a text, expected an object".to_owned()),
    ] {
        let report = report(&explain(
            &issuer.document(),
            "/orders/1",
            &issuer.token(json!({ claim: value })),
        ));
        let wanted = format!("the claim `{claim}` of the token is malformed: {form}");
        assert_eq!(check(&report, "claims")["got"], json!(wanted), "{report}");
    }
    let number = issuer.token(json!({ "iss": 7 }));
    let report = report(&explain(&issuer.document(), "/orders/1", &number));
    let wanted = "the claim `iss` of the token is malformed: a number, expected a text";
    assert_eq!(check(&report, "issuer")["got"], json!(wanted));
}

#[test]
fn a_failed_type_has_help() {
    let issuer = TokenIssuer::new();
    let configure = "configure the issuer for RFC 9068 access tokens (`at+jwt`)";
    let help = |header: &str| {
        let token = issuer.token_with_header(header);
        let report = report(&explain(&issuer.document(), "/orders/1", &token));
        let help = check(&report, "type")["help"].clone();
        help.as_str().expect("help").to_owned()
    };
    assert_eq!(
        help(r#"{"alg":"ES256","kid":"es256","typ":"dpop+jwt"}"#),
        format!("`typ` is `dpop+jwt`: no preset accepts a token of this form; {configure}")
    );
    let without_typ = help(r#"{"alg":"ES256","kid":"es256"}"#);
    assert!(
        without_typ.starts_with("there is no `typ`: the presets `"),
        "{without_typ}"
    );
    assert!(without_typ.ends_with(&format!(", or {configure}")), "{without_typ}");
    let key = issuer.key("es256");
    let header = json!({ "alg": "ES256", "kid": "es256", "typ": "JWT" }).to_string();
    let claims = crate::mint::claims(json!({ "typ": "Bearer", "scope": "orders:read" })).to_string();
    let of_keycloak = crate::mint::sign(key, "ES256", header, claims);
    let report = report(&explain(&issuer.document(), "/orders/1", &of_keycloak));
    let help = check(&report, "type")["help"].clone();
    let help = help.as_str().expect("help");
    assert!(help.starts_with("`typ` is `JWT`: the preset"), "{help}");
    assert!(help.contains("`keycloak`") && help.contains("as `profile`"), "{help}");
    assert!(!help.contains("`rfc9068`"), "{help}");
    let accepted = super::report(&explain(&issuer.document(), "/orders/1", &issuer.token(json!({}))));
    assert_eq!(check(&accepted, "type").get("help"), None);
}

#[test]
fn the_facts_of_a_token_are_shown_with_the_signals_that_gave_them() {
    let issuer = TokenIssuer::new();
    let act = json!({ "sub": "planner", "sub_profile": "ai_agent" });
    let token = issuer.token(json!({ "scope": "orders:read", "act": act }));
    let report = report(&explain(&issuer.document(), "/orders/1", &token));
    let facts = report["facts"].as_array().expect("the facts").clone();
    let fact = |name: &str| {
        let named = facts.iter().find(|fact| fact["fact"] == json!(name));
        let named = named.unwrap_or_else(|| panic!("no fact {name}: {facts:?}"));
        (named["value"].clone(), named["from"].clone())
    };
    assert_eq!(fact("initiator"), (json!("alice-canary"), json!("`sub`")));
    assert_eq!(fact("kind of the initiator").0, json!("human"));
    assert_eq!(fact("client"), (json!("web-canary"), json!("`client_id`")));
    assert_eq!(fact("scopes"), (json!("orders:read"), json!("`scope`")));
    assert_eq!(fact("current actor"), (json!("planner"), json!("`act`")));
    assert_eq!(fact("kind of the current actor").0, json!("agent"));
}

#[test]
fn a_token_that_is_not_verified_has_no_facts() {
    let issuer = TokenIssuer::new();
    let token = token_of(&SigningKey::ec("es256", Curve::P256), "ES256");
    let report = report(&explain(&issuer.document(), "/orders/1", &token));
    assert_eq!(report["facts"], json!([]), "{report}");
}
