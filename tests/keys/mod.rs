//! The keys of the issuer over time: added, withdrawn, unavailable, requested in great numbers.

mod cold_start;
mod document_server;
mod documents;
mod flood;
mod outage;
mod roots;
mod rotation;
