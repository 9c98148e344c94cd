//! What the bundled issuer keeps: revocations, consents, its audit trail, also when it is killed; its commands and pages.

mod audit_command;
mod crash;
mod data_folder;
mod dialects;
mod endpoints;
#[cfg(target_os = "linux")]
mod full_disk;
mod guard;
mod sample_users;
mod token_command;
