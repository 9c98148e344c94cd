//! The arguments of the commands that ask a running gate.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

pub(crate) const RELOAD_NOTES: &str = "\
The gate is asked on its admin listener. It also reloads by itself a second or two after its files change, and on SIGHUP.
  actgate reload
  actgate reload --config /etc/actgate/actgate.yaml
  actgate reload --admin 127.0.0.1:9901 --json
What is read is in force as a whole or not at all: a request is served by one configuration from its head to its end. A reload
takes effect when the keys of every issuer that is trusted anew are there, and is refused after 10 seconds without them.
`listen`, also of `decision_api`, `admin`, `max_connections`, and `file` and `rotate` of `decision_log` cannot change while a gate
runs: a configuration with other values is refused. `/reload` of the admin listener has the number of reloads, and what came of the
last one.

Exit codes:
  0   the configuration is in force
  2   the command line is invalid, or the address of the gate is not known
  69  no gate answers
  78  the configuration is refused, with every mistake; the one before stays in force";

pub(crate) const HEALTH_NOTES: &str = "\
The gate is asked on an admin listener: for /readyz, which is 503 until the keys of every issuer are there and while the gate drains.
  actgate health
  actgate health --live --admin 127.0.0.1:9901
  HEALTHCHECK CMD [\"/actgate\", \"health\", \"--config\", \"/etc/actgate/actgate.yaml\"]

Exit codes:
  0   the gate is ready; with --live, it runs
  1   it is not ready
  2   the command line is invalid, or the address of the gate is not known
  69  no gate answers";

/// The gate that a command asks.
#[derive(Debug, Args)]
pub(crate) struct AdminArguments {
    /// Configuration, which names the address
    #[arg(short, long, value_name = "FILE", default_value = "actgate.yaml")]
    pub(crate) config: PathBuf,
    /// Address of the admin listener [default: `admin` of the configuration]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) admin: Option<SocketAddr>,
}

/// The arguments of `reload`.
#[derive(Debug, Args)]
pub(crate) struct ReloadArguments {
    /// The gate.
    #[command(flatten)]
    pub(crate) gate: AdminArguments,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// The arguments of `health`.
#[derive(Debug, Args)]
pub(crate) struct HealthArguments {
    /// The gate.
    #[command(flatten)]
    pub(crate) gate: AdminArguments,
    /// Ask whether the gate runs (`/livez`), not whether it is ready
    #[arg(long)]
    pub(crate) live: bool,
    /// How long the gate may take to answer
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = actgate_yaml::parse_duration)]
    pub(crate) timeout: Duration,
}
