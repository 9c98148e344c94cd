//! What is reported of connections and streams that end early.

use std::error::Error;
use std::io;
use std::net::IpAddr;

use crate::http1::{is_early_bytes, is_late_head};
use crate::log::event_count::EventCount;

/// Reports how a connection ended early. What happened without a line in the decision log is counted.
pub(super) fn report(error: &hyper::Error) {
    static UNREADABLE: EventCount = EventCount::new();
    static UNAWAITED: EventCount = EventCount::new();
    if error.is_parse() {
        let message = "requests without a valid head were answered with 400, 414 or 431";
        UNREADABLE.report(error, message);
    } else if is_unread_response(error) {
        unread(error);
    } else if io_error(error).is_some_and(is_early_bytes) {
        let message = "tunnels were not begun: the client did not wait for the switch of protocols";
        UNAWAITED.report(error, message);
    } else {
        tracing::debug!(%error, "connection ended early");
    }
}

/// Reports a response that its client did not read within the time limit, as [`report`] does.
pub(super) fn unread(error: &dyn Error) {
    static UNREAD: EventCount = EventCount::new();
    let message = "responses were cut off: the client did not read them within `timeouts.body`";
    UNREAD.report(error, message);
}

/// Reports a connection without a request, as [`report`] does.
pub(super) fn unbegun(error: &io::Error, client: Option<IpAddr>) {
    static FAILED: EventCount = EventCount::new();
    if error.kind() == io::ErrorKind::InvalidData {
        FAILED.report_of(client, error, "TLS handshakes failed");
    } else {
        let client = client.map(tracing::field::display);
        tracing::debug!(client, %error, "connection ended early");
    }
}

/// Reports a request in plain HTTP at the port of TLS, as [`report`] does.
pub(super) fn plain_http(client: Option<IpAddr>) {
    static PLAIN: EventCount = EventCount::new();
    let error = io::Error::other("no TLS");
    PLAIN.report_of(
        client,
        &error,
        "requests in plain HTTP at the port of TLS were answered with 400",
    );
}

/// Whether the time limit for reading a response has passed.
fn is_unread_response(error: &hyper::Error) -> bool {
    io_error(error).is_some_and(|io| io.kind() == io::ErrorKind::TimedOut && !is_late_head(io))
}

fn io_error(error: &hyper::Error) -> Option<&io::Error> {
    error.source()?.downcast_ref()
}
