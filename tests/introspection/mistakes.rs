//! Mistakes in `introspection` and `revocations`, each at its place.

use crate::deployment::gate::run_to_end;

/// The mistakes that `actgate check` reports of a configuration with these issuers and further lines; its files are in a folder.
fn mistakes(issuers: &str, top: &str, files: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let text = format!(
        "listen: 127.0.0.1:0\nupstream: http://127.0.0.1:9\naudience: a\nissuers:\n{issuers}{top}routes: [{{ match: GET / }}]\n"
    );
    let path = folder.path().join("actgate.yaml");
    std::fs::write(&path, text).expect("the configuration");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    let output = run_to_end(&["check", "--config", &path.to_string_lossy()], "");
    let shown = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&shown).replace(&*folder.path().to_string_lossy(), "")
}

const SECRET: &[(&str, &str)] = &[("gate.secret", "secret")];

fn entry(name: &str, introspection: &str) -> String {
    format!("  - issuer: {name}\n    introspection: {introspection}\n")
}

#[test]
fn each_mistake_is_reported_at_its_place() {
    let complete = "endpoint: 'https://a.example/introspect', client_id: gate, client_secret_file: gate.secret";
    for (introspection, expected) in [
        (
            "{ client_id: gate, client_secret_file: gate.secret }",
            "the key `endpoint` is missing",
        ),
        ("{ endpoint: 'https://a.example/i' }", "the key `client_id` is missing"),
        (
            "{ endpoint: 'https://a.example/i', client_id: g }",
            "the key `client_secret_file` is missing",
        ),
        (
            "{ endpoint: 'http://a.example/i', client_id: g, client_secret_file: gate.secret }",
            "tokens and the secret would be sent over plain http",
        ),
        (
            "{ endpoint: nowhere, client_id: g, client_secret_file: gate.secret }",
            "it is not an absolute URL",
        ),
        (&format!("{{ {complete}, tokens: some }}"), "unknown word `some`"),
        (&format!("{{ {complete}, cache: 2h }}"), "2h"),
        (&format!("{{ {complete}, cash: 2s }}"), "unknown key `cash`"),
    ] {
        let found = mistakes(&entry("https://a.example", introspection), "", SECRET);
        assert!(found.contains(expected), "{introspection}: {found}");
    }
    let both = format!("{{ {complete} }}");
    let both = entry("https://a.example", &both) + &entry("https://b.example", &both);
    let found = mistakes(&both, "", SECRET);
    assert!(
        found.contains("actgate.yaml:7:13: opaque tokens are of this issuer and of `https://a.example`"),
        "{found}"
    );
    assert!(mistakes(&both.replacen(" }", ", tokens: signed }", 1), "", SECRET).contains("is valid"));
    let plain =
        "{ endpoint: 'http://a.example/i', client_id: g, client_secret_file: gate.secret, insecure_http: true }";
    let found = mistakes(&entry("https://a.example", plain), "", SECRET);
    assert!(
        found.contains("introspection: opaque tokens, at http://a.example/i"),
        "{found}"
    );
    let found = mistakes(&entry("https://a.example", &format!("{{ {complete} }}")), "", &[]);
    assert!(
        found.contains("does not start here, since 1 file is missing"),
        "{found}"
    );
}

#[test]
fn a_list_of_revoked_tokens_is_checked_too() {
    let issuer = "  - issuer: https://a.example\n";
    let revocations = |text| mistakes(issuer, "revocations: revoked.yaml\n", &[("revoked.yaml", text)]);
    let found = revocations("revocations:\n  - { issuer: a, party: b }\n");
    assert!(found.contains("revoked.yaml:2:5: the entry has no `before`"), "{found}");
    assert!(revocations("").contains("revoked.yaml:1:1: the key `revocations` is missing"));
    let found = revocations("revocations: []");
    assert!(found.contains("revoked.yaml: read again when it changes"), "{found}");
    let found = mistakes(issuer, "revocations: revoked.yaml\n", &[]);
    assert!(
        found.contains("does not start here, since 1 file is missing"),
        "{found}"
    );
}
