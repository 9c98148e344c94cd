//! Programs of others around the gate: web frameworks behind it, proxies that ask it for decisions, authorization servers that it trusts, and clients before it; and an
//! editor and a validator with its schemas.
//!
//! They do not come with the repository, so these tests are ignored unless `tests/peers/run` runs them.

mod authorization_server;
mod browser;
mod bundled_flows;
mod clients;
mod conformance;
mod curl;
mod editor;
mod frameworks;
mod front;
mod grpc;
mod installation;
mod issuers;
mod mcp;
mod mcp_headers;
mod openssl;
mod pages;
mod program;
mod proxies;
mod samples;
mod schemas;
mod shared_limits;
mod spelling;
