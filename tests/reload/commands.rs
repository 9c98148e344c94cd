//! `actgate reload`: what it prints, and its exit codes.

use serde_json::json;

use super::{Client, routes, text, write};
use crate::deployment::Deployment;
use crate::deployment::gate::run_to_end;
use crate::wire;

#[test]
fn what_is_read_is_in_force_on_open_connections() {
    let deployment = Deployment::with_policy(&routes("orders:read"));
    let mut client = Client::of(&deployment);
    assert_eq!((client.get("/orders/1"), client.get("/open/page")), (200, 200));
    write(
        &deployment,
        "routes:\n  - match: GET /orders/{id}\n    scopes: [orders:write]\n",
    );
    let (code, printed) = deployment.gate.reload();
    assert_eq!(code, Some(0), "{printed}");
    assert!(
        printed.starts_with("the configuration is in force; policy "),
        "{printed}"
    );
    // The route of `/open/page` has been removed.
    assert_eq!((client.get("/orders/1"), client.get("/open/page")), (403, 403));
    deployment.wait_until("logged", || deployment.gate.decisions().len() == 4);
    let decisions = deployment.gate.decisions();
    let codes: Vec<_> = decisions.iter().map(|event| event["code"].clone()).collect();
    assert_eq!(
        codes,
        [json!(null), json!(null), json!("insufficient_scope"), json!("no_route")]
    );
    assert!(
        printed.contains(decisions[3]["policy_hash"].as_str().expect("a hash")),
        "{printed}"
    );
    // A look at the files may have found the change first.
    let report = deployment.gate.reloads();
    assert!(report["succeeded"].as_u64().is_some_and(|count| count >= 1), "{report}");
    assert_eq!(report["failed"], json!(0));
}

#[test]
fn a_broken_configuration_changes_nothing() {
    let deployment = Deployment::with_policy(&routes("orders:read"));
    let mut client = Client::of(&deployment);
    let valid = text(&deployment, &routes("orders:read"));
    for (broken, expected) in [
        (
            valid.replace("listen:", "listne:"),
            "actgate.yaml:1:1: unknown key `listne`",
        ),
        (valid.replace("scopes: [orders:read]", "scopes: []"), "actgate.yaml:"),
        ("routes: [".to_owned(), "actgate.yaml:1:"),
        (String::new(), "the key `listen` is missing"),
        (
            valid.replace("listen: 127.0.0.1:0", "listen: 127.0.0.1:1"),
            "`listen` cannot change while the gate runs\n  help: restart the gate",
        ),
        (
            valid.replace("admin: 127.0.0.1:0\n", "max_connections: 7\ndecision_log: other.log\n"),
            "`admin` cannot change while the gate runs",
        ),
        (valid.clone() + "policy: none.yaml\n", "actgate.yaml:"),
        (
            valid.replace("audience:", "api_key: 1\naudience:"),
            "unknown key `api_key`",
        ),
    ] {
        deployment.gate.write("actgate.yaml", &broken);
        let (code, printed) = deployment.gate.reload();
        assert_eq!(code, Some(78), "{printed}");
        assert!(printed.contains(expected), "{printed}");
        assert!(printed.contains("the one before stays in force, policy "), "{printed}");
        assert_eq!((client.get("/orders/1"), client.get("/open/page")), (200, 200));
        assert_eq!(deployment.gate.readiness(), 200);
        let last = &deployment.gate.reloads()["last"];
        assert_eq!(last["in_force"], json!(false));
        assert!(
            last["reason"].as_str().is_some_and(|reason| reason.contains(expected)),
            "{last}"
        );
    }
    let process = &deployment.gate.process;
    process.wait_for_line(&["is refused; the one before stays in force"]);
    process.wait_for_line(&["unknown key `listne`; did you mean `listen`?"]);
    write(&deployment, &routes("orders:write"));
    let (code, printed) = deployment.gate.reload();
    assert_eq!(code, Some(0), "{printed}");
    assert_eq!(client.get("/orders/1"), 403);
    let report = deployment.gate.reloads();
    assert_eq!(report["last"]["in_force"], json!(true));
    assert_eq!(report["last"]["time"], report["last_success"]);
}

#[test]
fn a_missing_configuration_changes_nothing() {
    let deployment = Deployment::with_policy(&routes("orders:read"));
    deployment.gate.remove("actgate.yaml");
    let (code, printed) = deployment.gate.reload();
    assert_eq!(code, Some(78), "{printed}");
    assert!(printed.contains("the file cannot be read"), "{printed}");
    assert_eq!(Client::of(&deployment).get("/orders/1"), 200);
}

#[test]
fn the_output_is_json_where_it_is_asked_for() {
    let deployment = Deployment::with_policy(&routes("orders:read"));
    let admin = deployment.gate.admin.to_string();
    let run = || run_to_end(&["reload", "--admin", &admin, "--json"], "");
    let json = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).expect("JSON");
    let output = run();
    assert_eq!(
        (output.status.code(), json(&output.stdout)["in_force"].clone()),
        (Some(0), json!(true))
    );
    deployment.gate.write("actgate.yaml", "routes: [");
    let output = run();
    assert_eq!(
        (output.status.code(), json(&output.stdout)["in_force"].clone()),
        (Some(78), json!(false))
    );
}

#[test]
fn the_address_is_that_of_the_configuration() {
    let deployment = Deployment::with_policy(&routes("orders:read"));
    let path = deployment.gate.path("client.yaml").to_string_lossy().into_owned();
    let reload = |configuration: &str| {
        deployment.gate.write("client.yaml", configuration);
        let output = run_to_end(&["reload", "--config", &path], "");
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    };
    // What else is wrong with it is for the gate to report.
    let (code, printed) = reload(&format!("admin: {}\nlistne: nowhere\n", deployment.gate.admin));
    assert_eq!(code, Some(0), "{printed}");
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = free.local_addr().expect("an address");
    drop(free);
    for (configuration, code, expected) in [
        (
            format!("admin: {address}\n"),
            69,
            format!("actgate: no gate answers on {address}: "),
        ),
        // What answers there is no gate.
        (
            format!("admin: {}\n", deployment.upstream.address()),
            69,
            "the gate did not reload (200 OK)".to_owned(),
        ),
        (
            "listen: 127.0.0.1:1\n".to_owned(),
            2,
            "has no `admin`; name the address of the gate with `--admin ADDRESS`".to_owned(),
        ),
        (
            "admin: 127.0.0.1:0\n".to_owned(),
            2,
            "leaves the port of `admin` to the system; name".to_owned(),
        ),
    ] {
        let (found, printed) = reload(&configuration);
        assert_eq!(found, Some(code), "{configuration}: {printed}");
        assert!(printed.contains(&expected), "{configuration}: {printed}");
    }
}

#[test]
fn a_web_page_does_not_reload() {
    let deployment = Deployment::with_policy(&routes("orders:read"));
    for (method, field, status) in [
        ("POST", "Origin: https://page.example", 403),
        ("POST", "Origin: null", 403),
        ("PUT", "Accept: */*", 405),
    ] {
        let request = wire::request(method, "/reload", &[field]);
        assert_eq!(
            wire::answer(deployment.gate.admin, &request).status,
            status,
            "{method} {field}"
        );
    }
    assert_eq!(deployment.gate.reloads()["last"], json!(null));
}
