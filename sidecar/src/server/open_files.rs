//! How many connections the process has descriptors for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for what is no connection of a client or to the upstream: listeners, logs, key fetches, the runtime's own.
const RESERVED: u64 = 64;

/// So many of the `wanted` connections as the process can hold, each with one to the upstream. A soft limit that is too low is raised as far as the
/// system lets us: without a descriptor for the upstream an accepted request could only be answered with 502.
pub fn connections(wanted: u32) -> u32 {
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
        // No warning: on many a system the default of `max_connections` is beyond the limit, and nothing is wrong.
        tracing::info!(
            max_connections = possible,
            wanted,
            open_files,
            "the limit of open files allows fewer connections than configured"
        );
    }
    possible
}

fn within(wanted: u32, open_files: u64) -> u32 {
    let pairs = open_files.saturating_sub(RESERVED) / 2;
    // One at least: a gate that takes nobody would look alive and be dead.
    u32::try_from(pairs).unwrap_or(u32::MAX).clamp(1, wanted.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_connection_takes_two_descriptors_beside_the_reserve() {
        assert_eq!(within(10_000, 128), 32);
        assert_eq!(within(10_000, 20_064), 10_000);
        assert_eq!(within(10_000, 20_063), 9_999);
        assert_eq!(within(5, u64::MAX), 5);
        assert_eq!(within(10_000, 10), 1);
    }
}
