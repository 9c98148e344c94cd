//! Mistakes in `resources`, each with its place and help.

use crate::check::{Files, output_text, without_excerpts};
use crate::deployment::gate::run_to_end;

/// The report on a configuration with these lines, from line 3 on.
fn report(lines: &str) -> (Option<i32>, String) {
    let files = Files::new();
    let text = format!(
        "listen: 127.0.0.1:0\nupstream: http://127.0.0.1:9\n{lines}\nissuers: [{{ issuer: https://idp.example.com }}]\nroutes: [{{ match: GET / }}]\n"
    );
    let path = files.write("actgate.yaml", &text);
    let output = run_to_end(&["check", "--config", &path], "");
    (
        output.status.code(),
        without_excerpts(&output_text(&output)).replace(&path, "FILE"),
    )
}

#[test]
fn every_mistake_has_a_place_and_help() {
    let two = |first: &str, second: &str| {
        format!(
            "resources:\n  - resource: https://a.example\n    {first}\n  - resource: https://b.example\n    {second}"
        )
    };
    let one = |identifier: &str, rest: &str| format!("resources:\n  - resource: {identifier}\n    {rest}");
    for (lines, mistake, help) in [
        (
            "resources: []".to_owned(),
            "3:12: the list of resources is empty",
            "name at least one resource, or write `audience` for a single API",
        ),
        (
            "resources: [{ path: /a }]".to_owned(),
            "3:13: the key `resource` is missing",
            "add `resource: …`",
        ),
        (
            "audience: a\nresources: [{ resource: https://a.example }]".to_owned(),
            "3:11: `audience` and `resources` exclude each other: each resource has its audiences",
            "write it as `audience` of an entry of `resources`, and remove it here",
        ),
        (
            "resource_metadata: https://a.example/m\nresources: [{ resource: https://a.example }]".to_owned(),
            "3:20: `resource_metadata` and `resources` exclude each other: each resource has its metadata",
            "write it in an entry of `resources`",
        ),
        (
            one("orders", "name: Orders"),
            "4:15: `orders` is not a resource: it is not an absolute URL",
            "write the https URL that clients use for this API",
        ),
        (
            one("https://a.example/#f", "name: Orders"),
            "4:15: `https://a.example/#f` is not a resource: it has a query or a fragment",
            "write `https://a.example/`",
        ),
        (
            one("https://a.example", "path: /orders/*"),
            "5:11: `/orders/*` is not a place of a resource: it is a pattern, and the beginning of a path is compared as it is written",
            "write `/orders`, which every path below it begins with",
        ),
        (
            one("https://a.example", "path: orders"),
            "5:11: `orders` is not a place of a resource: it does not begin with a slash",
            "write `/orders`",
        ),
        (
            one("https://a.example", "hosts: []"),
            "5:12: the list of hosts is empty",
            "name the hosts of the resource, or remove the key for every host",
        ),
        (
            one("https://a.example", "hosts: [\"*.example\"]"),
            "5:13: `*.example` is not a place of a resource: it is a pattern, and hosts are compared as they are written",
            "write each host",
        ),
        (
            one("https://a.example", "hosts: [a.example:8443]"),
            "5:13: `a.example:8443` is not a place of a resource: it has a port, and a resource has every port of its hosts",
            "write `a.example`",
        ),
        (
            one("https://a.example", "hosts: [a.example.]"),
            "5:13: `a.example.` is not a place of a resource: it is not a host as requests name it",
            "write `a.example`",
        ),
        (
            one("https://a.example", "scopes_supported: [\"a b\"]"),
            "5:24: `a b` is not a scope: it is not one word of printable ASCII without quotes and backslashes",
            "write each scope as an entry of the list",
        ),
        (
            one("https://a.example", "scopes_supported: [a, \"\"]"),
            "5:27: `` is not a scope: it is not one word of printable ASCII without quotes and backslashes",
            "write each scope as an entry of the list",
        ),
        (
            one("https://a.example", "scopes: [a]"),
            "5:5: unknown key `scopes`",
            "did you mean `scopes_supported`?",
        ),
        (
            one("https://a.example", "authorization_servers: [idp.example.com]"),
            "5:29: `idp.example.com` is not an authorization server: it is not an https URL, nor an http URL",
            "write the issuer as it is in `iss`",
        ),
        (
            one(
                "https://a.example",
                "authorization_servers: [https://idp.example.com, rke]",
            ),
            "5:54: `rke` is not an authorization server: it is not an https URL, nor an http URL",
            "write the issuer as it is in `iss`",
        ),
        (
            one("https://a.example", "documentation: docs"),
            "5:20: `docs` cannot be used: it is not an https URL, nor an http URL",
            "write an https URL",
        ),
        (
            one("https://a.example", "name: \" \""),
            "5:11: ` ` is not a name: it is blank or contains a control character",
            "write a name for people, such as Orders",
        ),
        (
            one("https://a.example", "name: \"a\\nb\""),
            "5:11: `a\\nb` is not a name: it is blank or contains a control character",
            "write a name for people, such as Orders",
        ),
        (
            one("https://a.example", "hots: [a]"),
            "5:5: unknown key `hots`",
            "did you mean `hosts`?",
        ),
        (
            one("https://a.example", "audience: [7]"),
            "5:16: expected a text, not a number",
            "write an audience, or `{ ISSUER: AUDIENCE }` for the tokens of one issuer",
        ),
        (
            one("https://a.example", "audience: ' '"),
            "5:15: an audience is empty",
            "name this API as the issuer writes it in `aud`",
        ),
        (
            one("https://a.example", "audience: {}"),
            "5:15: no issuer is named",
            "write `{ ISSUER: AUDIENCE }`, or the audience alone for each issuer",
        ),
        (
            one("https://a.example", "audience: [a, {}]"),
            "5:19: no issuer is named",
            "write `{ ISSUER: AUDIENCE }`, or the audience alone for each issuer",
        ),
        (
            one("https://a.example", "audience: { 'https://idp.example.com': [] }"),
            "5:44: there is no audience",
            "write the audience as the issuer writes it in `aud`",
        ),
        (
            one("https://a.example", "audience: { 'https://idp.example.com': ['a*'] }"),
            "5:45: `a*` is not an audience: it is a pattern, and audiences are compared as they are written",
            "write each audience of this API, as the issuer writes it in `aud`",
        ),
        (
            one("https://a.example", "audience: { 'https://idp.example.con': [a, b] }"),
            "5:44: `https://idp.example.con` is not a trusted issuer",
            "did you mean `https://idp.example.com`?",
        ),
        (
            one(
                "https://a.example",
                "audience: [a, { 'https://b.example': b, 'https://c.example': c }]",
            ),
            "5:42: `https://b.example` is not a trusted issuer",
            "did you mean `https://idp.example.com`?\nFILE:5:66: `https://c.example` is not a trusted issuer\n  help: did you mean `https://idp.example.com`?",
        ),
        (
            one("https://a.example", "audience: { 'https://idp.example.com': 7 }"),
            "5:44: expected a text, not a number",
            "put a text in quotes",
        ),
        (
            one("https://a.example", "audience: { 'https://idp.example.com': { a: b } }"),
            "5:44: expected a text, not a mapping",
            "write a single value",
        ),
        (
            two("hosts: [a.example]", "name: B"),
            "6:15: `https://b.example` cannot be protected beside the other resources: it has no place among several resources",
            "write the hosts that requests to it name, or the path that they begin with; `/` is every path",
        ),
        (
            two("hosts: [a.example]", "hosts: [b.example, A.example]"),
            "6:15: `https://b.example` cannot be protected beside the other resources: it has the host `a.example` as `https://a.example` does",
            "name other hosts or another path for one of them",
        ),
        (
            two("path: /a", "path: /A"),
            "6:15: `https://b.example` cannot be protected beside the other resources: it has the path `/A` as `https://a.example` does",
            "name other hosts or another path for one of them",
        ),
        (
            two("path: /a", "path: /b"),
            "6:15: `https://b.example` cannot be protected beside the other resources: its metadata is at `/.well-known/oauth-protected-resource`, where that of `https://a.example` is",
            "name the hosts of both, or identifiers with different paths",
        ),
    ] {
        let (code, text) = report(&lines);
        assert_eq!(
            (code, text),
            (Some(78), format!("FILE:{mistake}\n  help: {help}\n")),
            "{lines}"
        );
    }
}

#[test]
fn an_issuer_has_no_audience_of_its_own_where_resources_name_its_audiences() {
    let files = Files::new();
    let check = |resources: &str| {
        let text = format!(
            "listen: 127.0.0.1:0\nupstream: http://127.0.0.1:9\nissuers: [{{ issuer: https://idp.example.com, audience: own }}]\nresources:\n{resources}routes: [{{ match: GET / }}]\n"
        );
        let path = files.write("actgate.yaml", &text);
        let output = run_to_end(&["check", "--config", &path], "");
        (
            output.status.code(),
            without_excerpts(&output_text(&output)).replace(&path, "FILE"),
        )
    };
    let mistake = "FILE:3:56: an issuer has no audience of its own beside several resources, or where a resource names one for it\n  help: write it at the resource that its tokens are for, as `audience: { \"https://idp.example.com\": … }`, and remove it here\n";
    for resources in [
        "  - { resource: https://a.example/x, path: /x }\n  - { resource: https://b.example, hosts: [b.example] }\n",
        "  - { resource: https://a.example/x, audience: { 'https://idp.example.com': client } }\n",
    ] {
        assert_eq!(check(resources), (Some(78), mistake.to_owned()), "{resources}");
    }
    let (code, text) = check("  - { resource: https://a.example/x, path: /x }\n");
    assert_eq!(code, Some(0), "{text}");
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
