//! Kinds of bad request at the sidecar, and what it forwards of good ones.

mod credential;
mod field_lines;
mod framing;
mod head;
mod hop_by_hop;
mod identity_headers;
mod paths;
mod pipelining;
mod proxying;
mod targets;
mod upgrades;
