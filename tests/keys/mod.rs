//! The keys of the issuer over time: added, withdrawn, unavailable, requested in great numbers.

mod cold_start;
mod flood;
mod outage;
mod rotation;
