//! What a process learns from systemd and reports to it (`sd_listen_fds`, `sd_notify`). Without systemd nothing is sent.

use std::io;

use listenfd::ListenFd;
use sd_notify::NotifyState;
use tokio::net::{TcpListener, UnixListener};

/// A listening socket that systemd has opened.
#[derive(Debug)]
pub(super) enum Passed {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Takes the socket that systemd passes to this process. There must be one, of TCP or a unix stream.
pub(super) fn socket() -> io::Result<Passed> {
    let mut passed = ListenFd::from_env();
    match passed.len() {
        1 => {}
        0 => {
            let message = "systemd passed no socket to this process: a unit with `ListenStream=` has to start it";
            return Err(io::Error::new(io::ErrorKind::NotFound, message));
        }
        count => {
            let message = format!("systemd passed {count} sockets: one `ListenStream=` is expected");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
    }
    if let Ok(Some(socket)) = passed.take_tcp_listener(0) {
        socket.set_nonblocking(true)?;
        return TcpListener::from_std(socket).map(Passed::Tcp);
    }
    match passed.take_unix_listener(0) {
        Ok(Some(socket)) => {
            socket.set_nonblocking(true)?;
            UnixListener::from_std(socket).map(Passed::Unix)
        }
        _ => {
            let message =
                "the socket that systemd passed is neither TCP nor a unix stream: write it as `ListenStream=`";
            Err(io::Error::new(io::ErrorKind::InvalidInput, message))
        }
    }
}

/// The process accepts connections. It may still wait for keys, which readiness states: a unit that waits for an issuer
/// would make the start of a machine depend on another one.
pub(crate) fn notify_ready() {
    notify(&[NotifyState::Ready]);
}

/// The configuration is read again, until [`notify_ready`] (`Type=notify-reload`).
pub(crate) fn notify_reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(time) => notify(&[NotifyState::Reloading, time]),
        Err(error) => tracing::warn!(%error, "systemd could not be notified"),
    }
}

/// The process is about to end.
pub(crate) fn notify_stopping() {
    notify(&[NotifyState::Stopping]);
}

fn notify(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "systemd could not be notified");
    }
}
