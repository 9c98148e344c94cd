//! Services of real frameworks, each a process. `tests/peers/run` installs the frameworks.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::deployment::gate::Process;

/// The longest wait for a service; reaching it fails the test.
const DEADLINE: Duration = Duration::from_secs(60);

/// A running service with the handlers of [`STRICT`](super::STRICT).
pub struct Service {
    process: Process,
    pub address: SocketAddr,
}

impl Service {
    /// Starts `file` of the folder `services`.
    pub fn start(file: &str) -> Self {
        let services = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/services");
        let path = services.join(file);
        let installed = installed();
        let mut command = match path.extension().and_then(|extension| extension.to_str()) {
            Some("py") => Command::new(installed.join("venv/bin/python")),
            Some("js") => Command::new("node"),
            Some("rb") => Command::new("ruby"),
            _ => Command::new("php"),
        };
        if file.ends_with(".php") {
            command.args(["-S", "127.0.0.1:0"]);
        }
        command
            .arg(&path)
            .env("NODE_PATH", installed.join("node_modules"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("APP_ENV", "production");
        let process = Process::spawn(&mut command);
        let address = wait_for(&process, "an address", || {
            let lines = [process.stdout(), process.stderr()].concat();
            lines.iter().find_map(|line| address_in(line))
        });
        Self { process, address }
    }

    /// How many lines of standard output begin with `text`.
    pub fn announcements(&self, text: &str) -> usize {
        let lines = self.process.stdout();
        lines.iter().filter(|line| line.starts_with(text)).count()
    }

    /// Waits until standard output has `count` lines that begin with `text`.
    pub fn wait_for_announcements(&self, text: &str, count: usize) {
        wait_for(&self.process, text, || {
            (self.announcements(text) >= count).then_some(())
        });
    }
}

fn wait_for<T>(process: &Process, what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(
            Instant::now() < deadline,
            "no {what:?} in the output of the service:\n{}\n{}",
            process.stdout().join("\n"),
            process.stderr().join("\n")
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The folder with the installed frameworks.
fn installed() -> PathBuf {
    let folder =
        std::env::var_os("PEERS").expect("PEERS, the folder in which tests/peers/run installed the frameworks");
    folder.into()
}

/// The address of the loopback in a line.
fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("127.0.0.1:")?;
    let port = rest.split(|letter: char| !letter.is_ascii_digit()).next()?;
    Some(SocketAddr::from(([127, 0, 0, 1], port.parse().ok()?)))
}
