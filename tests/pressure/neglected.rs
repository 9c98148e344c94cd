//! A gate whose output is not read.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};

use tempfile::TempDir;

use crate::deployment::gate::{after, binary, signal, wait};

/// A running gate; its output is read up to the address, and from there by the test alone.
pub struct Neglected {
    pub address: SocketAddr,
    pub stdout: Option<ChildStdout>,
    pub stderr: Option<BufReader<ChildStderr>>,
    /// The standard error up to the address.
    pub startup_lines: String,
    child: Child,
    _folder: TempDir,
}

impl Neglected {
    /// Runs the gate with `configuration`.
    pub fn run(configuration: &str) -> Self {
        let mut command = Command::new(binary());
        command.arg("run");
        Self::start(command, configuration)
    }

    /// Runs the gate with this limit of open files.
    pub fn run_with_open_files(configuration: &str, open_files: u32) -> Self {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("ulimit -n {open_files} && exec \"$0\" run \"$@\"")])
            .arg(binary());
        Self::start(command, configuration)
    }

    fn start(mut command: Command, configuration: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let path = folder.path().join("actgate.yaml");
        std::fs::write(&path, configuration).expect("the configuration is written");
        let mut child = command
            .arg("--config")
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the gate starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("its standard error"));
        let mut lines = String::new();
        let address = loop {
            let before = lines.len();
            let count = stderr.read_line(&mut lines).expect("a line");
            assert!(count > 0, "the gate ended: {lines}");
            if let Some(address) = after(&lines[before..], "actgate: listening on ") {
                break address;
            }
        };
        Self {
            address,
            stdout: child.stdout.take(),
            stderr: Some(stderr),
            startup_lines: lines,
            child,
            _folder: folder,
        }
    }

    pub fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Waits for the end of the process.
    pub fn wait(&mut self) -> ExitStatus {
        wait(&mut self.child)
    }

    /// The standard error that is in the pipe after the end of the process.
    pub fn remaining_lines(&mut self) -> String {
        let mut text = Vec::new();
        let mut stderr = self.stderr.take().expect("standard error is open");
        stderr.read_to_end(&mut text).expect("the rest of the lines");
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl Drop for Neglected {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
