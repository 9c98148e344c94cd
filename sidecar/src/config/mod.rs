//! The configuration: `actgate.yaml` and the policy it names.

mod diagnostic;
mod document;
mod read;
mod settings;
mod trust;

pub use self::diagnostic::{Problem, Problems};
pub use self::read::{load, parse};
pub use self::settings::Settings;
pub use self::trust::IssuerSettings;
