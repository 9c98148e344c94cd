//! The API key of an upstream.

use super::deployment;
use crate::deployment::Deployment;
use crate::wire::{self, request};

const LINES: &str = "  api_key: { header: X-Api-Key, file: api.key }\n";

/// The values of the header that the upstream receives.
fn received(deployment: &Deployment, header: &str, target: &str, fields: &[&str]) -> Vec<String> {
    let before = deployment.upstream.count();
    let answer = wire::answer(deployment.gate.address, &request("GET", target, fields));
    assert_eq!(answer.status, 200, "{}", answer.everything());
    let one = deployment.upstream.since(before).remove(0);
    let same = |name: &str| name.to_lowercase().replace(['_', '.'], "-") == header;
    let fields = one.head.fields.iter().filter(|(name, _)| same(name));
    fields
        .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
        .collect()
}

#[test]
fn the_key_is_in_each_request_in_place_of_what_the_client_sends() {
    let deployment = deployment(LINES, "", &[("api.key", "first-key\n")]);
    let valid = deployment.reader();
    assert_eq!(
        received(&deployment, "x-api-key", "/orders/1", &[&valid]),
        ["first-key"]
    );
    for name in ["X-Api-Key", "x_api_key", "X.API.KEY", "x-api_key"] {
        let line = format!("{name}: forged");
        assert_eq!(
            received(&deployment, "x-api-key", "/orders/1", &[&valid, &line, &line]),
            ["first-key"]
        );
        assert_eq!(
            received(&deployment, "x-api-key", "/open/page", &[&line]),
            ["first-key"]
        );
    }
    let nominated = ["Connection: close, X-Api-Key", valid.as_str()];
    let answer = wire::answer(deployment.gate.address, &request("GET", "/orders/1", &nominated));
    assert_eq!(answer.status, 400);
}

#[test]
fn a_changed_file_is_read_again_and_a_broken_one_keeps_the_old_key() {
    let deployment = deployment(LINES, "", &[("api.key", "first-key")]);
    let valid = deployment.reader();
    let key = || received(&deployment, "x-api-key", "/orders/1", &[&valid]);
    deployment.gate.write("api.key", "two\nlines");
    let reported = "the changed file cannot be used; its last content is";
    deployment.gate.process.wait_for_line(&[reported]);
    assert_eq!(key(), ["first-key"]);
    deployment.gate.write("api.key", "second-key");
    deployment.wait_until("the second key", || key() == ["second-key"]);
    let logs = [deployment.gate.process.stderr(), deployment.gate.process.stdout()]
        .concat()
        .join("\n");
    assert!(!logs.contains("first-key") && !logs.contains("second-key"));
}

#[test]
fn the_key_can_be_in_authorization() {
    let lines = "  api_key: { header: Authorization, file: api.key }\n";
    let deployment = deployment(lines, "", &[("api.key", "Bearer static-token")]);
    let valid = deployment.reader();
    let expected = ["Bearer static-token"];
    assert_eq!(received(&deployment, "authorization", "/orders/1", &[&valid]), expected);
    assert_eq!(received(&deployment, "authorization", "/open/page", &[]), expected);
    for line in [valid.as_str(), "Authorization: Basic YTpi"] {
        assert_eq!(received(&deployment, "authorization", "/open/page", &[line]), expected);
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_every_user_can_read_is_a_warning() {
    let deployment = deployment(LINES, "", &[("api.key", "first-key")]);
    let warning = ["every user of this machine can read", "chmod o="];
    deployment.gate.process.wait_for_line(&warning);
}
