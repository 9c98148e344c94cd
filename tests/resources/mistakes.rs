//! Mistakes in `resources`, each with its place and help.

use crate::check::{Files, output_text};
use crate::deployment::gate::run_to_end;

/// The report on a configuration with these lines, from line 3 on.
fn report(lines: &str) -> (Option<i32>, String) {
    let files = Files::new();
    let text = format!(
        "listen: 127.0.0.1:0\nupstream: http://127.0.0.1:9\n{lines}\nissuers: [{{ issuer: https://idp.example.com }}]\nroutes: [{{ match: GET / }}]\n"
    );
    let path = files.write("actgate.yaml", &text);
    let output = run_to_end(&["check", "--config", &path], "");
    (output.status.code(), output_text(&output))
}

#[test]
fn every_mistake_has_a_place_and_help() {
    let two = |first: &str, second: &str| {
        format!(
            "resources:\n  - resource: https://a.example\n    {first}\n  - resource: https://b.example\n    {second}"
        )
    };
    let one = |identifier: &str, rest: &str| format!("resources:\n  - resource: {identifier}\n    {rest}");
    for (lines, place, message, help) in [
        (
            "resources: []".to_owned(),
            "3:12",
            "the list of resources is empty",
            "name at least one resource",
        ),
        (
            "resources: [{ path: /a }]".to_owned(),
            "3:13",
            "the key `resource` is missing",
            "add `resource: …`",
        ),
        (
            "audience: a\nresources: [{ resource: https://a.example }]".to_owned(),
            "3:11",
            "`audience` and `resources` exclude each other",
            "write it as `audience` of an entry of `resources`",
        ),
        (
            "resource_metadata: https://a.example/m\nresources: [{ resource: https://a.example }]".to_owned(),
            "3:20",
            "`resource_metadata` and `resources` exclude each other",
            "write it in an entry of `resources`",
        ),
        (
            one("orders", ""),
            "4:15",
            "`orders` is not a resource: it is not an absolute URL",
            "write the https URL",
        ),
        (
            one("https://a.example/#f", ""),
            "4:15",
            "it has a query or a fragment",
            "write `https://a.example/`",
        ),
        (
            one("https://a.example", "path: /orders/*"),
            "5:11",
            "`/orders/*` is not a place of a resource: it is a pattern",
            "write `/orders`",
        ),
        (
            one("https://a.example", "path: orders"),
            "5:11",
            "it does not begin with a slash",
            "write `/orders`",
        ),
        (
            one("https://a.example", "hosts: []"),
            "5:12",
            "the list of hosts is empty",
            "name the hosts of the resource",
        ),
        (
            one("https://a.example", "hosts: [\"*.example\"]"),
            "5:13",
            "it is a pattern, and hosts are compared as they are written",
            "write each host",
        ),
        (
            one("https://a.example", "hosts: [a.example:8443]"),
            "5:13",
            "it has a port, and a resource has every port of its hosts",
            "write `a.example`",
        ),
        (
            one("https://a.example", "hosts: [a.example.]"),
            "5:13",
            "it is not a host as requests name it",
            "write `a.example`",
        ),
        (
            one("https://a.example", "scopes: [\"a b\"]"),
            "5:14",
            "`a b` is not a scope",
            "write one word",
        ),
        (
            one("https://a.example", "documentation: docs"),
            "5:20",
            "`docs` cannot be used",
            "write an https URL",
        ),
        (
            one("https://a.example", "name: \" \""),
            "5:11",
            "a name is blank",
            "write a name for people",
        ),
        (
            one("https://a.example", "hots: [a]"),
            "5:5",
            "unknown key `hots`",
            "`hosts`",
        ),
        (
            two("hosts: [a.example]", "name: B"),
            "6:15",
            "it has no place among several resources",
            "write the hosts that requests to it name, or the path",
        ),
        (
            two("hosts: [a.example]", "hosts: [b.example, A.example]"),
            "6:15",
            "it has the host `a.example` as `https://a.example` does",
            "name other hosts or another path",
        ),
        (
            two("path: /a", "path: /A"),
            "6:15",
            "it has the path `/A` as `https://a.example` does",
            "name other hosts or another path",
        ),
        (
            two("path: /a", "path: /b"),
            "6:15",
            "its metadata is at `/.well-known/oauth-protected-resource`, where that of `https://a.example` is",
            "name the hosts of both",
        ),
    ] {
        let (code, text) = report(&lines);
        assert_eq!(code, Some(78), "{lines}\n{text}");
        assert!(text.contains(&format!("actgate.yaml:{place}: ")), "{place}\n{text}");
        assert!(text.contains(message), "{message}\n{text}");
        assert!(text.contains(help), "{help}\n{text}");
    }
}

#[test]
fn an_issuer_has_no_audience_of_its_own_beside_several_resources() {
    let files = Files::new();
    let text = "listen: 127.0.0.1:0\nupstream: http://127.0.0.1:9\nissuers: [{ issuer: https://idp.example.com, audience: own }]\nresources:\n  - { resource: https://a.example/x, path: /x }\n  - { resource: https://b.example, hosts: [b.example] }\nroutes: [{ match: GET / }]\n";
    let path = files.write("actgate.yaml", text);
    let output = run_to_end(&["check", "--config", &path], "");
    let shown = output_text(&output);
    assert_eq!(output.status.code(), Some(78), "{shown}");
    assert!(
        shown.contains("actgate.yaml:3:21: the tokens of this issuer would be for every resource"),
        "{shown}"
    );
    let single = text.replace("  - { resource: https://b.example, hosts: [b.example] }\n", "");
    let path = files.write("actgate.yaml", &single);
    let output = run_to_end(&["check", "--config", &path], "");
    assert_eq!(output.status.code(), Some(0), "{}", output_text(&output));
}

#[test]
fn a_route_for_the_metadata_is_a_mistake() {
    let files = Files::new();
    let text = "listen: 127.0.0.1:0\nupstream: http://127.0.0.1:9\naudience: https://a.example\nissuers: [{ issuer: https://idp.example.com }]\nroutes:\n  - match: GET /.well-known/oauth-protected-resource\n    public: true\n";
    let path = files.write("actgate.yaml", text);
    let output = run_to_end(&["check", "--config", &path], "");
    let shown = output_text(&output);
    assert_eq!(output.status.code(), Some(78), "{shown}");
    assert!(
        shown.contains("actgate.yaml:6:12: the route `GET /.well-known/oauth-protected-resource` is for the metadata"),
        "{shown}"
    );
    assert!(shown.contains("remove the route, or name the address"), "{shown}");
}

#[test]
fn check_lists_resources_and_the_addresses_of_their_metadata() {
    let (code, text) = report(
        "resources:\n  - { resource: https://a.example/x, path: /x }\n  - { resource: https://b.example, hosts: [b.example, c.example] }",
    );
    assert_eq!(code, Some(0), "{text}");
    for line in [
        "  resource  https://a.example/x (/x; metadata: https://a.example/.well-known/oauth-protected-resource/x)",
        "  resource  https://b.example (b.example, c.example; metadata: https://b.example/.well-known/oauth-protected-resource)",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let (_, short) = report("audience: https://a.example");
    let line = "  resource  https://a.example (every request; metadata: https://a.example/.well-known/oauth-protected-resource)";
    assert!(short.contains(line), "{short}");
}
