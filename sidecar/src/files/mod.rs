//! The files that an operator gives to the process.

pub(crate) mod certificate_fault;
pub(crate) mod changed_files;
mod file_state;
pub(crate) mod text_file;
pub(crate) mod watched_file;
