//! A system without root certificates: nothing of https can be checked, and nothing else needs them.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::deployment::ROUTES;
use crate::deployment::gate::{binary, wait};
use crate::mint::AUDIENCE;

/// A configuration that trusts these issuers, in a folder that also has an empty file and an empty folder of roots.
fn folder(issuers: &str) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let text =
        format!("listen: 127.0.0.1:0\nupstream: http://127.0.0.1:9\naudience: {AUDIENCE}\nissuers:\n{issuers}{ROUTES}");
    std::fs::write(folder.path().join("actgate.yaml"), text).expect("the configuration is written");
    std::fs::write(folder.path().join("roots.pem"), "").expect("the file is written");
    std::fs::create_dir(folder.path().join("roots")).expect("the folder is made");
    folder
}

fn run(folder: &Path) -> Command {
    command("run", folder)
}

fn command(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(binary());
    command
        .args([name, "--config"])
        .arg(folder.join("actgate.yaml"))
        .env("SSL_CERT_FILE", folder.join("roots.pem"))
        .env("SSL_CERT_DIR", folder.join("roots"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

#[test]
fn without_roots_an_https_issuer_is_refused_with_help() {
    for issuers in [
        "  - issuer: https://idp.example.com\n",
        "  - issuer: HTTPS://idp.example.com\n",
        "  - issuer: http://127.0.0.1:9\n    jwks_uri: https://idp.example.com/jwks\n",
        "  - issuer: http://127.0.0.1:9\n  - issuer: https://idp.example.com\n",
    ] {
        let folder = folder(issuers);
        let output = run(folder.path()).output().expect("the binary ends");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{issuers}{stderr}");
        let fault = "root certificates: SSL_CERT_FILE=";
        assert!(stderr.contains(fault), "{issuers}{stderr}");
        assert!(
            stderr.contains("roots.pem: the file contains no certificate in PEM"),
            "{issuers}{stderr}"
        );
    }
}

#[test]
fn roots_that_cannot_be_used_are_named_for_run_and_explain() {
    let good = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
    for (file, folder_name, fault) in [
        ("missing.pem", "good", "SSL_CERT_FILE=missing.pem: no such file"),
        ("good/root.pem", "missing", "SSL_CERT_DIR=missing: no such folder"),
        (
            "actgate.yaml",
            "good",
            "SSL_CERT_FILE=actgate.yaml: the file contains no certificate in PEM",
        ),
    ] {
        let folder = folder("  - issuer: https://idp.example.com\n");
        std::fs::create_dir(folder.path().join("good")).expect("the folder is made");
        std::fs::write(folder.path().join("good/root.pem"), good).expect("the file is written");
        for name in ["run", "explain"] {
            let mut command = command(name, folder.path());
            command
                .current_dir(folder.path())
                .env("SSL_CERT_FILE", file)
                .env("SSL_CERT_DIR", folder_name);
            if name == "explain" {
                let token = folder.path().join("token");
                std::fs::write(&token, "a.b.c").expect("the token is written");
                let token = std::fs::File::open(token).expect("the token");
                command.args(["--path", "/"]).stdin(token);
            }
            let output = command.output().expect("the binary ends");
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1), "{name} {stderr}");
            assert!(stderr.contains(fault), "{name} {stderr}");
        }
    }
}

/// The machine that checks may not be the one that runs the gate.
#[test]
fn without_roots_check_warns_of_an_https_issuer() {
    for (issuers, warned) in [
        ("  - issuer: https://idp.example.com\n", true),
        (
            "  - issuer: http://127.0.0.1:9\n    jwks_uri: https://idp.example.com/jwks\n",
            true,
        ),
        (
            "  - issuer: http://127.0.0.1:9\n  - issuer: https://idp.example.com\n",
            true,
        ),
        ("  - issuer: http://127.0.0.1:9\n", false),
        (
            "  - issuer: https://idp.example.com\n    jwks_uri: http://127.0.0.1:9/jwks\n",
            false,
        ),
    ] {
        let folder = folder(issuers);
        let mut check = command("check", folder.path());
        let output = check.stdout(Stdio::piped()).output().expect("the binary ends");
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{issuers}{stdout}");
        let warning = "roots.pem: the file contains no certificate in PEM";
        assert_eq!(stdout.contains(warning), warned, "{issuers}{stdout}");
    }
}

#[test]
fn without_roots_the_gate_starts_where_no_key_needs_them() {
    for issuers in [
        "  - issuer: http://127.0.0.1:9\n",
        "  - issuer: http://localhost:9\n",
        "  - issuer: https://idp.example.com\n    jwks_uri: http://127.0.0.1:9/jwks\n",
        "  - issuer: https://idp.example.com\n    jwks_uri: http://[::1]:9/jwks\n",
    ] {
        let folder = folder(issuers);
        let mut child = run(folder.path()).spawn().expect("the binary starts");
        let lines = BufReader::new(child.stderr.take().expect("its standard error")).lines();
        let mut lines = lines.map_while(Result::ok);
        assert!(lines.any(|line| line.contains("actgate: listening on ")), "{issuers}");
        child.kill().expect("it runs");
        wait(&mut child);
    }
}
