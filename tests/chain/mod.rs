//! Kinds of bad delegation chain, and two that real issuers write.

mod actor;
mod form;
mod issuer_shapes;
