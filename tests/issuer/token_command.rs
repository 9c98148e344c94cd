//! `actgate token`.

use std::fs;
use std::process::Command;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use serde_json::json;

use crate::deployment::bundled_issuer::{ALICE_BY_PASSWORD, BundledIssuer, ORDERS, access_token, claims};
use crate::deployment::gate::{Process, binary};
use crate::mint::signing_key::base64url;
use crate::wire::{self, request};

const ASSISTANT: &str = "https://assistant.example";

/// `actgate token GRANT` of a client at the issuer, with the usual secret of the sample registry.
fn command(issuer: &BundledIssuer, grant: &str, client: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(["token", grant, "--issuer", &issuer.url(), "--client", client]);
    command.args(arguments).env_remove("ACTGATE_CLIENT_SECRET");
    if client != "terminal" {
        command.env("ACTGATE_CLIENT_SECRET", format!("{client}-secret"));
    }
    command
}

/// The exit code, standard output and standard error.
fn run(mut command: Command) -> (Option<i32>, String, String) {
    let output = command.output().expect("the binary");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_script_gets_a_token_and_exchanges_another() {
    let issuer = BundledIssuer::start();
    let wanted = ["--resource", ORDERS, "--scope", "orders:read"];
    let (code, token, _) = run(command(&issuer, "client-credentials", "warehouse", &wanted));
    assert_eq!((code, &claims(token.trim())["sub"]), (Some(0), &json!("warehouse")));
    assert!(issuer.is_active("warehouse", token.trim()));

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("user.token");
    let user = access_token(&issuer.sign_in("storefront", ALICE_BY_PASSWORD, ASSISTANT, "orders:read"));
    fs::write(&file, format!("{user}\n")).expect("a file");
    let file = file.to_string_lossy();
    let arguments = [
        "--subject-token",
        &file,
        "--resource",
        ORDERS,
        "--scope",
        "orders:read",
        "--json",
    ];
    let (code, answer, _) = run(command(&issuer, "exchange", "assistant", &arguments));
    let answer: serde_json::Value = serde_json::from_str(&answer).expect("one JSON object");
    let exchanged = claims(answer["access_token"].as_str().expect("a token"));
    assert_eq!(
        (code, &exchanged["sub"], &exchanged["act"]["sub"]),
        (Some(0), &json!("alice"), &json!("assistant"))
    );
}

#[test]
fn a_refresh_token_is_read_from_a_file() {
    let issuer = BundledIssuer::start();
    let first = issuer.sign_in("assistant", ALICE_BY_PASSWORD, ORDERS, "offline_access orders:read");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("refresh.token");
    let refresh_token = first.json()["refresh_token"]
        .as_str()
        .expect("a refresh token")
        .to_owned();
    fs::write(&file, refresh_token).expect("a file");
    let arguments = ["--refresh-token", &*file.to_string_lossy()];
    let (code, token, errors) = run(command(&issuer, "refresh", "assistant", &arguments));
    assert_eq!(
        (code, &claims(token.trim())["act"]["sub"]),
        (Some(0), &json!("assistant")),
        "{errors}"
    );
    let (code, token, errors) = run(command(&issuer, "refresh", "assistant", &arguments));
    assert_eq!((code, token.as_str()), (Some(1), ""));
    assert!(errors.contains("the issuer answers invalid_grant"), "{errors}");
}

#[test]
fn a_user_signs_in_with_a_browser() {
    let issuer = BundledIssuer::start();
    let arguments = ["--resource", ORDERS, "--scope", "openid orders:read", "--json"];
    let mut process = Process::spawn(&mut command(&issuer, "login", "terminal", &arguments));
    let page = loop {
        let lines = process.stderr();
        if let Some(line) = lines.iter().find(|line| line.trim().starts_with("http")) {
            break url::Url::parse(line.trim()).expect("a URL");
        }
        assert!(process.is_running(), "{lines:?}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    };
    let back = issuer.through_pages(page.query().expect("a query"), ALICE_BY_PASSWORD);
    let to = back.port().expect("a port");
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], to));
    let forged = wire::answer(address, &request("GET", "/callback?code=x&state=y", &[]));
    assert_eq!(forged.status, 404, "another state");
    let target = &back[url::Position::BeforePath..];
    let answer = wire::answer(address, &request("GET", target, &[]));
    assert_eq!(answer.status, 200, "{}", answer.everything());
    assert!(process.wait().success(), "{:?}", process.stderr());
    let response: serde_json::Value = serde_json::from_str(&process.stdout().join("")).expect("JSON");
    let token = claims(response["access_token"].as_str().expect("a token"));
    assert_eq!(
        (&token["sub"], &token["client_id"]),
        (&json!("alice"), &json!("terminal"))
    );
    assert!(response["id_token"].is_string(), "{response}");
}

#[test]
fn errors_name_what_to_change_and_no_secret() {
    let issuer = BundledIssuer::start();
    let wrong = |secret: &str| {
        let mut wrong = command(&issuer, "client-credentials", "warehouse", &["--resource", ORDERS]);
        wrong.env("ACTGATE_CLIENT_SECRET", secret);
        run(wrong)
    };
    let (code, token, errors) = wrong("a-wrong-secret");
    assert_eq!((code, token.as_str()), (Some(1), ""));
    assert!(errors.contains("the issuer answers invalid_client"), "{errors}");
    assert!(!errors.contains("a-wrong-secret"), "{errors}");

    let mut without = command(&issuer, "client-credentials", "warehouse", &["--resource", ORDERS]);
    without.env_remove("ACTGATE_CLIENT_SECRET");
    let (code, _, errors) = run(without);
    assert_eq!(code, Some(1));
    assert!(
        errors.contains("help: the request had no credential: set ACTGATE_CLIENT_SECRET"),
        "{errors}"
    );

    let elsewhere = ["--resource", ORDERS, "--redirect-uri", "https://example.com/callback"];
    let (code, _, errors) = run(command(&issuer, "login", "terminal", &elsewhere));
    assert_eq!(code, Some(2));
    assert!(errors.contains("http URI on loopback"), "{errors}");

    let mut nowhere = Command::new(binary());
    nowhere.args([
        "token",
        "client-credentials",
        "--client",
        "warehouse",
        "--issuer",
        "http://127.0.0.1:1",
    ]);
    let (code, _, errors) = run(nowhere);
    assert_eq!(code, Some(1));
    assert!(errors.contains("help: name a running issuer with --issuer"), "{errors}");
    assert!(errors.contains("Connection refused"), "{errors}");

    let mut no_url = Command::new(binary());
    no_url.args([
        "token",
        "client-credentials",
        "--client",
        "warehouse",
        "--issuer",
        "127.0.0.1:9611",
    ]);
    let (code, _, errors) = run(no_url);
    assert_eq!(code, Some(2));
    assert!(
        errors.contains("`127.0.0.1:9611` is no URL\n  help: write its URL"),
        "{errors}"
    );

    let mut other = Command::new(binary());
    let url = issuer.url().replace("127.0.0.1", "localhost");
    other.args(["token", "client-credentials", "--client", "warehouse", "--issuer", &url]);
    let (code, _, errors) = run(other);
    assert_eq!(code, Some(1));
    assert!(errors.contains("name the issuer as its metadata does"), "{errors}");
}

/// Waits for the line on standard error that begins with `begin`.
fn line_of(process: &mut Process, begin: &str) -> String {
    loop {
        let lines = process.stderr();
        if let Some(line) = lines.iter().find(|line| line.starts_with(begin)) {
            return line.clone();
        }
        assert!(process.is_running(), "{lines:?}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn a_user_enters_the_code_of_a_device() {
    let issuer = BundledIssuer::start();
    let wanted = ["--resource", ORDERS, "--scope", "orders:read"];
    let start = || Process::spawn(&mut command(&issuer, "device", "terminal", &wanted));
    let code_of = |process: &mut Process| {
        let line = line_of(process, "Open ");
        let (page, code) = line["Open ".len()..]
            .split_once(" and confirm the code ")
            .expect("a code");
        let code = code.trim_end_matches('.').to_owned();
        assert_eq!(page, format!("{}/device?user_code={code}", issuer.url()));
        code
    };
    let (mut allowed, mut denied) = (start(), start());
    let page = issuer.enter_user_code(&code_of(&mut allowed), ALICE_BY_PASSWORD, "allow");
    assert_eq!(page.status, 200, "{}", page.everything());
    issuer.enter_user_code(&code_of(&mut denied), ALICE_BY_PASSWORD, "deny");
    assert!(allowed.wait().success(), "{:?}", allowed.stderr());
    let [token] = &allowed.stdout()[..] else {
        panic!("not one line: {:?}", allowed.stdout());
    };
    let token = claims(token);
    assert_eq!(
        (&token["sub"], &token["client_id"], &token["act"]),
        (&json!("alice"), &json!("terminal"), &json!(null))
    );
    assert_eq!(denied.wait().code(), Some(1));
    let errors = denied.stderr().join("\n");
    assert!(
        errors.contains("the issuer answers access_denied") && denied.stdout().is_empty(),
        "{errors}"
    );
}

#[test]
fn a_user_approves_the_request_of_an_agent() {
    let issuer = BundledIssuer::start();
    let arguments = [
        "--resource",
        ORDERS,
        "--scope",
        "openid orders:read",
        "--user",
        "alice",
        "--message",
        "Order 7",
        "--json",
    ];
    let start = || Process::spawn(&mut command(&issuer, "approval", "assistant", &arguments));
    let decide = |process: &mut Process, decision: &str| {
        let line = line_of(process, "Waiting for alice");
        assert!(line.ends_with(&format!("{}/ciba", issuer.url())), "{line}");
        let page = issuer.decide_on_what_waits(ALICE_BY_PASSWORD, decision);
        assert_eq!(page.status, 200, "{}", page.everything());
    };
    let mut allowed = start();
    decide(&mut allowed, "allow");
    let mut denied = start();
    decide(&mut denied, "deny");
    assert!(allowed.wait().success(), "{:?}", allowed.stderr());
    let response: serde_json::Value = serde_json::from_str(&allowed.stdout().join("")).expect("JSON");
    let token = claims(response["access_token"].as_str().expect("a token"));
    assert_eq!(
        (&token["sub"], &token["act"]["sub"]),
        (&json!("alice"), &json!("assistant"))
    );
    assert!(response["id_token"].is_string(), "{response}");
    assert_eq!(denied.wait().code(), Some(1));
    let errors = denied.stderr().join("\n");
    assert!(errors.contains("the issuer answers access_denied"), "{errors}");

    let unknown = [&arguments[..5], &["unknown"]].concat();
    let (code, _, errors) = run(command(&issuer, "approval", "assistant", &unknown));
    assert_eq!(code, Some(1));
    assert!(errors.contains("the issuer answers unknown_user_id"), "{errors}");
}

#[test]
fn a_client_signs_with_its_private_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let random = SystemRandom::new();
    let elliptic = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, elliptic.as_ref()).expect("a key");
    let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
    let (x, y) = (base64url(x), base64url(y));
    let edwards = Ed25519KeyPair::generate_pkcs8v1(&random).expect("a key");
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(edwards.as_ref()).expect("a key");
    let edwards_x = base64url(pair.public_key().as_ref());
    let registry = folder.path().join("registry.yaml");
    let entry = |id: &str, jwk: &str| {
        format!(
            "  {id}:\n    profile: service\n    jwks: {{ keys: [{jwk}] }}\n    grants: [client_credentials]\n    \
            scopes: [orders:read]\n    resources: [{ORDERS}]\n"
        )
    };
    let text = format!(
        "resources:\n  {ORDERS}: {{ scopes: [orders:read] }}\nclients:\n{}{}",
        entry("elliptic", &format!("{{ kty: EC, crv: P-256, x: {x}, y: {y} }}")),
        entry(
            "edwards",
            &format!("{{ kty: OKP, crv: Ed25519, kid: one, x: {edwards_x} }}")
        ),
    );
    fs::write(&registry, text).expect("a file");
    let issuer = BundledIssuer::start_with_registry(&registry);
    let signed = |client: &str, document: &[u8], more: &[&str]| {
        let file = folder.path().join(client);
        fs::write(&file, crate::mint::certificate::pem("PRIVATE KEY", document)).expect("a file");
        let file = file.to_string_lossy().into_owned();
        let arguments = [&["--key-file", &file], more].concat();
        let mut command = command(&issuer, "client-credentials", client, &arguments);
        command.env_remove("ACTGATE_CLIENT_SECRET");
        run(command)
    };
    for (client, document, more) in [
        ("elliptic", elliptic.as_ref(), &[][..]),
        ("edwards", edwards.as_ref(), &["--key-id", "one"]),
    ] {
        let (code, token, errors) = signed(client, document, more);
        assert_eq!(code, Some(0), "{errors}");
        assert_eq!(claims(token.trim())["sub"], client);
    }
    let (code, _, errors) = signed("edwards", elliptic.as_ref(), &[]);
    assert_eq!(code, Some(1));
    assert!(
        errors.contains("invalid_client") && !errors.contains("had no credential"),
        "{errors}"
    );
    let (code, _, errors) = signed("edwards", b"no key", &[]);
    assert_eq!(code, Some(2));
    assert!(
        errors.contains("no private key for client assertions\n  help: write PEM (PKCS #8)"),
        "{errors}"
    );
}
