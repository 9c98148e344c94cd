//! The issuer's keys over time: added, withdrawn, out of reach, asked for in masses.

mod cold_start;
mod flood;
mod outage;
mod rotation;
