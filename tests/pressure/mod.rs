//! The gate under pressure: few file descriptors, and output that is not read.

mod limits;
pub mod neglected;
mod readers;
