//! The limit of open files.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::server::limits::ConnectionLimits;

/// Descriptors for other uses than connections of clients and to the upstream: listeners, logs, key fetches, the
/// runtime.
const RESERVED: u64 = 64;

/// Fewer connections are reported even if their number is not configured.
const FEW_CONNECTIONS: u32 = 400;

/// Reduces `wanted` to the number of connections that the process has descriptors for, with one to the upstream for
/// each: without it a request could only be answered with 502. The soft limit is raised as far as the system allows.
pub(crate) fn connections(wanted: u32) -> u32 {
    let limit = getrlimit(Resource::Nofile);
    let needed = u64::from(wanted) * 2 + RESERVED;
    let Some(soft) = limit.current.filter(|soft| *soft < needed) else {
        return wanted;
    };
    let raised = limit.maximum.map_or(needed, |hard| hard.min(needed)).max(soft);
    let changed = Rlimit {
        current: Some(raised),
        maximum: limit.maximum,
    };
    let open_files = match setrlimit(Resource::Nofile, changed) {
        Ok(()) => raised,
        Err(_) => soft,
    };
    let possible = within(wanted, open_files);
    if possible < wanted {
        report(possible, wanted, open_files);
    }
    possible
}

/// On many systems the default of `max_connections` exceeds the limit, which matters only where few are left.
fn report(possible: u32, wanted: u32, open_files: u64) {
    let message = "the limit of open files allows fewer connections than `max_connections`";
    if wanted != ConnectionLimits::default().connections {
        tracing::warn!(max_connections = possible, wanted, open_files, "{message}");
    } else if possible < FEW_CONNECTIONS {
        tracing::info!(max_connections = possible, wanted, open_files, "{message}");
    } else {
        tracing::debug!(max_connections = possible, wanted, open_files, "{message}");
    }
}

fn within(wanted: u32, open_files: u64) -> u32 {
    let pairs = open_files.saturating_sub(RESERVED) / 2;
    // At least one: a gate without connections would look alive and serve no client.
    u32::try_from(pairs).unwrap_or(u32::MAX).clamp(1, wanted.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_connection_takes_two_descriptors() {
        assert_eq!(within(10_000, 128), 32);
        assert_eq!(within(10_000, 20_064), 10_000);
        assert_eq!(within(10_000, 20_063), 9_999);
        assert_eq!(within(5, u64::MAX), 5);
        assert_eq!(within(10_000, 10), 1);
    }
}
