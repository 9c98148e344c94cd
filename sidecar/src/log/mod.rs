//! The decision log and the process log.

pub mod decision_log;
pub mod line_writer;
pub mod process_log;
