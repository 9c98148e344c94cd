//! Rules that mean something else than what they look like: each is refused, and its help is what to write.

use actgate::Policy;

/// The mistake of a text, without its place, and its help.
fn mistake(text: &str) -> (String, String) {
    let policy = match text.starts_with("routes:") || text.starts_with("requirements:") {
        true => text.replace("\\n", "\n"),
        false => format!("requirements: {{ r: {{ scopes: [a] }} }}\nroutes:\n  - match: GET /\n    {text}\n"),
    };
    let mistakes = Policy::from_yaml(&policy).map(|_| ()).expect_err(text);
    let [mistake] = &mistakes.iter().collect::<Vec<_>>()[..] else {
        panic!("{text}: {mistakes}");
    };
    assert!(mistake.line() > 0 && mistake.column() > 0, "{text}: {mistake}");
    (
        mistake.message().to_owned(),
        mistake.help().unwrap_or_default().to_owned(),
    )
}

#[test]
fn each_foreign_rule_is_refused_with_the_rule_to_write() {
    let lines = include_str!("foreign_rules.txt").lines();
    let lines: Vec<&str> = lines
        .filter(|line| !line.is_empty() && !line.starts_with("# "))
        .collect();
    let (rows, rest) = lines.as_chunks();
    assert!(rest.is_empty(), "{rest:?}");
    for [text, message, help] in rows {
        let (expected, help) = (message.trim().to_owned(), help.trim().to_owned());
        assert_eq!(mistake(text), (expected, help), "{text}");
    }
}

#[test]
fn real_names_are_accepted() {
    for name in [
        "auth0|123",
        "google-oauth2|1",
        "github|5",
        "samlp|corp|alice",
        "alice@example.com",
        "https://idp.example.com/users?id=7",
        "spiffe://example.org/ns/prod/sa/web",
        "urn:example:agent:7",
        "CN=a, O=b",
        "system:serviceaccount:prod:web",
    ] {
        for list in [
            "actor: { none_of: ['X'] }",
            "client: { one_of: ['X'] }",
            "chain: { all_of: ['X'] }",
        ] {
            let rule = list.replace('X', name);
            let policy = format!("routes:\n  - match: GET /\n    {rule}\n");
            if let Err(mistakes) = Policy::from_yaml(&policy) {
                panic!("{rule}: {mistakes}");
            }
        }
    }
}
