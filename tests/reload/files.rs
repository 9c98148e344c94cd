//! The files of a configuration change, in each way that programs change files.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use super::{Client, routes, text, write};
use crate::deployment::gate::Gate;
use crate::deployment::key_server::{Conduct, KeyServer};
use crate::deployment::upstream::Upstream;
use crate::deployment::{Configuration, Deployment};
use crate::mint::TokenIssuer;

/// Waits until the route of orders needs another scope than that of the client, or no other.
fn wait_until_denied(deployment: &Deployment, client: &mut Client, denied: bool) {
    let status = if denied { 403 } else { 200 };
    deployment.wait_until("read again", || client.get("/orders/1") == status);
}

#[test]
fn a_file_that_is_written_in_place_or_renamed_is_read_again() {
    let deployment = Deployment::with_policy(&routes("orders:read"));
    let mut client = Client::of(&deployment);
    assert_eq!(client.get("/orders/1"), 200);
    write(&deployment, &routes("orders:write"));
    wait_until_denied(&deployment, &mut client, true);
    deployment
        .gate
        .write("next.yaml", &text(&deployment, &routes("orders:read")));
    deployment.gate.rename("next.yaml", "actgate.yaml");
    wait_until_denied(&deployment, &mut client, false);
    // A file that is absent for a while is no mistake of its own.
    deployment.gate.remove("actgate.yaml");
    write(&deployment, &routes("orders:write"));
    wait_until_denied(&deployment, &mut client, true);
    assert_eq!(deployment.gate.reloads()["succeeded"], json!(3));
}

#[test]
fn a_broken_file_is_reported_once_and_a_later_one_is_read() {
    let deployment = Deployment::with_policy(&routes("orders:read"));
    let mut client = Client::of(&deployment);
    deployment.gate.write("actgate.yaml", "listen: [");
    deployment.wait_until("refused", || deployment.gate.reloads()["failed"] == json!(1));
    assert_eq!(client.get("/orders/1"), 200);
    write(&deployment, &routes("orders:write"));
    wait_until_denied(&deployment, &mut client, true);
    let report = deployment.gate.reloads();
    assert_eq!((&report["succeeded"], &report["failed"]), (&json!(1), &json!(1)));
    deployment.gate.process.wait_for_line(&["is refused"]);
    let log = deployment.gate.process.stderr();
    let refused = log.iter().filter(|line| line.contains("is refused"));
    assert_eq!(refused.count(), 1, "{log:?}");
}

#[test]
fn a_hangup_reads_the_configuration_again() {
    let deployment = Deployment::with_policy(&routes("orders:read"));
    let mut client = Client::of(&deployment);
    write(&deployment, &routes("orders:write"));
    deployment.gate.process.signal("HUP");
    wait_until_denied(&deployment, &mut client, true);
    deployment.gate.process.wait_for_line(&["cause=\"by SIGHUP\""]);
}

/// Writes a version of a mount as Kubernetes does: a folder, and a link that leads to it from one moment on.
fn mount(folder: &Path, version: &str, files: &[(&str, &str)]) {
    let real = folder.join(format!("..{version}"));
    fs::create_dir(&real).expect("a folder");
    for (name, text) in files {
        fs::write(real.join(name), text).expect("a file");
    }
    symlink(format!("..{version}"), folder.join("..data_tmp")).expect("a link");
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).expect("the link is replaced");
    for (name, _) in files {
        let _ = symlink(format!("..data/{name}"), folder.join(name));
    }
}

#[test]
fn a_config_map_that_is_swapped_is_followed() {
    let issuer = TokenIssuer::new();
    let key_server = KeyServer::start(Conduct::Publish(issuer.document()));
    let upstream = Upstream::start();
    let configuration = Configuration::of_policy("policy: policy.yaml\n");
    let configuration = configuration.text(upstream.address(), &key_server);
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().to_owned();
    mount(
        &path,
        "1",
        &[
            ("actgate.yaml", &configuration),
            ("policy.yaml", &routes("orders:read")),
        ],
    );
    let deployment = Deployment {
        gate: Gate::run_in(folder),
        upstream,
        key_server,
        issuer,
    };
    deployment.wait_until_ready();
    let mut client = Client::of(&deployment);
    assert_eq!(client.get("/orders/1"), 200);
    for (version, scope) in [("2", "orders:write"), ("3", "orders:read"), ("4", "orders:write")] {
        mount(
            &path,
            version,
            &[("actgate.yaml", &configuration), ("policy.yaml", &routes(scope))],
        );
        wait_until_denied(&deployment, &mut client, scope == "orders:write");
        fs::remove_dir_all(path.join(format!("..{}", version.parse::<u32>().expect("a number") - 1))).expect("removed");
    }
    assert_eq!(deployment.gate.reloads()["failed"], json!(0));
}

#[test]
fn the_files_that_a_configuration_names_are_read_again() {
    let issuer = TokenIssuer::new();
    let key_server = KeyServer::start(Conduct::Hanging);
    let upstream = Upstream::start();
    let configuration = Configuration {
        policy: "policy: policy.yaml\n".to_owned(),
        ..Configuration::default()
    };
    let configuration = configuration.text(upstream.address(), &key_server);
    let configuration = configuration.replace(&format!("jwks_uri: {}", key_server.jwks_uri()), "jwks_file: keys.json");
    let files = [
        ("policy.yaml", routes("orders:read")),
        ("keys.json", TokenIssuer::new().document()),
    ];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    let deployment = Deployment {
        gate: Gate::run_beside(&configuration, &files),
        upstream,
        key_server,
        issuer,
    };
    let mut client = Client::of(&deployment);
    assert_eq!(client.get("/orders/1"), 401, "the key is another one");
    deployment.gate.write("keys.json", &deployment.issuer.document());
    deployment.wait_until("read again", || client.get("/orders/1") == 200);
    deployment.gate.write("policy.yaml", &routes("orders:write"));
    wait_until_denied(&deployment, &mut client, true);
    // A file that is not there yet is looked for.
    deployment.gate.remove("policy.yaml");
    deployment.wait_until("refused", || {
        deployment.gate.reloads()["last"]["in_force"] == json!(false)
    });
    deployment.gate.write("policy.yaml", &routes("orders:read"));
    wait_until_denied(&deployment, &mut client, false);
}
