//! The gate under pressure: few file descriptors, and output that is not read.

mod limits;
mod neglected;
mod readers;
