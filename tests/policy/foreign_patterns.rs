//! Routes as other products write them: `actgate check` refuses each, and shows the route to write. No shipped example is
//! refused.

use std::fs;

use actgate::Policy;

use crate::check::{CONFIGURATION, Files, output_text, without_excerpts};
use crate::deployment::gate::run_to_end;
use crate::structure::source::{files_below, in_repository, root};

/// The pattern, the reason and the help of each row.
fn rows() -> Vec<[&'static str; 3]> {
    let lines = include_str!("../../middleware/tests/policy/foreign_patterns.txt").lines();
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
    let rows = rows();
    assert!(rows.len() >= 100, "{} rows", rows.len());
    // At most 100 mistakes of a file are reported.
    for rows in rows.chunks(90) {
        let files = Files::new();
        let mut policy = "routes:\n".to_owned();
        for [pattern, _, _] in rows {
            policy += &format!("  - match: {}\n    public: true\n", quoted(pattern));
        }
        let path = files.write("policy.yaml", &policy);
        let (rest, _) = CONFIGURATION.split_at(CONFIGURATION.find("requirements:").expect("the policy"));
        let configuration = files.write("actgate.yaml", &format!("{rest}policy: policy.yaml\n"));
        let output = run_to_end(&["check", "--config", &configuration], "");
        assert_eq!(output.status.code(), Some(78));
        let expected = rows.iter().enumerate().flat_map(|(index, [pattern, reason, help])| {
            let line = 2 + 2 * index;
            let mistake = format!("{path}:{line}:12: `{pattern}` is not a route: {reason}");
            [mistake, format!("  help: {help}")]
        });
        let expected: Vec<String> = expected.collect();
        let reported = without_excerpts(&output_text(&output));
        assert_eq!(reported.lines().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn mistakes_beyond_the_hundredth_are_counted() {
    let files = Files::new();
    let (rest, _) = CONFIGURATION.split_at(CONFIGURATION.find("requirements:").expect("the policy"));
    let routes = "  - { match: GET /users/:id, public: true }\n".repeat(107);
    let path = files.write("actgate.yaml", &format!("{rest}routes:\n{routes}"));
    let output = run_to_end(&["check", "--config", &path], "");
    assert_eq!(output.status.code(), Some(78));
    let reported = without_excerpts(&output_text(&output));
    let last = format!("{path}:{}:14: there are 7 more mistakes", rest.lines().count() + 101);
    assert_eq!(reported.lines().filter(|line| line.starts_with(&path)).count(), 101);
    assert!(
        reported.ends_with(&format!("{last}\n  help: fix these first\n")),
        "{reported}"
    );
}

#[test]
fn no_shipped_route_is_refused() {
    let mut routes = 0;
    for path in files_below(&root()) {
        let name = in_repository(&path);
        // The routes of Envoy are in the configuration of Envoy.
        let is_shipped = !name.ends_with("/envoy.yml")
            && (name.ends_with(".md")
                || ["policy-examples/", "sidecar/", "middleware/"]
                    .iter()
                    .any(|folder| name.starts_with(folder)));
        let Ok(text) = fs::read_to_string(&path) else {
            continue;
        };
        for line in text.lines().map(str::trim).filter(|_| is_shipped) {
            // The code of the library has routes in tests, and examples in its documentation.
            let line = match line.strip_prefix("//!").or_else(|| line.strip_prefix("///")) {
                Some(documentation) => documentation.trim(),
                None if name.starts_with("middleware/") => continue,
                None => line,
            };
            let Some(route) = line.strip_prefix("- match: ") else {
                continue;
            };
            if let Err(mistakes) = Policy::from_yaml(&format!("routes:\n  - match: {route}\n    public: true\n")) {
                panic!("{name}: {route}: {mistakes}");
            }
            routes += 1;
        }
    }
    assert!(routes >= 30, "{routes} routes");
}
