//! Mistakes in an entry of `issuers`: each is reported once, at its place, with help.

use std::process::Output;

use crate::check::{Files, output_text, without_excerpts};
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
pub fn assert_mistakes(rows: &[(&str, &str)], files: &[(&str, &str)]) {
    let mut failures = Vec::new();
    for (issuers, expected) in rows {
        let (output, path) = check(issuers, files);
        let text = without_excerpts(&output_text(&output));
        let expected = expected.replace("FOLDER/", &path.replace("actgate.yaml", ""));
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
            "{ realm_access.roles: a }\n",
            "6:35: `realm_access.roles` is a path with dots",
        ),
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
            "6:20: expected a value, not a mapping\n  help: write a value inside a claim with its path: `/CLAIM/b: VALUE`",
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
    let text = "6:36: GitHub Actions signs the tokens of all its tenants with the same keys, so that any of them could \
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

#[test]
fn an_issuer_that_is_no_url_needs_its_keys() {
    let keys = "    jwks_uri: https://idp.example.com/jwks\n";
    assert_mistakes(
        &[
            (
                "  - issuer: rke\n",
                "5:13: `rke` is not an issuer: it is not an absolute URL\n  help: write the https URL that the issuer writes \
                in `iss`; with `jwks_uri`, an issuer may be any text",
            ),
            (
                "  - issuer: accounts.example.com\n",
                "5:13: `accounts.example.com` is not an issuer: it is not an absolute URL\n  help: write \
                `https://accounts.example.com`; with `jwks_uri`, an issuer may be any text",
            ),
            (
                "  - issuer: spiffe://td.example\n",
                "5:13: `spiffe://td.example` is not an issuer: it is not an https URL, nor an http URL\n  help: write the \
                https URL that the issuer writes in `iss`; with `jwks_uri`",
            ),
            (
                &format!("  - issuer: ''\n{keys}"),
                "5:13: `` is not an issuer: it is empty\n  help: write what the issuer writes in `iss`",
            ),
            (
                &format!("  - issuer: 'r ke'\n{keys}"),
                "5:13: `r ke` is not an issuer: it contains white space or a control character\n  help: write `rke`",
            ),
            (
                &format!("  - issuer: spiffe://*\n{keys}"),
                "5:13: `spiffe://*` is not an issuer: it is a pattern",
            ),
            (
                &format!("  - issuer: '${{ISSUER}}'\n{keys}"),
                "5:13: `${ISSUER}` is not an issuer: it is a pattern",
            ),
            (
                "  - issuer: accounts.google.com\n    jwks_uri: https://www.googleapis.com/oauth2/v3/keys\n",
                "5:13: Google signs the tokens of all its tenants",
            ),
        ],
        &[],
    );
}

#[test]
fn an_audience_of_an_issuer_is_checked_as_the_one_at_the_top() {
    let issuer = "  - issuer: https://idp.example.com\n    audience: ";
    let rows = [
        ("[]\n", "6:15: there is no audience"),
        ("''\n", "6:15: an audience is empty"),
        ("['api-*']\n", "6:16: `api-*` is not an audience: it is a pattern"),
    ];
    let rows = rows.map(|(audience, expected)| (format!("{issuer}{audience}"), expected));
    let rows = rows.each_ref().map(|(text, expected)| (&**text, *expected));
    assert_mistakes(&rows, &[]);
}

#[test]
fn a_header_with_another_meaning_carries_no_token() {
    let issuer = "  - issuer: https://idp.example.com\n    header: ";
    let other = "  - issuer: https://other.example.com\n    header: ";
    let refused = |name: &str, reason: &str| format!("6:13: the header `{name}` cannot carry tokens: {reason}");
    let another = "it has another meaning\n  help: name the header that the proxy in front sets";
    let mut rows = vec![
        (
            format!("{issuer}Authorization\n"),
            refused("Authorization", "it is where tokens are accepted without `header`\n  help: remove it"),
        ),
        (
            format!("{issuer}X Token\n"),
            "6:13: `X Token` is not a header name\n  help: write letters, digits and `-`".to_owned(),
        ),
        (
            format!("{issuer}''\n"),
            "6:13: `` is not a header name".to_owned(),
        ),
        (
            format!("{issuer}[a, b]\n"),
            "6:13: expected a text, not a list\n  help: write a single value\n".to_owned(),
        ),
        (
            format!("{issuer}A\n    header: B\n"),
            "7:5: the key `header` occurs twice\n  help: keep one of them\n".to_owned(),
        ),
        (
            format!("{issuer}X-Auth-Subject\n"),
            "6:13: `X-Auth-Subject` is an identity header, which no client may send\n  help: name the header".to_owned(),
        ),
        (
            format!("{issuer}x_auth_kind\n"),
            "6:13: `x_auth_kind` is an identity header".to_owned(),
        ),
        (
            format!("{issuer}Cf-Access-Jwt-Assertion\n{other}cf_access_jwt_assertion\n"),
            "8:13: `cf_access_jwt_assertion` is the same as `cf-access-jwt-assertion` to some servers\n  help: write it as \
            that of the other issuer"
                .to_owned(),
        ),
    ];
    for name in [
        "Cookie",
        "Host",
        "Content-Type",
        "Content_Length",
        "Connection",
        "Transfer-Encoding",
        "Upgrade",
        "Proxy-Authorization",
        "TE",
        "Forwarded",
        "X-Forwarded-For",
        "Origin",
        "User-Agent",
        "Mcp-Method",
    ] {
        rows.push((format!("{issuer}{name}\n"), refused(name, another)));
    }
    let rows: Vec<_> = rows.iter().map(|(text, expected)| (&**text, &**expected)).collect();
    assert_mistakes(&rows, &[]);
    let same = format!("{issuer}Cf-Access-Jwt-Assertion\n{other}cf-access-jwt-assertion\n");
    let (output, _) = check(&same, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", output_text(&output));
}

#[test]
fn keys_come_from_one_source() {
    let issuer = "  - issuer: https://idp.example.com\n";
    assert_mistakes(
        &[
            (
                &format!("{issuer}    jwks_uri: https://idp.example.com/jwks\n    jwks_file: keys.json\n"),
                "7:16: `jwks_uri` and `jwks_file` both name the keys of the issuer\n  help: keep `jwks_uri`",
            ),
            (
                &format!("{issuer}    insecure_http: true\n"),
                "6:20: `insecure_http` has no effect: no key is fetched over plain http from another host\n  help: remove it",
            ),
            (
                "  - issuer: http://127.0.0.1:9\n    insecure_http: true\n",
                "6:20: `insecure_http` has no effect",
            ),
            (
                &format!("{issuer}    jwks_uri: https://idp.example.com/jwks\n    insecure_http: true\n"),
                "7:20: `insecure_http` has no effect",
            ),
            (
                "  - issuer: http://idp.example.com\n",
                "5:13: `http://idp.example.com` cannot be used: keys are fetched over https, or over http on loopback only",
            ),
            (
                &format!("{issuer}    jwks_uri: http://idp.example.com/jwks\n"),
                "6:15: `http://idp.example.com/jwks` cannot be used: keys are fetched over https",
            ),
            (
                &format!("{issuer}    insecure_http: yes\n"),
                "6:20: expected `true` or `false`",
            ),
        ],
        &[],
    );
}

#[test]
fn a_key_file_that_cannot_be_used_is_named() {
    let files = [
        ("empty", ""),
        ("html", "<html>"),
        ("one", r#"{"kty":"EC","crv":"P-256"}"#),
        ("none", r#"{"keys":[]}"#),
        ("enc", r#"{"keys":[{"kty":"RSA","kid":"a","use":"enc"}]}"#),
        ("text", r#"{"keys":"a"}"#),
    ];
    for (name, reason) in [
        ("empty", "this is not a JWK set: the document is empty"),
        ("html", "this is not a JWK set: the document is HTML or XML, not JSON"),
        ("one", "this is not a JWK set: it is one JWK"),
        ("none", "the set contains no key"),
        (
            "enc",
            "the set contains no usable key: kid `a`: its `use` is `enc`, not `sig`",
        ),
        ("text", "this is not a JWK set: its `keys` is not a list"),
        ("missing", "the file cannot be read"),
        (".", "this is a folder, not a file"),
    ] {
        let issuers = format!("  - issuer: https://idp.example.com\n    jwks_file: {name}\n");
        let (output, path) = check(&issuers, &files);
        let text = output_text(&output);
        let file = path.replace("actgate.yaml", name);
        assert_eq!(output.status.code(), Some(78), "{text}");
        assert!(text.starts_with(&format!("{path}:6:16: `{file}`: {reason}")), "{text}");
        assert!(name == "." || text.contains("\n  help: "), "{text}");
    }
}

#[test]
fn roots_and_a_token_are_of_an_issuer_whose_keys_are_fetched_over_https() {
    let issuer = "  - issuer: https://idp.example.com\n";
    let keys =
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    let files = [
        ("keys.json", keys),
        ("text", "no certificate"),
        ("lines", "a\nb\n"),
        ("blank", "\n"),
        ("token", "t"),
    ];
    assert_mistakes(
        &[
            (
                &format!("{issuer}    ca_file: text\n"),
                "6:14: `FOLDER/text` is no list of certificates in PEM\n  help: write the path where `actgate run` finds it; in \
                a cluster: `ca_file: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt`\n",
            ),
            (
                &format!("{issuer}    token_file: lines\n"),
                "6:17: `FOLDER/lines`: the file contains no token in one line\n  help: write the path where `actgate run` \
                finds it; in a cluster: `token_file: /var/run/secrets/kubernetes.io/serviceaccount/token`\n",
            ),
            (
                &format!("{issuer}    token_file: blank\n"),
                "6:17: `FOLDER/blank`: the file contains no token in one line\n  help: write the path where `actgate run`",
            ),
            (
                &format!("{issuer}    token_file: .\n"),
                "6:17: `FOLDER/.`: this is a folder, not a file\n  help: write the path where `actgate run` finds it",
            ),
            (
                &format!("{issuer}    jwks_file: keys.json\n    token_file: token\n"),
                "7:17: this file has no effect: no key is fetched\n  help: remove it, or `jwks_file`",
            ),
            (
                "  - issuer: http://idp.example.com\n    insecure_http: true\n    token_file: token\n",
                "7:17: the token would be sent over plain http, where it can be read\n  help: write an https address",
            ),
        ],
        &files,
    );
}
