//! Mistakes in an entry of `issuers`: each is reported once, at its place, with help.

use std::process::Output;

use crate::check::{Files, output_text};
use crate::deployment::gate::run_to_end;

const BEFORE: &str =
    "listen: 127.0.0.1:0\nupstream: http://127.0.0.1:9\naudience: https://orders.example.com\nissuers:\n";
const AFTER: &str = "routes: [{ match: GET /, public: true }]\n";

/// The result of `actgate check` for these lines of `issuers`, with further files beside the configuration.
fn check(issuers: &str, files: &[(&str, &str)]) -> (Output, String) {
    let folder = Files::new();
    for (name, text) in files {
        folder.write(name, text);
    }
    let path = folder.write("actgate.yaml", &format!("{BEFORE}{issuers}{AFTER}"));
    (run_to_end(&["check", "--config", &path], ""), path)
}

/// Fails unless exactly one mistake is reported for each row, and begins as the row says. The text begins in line 5.
fn assert_mistakes(rows: &[(&str, &str)], files: &[(&str, &str)]) {
    let mut failures = Vec::new();
    for (issuers, expected) in rows {
        let (output, path) = check(issuers, files);
        let text = output_text(&output);
        let lines: Vec<&str> = text.lines().collect();
        let is_one = matches!(lines.as_slice(), [_, help] if help.starts_with("  help: "));
        if output.status.code() != Some(78) || !is_one || !text.starts_with(&format!("{path}:{expected}")) {
            let code = output.status.code();
            failures.push(format!("{issuers}{code:?}\n{text}not {expected}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn a_claim_that_no_token_can_have_is_a_mistake() {
    let issuer = "  - issuer: https://idp.example.com\n    claims: ";
    let rows = [
        ("{ a: [] }\n", "6:18: the claim `a` cannot be required: it has no value"),
        (
            "{ a: '' }\n",
            "6:18: the claim `a` cannot be required: a value is empty",
        ),
        (
            "{ a: 'acme/*' }\n",
            "6:18: the claim `a` cannot be required: a value is a pattern",
        ),
        (
            "{ a: [b, '${B}'] }\n",
            "6:18: the claim `a` cannot be required: a value is a pattern",
        ),
        (
            "{ '': b }\n",
            "6:19: the claim `` cannot be required: it is not the name of a claim",
        ),
        (
            "{ 'a*': b }\n",
            "6:21: the claim `a*` cannot be required: the name of a claim has no wildcard",
        ),
        ("{ a: 1.5 }\n", "6:18: expected a whole number"),
        (
            "{ a: { b: c } }\n",
            "6:18: expected a text, a whole number, `true` or `false`, or a list of these",
        ),
        ("{ a: 18446744073709551615 }\n", "6:18: the number is too large"),
        ("{ a: }\n", "6:16: a value is missing here"),
        ("[a]\n", "6:13: expected a mapping"),
    ];
    let rows = rows.map(|(claims, expected)| (format!("{issuer}{claims}"), expected));
    let rows = rows.each_ref().map(|(text, expected)| (&**text, *expected));
    assert_mistakes(&rows, &[]);
}

#[test]
fn a_shared_issuer_without_a_claim_of_its_tenant_is_a_mistake() {
    let github = "5:13: GitHub Actions signs the tokens of all its tenants with the same keys, so that any of them could \
        send one\n  help: pin the tenant in `claims` of the issuer: `repository_owner_id` or `repository_id`";
    let text = "5:13: GitHub Actions signs the tokens of all its tenants with the same keys, so that any of them could \
        send one\n  help: `repository_owner_id` is a text in its tokens: write each value in quotes";
    assert_mistakes(
        &[
            ("  - issuer: https://token.actions.githubusercontent.com\n", github),
            ("  - issuer: https://token.actions.githubusercontent.com/acme\n", github),
            (
                "  - issuer: https://token.actions.githubusercontent.com\n    claims: { ref: refs/heads/main, aud: x }\n",
                github,
            ),
            (
                "  - issuer: https://token.actions.githubusercontent.com\n    claims: { repository_owner_id: 123 }\n",
                text,
            ),
            (
                "  - issuer: https://gitlab.com\n",
                "5:13: GitLab.com signs the tokens of all its tenants with the same keys, so that any of them could send \
                one\n  help: pin the tenant in `claims` of the issuer: `namespace_id` or `project_id`",
            ),
            (
                "  - issuer: https://accounts.google.com\n",
                "5:13: Google signs the tokens of all its tenants with the same keys, so that any of them could send \
                one\n  help: pin the tenant in `claims` of the issuer: `hd`",
            ),
            (
                "  - issuer: https://app.terraform.io\n",
                "5:13: HCP Terraform signs the tokens of all its tenants",
            ),
            (
                "  - issuer: https://agent.buildkite.com\n",
                "5:13: Buildkite signs the tokens of all its tenants",
            ),
            (
                "  - issuer: https://login.microsoftonline.com/common/v2.0\n",
                "5:13: `https://login.microsoftonline.com/common/v2.0` is not an issuer: it is an endpoint for many \
                tenants, and no `iss`\n  help: list the issuer of each tenant, such as \
                `https://login.microsoftonline.com/TENANT-ID/v2.0`, which is what its tokens have as `iss`",
            ),
            (
                "  - issuer: https://login.microsoftonline.com/organizations\n",
                "5:13: `https://login.microsoftonline.com/organizations` is not an issuer: it is an endpoint for many \
                tenants, and no `iss`\n  help: list the issuer of each tenant, such as `https://sts.windows.net/TENANT-ID/`",
            ),
        ],
        &[],
    );
}

#[test]
fn a_shared_issuer_with_a_claim_of_its_tenant_is_valid() {
    for issuer in [
        "  - issuer: https://token.actions.githubusercontent.com\n    claims: { repository_owner_id: '123' }\n",
        "  - issuer: https://token.actions.githubusercontent.com\n    claims: { repository_id: ['1', '2'], ref: refs/heads/main }\n",
        "  - issuer: https://gitlab.com\n    claims: { namespace_id: '7' }\n",
        "  - issuer: https://accounts.google.com\n    claims: { hd: example.com }\n",
        "  - issuer: https://login.microsoftonline.com/9b2f6a3c-1111-2222-3333-444455556666/v2.0\n",
        "  - issuer: https://oidc.circleci.com/org/9b2f6a3c-1111-2222-3333-444455556666\n",
    ] {
        let (output, _) = check(issuer, &[]);
        assert_eq!(output.status.code(), Some(0), "{issuer}{}", output_text(&output));
    }
}
