//! Programs in other languages, each a process. `tests/peers/run` installs what they need.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::deployment::gate::Process;

/// The longest wait for a line of a program; reaching it fails the test.
const DEADLINE: Duration = Duration::from_secs(60);

/// A running program. It is killed at the end of the test.
pub struct Program {
    process: Process,
}

impl Program {
    /// Starts the file at `path` in `tests/peers`.
    pub fn start(path: &str, arguments: &[&str]) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(path);
        let mut command = match file.extension().and_then(|extension| extension.to_str()) {
            Some("py") => Command::new(installed("venv/bin/python")),
            Some("js") => Command::new(installed("node_modules/.bin/node")),
            Some("rb") => Command::new("ruby"),
            // A crate of its own, which has its binary among what was installed.
            None => Command::new(installed(&format!("{path}/debug/client"))),
            _ => Command::new("php"),
        };
        if path.ends_with(".php") {
            command.args(["-S", "127.0.0.1:0"]);
        }
        command
            .arg(&file)
            .args(arguments)
            .env("NODE_PATH", installed("node_modules"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("APP_ENV", "production");
        Self {
            process: Process::spawn(&mut command),
        }
    }

    /// How many lines of standard output begin with `text`.
    pub fn count(&self, text: &str) -> usize {
        let lines = self.process.stdout();
        lines.iter().filter(|line| line.starts_with(text)).count()
    }

    /// Waits until standard output has `count` lines that begin with `text`.
    pub fn wait_for_count(&self, text: &str, count: usize) {
        self.wait_for(text, |_| (self.count(text) >= count).then_some(()));
    }

    /// Waits for the line of standard output that begins with `text`, the first after `skipped` others, and returns its rest.
    pub fn line_after(&self, text: &str, skipped: usize) -> String {
        self.wait_for(text, |process| {
            let lines = process.stdout();
            let mut rests = lines.iter().filter_map(|line| line.strip_prefix(text));
            rests.nth(skipped).map(|rest| rest.trim().to_owned())
        })
    }

    /// The address on the loopback that it prints.
    fn address(&self) -> SocketAddr {
        self.wait_for("address", |process| {
            let lines = [process.stdout(), process.stderr()].concat();
            lines.iter().find_map(|line| address_in(line))
        })
    }

    fn wait_for<T>(&self, what: &str, mut found: impl FnMut(&Process) -> Option<T>) -> T {
        let deadline = Instant::now() + DEADLINE;
        loop {
            // Read first: a line that is printed after it is found by the next turn.
            let failed = self.count("failed") > 0;
            if let Some(found) = found(&self.process) {
                return found;
            }
            assert!(
                Instant::now() < deadline && !failed,
                "no {what:?} in the output of the program:\n{}\n{}",
                self.process.stdout().join("\n"),
                self.process.stderr().join("\n")
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// A program that listens.
pub struct Service {
    pub program: Program,
    pub address: SocketAddr,
}

impl Service {
    /// Starts `file` of the folder `services`.
    pub fn start(file: &str) -> Self {
        Self::start_with(file, &[])
    }

    /// The same with these arguments.
    pub fn start_with(file: &str, arguments: &[&str]) -> Self {
        let program = Program::start(&format!("services/{file}"), arguments);
        let address = program.address();
        Self { program, address }
    }

    /// Its origin.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// A path in the folder with what `tests/peers/run` installed.
pub fn installed(path: &str) -> PathBuf {
    let folder = std::env::var_os("PEERS").expect("PEERS, the folder in which tests/peers/run installs programs");
    Path::new(&folder).join(path)
}

/// The address of the loopback in a line.
fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("127.0.0.1:")?;
    let port = rest.split(|letter: char| !letter.is_ascii_digit()).next()?;
    Some(SocketAddr::from(([127, 0, 0, 1], port.parse().ok()?)))
}
