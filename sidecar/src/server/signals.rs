//! Signal handling.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT.
#[derive(Debug)]
pub(crate) struct ShutdownSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl ShutdownSignals {
    /// Handles the signals: they no longer end the process.
    pub(crate) fn watch() -> io::Result<ShutdownSignals> {
        Ok(ShutdownSignals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next signal.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// SIGUSR1, on which logs are opened again. It no longer ends the process.
pub(crate) fn log_signals() -> io::Result<Signal> {
    signal(SignalKind::user_defined1())
}

/// Makes a file that reaches the limit of its size (`RLIMIT_FSIZE`) a failed write, as a full disk is: SIGXFSZ would end the process.
pub(crate) fn survive_full_files() -> io::Result<()> {
    /// Its number on Linux, the BSDs and macOS.
    const SIGXFSZ: i32 = 25;
    // The handler stays when this is dropped.
    signal(SignalKind::from_raw(SIGXFSZ)).map(drop)
}

/// SIGHUP, on which the configuration is read again. It no longer ends the process.
pub(crate) fn hangups() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}
