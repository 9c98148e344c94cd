//! The configuration: `actgate.yaml` and the policy it names.

mod document;
mod read;
mod settings;

pub use self::read::{load, parse};
pub use self::settings::Settings;
