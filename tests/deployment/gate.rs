//! The `actgate` binary as a process.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::wire;

/// The longest wait for a process; reaching it fails the test.
const DEADLINE: Duration = Duration::from_secs(20);

/// The path of the binary, built once per process. `ACTGATE_BIN` names a binary that is already built.
pub fn binary() -> &'static PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| match std::env::var_os("ACTGATE_BIN") {
        Some(path) => path.into(),
        None => build(),
    })
}

fn build() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let profile = test.ancestors().nth(2).expect("the profile's folder");
    let target = profile.parent().expect("the target folder");
    let name = profile.file_name().expect("a name").to_string_lossy();
    let name = match name.as_ref() {
        "debug" => "dev",
        other => other,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "-p", "actgate-sidecar"])
        .args(["--bin", "actgate", "--profile", name])
        .arg("--target-dir")
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo runs");
    assert!(built.success(), "the binary does not build");
    profile.join(format!("actgate{}", std::env::consts::EXE_SUFFIX))
}

/// Runs the binary to its end, with `input` on its standard input.
pub fn run_to_end(arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(binary())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("its standard input");
    // A command that reads no input may have ended.
    let _ = std::io::Write::write_all(&mut stdin, input.as_bytes());
    drop(stdin);
    child.wait_with_output().expect("the binary ends")
}

/// Sends `child` the signal of this name.
pub fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args([&format!("-{name}"), &id]).status();
    assert!(sent.expect("kill runs").success(), "no process {id}");
}

/// Waits for the end of `child`.
pub fn wait(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(status) = child.try_wait().expect("the state of the process") {
            return status;
        }
        assert!(Instant::now() < deadline, "the process does not end");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A running process and the lines it writes.
pub struct Process {
    child: Child,
    stdout: Lines,
    stderr: Lines,
}

impl Process {
    /// Starts the binary with `arguments`.
    pub fn start(arguments: &[&str]) -> Self {
        Self::spawn(Command::new(binary()).args(arguments))
    }

    /// Starts `command`.
    pub fn spawn(command: &mut Command) -> Self {
        Self::spawn_with_input(command, Stdio::null())
    }

    /// Starts `command` with this standard input.
    pub fn spawn_with_input(command: &mut Command, input: Stdio) -> Self {
        let mut child = command
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let stdout = Lines::of(child.stdout.take().expect("its standard output"));
        let stderr = Lines::of(child.stderr.take().expect("its standard error"));
        Self { child, stdout, stderr }
    }

    /// The address at the end of the first line with `announcement`.
    pub fn address(&mut self, announcement: &str) -> SocketAddr {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let lines = self.stderr();
            let found = lines.iter().find_map(|line| after(line, announcement));
            if let Some(address) = found {
                return address;
            }
            let ended = self.child.try_wait().expect("the state of the process");
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "no line with {announcement:?} ({ended:?}):\n{}",
                lines.join("\n")
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn stdout(&self) -> Vec<String> {
        self.stdout.so_far()
    }

    pub fn stderr(&self) -> Vec<String> {
        self.stderr.so_far()
    }

    /// Waits for a line of standard error that has every one of `parts`.
    ///
    /// A line can follow the answer or the figure that a test sees first.
    pub fn wait_for_line(&self, parts: &[&str]) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let lines = self.stderr();
            if let Some(line) = lines.iter().find(|line| parts.iter().all(|part| line.contains(part))) {
                return line.clone();
            }
            assert!(
                Instant::now() < deadline,
                "no line with {parts:?}:\n{}",
                lines.join("\n")
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends the signal of this name.
    pub fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether the process has not ended.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("the state of the process").is_none()
    }

    /// Waits for the end of the process and of what it wrote.
    pub fn wait(&mut self) -> ExitStatus {
        let status = wait(&mut self.child);
        let deadline = Instant::now() + DEADLINE;
        while !(self.stdout.have_ended() && self.stderr.have_ended()) {
            assert!(Instant::now() < deadline, "its output does not end");
            std::thread::sleep(Duration::from_millis(1));
        }
        status
    }

    /// Resident memory in bytes, where `/proc` has it.
    pub fn resident(&self) -> Option<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
        let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kilobytes * 1024)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A running `actgate run`.
pub struct Gate {
    pub process: Process,
    pub address: SocketAddr,
    pub admin: SocketAddr,
    folder: TempDir,
}

impl Gate {
    /// Writes `configuration` to a new file and runs the gate with it.
    pub fn run(configuration: &str) -> Self {
        Self::run_beside(configuration, &[])
    }

    /// The same with further files beside the configuration: name and text.
    pub fn run_beside(configuration: &str, files: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("actgate.yaml");
        std::fs::write(&path, configuration).expect("the configuration is written");
        for (name, text) in files {
            let file = folder.path().join(name);
            std::fs::create_dir_all(file.parent().expect("its folder")).expect("the folder is made");
            std::fs::write(file, text).expect("the file is written");
        }
        Self::run_in(folder)
    }

    /// Runs the gate with `actgate.yaml` of a folder.
    pub fn run_in(folder: TempDir) -> Self {
        let path = folder.path().join("actgate.yaml").to_string_lossy().into_owned();
        Self::spawn_in(folder, Command::new(binary()).args(["run", "--config", &path]))
    }

    /// Runs `command`, which runs the gate with `actgate.yaml` of a folder.
    pub fn spawn_in(folder: TempDir, command: &mut Command) -> Self {
        let mut process = Process::spawn(command);
        let address = process.address("actgate: listening on ");
        let admin = process.address("actgate: admin on ");
        Self {
            process,
            address,
            admin,
            folder,
        }
    }

    /// The path of a file beside the configuration.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Makes the gate read its configuration again: the exit code of the command, and its output.
    pub fn reload(&self) -> (Option<i32>, String) {
        let output = run_to_end(&["reload", "--admin", &self.admin.to_string()], "");
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&text).into_owned())
    }

    /// What the admin listener reports of the reloads so far.
    pub fn reloads(&self) -> Value {
        wire::answer(self.admin, &wire::request("GET", "/reload", &[])).json()
    }

    /// Writes a file beside the configuration.
    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).expect("the file is written");
    }

    /// Reads a file beside the configuration.
    pub fn read(&self, name: &str) -> std::io::Result<String> {
        std::fs::read_to_string(self.folder.path().join(name))
    }

    /// Renames a file beside the configuration.
    pub fn rename(&self, from: &str, to: &str) {
        let folder = self.folder.path();
        std::fs::rename(folder.join(from), folder.join(to)).expect("the file is renamed");
    }

    /// Removes a file beside the configuration.
    pub fn remove(&self, name: &str) {
        std::fs::remove_file(self.folder.path().join(name)).expect("the file is removed");
    }

    /// The status of the admin listener's `/readyz`.
    pub fn readiness(&self) -> u16 {
        wire::answer(self.admin, &wire::request("GET", "/readyz", &[])).status
    }

    /// Waits until `/readyz` answers 200.
    pub fn wait_until_ready(&self) {
        self.wait_until("ready", || self.readiness() == 200);
    }

    /// Polls until `holds` is true; at the deadline it fails with the standard error of the gate.
    pub fn wait_until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !holds() {
            assert!(
                Instant::now() < deadline,
                "never {what}; standard error of the gate:\n{}",
                self.process.stderr().join("\n")
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The decision events so far.
    pub fn decisions(&self) -> Vec<Value> {
        let lines = self.process.stdout();
        let events = lines
            .iter()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")));
        events.collect()
    }

    /// Sends a request with `token`; returns the status and the code in the decision log.
    pub fn decide(&self, method: &str, target: &str, token: &str) -> (u16, String) {
        let known = self.decisions().len();
        let request = wire::request(method, target, &[&wire::bearer(token)]);
        let answer = wire::answer(self.address, &request);
        let event = self.decision_after(known);
        (answer.status, event["code"].as_str().unwrap_or_default().to_owned())
    }

    /// Waits for the decision event after the first `count`.
    pub fn decision_after(&self, count: usize) -> Value {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(event) = self.decisions().into_iter().nth(count) {
                return event;
            }
            assert!(Instant::now() < deadline, "no decision after {count}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// The address after `announcement` in `line`.
pub fn after(line: &str, announcement: &str) -> Option<SocketAddr> {
    let (_, address) = line.split_once(announcement)?;
    address.split_whitespace().next()?.parse().ok()
}

/// The lines of a stream, which a thread reads.
struct Lines {
    read: Arc<Mutex<Vec<String>>>,
    reader: JoinHandle<()>,
}

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Self {
        let read = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&read);
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                lines.lock().expect("the lines").push(line);
            }
        });
        Self { read, reader }
    }

    fn so_far(&self) -> Vec<String> {
        self.read.lock().expect("the lines").clone()
    }

    fn have_ended(&self) -> bool {
        self.reader.is_finished()
    }
}
