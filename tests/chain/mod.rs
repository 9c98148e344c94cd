//! Delegation chains: invalid ones, and two that real issuers write.

mod actor;
mod form;
mod issuer_shapes;
