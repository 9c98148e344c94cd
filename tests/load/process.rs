//! Processes on their cores, their use of the processor and their memory.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::Failure;

/// The longest wait for the start of a process.
const DEADLINE: Duration = Duration::from_secs(20);

/// The cores of a proxy, and those of the upstream and the load, as `taskset` writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cores {
    pub proxy: String,
    pub load: String,
}

impl Cores {
    /// The proxy alone on one core.
    pub fn apart() -> Self {
        Self::of("0", "1")
    }

    /// The proxy on one core and on two, with the same load: on the cores that are left, and on all where none is.
    pub fn one_and_two() -> [Self; 2] {
        let load = match machine_cores() {
            cores if cores > 2 => format!("2-{}", cores - 1),
            _ => "0-1".to_owned(),
        };
        [Self::of("0", &load), Self::of("0-1", &load)]
    }

    /// Whether the load takes time of the cores of the proxy.
    pub fn are_shared(&self) -> bool {
        self.load.starts_with('0')
    }

    /// Whether the proxy has two cores.
    pub fn are_two(&self) -> bool {
        self.proxy.contains('-')
    }

    fn of(proxy: &str, load: &str) -> Self {
        Self {
            proxy: proxy.to_owned(),
            load: load.to_owned(),
        }
    }
}

fn machine_cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A command that runs on `cores` and is killed by the kernel when this process ends.
pub fn pinned(cores: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "taskset", "--cpu-list", cores]);
    command.arg(program);
    command
}

/// The processes of a program that is measured, and where it listens.
pub struct Running {
    processes: Vec<Process>,
    pub address: SocketAddr,
}

impl Running {
    pub fn one((process, address): (Process, SocketAddr)) -> Self {
        let processes = vec![process];
        Self { processes, address }
    }

    /// The same with a process that it asks.
    pub fn with(mut self, process: Process) -> Self {
        self.processes.push(process);
        self
    }

    /// The ids of the processes, as `perf` reads them.
    pub fn ids(&self) -> String {
        let ids: Vec<_> = self.processes.iter().map(|process| process.id().to_string()).collect();
        ids.join(",")
    }

    /// The time that the processor has spent for all of them.
    pub fn cpu_time(&self) -> Result<Duration, Failure> {
        self.processes.iter().map(Process::cpu_time).sum()
    }

    /// The same for the first alone, which the load connects to.
    pub fn own_cpu_time(&self) -> Result<Duration, Failure> {
        self.processes.first().map_or(Ok(Duration::ZERO), Process::cpu_time)
    }

    /// The memory of all of them, as [`Process::memory`] reads it.
    pub fn memory(&self, line: &str) -> Result<f64, Failure> {
        self.processes.iter().map(|process| process.memory(line)).sum()
    }
}

/// A running process. It ends with this value.
pub struct Process {
    child: Child,
}

impl Process {
    pub fn spawn(command: &mut Command) -> Result<Self, Failure> {
        let child = command.stdin(Stdio::null()).spawn();
        let child = child.map_err(|error| format!("{command:?} does not start: {error}"))?;
        Ok(Self { child })
    }

    /// Starts a program that announces nothing, and waits until it accepts connections to `address`.
    pub fn listening(command: &mut Command, address: SocketAddr) -> Result<(Self, SocketAddr), Failure> {
        let mut process = Self::spawn(command)?;
        let deadline = Instant::now() + DEADLINE;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = process.child.try_wait()? {
                return Err(format!("it ends with {status}").into());
            }
            if Instant::now() > deadline {
                return Err("it does not listen in time".into());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok((process, address))
    }

    /// Starts `command` and waits for the line of its output in which `announcement` precedes the address.
    pub fn announced(command: &mut Command, announcement: &str) -> Result<(Self, SocketAddr), Failure> {
        let mut process = Self::spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
        let (line, lines) = mpsc::channel();
        let streams: [Option<Box<dyn Read + Send>>; 2] = [
            process.child.stdout.take().map(|stream| Box::new(stream) as _),
            process.child.stderr.take().map(|stream| Box::new(stream) as _),
        ];
        for stream in streams.into_iter().flatten() {
            let line = line.clone();
            // Reads to the end, so that the process never waits for a reader.
            std::thread::spawn(move || {
                for text in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _ = line.send(text);
                }
            });
        }
        drop(line);
        let mut said = Vec::new();
        let deadline = Instant::now() + DEADLINE;
        loop {
            match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(text) => {
                    if let Some(address) = text.split_once(announcement).and_then(|(_, rest)| address(rest)) {
                        return Ok((process, address));
                    }
                    said.push(text);
                }
                Err(RecvTimeoutError::Timeout) => return Err("it does not listen in time".into()),
                Err(RecvTimeoutError::Disconnected) => return Err(said.join("; ").into()),
            }
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The time that the processor has spent for the process, in user and in kernel mode.
    pub fn cpu_time(&self) -> Result<Duration, Failure> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.id()))?;
        // The second field, the name, is in parentheses and can contain blanks.
        let (_, fields) = text.rsplit_once(')').ok_or("/proc/PID/stat has another form")?;
        let mut times = fields.split_whitespace().skip(11).map(str::parse::<u64>);
        let (Some(Ok(user)), Some(Ok(kernel))) = (times.next(), times.next()) else {
            return Err("/proc/PID/stat has another form".into());
        };
        let ticks = Command::new("getconf").arg("CLK_TCK").output()?.stdout;
        let ticks: u64 = String::from_utf8_lossy(&ticks).trim().parse()?;
        Ok(Duration::from_nanos((user + kernel) * (1_000_000_000 / ticks)))
    }

    /// A line of `/proc/PID/status` in MiB: `VmRSS` is the resident memory now, `VmHWM` its peak.
    pub fn memory(&self, line: &str) -> Result<f64, Failure> {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let value = text.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
        let kilobytes = value.and_then(|value| value.split_whitespace().next());
        let kilobytes: f64 = kilobytes.ok_or("/proc/PID/status has another form")?.parse()?;
        Ok(kilobytes / 1024.0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address for a program that cannot choose a port by itself and announce it.
pub fn free_address() -> Result<SocketAddr, Failure> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn address(text: &str) -> Option<SocketAddr> {
    let address = text.split_whitespace().next()?;
    address
        .trim_start_matches("https://")
        .trim_start_matches("http://")
        .parse()
        .ok()
}
