//! Mistakes of rules in words: what is wrong, and what to write.

use actgate::Policy;

/// The mistakes of a rule or a policy, each followed by its help.
fn mistakes(text: &str) -> Vec<String> {
    let policy = match text.contains("routes:") {
        true => text.replace("\\n", "\n"),
        false => format!("routes:\n  - match: GET /a/{{x}}/{{y}}\n    {text}\n"),
    };
    let Err(mistakes) = Policy::from_yaml(&policy).map(|_| ()) else {
        return Vec::new();
    };
    let lines = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let words = mistakes
        .iter()
        .map(|mistake| [lines(Some(mistake.message())), lines(mistake.help())]);
    words.flatten().collect()
}

#[test]
fn each_mistake_has_its_help() {
    let lines = include_str!("mistakes.txt").lines();
    let mut lines = lines
        .filter(|line| !line.is_empty() && !line.starts_with("# "))
        .peekable();
    while let Some(text) = lines.next() {
        let mut expected = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with("  ")) {
            expected.push(line.trim().to_owned());
        }
        assert!(!expected.is_empty(), "{text}");
        assert_eq!(mistakes(text), expected, "{text}");
    }
}

#[test]
fn a_rule_that_something_meets_is_accepted() {
    for text in [
        "initiator: { max_auth_age: 3650d }",
        r#"routes:\n  - match: POST /mcp\n    mcp: { method: tools/call }\n    operation: { arguments: { /a: b } }"#,
        "operation: { query: { a: { min: 5, max: 5 } } }",
        r#"routes:\n  - match: POST /\n    operation: { json: { /a: { min: 1, max: 2 } } }\n    require: [r]\nrequirements: { r: { operation: { json: { /a: 2 } } } }"#,
        r#"routes:\n  - match: POST /\n    operation: { json: { /a: x } }\n    require: [r]\nrequirements: { r: { operation: { json: { /a: { matches: 'x*' } } } } }"#,
        r#"routes:\n  - match: GET /\n    actor: { one_of: [{ subject: a, issuer: 'https://a.example' }] }\n    require: [r]\nrequirements: { r: { actor: { issuer: [same, 'https://b.example'] } } }"#,
        r#"routes:\n  - match: GET /\n    actor: { one_of: [{ subject: a, issuer: 'https://a.example' }] }\n    require: [r]\nrequirements: { r: { actor: { issuer: ['https://b.example', 'https://a.example'] } } }"#,
        r#"routes:\n  - match: GET /\n    chain: { max_depth: 1 }\n    require: [r]\nrequirements: { r: { chain: { path: [a] } } }"#,
        r#"routes:\n  - match: GET /\n    chain: { max_depth: 0 }\n    actor: { none_of: [g] }"#,
        r#"routes:\n  - match: GET /\n    chain: { path: [a] }\n    require: [r]\nrequirements: { r: { chain: { max_depth: 1 } } }"#,
        r#"routes:\n  - match: GET /\n    chain: { path: [{ subject: a, issuer: 'https://a.example' }] }\n    require: [r]\nrequirements: { r: { chain: { starts_with: [{ subject: a, issuer: 'https://a.example' }] } } }"#,
        r#"routes:\n  - match: POST /\n    operation: { query: { a: { min: 1 } } }\n    require: [r]\nrequirements: { r: { operation: { query: { a: { matches: '1*' } } } } }"#,
        r#"routes:\n  - match: POST /\n    operation: { query: { a: '5' } }\n    require: [r]\nrequirements: { r: { operation: { query: { a: { min: 1, max: 9 } } } } }"#,
        r#"operation: { json: { /a: 1 }, max: 1MiB }"#,
        // An item of a list is as long as the list on the average alone.
        r#"expression: 'claims.list.all(i, (i.size() > 3 ? i : "x").contains("a") && (i.size() > 4 ? i : "y").contains("b"))'"#,
        r#"unregistered_agents: deny\nagents: [{ subject: bot }]\nroutes:\n  - match: GET /\n    actor: { one_of: [alice], kind: human }"#,
        r#"unregistered_agents: deny\nagents: [{ subject: bot }]\nroutes:\n  - match: GET /\n    actor: { one_of: [alice], kind: [agent, human] }"#,
    ] {
        assert_eq!(mistakes(text), [""; 0], "{text}");
    }
}

#[test]
fn every_requirement_counts_with_its_rules() {
    const TOO_MANY: &str = "the policy has more than 100000 rules";
    let is_too_long = |first: &str, links: usize, width: usize| {
        let mut text = format!("requirements:\n  link0: {{ {first} }}\n");
        for link in 1..=links {
            text += &format!("  link{link}: {{ require: [link{}] }}\n", link - 1);
        }
        let mut required = format!("link{links}");
        for level in 0..3 {
            let alternatives = vec![format!("{{ require: [{required}] }}"); width].join(", ");
            required = format!("any{level}");
            text += &format!("  {required}: {{ any_of: [{alternatives}] }}\n");
        }
        text += &format!("routes: [{{ match: GET /, require: [{required}] }}]\n");
        mistakes(&text).iter().any(|line| line == TOO_MANY)
    };
    let nine = "scopes: [a], initiator: { amr: [a], acr: [b], max_auth_age: 5m }, client: { one_of: [c] }, \
                claims: { a: b, c: d, e: f, g: h }";
    assert!(is_too_long(nine, 0, 22));
    assert!(is_too_long("scopes: [a]", 13, 20));
    assert!(!is_too_long(nine, 2, 4));
}
