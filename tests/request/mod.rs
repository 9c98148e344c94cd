//! Requests that the sidecar rejects, and what it forwards of the others.

mod answers;
mod bodies;
mod claims;
mod credential;
mod early_answers;
mod escaped_slash;
mod field_lines;
mod forms;
mod forwarded;
mod framing;
mod half_close;
mod head;
mod hop_by_hop;
mod identity_headers;
mod paths;
mod pipelining;
mod proxying;
mod records;
mod rings;
mod spelling;
mod targets;
mod upgrade_offers;
mod upgrades;
