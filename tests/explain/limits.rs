//! What is too long or too late to be explained, and a mistake that several routes have in common.

use super::configuration;
use crate::check::{Files, output_text};
use crate::deployment::gate::run_to_end;

/// The exit code and the output of `actgate explain` on claims at standard input.
fn explain_claims(arguments: &[&str], claims: &str) -> (Option<i32>, String) {
    let files = Files::new();
    let config = files.write("actgate.yaml", &configuration());
    let explain = ["explain", "--config", &config, "--path", "/orders/1", "--claims", "-"];
    let output = run_to_end(&[&explain, arguments].concat(), claims);
    (output.status.code(), output_text(&output))
}

#[test]
fn claims_on_standard_input_have_a_limit() {
    let claims = |bytes: usize| format!("{{\"sub\":\"u\"}}{}", " ".repeat(bytes - 11));
    let most = 256 * 1024;
    let (code, text) = explain_claims(&[], &claims(most));
    assert_eq!(code, Some(1), "{text}");
    assert!(!text.contains("KiB"), "{text}");
    let (code, text) = explain_claims(&[], &claims(most + 1));
    assert_eq!(code, Some(1), "{text}");
    let expected = "claims on standard input: longer than 256 KiB, the most that is read";
    assert!(text.contains(expected), "{text}");
}

#[test]
fn a_time_after_the_year_9999_is_refused() {
    for (time, is_accepted) in [
        ("253402300799", true),
        ("9999-12-30T00:00:00Z", true),
        ("253402300800", false),
        ("18446744073709551616", false),
    ] {
        let (code, text) = explain_claims(&["--at", time], "{\"sub\":\"u\"}");
        assert_eq!(code, Some(if is_accepted { 1 } else { 2 }), "{time}: {text}");
        let message = "times after the year 9999 are not supported";
        assert_eq!(text.contains(message), !is_accepted, "{time}: {text}");
    }
}

#[test]
fn a_rule_on_prior_actors_is_reported_once_for_all_its_routes() {
    let files = Files::new();
    let routes = configuration()
        .find("\nroutes:")
        .map(|at| configuration()[..at].to_owned());
    let policy = "\nrequirements:\n  reviewed: { chain: { via: [reviewer] } }\nroutes:\n\
                  - { match: GET /a, require: [reviewed] }\n- { match: GET /b, require: [reviewed] }\n";
    let config = files.write("actgate.yaml", &format!("{}{policy}", routes.expect("the routes")));
    let output = run_to_end(&["check", "--config", &config], "");
    let text = output_text(&output);
    assert_eq!(output.status.code(), Some(78), "{text}");
    assert_eq!(text.matches("reads prior actors").count(), 1, "{text}");
}
