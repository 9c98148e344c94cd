//! What signals mean to the process.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that ask the process to end.
#[derive(Debug)]
pub struct Stops {
    terminate: Signal,
    interrupt: Signal,
}

impl Stops {
    /// Watches from now on: the process no longer ends by itself.
    ///
    /// # Errors
    /// When the system does not allow it.
    pub fn watch() -> io::Result<Stops> {
        Ok(Stops {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The next request to end.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Takes SIGHUP from now on: it asks daemons to read their files again, and what nobody takes ends the process without a drain.
///
/// # Errors
/// When the system does not allow it.
pub fn outlive_hangups() -> io::Result<()> {
    let mut hangups = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            tracing::warn!("SIGHUP is ignored: a changed configuration takes a restart");
        }
    });
    Ok(())
}
