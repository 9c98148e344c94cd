//! The configuration: `actgate.yaml` and the policy it names.

mod problem;
mod read;
mod read_addresses;
mod read_log;
mod read_trust;
mod settings;
mod trust;
mod value;
mod written;

pub use self::problem::{Problem, Problems};
pub use self::read::{load, parse};
pub use self::settings::Settings;
pub use self::trust::IssuerSettings;
