//! Mistakes in the keys about what the upstream learns of the caller.

use std::path::Path;

use tempfile::TempDir;

use crate::deployment::gate::run_to_end;

const REST: &str = "listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\naudience: a\nissuers: [{ issuer: https://idp.example.com }]\n\
    routes: [{ match: GET /, public: true }]\n";

/// The lines that `actgate check` prints, with the name of the file alone.
fn checked(lines: &str) -> String {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("actgate.yaml");
    for (name, text) in [("secret", "s3cret"), ("lines", "a\nb"), ("empty", "")] {
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    std::fs::write(&path, format!("{REST}{lines}")).expect("the configuration");
    let output = run_to_end(&["check", "--config", &path.to_string_lossy()], "");
    let all = [output.stderr, output.stdout].concat();
    let shown = format!("{}/", Path::new(folder.path()).display());
    String::from_utf8_lossy(&all).replace(&shown, "")
}

#[test]
fn each_mistake_has_a_place_and_a_help() {
    let exchange = "token_endpoint: https://idp.example.com/token, client_id: gate, client_secret_file: secret";
    let of = |keys: &str| {
        format!("access_token: exchange\nupstream:\n  url: http://127.0.0.1:9\n  token_exchange: {{ {keys} }}\n")
    };
    let key = |keys: &str| format!("upstream:\n  url: http://127.0.0.1:9\n  api_key: {{ {keys} }}\n");
    for (lines, expected) in [
        (
            "upstream: { api_key: { header: X-Api-Key, file: secret } }\n".to_owned(),
            "actgate.yaml:6:11: the key `url` is missing\n  help: add `url: …`",
        ),
        (
            "upstream: http://127.0.0.1:9\naccess_token: exchange\n".to_owned(),
            "actgate.yaml:7:15: `access_token: exchange` needs `token_exchange` of the upstream\n  help: write it as a mapping: ",
        ),
        (
            of(&format!("{exchange}, audience: b")).replace("access_token: exchange\n", ""),
            "actgate.yaml:8:19: `token_exchange` has no effect\n  help: add `access_token: exchange` at the top level",
        ),
        (
            of(exchange),
            "actgate.yaml:9:19: the exchange does not name the service that the token is for\n  help: add `audience: …`, or ",
        ),
        (
            of(&format!("{exchange}, audience: b, resource: https://b")),
            "`audience` and `resource` both name the service that the token is for\n  help: keep the one that ",
        ),
        (
            of(&format!("{exchange}, resource: b")),
            "`b` is not an absolute URI without a fragment\n  help: write the URL of the service, or name it with `audience`",
        ),
        (
            of("token_endpoint: http://idp.example.com/token, client_id: g, client_secret_file: secret, audience: b"),
            "actgate.yaml:9:37: access tokens and the secret would be sent over plain http\n  help: write an https address, or ",
        ),
        (
            of("token_endpoint: idp, client_id: g, client_secret_file: secret, audience: b"),
            "actgate.yaml:9:37: `idp` is not a URL\n  help: write the `token_endpoint` that the metadata ",
        ),
        (
            of(&format!("{exchange}, audience: b, timeout: 5")),
            "`5` has no unit of time\n  help: write it as `5ms`, `5s`, `5m` or `5h`",
        ),
        (
            of(&exchange.replace("secret_file: secret", "secret_file: lines")),
            "`lines`: the file contains no secret in one line of visible ASCII, of at most 8 KiB\n  help: write the secret into the file, in one line",
        ),
        (
            of(&format!("{exchange}, audience: b, ca_file: secret")),
            "`secret`: this is no list of certificates in PEM\n  help: name a file of root certificates",
        ),
        (
            of(&format!("{exchange}, audience: b, client_secret: s")),
            "unknown key `client_secret`\n  help: ",
        ),
        (
            key("header: Content-Type, file: secret"),
            "actgate.yaml:8:22: `Content-Type` has another meaning\n  help: choose another name",
        ),
        (
            key("header: X_Auth_Subject, file: secret"),
            "actgate.yaml:8:22: `X_Auth_Subject` is an identity header\n  help: give each header one meaning",
        ),
        (
            key("header: X-Api-Key, file: empty"),
            "actgate.yaml:8:39: `empty`: the file contains no secret in one line of visible ASCII",
        ),
        (
            key("header: Authorization, file: secret") + "access_token: forward\n",
            "actgate.yaml:8:22: the access token for the upstream is in `Authorization` too\n  help: write `access_token: strip`, ",
        ),
        (
            "upstream: { url: http://127.0.0.1:9, internal_token: { audience: b } }\n".to_owned(),
            "`internal_token` has no effect\n  help: add `internal_token: { issuer: … }` at the top level",
        ),
        (
            key("header: X-Api-Key"),
            "actgate.yaml:8:12: the key `file` is missing\n  help: add `file: …`",
        ),
    ] {
        let printed = checked(&lines);
        assert!(printed.contains(expected), "{lines}\n{printed}\nexpected {expected}");
        assert!(!printed.contains("s3cret"), "{printed}");
    }
}

#[test]
fn a_missing_file_is_a_warning_of_check() {
    let lines = "upstream: { url: http://127.0.0.1:9, api_key: { header: X-Api-Key, file: none } }\n";
    let printed = checked(lines);
    let expected = "actgate.yaml:6:74: `none`: the file cannot be read: No such file or directory";
    assert!(printed.contains(expected), "{printed}");
    let lines = "access_token: exchange\nupstream:\n  url: http://127.0.0.1:9\n  token_exchange: { token_endpoint: https://idp.example.com/token, \
        client_id: gate, client_secret_file: secret, audience: b, ca_file: none }\n";
    let printed = checked(lines);
    let expected = "warning: actgate.yaml:9:135: `none`: the file cannot be read: No such file or directory";
    assert!(printed.contains(expected), "{printed}");
}
