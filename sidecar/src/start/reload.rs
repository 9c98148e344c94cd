//! Reads the configuration again while the gate runs, and replaces what it runs by as a whole, or not at all.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actgate::Authorizer;
use actgate_yaml::{Diagnostic, Diagnostics, Span};
use tokio::signal::unix::Signal;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::{Lasting, Parts, Started, run_by, warnings_of};
use crate::admin::reload::{Outcome, ReloadRequest, Reloads};
use crate::config::{self, Settings};
use crate::exit::Failure;
use crate::files::changed_files::ChangedFiles;
use crate::log::decision_log::{LogTarget, now};
use crate::server::connections::Connections;
use crate::server::listen::address::ListenAddress;
use crate::server::listen::{open_files, systemd};
use crate::server::running::{Current, Running};

/// How often the files are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// After this time a configuration that is not in force is tried again, though its files have not changed: a file of a secret
/// may be there, or the keys of an issuer.
const RETRY_INTERVAL: Duration = Duration::from_secs(30);

/// How long the keys of an issuer that is trusted anew are waited for.
const KEY_TIME: Duration = Duration::from_secs(10);
const KEY_INTERVAL: Duration = Duration::from_millis(20);

/// What a running gate cannot change.
#[derive(Debug, PartialEq)]
struct Fixed {
    listen: Option<ListenAddress>,
    decision_api: Option<ListenAddress>,
    admin: Vec<SocketAddr>,
    decision_log: LogTarget,
    max_connections: u32,
}

impl Fixed {
    fn of(settings: &Settings) -> Fixed {
        Fixed {
            listen: settings.listen.clone(),
            decision_api: settings.decision_api.as_ref().map(|api| api.listen.clone()),
            admin: settings.admin.clone(),
            decision_log: settings.decision_log.clone(),
            max_connections: settings.limits.connections,
        }
    }

    /// The keys that differ.
    fn changed(&self, next: &Fixed) -> Vec<&'static str> {
        let keys = [
            ("`listen`", self.listen != next.listen),
            ("`listen` of `decision_api`", self.decision_api != next.decision_api),
            ("`admin`", self.admin != next.admin),
            (
                "`file` and `rotate` of `decision_log`",
                self.decision_log != next.decision_log,
            ),
            ("`max_connections`", self.max_connections != next.max_connections),
        ];
        keys.into_iter()
            .filter(|(_, differs)| *differs)
            .map(|(key, _)| key)
            .collect()
    }
}

/// Reads a configuration for a gate, which may have fewer connections than are written.
pub(crate) fn load(file: &std::path::Path, files: &mut Vec<PathBuf>) -> Result<Settings, Diagnostics> {
    let mut settings = config::load_noting(file, files)?;
    settings.limits.connections = open_files::connections(settings.limits.connections);
    Ok(settings)
}

/// Reads the configuration of a running gate again.
#[derive(Debug)]
pub(crate) struct Reloader {
    file: PathBuf,
    files: ChangedFiles,
    fixed: Fixed,
    current: Current,
    lasting: Lasting,
    parts: Parts,
    reloads: Reloads,
    requests: mpsc::Receiver<ReloadRequest>,
    hangups: Signal,
    /// Why the last reading is not in force, which was logged.
    fault: Option<String>,
    tried: Instant,
}

/// What a gate was started from.
#[derive(Debug)]
pub(crate) struct Origin {
    file: PathBuf,
    files: ChangedFiles,
    fixed: Fixed,
}

impl Origin {
    /// Reads the configuration of a gate that is to be started.
    pub(crate) fn read(file: PathBuf) -> Result<(Origin, Settings), Diagnostics> {
        let mut files = ChangedFiles::default();
        let settings = files.of(|files| load(&file, files))?;
        let fixed = Fixed::of(&settings);
        Ok((Origin { file, files, fixed }, settings))
    }
}

/// Why a configuration is not in force.
enum Refused {
    Mistakes(Diagnostics),
    Reason(String),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Refused {
        Refused::Reason(failure.to_string())
    }
}

impl Refused {
    fn text(&self) -> String {
        match self {
            Refused::Mistakes(mistakes) => mistakes.to_string(),
            Refused::Reason(reason) => reason.clone(),
        }
    }
}

impl Reloader {
    /// The reloader of a gate, which reports and requests reloads on the admin listener of `started`.
    pub(crate) fn of(origin: Origin, started: Started, hangups: Signal) -> (crate::server::Server, Reloader) {
        let Started {
            mut server,
            lasting,
            parts,
        } = started;
        let (reloads, requests) = Reloads::new();
        server.reloads = Some(reloads.clone());
        let Origin { file, files, fixed } = origin;
        let reloader = Reloader {
            file,
            files,
            fixed,
            current: server.current.clone(),
            lasting,
            parts,
            reloads,
            requests,
            hangups,
            fault: None,
            tried: Instant::now(),
        };
        (server, reloader)
    }

    /// Reads the configuration again for each request, each SIGHUP, and each change of its files.
    pub(crate) async fn run(mut self) {
        let mut looks = interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                request = self.requests.recv() => {
                    let outcome = self.reload("by request").await;
                    // A client that has left learns nothing.
                    let _ = request.map(|request| request.send(outcome));
                }
                _ = self.hangups.recv() => {
                    self.reload("by SIGHUP").await;
                }
                _ = looks.tick() => self.look().await,
            }
        }
    }

    async fn look(&mut self) {
        let mut files = std::mem::take(&mut self.files);
        let looked = spawn_blocking(move || (files.look(), files)).await;
        let Ok((is_changed, files)) = looked else { return };
        self.files = files;
        if is_changed {
            self.reload("since its files changed").await;
        } else if self.fault.is_some() && self.tried.elapsed() >= RETRY_INTERVAL {
            self.retry().await;
        }
    }

    /// Tries again what is not in force. Only what is new of it is counted and reported.
    async fn retry(&mut self) {
        let result = self.read_and_replace().await;
        let is_new = match &result {
            Ok(()) => true,
            Err(refused) => self.fault.as_ref() != Some(&refused.text()),
        };
        if is_new {
            self.ended(result, "in another try");
        }
    }

    async fn reload(&mut self, cause: &'static str) -> Arc<Outcome> {
        systemd::notify_reloading();
        let result = self.read_and_replace().await;
        let outcome = self.ended(result, cause);
        systemd::notify_ready();
        outcome
    }

    fn ended(&mut self, result: Result<(), Refused>, cause: &'static str) -> Arc<Outcome> {
        let policy = self.current.load().gate.authorizer.policy().hash().to_string();
        let reason = match result {
            Ok(()) => {
                tracing::info!(cause, policy, "the configuration was read again and is in force");
                None
            }
            Err(refused) => {
                tracing::error!(
                    cause,
                    policy,
                    "the configuration was read again and is refused; the one before stays in force"
                );
                match &refused {
                    Refused::Mistakes(mistakes) => mistakes.iter().for_each(|mistake| {
                        tracing::error!("{}", mistake.to_string().replace("\n  help: ", "; "));
                    }),
                    Refused::Reason(reason) => tracing::error!("{reason}"),
                }
                Some(refused.text())
            }
        };
        self.fault.clone_from(&reason);
        self.reloads.ended(Outcome {
            time: now(),
            in_force: reason.is_none(),
            policy,
            reason,
        })
    }

    async fn read_and_replace(&mut self) -> Result<(), Refused> {
        self.tried = Instant::now();
        let (mut files, file) = (std::mem::take(&mut self.files), self.file.clone());
        let read = spawn_blocking(move || (files.of(|noted| load(&file, noted)), files)).await;
        let (settings, files) = read.map_err(|error| Refused::Reason(error.to_string()))?;
        self.files = files;
        let settings = settings.map_err(Refused::Mistakes)?;
        if !settings.missing_files.is_empty() {
            return Err(Refused::Mistakes(settings.missing_files));
        }
        let changed = self.fixed.changed(&Fixed::of(&settings));
        if !changed.is_empty() {
            let mistakes = changed.into_iter().map(|key| {
                let message = format!("{key} cannot change while the gate runs");
                Diagnostic::new(
                    Span::default(),
                    message,
                    "restart the gate, or write what it was started with",
                )
            });
            return Err(Refused::Mistakes(Diagnostics::from_iter(mistakes).in_file(&self.file)));
        }
        let before = self.current.load();
        // What is refused below does not warn each time that it is tried.
        let warnings = warnings_of(&settings);
        let (next, parts) = run_by(settings, &self.lasting, Some((&before, &self.parts)))?;
        wait_for_keys(&before, &next).await?;
        warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        // Who the client of a connection is, is found when it begins.
        let is_found_alike = self.parts.verifies_clients_as(&parts) && before.proxy_protocol == next.proxy_protocol;
        self.current.replace(next);
        self.parts = parts;
        if !is_found_alike {
            self.lasting.connections.iter().for_each(Connections::end_earlier);
        }
        Ok(())
    }
}

/// Waits for the keys of the issuers that are fetched anew: a token of an issuer that was trusted before gets no 503.
async fn wait_for_keys(before: &Running, next: &Running) -> Result<(), Refused> {
    let waiting = |running: &Running| -> HashSet<String> {
        let authorizer: &Authorizer = &running.gate.authorizer;
        authorizer.issuers_without_keys().map(str::to_owned).collect()
    };
    let deadline = Instant::now() + KEY_TIME;
    loop {
        let earlier = waiting(before);
        let mut missing: Vec<String> = waiting(next)
            .into_iter()
            .filter(|issuer| !earlier.contains(issuer))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        if Instant::now() >= deadline {
            missing.sort_unstable();
            return Err(Refused::Reason(format!(
                "the signing keys of {} could not be fetched",
                missing.join(", ")
            )));
        }
        sleep(KEY_INTERVAL).await;
    }
}
