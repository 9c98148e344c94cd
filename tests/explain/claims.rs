//! Claims in place of a token: nothing of them is verified.

use std::process::Output;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{ROUTES, configuration, explain, report};
use crate::check::{Files, output_text};
use crate::deployment::gate::run_to_end;
use crate::mint::{ISSUER, TokenIssuer, now};

const NOTHING: &str =
    "nothing is verified: the claims are taken as given, as those of a token with a valid signature would be";

/// Explains GET `path` for the claims on standard input.
fn explain_claims(path: &str, claims: &str) -> Output {
    let files = Files::new();
    let config = files.write("actgate.yaml", &configuration());
    let arguments = [
        "explain", "--config", &config, "--claims", "-", "--path", path, "--json",
    ];
    run_to_end(&arguments, claims)
}

fn claims_of(token: &str) -> String {
    let payload = token.split('.').nth(1).expect("a payload");
    String::from_utf8(URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("text")
}

/// A report without what differs by its basis.
fn without_basis(mut report: Value) -> Value {
    let unproven = ["credential", "form", "type", "key", "signature"];
    let checks = report["checks"].as_array_mut().expect("the checks");
    checks.retain(|check| !unproven.iter().any(|step| check["rule"] == json!(step)));
    for key in ["basis", "notes", "at"] {
        report[key].take();
    }
    report
}

#[test]
fn claims_are_explained_as_the_token_that_has_them() {
    let issuer = TokenIssuer::new();
    let act = json!({ "sub": "planner", "sub_profile": "ai_agent" });
    let expires = now() + 1_000_000;
    for (path, changes) in [
        ("/orders/1", json!({})),
        ("/orders/1", json!({ "scope": "other", "act": act })),
        ("/orders/1", json!({ "aud": "https://other.example" })),
        ("/orders/1", json!({ "sub": 7 })),
        ("/orders/1", json!({ "iss": "https://other.example" })),
        ("/fresh", json!({ "acr": 7, "amr": ["pwd"] })),
        ("/none", json!({})),
    ] {
        let mut claims = changes;
        claims["exp"] = json!(expires);
        let token = issuer.token(claims);
        let of_token = explain(&issuer.document(), path, &token);
        let of_claims = explain_claims(path, &claims_of(&token));
        assert_eq!(of_claims.status.code(), of_token.status.code());
        let (of_token, of_claims) = (report(&of_token), report(&of_claims));
        assert_eq!((&of_token["basis"], &of_token["notes"]), (&json!("token"), &json!([])));
        assert_eq!(
            (&of_claims["basis"], &of_claims["notes"]),
            (&json!("claims"), &json!([NOTHING]))
        );
        // The time left is that of two moments.
        let normal = |report: Value| {
            let text = without_basis(report).to_string();
            let left = text.find(" s left");
            let left = left.map(|end| (text[..end].rfind('"').expect("a quote") + 1, end));
            left.map_or(text.clone(), |(start, end)| {
                format!("{}{}", &text[..start], &text[end..])
            })
        };
        assert_eq!(normal(of_claims), normal(of_token), "{path}");
    }
}

#[test]
fn the_steps_that_prove_nothing_are_shown_as_such() {
    let issuer = TokenIssuer::new();
    let claims = claims_of(&issuer.token(json!({})));
    let found = report(&explain_claims("/orders/1", &claims));
    let step = super::check(&found, "signature");
    let wanted = (json!(null), json!("not checked: the claims are taken as given"));
    assert_eq!((step["passed"].clone(), step["got"].clone()), wanted, "{found}");
    let files = Files::new();
    let (config, file) = (
        files.write("actgate.yaml", &configuration()),
        files.write("claims.json", &claims),
    );
    let arguments = ["explain", "--config", &config, "--claims", &file, "--path", "/orders/1"];
    let text = output_text(&run_to_end(&arguments, ""));
    for expected in [
        "note: nothing is verified",
        "– signature: not checked: the claims are taken as given",
        "is forwarded to the upstream, with a valid token of these claims",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[test]
fn claims_without_an_issuer_are_of_the_only_one_and_no_other_claim_is_assumed() {
    let audience = crate::mint::AUDIENCE;
    let claims = json!({ "sub": "u", "aud": audience, "exp": now() + 300, "scope": "orders:read" }).to_string();
    let found = report(&explain_claims("/orders/1", &claims));
    let note = format!("the claims have no `iss`: the only trusted issuer is assumed, {ISSUER}");
    assert_eq!(found["decision"], json!("allow"), "{found}");
    assert_eq!(found["notes"], json!([NOTHING, note]));
    let found = report(&explain_claims("/orders/1", r#"{"sub": "u", "scope": "orders:read"}"#));
    assert_eq!(
        (&found["decision"], &found["status"]),
        (&json!("deny"), &json!(401)),
        "{found}"
    );
    let audience = found["notes"][2].as_str().expect("a note");
    assert!(
        audience.starts_with("the claims have no `aud`: add \"aud\""),
        "{audience}"
    );
    let last = found["notes"][3].as_str().expect("a note");
    assert!(
        last.starts_with("the claims have no `exp`: add \"exp\": 1") && last.ends_with(", 300 s after the request"),
        "{last}"
    );
    let doubled = r#"{"sub": "u", "sub": "v"}"#;
    let found = report(&explain_claims("/orders/1", doubled));
    assert_eq!(found["code"], json!("malformed_token"), "{found}");
}

#[test]
fn the_smallest_change_is_that_of_the_claims() {
    let issuer = TokenIssuer::new();
    let claims = claims_of(&issuer.token(json!({ "scope": "other" })));
    let found = report(&explain_claims("/orders/1", &claims));
    let needed = &found["smallest_change"]["alternatives"][0][0]["needed"];
    assert_eq!(needed, &json!("scope orders:read"), "{found}");
}

#[test]
fn what_is_no_claims_has_help() {
    let token = TokenIssuer::new().token(json!({}));
    let whole = "claims on standard input: this is a whole token: give it on standard input, without `--claims`";
    for (text, message) in [
        (token.clone(), whole),
        (format!("Bearer {token}\n"), whole),
        (json!({ "access_token": token }).to_string(), whole),
        ("[]".to_owned(), "claims are one JSON object"),
        (String::new(), "not a JSON object"),
        ("{\"sub\": ".to_owned(), "not a JSON object"),
    ] {
        let output = explain_claims("/orders/1", &text);
        let found = output_text(&output);
        assert_eq!(output.status.code(), Some(1), "{found}");
        assert!(found.contains(message), "{found}");
        assert!(!found.contains(&token), "{found}");
    }
}

#[test]
fn claims_beside_a_token_or_a_key_set_are_a_mistake_of_the_command_line() {
    let files = Files::new();
    let (config, claims) = (
        files.write(
            "actgate.yaml",
            &format!("{}{ROUTES}", configuration().replace(ROUTES, "")),
        ),
        files.write("claims.json", "{}"),
    );
    let with = |further: &[&str], input: &str| {
        let mut arguments = vec!["explain", "--config", &config, "--claims", &claims, "--path", "/"];
        arguments.extend(further);
        run_to_end(&arguments, input)
    };
    let keys = with(&["--jwks", &claims], "");
    assert_eq!(keys.status.code(), Some(2), "{}", output_text(&keys));
    let both = with(&[], "eyJh.eyJz.c2ln");
    let text = output_text(&both);
    assert_eq!(both.status.code(), Some(2), "{text}");
    assert!(text.contains("a token on standard input and `--claims`"), "{text}");
    let none = with(&[], "");
    assert_eq!(none.status.code(), Some(1), "{}", output_text(&none));
}
