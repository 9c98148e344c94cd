//! The counts of limits that all gates share.

pub(crate) mod redis_counter;
