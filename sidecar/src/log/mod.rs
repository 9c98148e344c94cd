//! The decision log and the log of the process.

pub mod decision_id;
pub mod decision_log;
pub mod line_writer;
pub mod process_log;
