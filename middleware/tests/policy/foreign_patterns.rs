//! Routes as other products write them: each is refused, with the route to write.

use actgate::Policy;

/// The pattern, the reason and the help of each row.
fn rows() -> Vec<[&'static str; 3]> {
    let lines = include_str!("foreign_patterns.txt").lines();
    let lines: Vec<&str> = lines
        .filter(|line| !line.is_empty() && !line.starts_with("# "))
        .collect();
    let (rows, rest) = lines.as_chunks();
    assert!(rest.is_empty(), "{rest:?}");
    rows.iter().map(|row| row.map(str::trim)).collect()
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[test]
fn each_foreign_pattern_is_refused_with_the_route_to_write() {
    for [pattern, reason, help] in rows() {
        let policy = format!("routes:\n  - match: {}\n    public: true\n", quoted(pattern));
        let mistakes = Policy::from_yaml(&policy).map(|_| ()).expect_err(pattern);
        let found: Vec<_> = mistakes.iter().collect();
        let [mistake] = &found[..] else {
            panic!("{pattern}: {mistakes}");
        };
        assert_eq!((mistake.line(), mistake.column()), (2, 12), "{pattern}");
        assert_eq!(mistake.message(), format!("`{pattern}` is not a route: {reason}"));
        assert_eq!(mistake.help(), Some(help), "{pattern}");
    }
}

/// The route or the list of routes that a help shows.
fn proposal(help: &str) -> Option<&str> {
    let (_, after) = help.split_once("write `")?;
    after.split_once('`').map(|(route, _)| route)
}

#[test]
fn each_proposed_route_is_accepted() {
    let mut proposals = 0;
    for [pattern, _, help] in rows() {
        let Some(route) = proposal(help) else {
            continue;
        };
        let policy = format!("routes:\n  - match: {route}\n    public: true\n");
        if let Err(mistakes) = Policy::from_yaml(&policy) {
            panic!("{pattern}: {mistakes}");
        }
        proposals += 1;
    }
    assert!(proposals >= 100, "{proposals} proposals");
}
