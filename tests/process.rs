//! What the process reads, what it says on its streams, and its exit codes.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::check::{CONFIGURATION, Files, output_text};
use crate::deployment::gate::{Process, run_to_end};
use crate::deployment::{Configuration, Deployment};
use crate::mint::TokenIssuer;
use crate::pressure::neglected::Neglected;
use crate::wire::{self, Connection, request};

/// Every line, as JSON.
fn events(lines: &str) -> Vec<Value> {
    let lines = lines.lines();
    let events = lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")));
    events.collect()
}

fn messages(events: &[Value]) -> Vec<&str> {
    let messages = events.iter().map(|event| event["fields"]["message"].as_str());
    messages.map(Option::unwrap_or_default).collect()
}

#[test]
fn every_line_of_a_json_log_is_json() {
    let files = Files::new();
    let path = files.write("actgate.yaml", CONFIGURATION);
    for arguments in [
        ["run", "--config", &path, "--log-format", "json"].as_slice(),
        &["issuer", "--listen", "127.0.0.1:0", "--log-format", "json"],
    ] {
        let mut process = Process::start(arguments);
        let deadline = std::time::Instant::now() + wire::DEADLINE;
        while !process.stderr().iter().any(|line| line.contains(" on 127.0.0.1:")) {
            assert!(std::time::Instant::now() < deadline, "{:?}", process.stderr());
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        process.terminate();
        assert_eq!(process.wait().code(), Some(0));
        let events = events(&process.stderr().join("\n"));
        let announced = messages(&events);
        assert!(
            announced.iter().any(|message| message.contains(" on 127.0.0.1:")),
            "{announced:?}"
        );
        for event in &events {
            assert!(event["timestamp"].is_string() && event["level"].is_string(), "{event}");
        }
    }
}

#[test]
fn a_failure_in_a_json_log_is_json() {
    let files = Files::new();
    let path = files.write("actgate.yaml", &CONFIGURATION.replace("listen:", "listne:"));
    for (arguments, code, message) in [
        (["run", "--config", &path].as_slice(), 78, "unknown key `listne`"),
        (&["run", "--config", "missing.yaml"], 78, "the file cannot be read"),
        (&["issuer", "--token-lifetime", "2d"], 2, "the token lifetime"),
    ] {
        let output = run_to_end(&[arguments, &["--log-format", "json"]].concat(), "");
        let text = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!(output.status.code(), Some(code), "{text}");
        let events = events(&text);
        assert!(messages(&events).iter().any(|found| found.contains(message)), "{text}");
        assert!(events.iter().all(|event| event["level"] == json!("ERROR")), "{text}");
    }
}

/// What a command reads, with the arguments before it, the exit code for a file that cannot be used, and its content.
fn readers(files: &Files) -> Vec<(Vec<String>, i32, String)> {
    let at = CONFIGURATION.find("requirements:").expect("the policy");
    let policy = &CONFIGURATION[at..];
    let registry = "resources: {}\nusers: {}\nclients: {}\n";
    let configuration = files.write("valid.yaml", CONFIGURATION);
    let owned = |arguments: &[&str]| arguments.iter().map(|argument| (*argument).to_owned()).collect();
    vec![
        (owned(&["check", "--config"]), 78, CONFIGURATION.to_owned()),
        (owned(&["run", "--config"]), 78, String::new()),
        (owned(&["explain", "--path", "/", "--config"]), 78, String::new()),
        (owned(&["check-policy"]), 78, policy.to_owned()),
        (owned(&["check", "--registry"]), 78, registry.to_owned()),
        (
            owned(&["issuer", "--listen", "127.0.0.1:0", "--registry"]),
            78,
            String::new(),
        ),
        (
            owned(&["explain", "--path", "/health", "--config", &configuration, "--jwks"]),
            1,
            TokenIssuer::new().document(),
        ),
    ]
}

/// Runs a command of [`readers`] on a file.
fn run_on(files: &Files, arguments: &[String], file: &str, input: &str) -> (Option<i32>, String) {
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let configuration;
    if arguments == ["check-policy"] {
        let at = CONFIGURATION.find("requirements:").expect("the policy");
        configuration = files.write("with-policy.yaml", &format!("{}policy: {file}\n", &CONFIGURATION[..at]));
        arguments = vec!["check", "--config", &configuration];
    } else {
        arguments.push(file);
    }
    let output = run_to_end(&arguments, input);
    (output.status.code(), output_text(&output))
}

#[test]
fn a_file_that_is_none_or_too_long_is_an_error_at_once() {
    let files = Files::new();
    let folder = TempDir::new().expect("a folder");
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let made = Command::new("mkfifo").arg(at("pipe")).status().expect("mkfifo runs");
    assert!(made.success());
    fs::File::create(at("long"))
        .and_then(|file| file.set_len(1024 * 1024 + 1))
        .expect("a file");
    fs::write(at("bytes"), b"a: \xff").expect("a file");
    symlink("/dev/zero", at("link")).expect("a link");
    fs::write(at("file"), "").expect("a file");
    let not_a_file = "this is a pipe or a device, not a file";
    for (arguments, code, _) in readers(&files) {
        for (file, message) in [
            ("/dev/zero".to_owned(), not_a_file),
            ("/dev/null".to_owned(), not_a_file),
            (at("link"), not_a_file),
            (at("pipe"), not_a_file),
            (at(""), "this is a folder, not a file"),
            (at("long"), "the file is longer than 1 MiB"),
            (at("bytes"), "the file is not valid UTF-8"),
            (at("missing"), "the file cannot be read: No such file"),
            (at("file/actgate.yaml"), "the file cannot be read: Not a directory"),
        ] {
            let (found, text) = run_on(&files, &arguments, &file, "");
            assert_eq!(found, Some(code), "{arguments:?} {file}: {text}");
            assert!(
                text.contains(message) && text.contains(&file),
                "{arguments:?} {file}: {text}"
            );
        }
    }
}

/// As Kubernetes mounts a ConfigMap, and as a shell passes the output of a command.
#[test]
fn links_and_standard_input_are_read() {
    let files = Files::new();
    let folder = TempDir::new().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("..1")).expect("a folder");
    symlink("..1", at("..data")).expect("a link");
    symlink("..data/file", at("file")).expect("a link");
    for (arguments, _, content) in readers(&files) {
        if content.is_empty() {
            continue;
        }
        fs::write(at("..1").join("file"), &content).expect("a file");
        let file = at("file").to_string_lossy().into_owned();
        let (code, text) = run_on(&files, &arguments, &file, "");
        if arguments[0] == "explain" {
            // It reads the token from standard input; there is none, and the route is public.
            assert!(code == Some(0) && text.contains("allowed"), "{arguments:?}: {text}");
        } else {
            assert_eq!(code, Some(0), "{arguments:?}: {text}");
            let (code, text) = run_on(&files, &arguments, "/dev/stdin", &content);
            assert_eq!(code, Some(0), "{arguments:?} from standard input: {text}");
            let (code, text) = run_on(&files, &arguments, "/dev/stdin", &" ".repeat(1024 * 1024 + 1));
            assert!(
                code == Some(78) && text.contains("longer than 1 MiB"),
                "{arguments:?}: {text}"
            );
        }
    }
}

#[test]
fn a_missing_configuration_has_help() {
    for command in ["run", "check", "explain --path /"] {
        let mut arguments: Vec<&str> = command.split(' ').collect();
        arguments.extend(["--config", "nowhere/actgate.yaml"]);
        let output = run_to_end(&arguments, "");
        let text = output_text(&output);
        assert_eq!(output.status.code(), Some(78), "{text}");
        let expected = "nowhere/actgate.yaml: the file cannot be read: No such file or directory";
        assert!(text.starts_with(expected), "{text}");
        assert!(
            text.contains("\n  help: name a configuration with `--config FILE`"),
            "{text}"
        );
    }
}

#[test]
fn arguments_that_the_issuer_cannot_start_with_exit_with_2() {
    for (arguments, message) in [
        (
            ["--token-lifetime", "2d"].as_slice(),
            "the token lifetime must be between 1 second and 1 day",
        ),
        (
            &["--token-lifetime", "0s"],
            "the token lifetime must be between 1 second and 1 day",
        ),
        (
            &["--token-lifetime", "86401s"],
            "the token lifetime must be between 1 second and 1 day",
        ),
        (&["--token-lifetime", "soon"], "invalid value 'soon'"),
        (
            &["--issuer", "https://issuer.example/"],
            "the issuer must be an http or https origin",
        ),
        (
            &["--issuer", "issuer.example"],
            "the issuer must be an http or https origin",
        ),
        (
            &["--issuer", "ftp://issuer.example"],
            "the issuer must be an http or https origin",
        ),
        (&["--listen", "0.0.0.0:0"], "is not a loopback address"),
        (&["--listen", "0.0.0.0:0", "--expose-to-network"], "needs an issuer URL"),
        (&["--listen", "localhost"], "invalid value 'localhost'"),
        (&["--signing", "hs256"], "invalid value 'hs256'"),
    ] {
        let output = run_to_end(&[&["issuer"], arguments].concat(), "");
        let text = output_text(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(text.contains(message), "{arguments:?}: {text}");
    }
}

#[test]
fn a_token_in_a_path_or_a_method_is_not_logged() {
    let deployment = Deployment::with_routes();
    let token = deployment.issuer.token(json!({}));
    let escaped = token.replace('.', "%2E");
    for (method, target, logged) in [
        ("GET", format!("/nowhere/{token}"), "/nowhere/[token]"),
        ("GET", format!("/open/{token}/x"), "/open/[token]/x"),
        ("GET", format!("/open/t={token},y?{token}"), "/open/t=[token],y"),
        ("GET", format!("/open/{escaped}/x"), "/open/[token]/x"),
        (token.as_str(), "/open/x".to_owned(), "/open/x"),
    ] {
        let answer = wire::answer(deployment.gate.address, &request(method, &target, &[]));
        deployment.wait_until(logged, || {
            let events = deployment.gate.decisions();
            let last = events.last().cloned().unwrap_or_default();
            let is_method = method == "GET" || last["method"] == json!("[token]");
            last["path"] == json!(logged) && is_method && (answer.status == 200) == (last["decision"] == json!("allow"))
        });
    }
    let process = &deployment.gate.process;
    let lines: Vec<String> = process.stdout().into_iter().chain(process.stderr()).collect();
    assert!(!lines.iter().any(|line| line.contains("eyJ")), "{lines:?}");
}

/// hyper answers them before there is a request to decide on.
#[test]
fn requests_without_a_valid_head_are_counted() {
    let deployment = Deployment::with_routes();
    let long = format!("GET /open/x HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(70_000));
    let target = format!("GET /{} HTTP/1.1\r\nHost: a.example\r\n\r\n", "x".repeat(70_000));
    let reported = |count: usize| {
        let lines = deployment.gate.process.stderr();
        let wanted = format!("count={count} ");
        lines
            .iter()
            .any(|line| line.contains("without a valid head") && line.contains(&wanted))
    };
    for (n, (bytes, status)) in [
        ("GET /\"<> HTTP/1.1\r\nHost: a.example\r\n\r\n", 400),
        ("\x16\x03\x01\x02\r\n\r\n", 400),
        (&long, 431),
        (&target, 431),
    ]
    .into_iter()
    .enumerate()
    {
        let mut connection = Connection::open(deployment.gate.address).expect("a connection");
        let _ = connection.send(bytes.as_bytes());
        let statuses: Vec<_> = connection.answers().iter().map(|answer| answer.status).collect();
        assert_eq!(statuses, [status], "{n}");
        if (n + 1).is_power_of_two() {
            deployment.wait_until(&format!("count {n}"), || reported(n + 1));
        }
    }
    assert!(!reported(3));
    assert_eq!(deployment.gate.decisions(), Vec::<Value>::new());
}

#[test]
fn a_limit_of_open_files_is_reported_where_it_matters() {
    for (open_files, top, level) in [
        (4096, "", None),
        (256, "", Some("INFO")),
        (1024, "max_connections: 5000\n", Some("WARN")),
        (1024, "max_connections: 100\n", None),
    ] {
        let gate = Neglected::run_with_open_files(&format!("{top}{CONFIGURATION}"), open_files);
        let lines = gate.startup_lines.lines();
        let found: Vec<_> = lines.filter(|line| line.contains("the limit of open files")).collect();
        match level {
            None => assert!(found.is_empty(), "{open_files} {top}: {found:?}"),
            Some(level) => assert!(
                found.len() == 1 && found[0].contains(level) && found[0].contains("max_connections="),
                "{open_files} {top}: {found:?}"
            ),
        }
    }
}

#[test]
fn a_decision_log_that_is_moved_is_opened_again() {
    let configuration = Configuration {
        top: "decision_log: decisions.log\n".to_owned(),
        ..Configuration::default()
    };
    let deployment = Deployment::start(TokenIssuer::new(), &configuration);
    let send = || wire::answer(deployment.gate.address, &request("GET", "/open/page", &[])).status;
    assert_eq!(send(), 200);
    let lines = |name: &str| {
        let text = deployment.gate.read(name).unwrap_or_default();
        text.lines().filter(|line| line.ends_with('}')).count()
    };
    deployment.gate.wait_until("written", || lines("decisions.log") == 1);
    deployment.gate.rename("decisions.log", "decisions.log.1");
    let mut sent = 1;
    deployment.gate.wait_until("opened again", || {
        assert_eq!(send(), 200);
        sent += 1;
        lines("decisions.log") > 0
    });
    deployment
        .gate
        .wait_until("complete", || lines("decisions.log") + lines("decisions.log.1") == sent);
}
