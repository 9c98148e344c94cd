//! What a request presents: its target and its credential.

mod bearer;
mod presented;
mod target;

pub use bearer::names_access_token;
pub use presented::Presented;
pub use target::Target;

pub(crate) use bearer::check_form;
