//! Which denials have a line in the decision log: beyond a rate, those of one code and one client are counted instead.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The number of tables, so that few denials wait for the same one.
const TABLES: usize = 16;

/// The most entries of a table. All tables take less than 1 MiB.
const ENTRIES: usize = 512;

/// So many events in so much time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// At least 1.
    pub(crate) count: u32,
    pub(crate) period: Duration,
}

/// Counts denials by their code and their client. Clients of one network of IPv6 (64 bits) are one.
#[derive(Debug)]
pub(crate) struct Sampling {
    rate: Rate,
    start: Instant,
    hasher: RandomState,
    tables: [Mutex<Table>; TABLES],
    /// The denials without a line of clients that are not remembered any more.
    of_forgotten: AtomicU64,
}

#[derive(Debug, Default)]
struct Table {
    entries: HashMap<u64, Entry>,
    /// When entries were last removed, in nanoseconds after the start.
    cleaned: u64,
}

/// The denials of one code and one client.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// When all lines are available again, in nanoseconds after the start (GCRA: the theoretical arrival time).
    free: u64,
    left_out: u64,
}

/// Whether a denial has a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sampled {
    /// It has one, which states how many had none since the last one.
    Written {
        /// Those of this code and this client.
        left_out: u64,
        /// Those of clients that are not remembered any more, of every code.
        of_others: u64,
    },
    LeftOut,
}

impl Sampling {
    pub(crate) fn new(rate: Rate, start: Instant) -> Sampling {
        Sampling {
            rate,
            start,
            hasher: RandomState::new(),
            tables: std::array::from_fn(|_| Mutex::default()),
            of_forgotten: AtomicU64::new(0),
        }
    }

    pub(crate) fn rate(&self) -> Rate {
        self.rate
    }

    /// Counts a denial at `now`.
    pub(crate) fn count(&self, code: &str, client: Option<IpAddr>, now: Instant) -> Sampled {
        let hash = self.hasher.hash_one((code, client.map(network_of)));
        let now = nanoseconds(now.saturating_duration_since(self.start));
        let table = &self.tables[(hash % TABLES as u64) as usize];
        let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
        let key = if table.has_room_for(hash, now, &self.of_forgotten) {
            hash
        } else {
            // Further clients share the entry of their code, until others are not denied any more.
            self.hasher.hash_one(code)
        };
        let entry = table.entries.entry(key).or_default();
        let period = nanoseconds(self.rate.period);
        let interval = period / u64::from(self.rate.count.max(1));
        let free = entry.free.max(now);
        if free + interval > now + period {
            entry.left_out += 1;
            return Sampled::LeftOut;
        }
        entry.free = free + interval;
        Sampled::Written {
            left_out: std::mem::take(&mut entry.left_out),
            of_others: self.of_forgotten.swap(0, Ordering::Relaxed),
        }
    }

    /// How many denials have neither a line nor are counted in one.
    pub(crate) fn pending(&self) -> u64 {
        let tables = self.tables.iter();
        let counted: u64 = tables
            .map(|table| {
                let table = table.lock().unwrap_or_else(PoisonError::into_inner);
                table.entries.values().map(|entry| entry.left_out).sum::<u64>()
            })
            .sum();
        counted + self.of_forgotten.load(Ordering::Relaxed)
    }
}

impl Table {
    /// Whether there is an entry, or room for it once those are removed whose lines are all available again.
    fn has_room_for(&mut self, hash: u64, now: u64, of_forgotten: &AtomicU64) -> bool {
        /// The shortest time between two removals, so that a flood of clients does not cost one for each denial.
        const INTERVAL: u64 = 1_000_000_000;
        if self.entries.len() < ENTRIES || self.entries.contains_key(&hash) {
            return true;
        }
        if now < self.cleaned + INTERVAL {
            return false;
        }
        self.cleaned = now;
        self.entries.retain(|_, entry| {
            let is_kept = entry.free > now;
            if !is_kept {
                of_forgotten.fetch_add(entry.left_out, Ordering::Relaxed);
            }
            is_kept
        });
        self.entries.len() < ENTRIES
    }
}

/// The addresses that one client has.
fn network_of(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        count: 3,
        period: Duration::from_secs(60),
    };

    fn written(left_out: u64) -> Sampled {
        Sampled::Written { left_out, of_others: 0 }
    }

    #[test]
    fn beyond_the_rate_denials_are_counted_in_the_next_line() {
        let start = Instant::now();
        let sampling = Sampling::new(RATE, start);
        let count =
            |code, seconds| sampling.count(code, "192.0.2.1".parse().ok(), start + Duration::from_secs(seconds));
        for _ in 0..3 {
            assert_eq!(count("missing_token", 0), written(0));
        }
        for _ in 0..5 {
            assert_eq!(count("missing_token", 1), Sampled::LeftOut);
        }
        assert_eq!(count("no_route", 1), written(0), "another code");
        let other = sampling.count("missing_token", "192.0.2.2".parse().ok(), start);
        assert_eq!(other, written(0), "another client");
        assert_eq!(
            sampling.count("missing_token", None, start),
            written(0),
            "a client without an address"
        );
        assert_eq!(sampling.pending(), 5);
        // A third of the period later there is one line again.
        assert_eq!(count("missing_token", 20), written(5));
        assert_eq!(count("missing_token", 20), Sampled::LeftOut);
        for _ in 0..3 {
            let next = count("missing_token", 200);
            assert!(matches!(next, Sampled::Written { .. }), "{next:?}");
        }
        assert_eq!((count("missing_token", 200), sampling.pending()), (Sampled::LeftOut, 1));
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let start = Instant::now();
        let sampling = Sampling::new(RATE, start);
        let count = |address: &str| sampling.count("no_route", address.parse().ok(), start);
        for host in 0..3 {
            assert_eq!(count(&format!("2001:db8:0:1::{host}")), written(0));
        }
        assert_eq!(count("2001:db8:0:1:ffff::9"), Sampled::LeftOut);
        assert_eq!(count("2001:db8:0:2::9"), written(0));
    }

    #[test]
    fn memory_is_bounded_and_every_denial_is_counted() {
        let start = Instant::now();
        let sampling = Sampling::new(RATE, start);
        let (mut lines, mut left_out) = (0, 0);
        let clients = 100_000_u32;
        for number in 0..clients {
            for _ in 0..4 {
                let address = IpAddr::from(number.to_be_bytes());
                match sampling.count("missing_token", Some(address), start) {
                    Sampled::Written {
                        left_out: more,
                        of_others,
                    } => (lines, left_out) = (lines + 1, left_out + more + of_others),
                    Sampled::LeftOut => {}
                }
            }
        }
        let entries = |sampling: &Sampling| -> usize {
            sampling
                .tables
                .iter()
                .map(|table| table.lock().unwrap().entries.len())
                .sum()
        };
        // The entry of the code is one more in each table.
        assert!(entries(&sampling) <= TABLES * (ENTRIES + 1), "{}", entries(&sampling));
        assert_eq!(lines + left_out + sampling.pending(), u64::from(clients) * 4);
        // Later clients have entries again, and what was left out of the others is in a line.
        let later = start + Duration::from_secs(600);
        for number in 0..1000_u32 {
            let address = IpAddr::from((clients + number).to_be_bytes());
            match sampling.count("missing_token", Some(address), later) {
                Sampled::Written {
                    left_out: more,
                    of_others,
                } => (lines, left_out) = (lines + 1, left_out + more + of_others),
                Sampled::LeftOut => {}
            }
        }
        assert_eq!(lines + left_out + sampling.pending(), u64::from(clients) * 4 + 1000);
        assert!(sampling.pending() < 10, "{}", sampling.pending());
    }
}
