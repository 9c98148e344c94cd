//! A gate whose output nobody reads.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};

use tempfile::TempDir;

use crate::deployment::gate::{after, binary, signal, wait};

/// The gate has said where it listens; after that nothing is read unless the test does.
pub struct Neglected {
    pub address: SocketAddr,
    pub stdout: Option<ChildStdout>,
    pub stderr: Option<BufReader<ChildStderr>>,
    /// What it said until then.
    pub first_words: String,
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

    /// Runs the gate in a shell that allows it so many open files and no more.
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
        let mut said = String::new();
        let address = loop {
            let before = said.len();
            let count = stderr.read_line(&mut said).expect("its words");
            assert!(count > 0, "it ended: {said}");
            if let Some(address) = after(&said[before..], "actgate: listening on ") {
                break address;
            }
        };
        Self {
            address,
            stdout: child.stdout.take(),
            stderr: Some(stderr),
            first_words: said,
            child,
            _folder: folder,
        }
    }

    pub fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Waits for the end.
    pub fn wait(&mut self) -> ExitStatus {
        wait(&mut self.child)
    }

    /// All of its words that are in the pipe after its end.
    pub fn last_words(&mut self) -> String {
        let mut said = Vec::new();
        let mut stderr = self.stderr.take().expect("standard error is still ours");
        stderr.read_to_end(&mut said).expect("its words");
        String::from_utf8_lossy(&said).into_owned()
    }
}

impl Drop for Neglected {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
