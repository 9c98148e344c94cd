//! What the bundled issuer keeps: refresh tokens, revocations, consents, its audit trail, also when it is killed.

mod audit_command;
mod crash;
mod data_folder;
mod dialects;
mod endpoints;
mod guard;
mod refresh;
mod token_command;
