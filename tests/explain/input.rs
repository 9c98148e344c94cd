//! The token as it is pasted, and the path.

use serde_json::json;

use super::{configuration, explain, report};
use crate::check::{Files, output_text};
use crate::deployment::gate::run_to_end;
use crate::mint::TokenIssuer;

#[test]
fn a_token_is_explained_however_it_is_pasted() {
    let issuer = TokenIssuer::new();
    let token = issuer.token(json!({}));
    let (start, end) = token.split_at(50);
    for (pasted, notes) in [
        (format!("{token}\n"), json!([])),
        (
            format!("Bearer {token}"),
            json!(["`Bearer` before the token is ignored"]),
        ),
        (
            format!("Authorization: Bearer {token}\r\n"),
            json!([
                "`Authorization:` before the token is ignored",
                "`Bearer` before the token is ignored"
            ]),
        ),
        (format!("\"{token}\","), json!(["quotes around the token are ignored"])),
        (format!("'{token}'"), json!(["quotes around the token are ignored"])),
        (
            format!("{start}\n{end}\n"),
            json!(["white space within the token is ignored"]),
        ),
        (
            json!({ "access_token": token, "token_type": "Bearer" }).to_string(),
            json!(["the token is the `access_token` of a JSON object"]),
        ),
    ] {
        let output = explain(&issuer.document(), "/orders/1", &pasted);
        let report = report(&output);
        assert_eq!(output.status.code(), Some(0), "{pasted}: {report}");
        assert_eq!(
            (&report["decision"], &report["notes"]),
            (&json!("allow"), &notes),
            "{pasted}"
        );
    }
}

#[test]
fn a_whole_url_as_path_is_refused_with_help() {
    let issuer = TokenIssuer::new();
    for path in ["https://orders.example.com/orders/1", "http://localhost:8080/orders/1"] {
        let output = explain(&issuer.document(), path, &issuer.token(json!({})));
        assert_eq!(report(&output)["status"], json!(400), "{path}");
        let files = Files::new();
        let (config, keys) = (
            files.write("actgate.yaml", &configuration()),
            files.write("keys.json", &issuer.document()),
        );
        let arguments = ["explain", "--config", &config, "--jwks", &keys, "--path", path];
        let text = output_text(&run_to_end(&arguments, "a.b.c"));
        assert!(
            text.contains("the path is a whole URL; write what follows the host"),
            "{text}"
        );
    }
}
