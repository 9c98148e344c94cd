//! Invalid tokens, one row each.

mod algorithm;
mod cache;
mod claims;
mod descriptions;
mod encoding;
mod header;
mod key_binding;
mod login;
mod scope;
mod signature;
mod size;
