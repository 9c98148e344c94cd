//! `header` of an issuer: its tokens are in that header alone, and no other token is.

use serde_json::{Value, json};

use super::Issuer;
use crate::check::Files;
use crate::deployment::BRISK;
use crate::deployment::gate::Gate;
use crate::deployment::upstream::Upstream;
use crate::mint::claims;
use crate::wire::{self, bearer, request};

const ACCESS: &str = "Cf-Access-Jwt-Assertion";
const IAP: &str = "x-goog-iap-jwt-assertion";

/// An issuer of each header, and one of `Authorization`.
struct Setting {
    access: Issuer,
    iap: Issuer,
    plain: Issuer,
    upstream: Upstream,
    gate: Gate,
}

impl Setting {
    fn start(top: &str) -> Self {
        let [access, iap, plain] =
            ["https://team.example", "https://iap.example", "https://idp.example"].map(Issuer::named);
        let upstream = Upstream::start();
        let entry = |issuer: &Issuer, header: &str| {
            let (name, keys) = (&issuer.name, issuer.keys.jwks_uri());
            format!("  - issuer: {name}\n    jwks_uri: {keys}\n{header}{BRISK}")
        };
        let issuers = [
            entry(&access, &format!("    header: {ACCESS}\n")),
            entry(&iap, &format!("    header: {IAP}\n")),
            entry(&plain, ""),
        ];
        let text = super::configuration_before(upstream.address(), &issuers.concat());
        let gate = Gate::run(&format!("{top}{text}"));
        gate.wait_until_ready();
        Self {
            access,
            iap,
            plain,
            upstream,
            gate,
        }
    }

    /// The status of a request with these lines, and the error in its challenge.
    fn answer(&self, target: &str, lines: &[&str]) -> (u16, Option<String>) {
        let answer = wire::answer(self.gate.address, &request("GET", target, lines));
        let challenge = answer.field("www-authenticate");
        let error = challenge.map(|field| {
            let challenge = wire::challenge::Challenge::parse(&field).expect("a challenge");
            challenge.parameter("error").unwrap_or("").to_owned()
        });
        (answer.status, error)
    }
}

#[test]
fn each_token_is_accepted_in_the_header_of_its_issuer_alone() {
    let setting = Setting::start("");
    let Setting { access, iap, plain, .. } = &setting;
    let line = |header: &str, issuer: &Issuer| format!("{header}: {}", issuer.token());
    let authorization = |issuer: &Issuer| bearer(&issuer.token());
    let passes = (200, None);
    let bare = (401, Some(String::new()));
    let invalid = (401, Some("invalid_token".to_owned()));
    let ambiguous = (400, Some("invalid_request".to_owned()));
    let (in_access, in_iap) = (line(ACCESS, access), line(IAP, iap));
    let underscores = line("cf_access_jwt_assertion", access);
    let with_scheme = format!("{ACCESS}: Bearer {}", access.token());
    let two = format!("{ACCESS}: {}, {}", access.token(), access.token());
    let forged = format!(
        "{ACCESS}: {}",
        plain.signer.signed(&claims(json!({ "iss": access.name })))
    );
    let rows: Vec<(&str, Vec<&str>, _)> = vec![
        ("its own header", vec![&in_access], passes.clone()),
        ("another own header", vec![&in_iap], passes.clone()),
        ("no token", vec![], bare.clone()),
        ("another spelling is another header", vec![&underscores], bare),
        ("a scheme", vec![&with_scheme], ambiguous.clone()),
        ("two tokens in one field", vec![&two], ambiguous.clone()),
        ("an empty field", vec!["Cf-Access-Jwt-Assertion:"], ambiguous.clone()),
        ("a forged token", vec![&forged], invalid.clone()),
        ("the field twice", vec![&in_access, &in_access], ambiguous.clone()),
        ("two headers", vec![&in_access, &in_iap], ambiguous.clone()),
        (
            "basic beside it",
            vec![&in_access, "Authorization: Basic YTpi"],
            ambiguous.clone(),
        ),
        (
            "nominated",
            vec![&in_access, "Connection: cf-access-jwt-assertion"],
            (400, None),
        ),
        (
            "nominated in another spelling",
            vec![&in_access, "Connection: cf_access_jwt_assertion"],
            (400, None),
        ),
    ];
    let beside = authorization(plain);
    let own_beside = authorization(access);
    let in_other = line(IAP, access);
    let plain_in_access = line(ACCESS, plain);
    let rows = rows.into_iter().chain([
        ("authorization alone", vec![&*beside], passes),
        ("authorization beside it", vec![&in_access, &beside], ambiguous.clone()),
        ("the same token in both", vec![&in_access, &own_beside], ambiguous),
        ("in authorization", vec![&own_beside], invalid.clone()),
        ("in the header of another", vec![&in_other], invalid.clone()),
        ("a token of authorization in a header", vec![&plain_in_access], invalid),
    ]);
    let mut failures = Vec::new();
    for (what, lines, wanted) in rows {
        for time in ["first", "again"] {
            let got = setting.answer("/orders/1", &lines);
            if got != wanted {
                failures.push(format!("{what}, {time}: {got:?}, not {wanted:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));

    // A cached token is not accepted elsewhere either, and stays of use where it is.
    let token = access.token();
    let own = format!("{ACCESS}: {token}");
    for _ in 0..2 {
        assert_eq!(setting.answer("/orders/1", &[&own]).0, 200);
        assert_eq!(setting.answer("/orders/1", &[&bearer(&token)]).0, 401);
        assert_eq!(setting.answer("/orders/1", &[&format!("{IAP}: {token}")]).0, 401);
    }
    let is_misplaced = |event: &Value| event["code"] == json!("misplaced_token") && event["status"] == json!(401);
    setting
        .gate
        .wait_until("logged", || setting.gate.decisions().iter().any(is_misplaced));
}

#[test]
fn the_header_is_removed_in_every_spelling_or_forwarded_where_it_was_verified() {
    for (top, forwards) in [("", false), ("access_token: forward\n", true)] {
        let setting = Setting::start(top);
        let token = setting.access.token();
        let line = format!("{ACCESS}: {token}");
        let spellings = [
            "cf_access_jwt_assertion",
            "Cf.Access-Jwt.Assertion",
            "x_goog_iap_jwt_assertion",
        ];
        let others = spellings.map(|name| format!("{name}: forged"));
        let mut lines: Vec<&str> = others.iter().map(String::as_str).collect();
        lines.push(&line);
        let received = |target: &str, lines: &[&str]| {
            let before = setting.upstream.count();
            assert_eq!(setting.answer(target, lines).0, 200, "{target}");
            setting.upstream.since(before).remove(0)
        };
        let guarded = received("/orders/1", &lines);
        let expected = if forwards { vec![token.clone()] } else { vec![] };
        assert_eq!(guarded.head.values(ACCESS), expected, "{top}");
        for name in spellings {
            assert!(!guarded.has(name), "{name}");
        }
        // On a public route no token is verified.
        let public = received("/open/x", &lines);
        for name in spellings.into_iter().chain([ACCESS]) {
            assert!(!public.has(name), "{name}");
        }
        let plain = received("/orders/1", &[&bearer(&setting.plain.token()), &others[0]]);
        assert!(!plain.has(spellings[0]) && plain.has("authorization") == forwards);
    }
}

#[test]
fn explain_takes_a_token_of_either_header() {
    let files = Files::new();
    let [access, plain] = ["https://team.example", "https://idp.example"].map(Issuer::named);
    let issuers = format!(
        "  - issuer: {}\n    jwks_uri: https://team.example/jwks\n    header: {ACCESS}\n  - issuer: {}\n    jwks_uri: \
        https://idp.example/jwks\n",
        access.name, plain.name
    );
    let config = files.write("actgate.yaml", &super::configuration(&issuers));
    for issuer in [&access, &plain] {
        let keys = files.write("keys.json", &issuer.signer.document());
        let report = super::explained(&config, &keys, &issuer.token());
        assert_eq!(report["decision"], json!("allow"), "{report}");
    }
}
