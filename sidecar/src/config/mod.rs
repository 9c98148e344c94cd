//! The configuration: `actgate.yaml` and the policy it names.

mod document;
mod read;
mod settings;

pub(crate) use self::read::{load, parse};
pub(crate) use self::settings::Settings;
