//! The gate under pressure: few file descriptors, many connections, output that is not read, and its end.

mod crowd;
mod drain;
mod drain_delay;
mod limits;
mod many;
mod memory;
pub mod neglected;
mod readers;
mod stalls;
